"""A block of columns set to zero."""

import numpy as np


def apply(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Set one block of a share ``amount`` of the columns to zero, wherever it fits."""
    width = int(image.shape[1] * amount)
    start = int(rng.integers(0, image.shape[1] - width + 1))
    image = image.copy()
    image[:, start : start + width] = 0
    return image
