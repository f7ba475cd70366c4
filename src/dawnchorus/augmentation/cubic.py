"""Cubic convolution: an image at fractional rows and columns.

SciPy interpolates with splines, whose pixels depend on the whole image; picture libraries, and with
them kahl2018, convolve with a kernel of four pixels.

* `resample`: an image (F, T) at fractional places.
"""

import numpy as np

_SHARPNESS = -0.75  # a of cubic convolution; -0.5 is Keys' own, -0.75 what picture libraries take


def resample(image: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
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
    # Keys' kernel, eq. 15, at distances of 0 to 2 pixels
    a, distance = _SHARPNESS, np.abs(places - taps)
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = a * (((distance - 5) * distance + 8) * distance - 4)
    weights = np.where(distance <= 1, near, far).astype(image.dtype)
    np.clip(taps, 0, len(image) - 1, out=taps)
    return sum(weight[:, None] * image[tap] for weight, tap in zip(weights, taps, strict=True))
