"""Normal noise of either sign."""

import numpy as np

from dawnchorus.settings.augmentation import MethodSettings
from dawnchorus.settings.section import NotNegative


class Settings(MethodSettings):
    """Adds normal noise of deviation 1 times a number uniform in ±amount."""

    amount: NotNegative = 0.05
    """Greatest deviation."""


def apply(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Add normal noise, times one number that is uniform in ±``amount``."""
    factor = np.float32(rng.uniform(-amount, amount))
    return image + rng.standard_normal(image.shape, np.float32) * factor
