"""Blur: the mean of each neighbourhood."""

from typing import Annotated

import numpy as np
from pydantic import Field

from dawnchorus.settings.augmentation import MethodSettings
from dawnchorus.settings.section import Unit


class Settings(MethodSettings):
    """Mean of kernel x kernel pixels, edges replicated."""

    kernel: Annotated[int, Field(ge=1, le=99), Unit("pixels")] = 3
    """Pixels."""


def apply(image: np.ndarray, rng: np.random.Generator, *, kernel: int) -> np.ndarray:
    """Replace each pixel by the mean of the ``kernel`` x ``kernel`` about it; edges replicated."""
    import scipy.ndimage

    return scipy.ndimage.uniform_filter(image, kernel, mode="nearest")
