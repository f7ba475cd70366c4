"""Crop: sides removed, the rest stretched to the old size."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from dawnchorus.augmentation.cubic import resample
from dawnchorus.settings.augmentation import MethodSettings
from dawnchorus.settings.section import Unit


class Settings(MethodSettings):
    """Removes max(1, int(size u)) pixels of each side, u uniform in 0 to its amount; bicubic resize."""

    amounts: Annotated[
        list[Annotated[float, Field(ge=0.0, le=0.45)]],
        Field(min_length=4, max_length=4),
        Unit("share"),
    ] = [0.1, 0.0, 0.05, 0.0]
    """Shares of top, left, bottom and right."""


def apply(image: np.ndarray, rng: np.random.Generator, *, amounts: Sequence[float]) -> np.ndarray:
    """Remove some of each side and stretch the rest to the old size.

    Parameters
    ----------
    image : array, shape (F, T)
    rng : numpy.random.Generator
    amounts : sequence of 4 floats in [0, 1)
        Of top, left, bottom and right: ``max(1, int(size * uniform(0, amount)))`` pixels go, so one
        pixel goes where the amount is 0. One row and one column stay in any case.

    Returns
    -------
    array, shape (F, T)
    """
    n_rows, n_columns = image.shape
    sizes = (n_rows, n_columns, n_rows, n_columns)
    top, left, bottom, right = (
        max(1, int(size * rng.uniform(0, amount)))
        for size, amount in zip(sizes, amounts, strict=True)
    )
    top, left = min(top, n_rows - 1), min(left, n_columns - 1)
    part = image[top : max(n_rows - bottom, top + 1), left : max(n_columns - right, left + 1)]
    # pixels are areas: place i of `size` has its middle at (i + 0.5) n / size, less half a pixel
    rows, columns = (
        (np.arange(size) + 0.5) * n / size - 0.5
        for n, size in zip(part.shape, image.shape, strict=True)
    )
    return resample(part, rows, columns)
