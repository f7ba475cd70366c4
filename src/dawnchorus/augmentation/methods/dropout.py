"""Pixels set to zero."""

from typing import Annotated

import numpy as np
from pydantic import Field

from dawnchorus.settings.augmentation import MethodSettings
from dawnchorus.settings.section import Unit


class Settings(MethodSettings):
    """Sets pixels to zero, each with probability amount."""

    amount: Annotated[float, Field(ge=0.0, le=1.0), Unit("1")] = 0.25
    """Share of the pixels."""


def apply(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Set pixels to zero, each with probability ``amount``."""
    # in the type of the image: a plain 0 could widen it, and what follows with it
    return np.where(rng.random(image.shape, np.float32) <= amount, image.dtype.type(0), image)
