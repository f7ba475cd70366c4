"""What is above the mean, stretched to 1."""

import numpy as np


def apply(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Subtract the mean, set what is negative to zero and divide by the maximum.

    An image of one value becomes zero.
    """
    image = np.maximum(image - image.mean(), 0)
    peak = image.max()
    return image / peak if peak > 0 else image
