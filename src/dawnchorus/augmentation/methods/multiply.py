"""A factor for each pixel."""

from typing import Annotated

import numpy as np
from pydantic import Field

from dawnchorus.settings.augmentation import MethodSettings
from dawnchorus.settings.section import Unit


class Settings(MethodSettings):
    """Multiplies each pixel with its own factor, uniform in 1 ± amount."""

    amount: Annotated[float, Field(ge=0.0, le=1.0), Unit("1")] = 0.25
    """Largest change."""


def apply(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Multiply each pixel with a factor of its own, uniform in 1 ± ``amount``."""
    factors = rng.random(image.shape, np.float32)
    # in place: the picture's size is allocated once, not three times
    factors *= 2 * amount
    factors += 1 - amount
    return image * factors
