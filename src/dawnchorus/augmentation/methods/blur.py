"""Blur: the mean of each neighbourhood."""

import numpy as np


def apply(image: np.ndarray, rng: np.random.Generator, *, kernel: int) -> np.ndarray:
    """Replace each pixel by the mean of the ``kernel`` x ``kernel`` about it; edges replicated."""
    import scipy.ndimage

    return scipy.ndimage.uniform_filter(image, kernel, mode="nearest")
