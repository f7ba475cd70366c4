"""Shift of the rows, circular."""

from typing import Annotated

import numpy as np
from pydantic import Field

from dawnchorus.settings.augmentation import MethodSettings
from dawnchorus.settings.section import Unit


class Settings(MethodSettings):
    """Shifts the rows circularly by int(F u), u uniform in ±amount."""

    amount: Annotated[float, Field(ge=0.0, le=1.0), Unit("1")] = 0.15
    """Share of the rows."""


def apply(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Shift the rows circularly by a share of them, uniform in ±``amount``."""
    # rounded towards zero, as in kahl2018
    return np.roll(image, int(image.shape[0] * rng.uniform(-amount, amount)), axis=0)
