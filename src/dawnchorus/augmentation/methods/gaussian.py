"""Normal noise."""

import math
from typing import Annotated

import numpy as np
from pydantic import Field

from dawnchorus.settings.augmentation import MethodSettings
from dawnchorus.settings.section import Unit


class Settings(MethodSettings):
    """Adds normal noise, its deviation uniform in 0 to √amount."""

    amount: Annotated[float, Field(ge=0.0, le=1.0), Unit("1")] = 0.05
    """Largest variance."""


def apply(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Add normal noise whose deviation is uniform in 0 to the square root of ``amount``."""
    deviation = rng.uniform(0, math.sqrt(amount))
    return image + rng.standard_normal(image.shape, np.float32) * deviation
