"""An image with a share of one of noise added."""

from typing import TYPE_CHECKING

import numpy as np

from dawnchorus.settings.augmentation import MethodSettings
from dawnchorus.settings.section import NotNegative

if TYPE_CHECKING:
    from dawnchorus.augmentation.engine import Noise


class Settings(MethodSettings):
    """Adds a noise image from the bank, stretched to 0..1, times the greatest value and amount."""

    amount: NotNegative = 0.4
    """Greatest value of the noise, as a share of that of the image."""


def apply(
    image: np.ndarray, rng: np.random.Generator, *, noise: "Noise", amount: float
) -> np.ndarray:
    """Add one of ``noise``, stretched to 0 to ``amount`` times the greatest value of the image.

    Parameters
    ----------
    image : array, shape (F, T)
    rng : numpy.random.Generator
    noise : callable
        Gives an image (F, T) for a Generator; one that is the same everywhere adds nothing.
    amount : float
        0.4 in dsr2019.

    Raises
    ------
    ValueError
        Where the noise has another shape.
    """
    other = noise(rng)
    if other.shape != image.shape:
        raise ValueError(
            f"received noise of shape {other.shape} for an image of shape {image.shape}; expected "
            "noise from the same spectrograms"
        )
    low, high = other.min(), other.max()
    if low == high:
        return image.copy()
    return image + (other - low) / (high - low) * (image.max() * np.float32(amount))
