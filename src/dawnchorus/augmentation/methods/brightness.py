"""One factor for all pixels."""

from typing import Annotated

import numpy as np
from pydantic import Field

from dawnchorus.settings.augmentation import MethodSettings
from dawnchorus.settings.section import Unit


class Settings(MethodSettings):
    """Multiplies with one factor, uniform in 1 ± amount."""

    amount: Annotated[float, Field(ge=0.0, le=1.0), Unit("1")] = 0.15
    """Largest change."""


def apply(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Multiply with one factor, uniform in 1 ± ``amount``."""
    return image * rng.uniform(1 - amount, 1 + amount)
