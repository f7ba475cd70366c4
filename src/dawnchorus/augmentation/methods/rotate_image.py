"""Rotation of the picture about its centre."""

import math
from typing import Annotated

import numpy as np
from pydantic import Field

from dawnchorus.settings.augmentation import MethodSettings
from dawnchorus.settings.section import Unit


class Settings(MethodSettings):
    """Turns about the centre by an angle uniform in ±degrees; bilinear, zeros move in."""

    degrees: Annotated[float, Field(ge=0.0, le=180.0), Unit("degrees")] = 10.0
    """Largest angle of the picture."""


def apply(image: np.ndarray, rng: np.random.Generator, *, degrees: float) -> np.ndarray:
    """Turn about the centre by an angle uniform in ±``degrees``; zeros move in."""
    import scipy.ndimage

    angle = math.radians(rng.uniform(-degrees, degrees))
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    # SciPy maps places of the result to places of the image; the offset keeps the centre in place
    centre = (np.array(image.shape) - 1) / 2
    return scipy.ndimage.affine_transform(image, turn, centre - turn @ centre, order=1)
