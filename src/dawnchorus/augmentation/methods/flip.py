"""Time runs backwards."""

import numpy as np

from dawnchorus.settings.augmentation import MethodSettings


class Settings(MethodSettings):
    """Mirrors the columns: time runs backwards."""


def apply(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror the columns: time runs backwards."""
    return image[:, ::-1].copy()
