"""Shift of the columns, circular."""

from typing import Annotated

import numpy as np
from pydantic import Field

from dawnchorus.settings.augmentation import MethodSettings
from dawnchorus.settings.section import Unit


class Settings(MethodSettings):
    """Shifts the columns circularly by int(T u), u uniform in ±amount."""

    amount: Annotated[float, Field(ge=0.0, le=1.0), Unit("1")] = 0.5
    """Share of the columns."""


def apply(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Shift the columns circularly by a share of them, uniform in ±``amount``."""
    # rounded towards zero, as in kahl2018
    return np.roll(image, int(image.shape[1] * rng.uniform(-amount, amount)), axis=1)
