"""Shift of the columns, circular."""

import numpy as np


def apply(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Shift the columns circularly by a share of them, uniform in ±``amount``."""
    return np.roll(image, int(image.shape[1] * rng.uniform(-amount, amount)), axis=1)
