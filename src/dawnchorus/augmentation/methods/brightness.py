"""One factor for all pixels."""

import numpy as np


def apply(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Multiply with one factor, uniform in 1 ± ``amount``."""
    return image * rng.uniform(1 - amount, 1 + amount)
