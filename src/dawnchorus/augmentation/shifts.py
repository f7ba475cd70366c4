"""Shifts of windows in time and in frequency, as grill2017 has them.

Windows are (T, F): frames x bands, lowest band first.

* `rotations`: random circular shifts along time, applied where windows are cut.
* `shift_bands`: one window shifted along frequency.
* `random_band_shifts`: a batch, in place.
"""

from collections.abc import Mapping

import numpy as np


def rotations(n: int, window: int, settings: Mapping, rng: np.random.Generator) -> np.ndarray:
    """Return circular shifts in frames, shape (n,): uniform over the window, or zeros.

    grill2017 calls this Rotation; that the shift is uniform over the whole window is inferred.
    """
    if not settings["rotate"]:
        return np.zeros(n, np.int64)
    return rng.integers(0, window, n)


def shift_bands(window: np.ndarray, bands: int) -> None:
    """Shift a window (T, F) by ``bands`` towards higher frequencies, in place.

    The bands that open up repeat the edge: bands below the lowest do not exist, and zeros would be a
    pattern of their own. (The original's edge filling is not known.)
    """
    if bands > 0:
        window[:, bands:] = window[:, :-bands].copy()
        window[:, :bands] = window[:, bands : bands + 1]
    elif bands < 0:
        window[:, :bands] = window[:, -bands:].copy()
        window[:, bands:] = window[:, bands - 1 : bands]


def random_band_shifts(windows: np.ndarray, settings: Mapping, rng: np.random.Generator) -> None:
    """Shift each window of a batch (B, T, F) by a whole number of bands, in place.

    Parameters
    ----------
    windows : array, shape (B, T, F)
    settings : mapping
        ``shift_bands``: the largest shift in bands, either way; 0 for none. grill2017: 1, integer
        steps inferred.
    rng : numpy.random.Generator
    """
    largest = settings["shift_bands"]
    if largest == 0:
        return
    for window, bands in zip(
        windows, rng.integers(-largest, largest + 1, len(windows)), strict=True
    ):
        shift_bands(window, int(bands))
