"""Pixels set to zero."""

import numpy as np


def apply(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Set pixels to zero, each with probability ``amount``."""
    return np.where(rng.random(image.shape, np.float32) <= amount, image.dtype.type(0), image)
