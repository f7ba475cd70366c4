"""Zoom about the centre."""

from typing import Annotated

import numpy as np
from pydantic import Field

from dawnchorus.augmentation.cubic import resample
from dawnchorus.settings.augmentation import MethodSettings
from dawnchorus.settings.section import Unit


class Settings(MethodSettings):
    """Enlarges about the centre by 1 + u, u uniform in 0 to amount; bicubic."""

    amount: Annotated[float, Field(ge=0.0, le=4.0), Unit("1")] = 0.25
    """Largest u."""


def apply(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Enlarge about the centre by 1 to 1 + ``amount``, uniform."""
    factor = 1 + rng.uniform(0, amount)
    # (size - 1) / 2: the centre of an even number of pixels lies between two
    rows, columns = (
        (size - 1) / 2 + (np.arange(size) - (size - 1) / 2) / factor for size in image.shape
    )
    return resample(image, rows, columns)
