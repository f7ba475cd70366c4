"""Shift of the rows, circular."""

import numpy as np


def apply(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Shift the rows circularly by a share of them, uniform in ±``amount``."""
    return np.roll(image, int(image.shape[0] * rng.uniform(-amount, amount)), axis=0)
