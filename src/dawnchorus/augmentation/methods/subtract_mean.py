"""What is above the mean, stretched to 1."""

import numpy as np

from dawnchorus.settings.augmentation import MethodSettings


class Settings(MethodSettings):
    """Subtracts the mean, sets what is negative to zero, divides by the maximum."""


def apply(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Subtract the mean, set what is negative to zero and divide by the maximum.

    An image of one value becomes zero.
    """
    image = np.maximum(image - image.mean(), 0)
    peak = image.max()
    return image / peak if peak > 0 else image
