"""Time runs backwards."""

import numpy as np

from dawnchorus.settings.augmentation import MethodSettings


class Settings(MethodSettings):
    """Mirrors the columns: time runs backwards."""


def apply(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror the columns: time runs backwards."""
    # a copy: the result is written over the window that the image is a view of
    return image[:, ::-1].copy()
