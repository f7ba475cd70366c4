"""Shift of columns, rows or both, circular."""

from typing import Annotated

import numpy as np
from pydantic import Field

from dawnchorus.settings.augmentation import MethodSettings
from dawnchorus.settings.section import Unit


class Settings(MethodSettings):
    """Shifts rows and columns (1 in 2), rows (1 in 4) or columns circularly by up to amount cells."""

    amount: Annotated[int, Field(ge=1), Unit("cells")] = 10
    """Shifts are whole numbers from -amount to below amount."""


def apply(image: np.ndarray, rng: np.random.Generator, *, amount: int) -> np.ndarray:
    """Shift rows, columns or both circularly, by a number from -``amount`` to below ``amount`` each."""
    kind = rng.random()  # dsr2019: both at 0.5, rows at 0.25, columns at 0.25
    rows, columns = rng.integers(-amount, amount, 2)
    return np.roll(image, (rows if kind < 0.75 else 0, columns if kind < 0.5 or kind >= 0.75 else 0),
                   axis=(0, 1))  # fmt: skip
