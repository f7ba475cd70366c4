"""Time runs backwards."""

import numpy as np


def apply(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror the columns: time runs backwards."""
    return image[:, ::-1].copy()
