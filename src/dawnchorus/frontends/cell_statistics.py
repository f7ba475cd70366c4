"""Statistics of cells of a spectrogram, from which toth2016 decides what is signal.

A cell is a block of ``cell_columns`` frames (the last of a recording may be shorter) of one of G
row bands. What is stored are levels, not decisions: thresholds stay a matter of training.

* `Cells`: the statistics of a recording.
* `row_borders`: the row bands.
* `cell_statistics`: rows to `Cells`.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np

PEAKS = 10  # values of a cell whose mean is its peak
_ROWS_HELD = 16384  # rows read at a time; 13 MB of 200 bands


@dataclasses.dataclass(frozen=True)
class Cells:
    """Statistics of J column blocks and G row bands, in the unit of the spectrogram.

    Attributes
    ----------
    mean : array, shape (J, G), float64
        Mean of each cell.
    peak : array, shape (J, G), float64
        Mean of the 10 largest values of each cell.
    band_mean, band_std : array, shape (G,), float64
        Mean and standard deviation (of the population) of all values of each row band.
    """

    mean: np.ndarray
    peak: np.ndarray
    band_mean: np.ndarray
    band_std: np.ndarray


def n_blocks(n_frames: int, settings: Mapping) -> int:
    """Return how many column blocks J a recording has."""
    return -(-n_frames // settings["cell_columns"])


def row_borders(settings: Mapping) -> np.ndarray:
    """Return the first row of each band, and the one after the last.

    ``cell_borders`` numbers from 0 to ``n_bands``, equally far apart and rounded up: 20 borders of
    200 rows are 19 bands, of alternately 11 and 10 rows.

    Returns
    -------
    array, shape (G + 1,), int64
    """
    n_bands, last = settings["n_bands"], settings["cell_borders"] - 1
    return -(-np.arange(last + 1) * n_bands // last)


def cell_statistics(rows, settings: Mapping, first: int = 0, last: int | None = None) -> Cells:
    """Return the statistics of the cells of a recording, read block by block.

    Parameters
    ----------
    rows : array or HDF5 dataset, shape (R, F), float32
        Spectrograms of one or more recordings.
    settings : mapping
        ``n_bands`` (F), ``cell_columns`` and ``cell_borders``.
    first, last : int, optional
        The rows of the recording, at least one; all where left out.

    Returns
    -------
    Cells
        Where values are -inf (digital silence without a floor), so are means, and deviations NaN.
    """
    last = len(rows) if last is None else last
    columns, borders = settings["cell_columns"], row_borders(settings)
    held = max(1, _ROWS_HELD // columns) * columns  # whole cells alone
    parts = []
    with np.errstate(invalid="ignore"):  # -inf less -inf
        for start in range(first, last, held):
            block = rows[start : min(start + held, last)]
            whole = len(block) // columns * columns
            if whole:
                grid = block[:whole].reshape(-1, columns, block.shape[1])
                parts.append(_grid_statistics(grid, borders))
            if whole < len(block):
                parts.append(_grid_statistics(block[np.newaxis, whole:], borders))
        mean, peak, squares, counts = (np.concatenate(part) for part in zip(*parts, strict=True))
        band_mean = (counts * mean).sum(axis=0) / counts.sum(axis=0)
        # Variance within cells plus between cells: E[x^2] - E[x]^2 would cancel in float64.
        squares += counts * np.square(mean - band_mean)
        band_std = np.sqrt(squares.sum(axis=0) / counts.sum(axis=0))
    return Cells(mean, peak, band_mean, band_std)


def _grid_statistics(grid: np.ndarray, borders: Sequence[int]) -> tuple[np.ndarray, ...]:
    """Return mean, peak, sum of squared deviations and number of values, (J, G) each.

    ``grid`` is (J, columns, F): blocks of equally many columns.
    """
    mean, peak, squares, counts = (np.empty((len(grid), len(borders) - 1)) for _ in range(4))
    for band, (low, high) in enumerate(itertools.pairwise(borders)):
        values = grid[:, :, low:high].reshape(len(grid), -1)
        n = values.shape[1]
        mean[:, band] = values.mean(axis=1, dtype=np.float64)
        squares[:, band] = np.square(values - mean[:, [band]]).sum(axis=1)
        counts[:, band] = n
        # partitioned, not sorted: ten of some 330 values are wanted, and their order is not
        largest = np.partition(values, n - PEAKS, axis=1)[:, n - PEAKS :] if n > PEAKS else values
        peak[:, band] = largest.mean(axis=1, dtype=np.float64)
    return mean, peak, squares, counts
