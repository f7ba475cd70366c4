"""A factor for each pixel."""

import numpy as np


def apply(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Multiply each pixel with a factor of its own, uniform in 1 ± ``amount``."""
    factors = rng.random(image.shape, np.float32)
    factors *= 2 * amount
    factors += 1 - amount
    return image * factors
