"""Rotation of the picture about its centre."""

import math

import numpy as np


def apply(image: np.ndarray, rng: np.random.Generator, *, degrees: float) -> np.ndarray:
    """Turn about the centre by an angle uniform in ±``degrees``; zeros move in."""
    import scipy.ndimage

    angle = math.radians(rng.uniform(-degrees, degrees))
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    centre = (np.array(image.shape) - 1) / 2
    return scipy.ndimage.affine_transform(image, turn, centre - turn @ centre, order=1)
