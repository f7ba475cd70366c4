"""Methods that change one image, each a pure function of the image and a Generator.

An image is an array (F, T) of floats, usually in 0 to 1; a method returns another one of the same
shape and type, which may be out of that range. What the methods do is what Kahl et al. have in
their baseline system for BirdCLEF 2018 (https://arxiv.org/abs/1804.07177); two of them differ from
it in values, not in meaning. `crop` and `zoom` use cubic convolution (`resampled`), and
`rotate_image` uses `scipy.ndimage`, where that system has a library for pictures.

* `METHODS`: the methods by name; options and defaults are in `dawnchorus.augmentation.table`.
* `resampled`: an image at fractional rows and columns.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import scipy.ndimage

__all__ = ["METHODS"]

_SHARPNESS = -0.75  # a of cubic convolution; -0.5 is Keys' own, -0.75 what picture libraries take

Noise = Callable[[np.random.Generator], np.ndarray]


def roll_frequency(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Shift the rows circularly by a share of them, uniform in ±``amount``."""
    return np.roll(image, int(image.shape[0] * rng.uniform(-amount, amount)), axis=0)


def roll_time(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Shift the columns circularly by a share of them, uniform in ±``amount``."""
    return np.roll(image, int(image.shape[1] * rng.uniform(-amount, amount)), axis=1)


def add_noise(image: np.ndarray, rng: np.random.Generator, *, noise: Noise) -> np.ndarray:
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


def crop(image: np.ndarray, rng: np.random.Generator, *, amounts: Sequence[float]) -> np.ndarray:
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
    return resampled(part, _stretched(len(part), n_rows), _stretched(part.shape[1], n_columns))


def gaussian(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Add normal noise whose deviation is uniform in 0 to the square root of ``amount``."""
    deviation = rng.uniform(0, math.sqrt(amount))
    return image + rng.standard_normal(image.shape, np.float32) * deviation


def dropout(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Set pixels to zero, each with probability ``amount``."""
    return np.where(rng.random(image.shape, np.float32) <= amount, image.dtype.type(0), image)


def blackout(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Set one block of a share ``amount`` of the columns to zero, wherever it fits."""
    width = int(image.shape[1] * amount)
    start = int(rng.integers(0, image.shape[1] - width + 1))
    image = image.copy()
    image[:, start : start + width] = 0
    return image


def blur(image: np.ndarray, rng: np.random.Generator, *, kernel: int) -> np.ndarray:
    """Replace each pixel by the mean of the ``kernel`` x ``kernel`` about it; edges replicated."""
    return scipy.ndimage.uniform_filter(image, kernel, mode="nearest")


def zoom(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Enlarge about the centre by 1 to 1 + ``amount``, uniform."""
    factor = 1 + rng.uniform(0, amount)
    rows, columns = (
        (size - 1) / 2 + (np.arange(size) - (size - 1) / 2) / factor for size in image.shape
    )
    return resampled(image, rows, columns)


def rotate_image(image: np.ndarray, rng: np.random.Generator, *, degrees: float) -> np.ndarray:
    """Turn about the centre by an angle uniform in ±``degrees``; zeros move in."""
    angle = math.radians(rng.uniform(-degrees, degrees))
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    centre = (np.array(image.shape) - 1) / 2
    return scipy.ndimage.affine_transform(image, turn, centre - turn @ centre, order=1)


def brightness(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Multiply with one factor, uniform in 1 ± ``amount``."""
    return image * rng.uniform(1 - amount, 1 + amount)


def multiply(image: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Multiply each pixel with a factor of its own, uniform in 1 ± ``amount``."""
    factors = rng.random(image.shape, np.float32)
    factors *= 2 * amount
    factors += 1 - amount
    return image * factors


def subtract_mean(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Subtract the mean, set what is negative to zero and divide by the maximum.

    An image of one value becomes zero.
    """
    image = np.maximum(image - image.mean(), 0)
    peak = image.max()
    return image / peak if peak > 0 else image


def flip(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror the columns: time runs backwards."""
    return image[:, ::-1].copy()


METHODS: dict[str, Callable[..., np.ndarray]] = {
    method.__name__: method
    for method in (
        roll_frequency, roll_time, add_noise, crop, gaussian, dropout, blackout, blur, zoom,
        rotate_image, brightness, multiply, subtract_mean, flip,
    )
}  # fmt: skip


def resampled(image: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return an image at fractional places, by cubic convolution with replicated edges.

    Keys (1981), "Cubic convolution interpolation for digital image processing", with a = -0.75; no
    low pass goes before it. Whole places give the pixels themselves.

    Parameters
    ----------
    image : array, shape (F, T)
    rows : array, shape (F',)
        Rows; 0 is the middle of the first.
    columns : array, shape (T',)
        Columns.

    Returns
    -------
    array, shape (F', T')
    """
    return _along_rows(_along_rows(image, rows).T, columns).T


def _along_rows(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    first = np.floor(places).astype(np.intp)
    taps = first + np.arange(-1, 3)[:, None]  # (4, rows out)
    weights = _cubic(np.abs(places - taps)).astype(image.dtype)
    np.clip(taps, 0, len(image) - 1, out=taps)
    return sum(weight[:, None] * image[tap] for weight, tap in zip(weights, taps, strict=True))


def _cubic(distance: np.ndarray) -> np.ndarray:
    """Return Keys' kernel at distances of 0 to 2 pixels."""
    a = _SHARPNESS
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = a * (((distance - 5) * distance + 8) * distance - 4)
    return np.where(distance <= 1, near, far)


def _stretched(n: int, size: int) -> np.ndarray:
    """Return the places of ``size`` pixels that divide ``n`` of them evenly."""
    return (np.arange(size) + 0.5) * n / size - 0.5
