"""Normal noise."""

import math

import numpy as np


def apply(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Add normal noise whose deviation is uniform in 0 to the square root of ``amount``."""
    deviation = rng.uniform(0, math.sqrt(amount))
    return image + rng.standard_normal(image.shape, np.float32) * deviation
