"""Zoom about the centre."""

import numpy as np

from dawnchorus.augmentation.cubic import resampled


def apply(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Enlarge about the centre by 1 to 1 + ``amount``, uniform."""
    factor = 1 + rng.uniform(0, amount)
    rows, columns = (
        (size - 1) / 2 + (np.arange(size) - (size - 1) / 2) / factor for size in image.shape
    )
    return resampled(image, rows, columns)
