"""A block of columns set to zero."""

from typing import Annotated

import numpy as np
from pydantic import Field

from dawnchorus.settings.augmentation import MethodSettings
from dawnchorus.settings.section import Unit


class Settings(MethodSettings):
    """Sets one block of int(T amount) columns to zero, at a random start."""

    amount: Annotated[float, Field(ge=0.0, le=1.0), Unit("1")] = 0.1
    """Share of the columns."""


def apply(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Set one block of a share ``amount`` of the columns to zero, wherever it fits."""
    width = int(image.shape[1] * amount)
    start = int(rng.integers(0, image.shape[1] - width + 1))
    image = image.copy()
    image[:, start : start + width] = 0
    return image
