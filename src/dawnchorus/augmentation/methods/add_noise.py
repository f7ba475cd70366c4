"""Mean of an image and one of noise."""

from typing import TYPE_CHECKING

import numpy as np

from dawnchorus.settings.augmentation import MethodSettings

if TYPE_CHECKING:
    from dawnchorus.augmentation.engine import Noise


class Settings(MethodSettings):
    """Weighted mean with a noise image from the bank, both weights uniform in 1 to 2."""


def apply(image: np.ndarray, rng: np.random.Generator, *, noise: "Noise") -> np.ndarray:
    """Return the weighted mean of the image and one of ``noise``, weights uniform in 1 to 2.

    Parameters
    ----------
    image : array, shape (F, T)
    rng : numpy.random.Generator
    noise : callable
        Gives an image (F, T) for a Generator.

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
    own, others = rng.uniform(1, 2), rng.uniform(1, 2)
    return image * (own / (own + others)) + other.astype(image.dtype) * (others / (own + others))
