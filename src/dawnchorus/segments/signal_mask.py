"""The signal mask of system 001 (Toth and Czeba, BirdCLEF 2016).

The spectrogram, log10 of the power of 16-bit samples, is laid out in cells: J blocks of 30
columns by G row bands. A cell is signal where it is loud; columns without signal are deleted, and
what is left is cut into pieces.

* `signal_cells`: which cells are loud.
* `dilated`: the same with their neighbours.
* `masked`: the spectrogram with zeros where there is no signal.
* `kept_columns`: the columns that are not deleted.
* `segment_starts`: where pieces of what is left begin.
"""

import numpy as np

from dawnchorus.frontends import cell_statistics

_HELD = 16384  # columns read at once; 13 MB of the 200 bands


def signal_cells(cells: "cell_statistics.Cells", factor: float) -> np.ndarray:
    """Return which cells are signal, shape (J, G), bool.

    A cell is not where its mean is below 0, or where the mean of its ten largest values is below
    ``factor`` times (mean + standard deviation of its row band over the recording). A band whose
    statistics are not finite, as digital silence without a floor leaves them, rules nothing out by
    the second condition, as in the original.

    Parameters
    ----------
    cells : Cells
        ``mean`` and ``peak``, shape (J, G); ``band_mean`` and ``band_std``, shape (G,).
    factor : float
        1.5 in the original.
    """
    loud = factor * (cells.band_mean + cells.band_std)
    return ~((cells.mean < 0) | (cells.peak < loud))


def dilated(signal: np.ndarray) -> np.ndarray:
    """Return cells (J, G) of signal with the four neighbours of each."""
    wide = signal.copy()
    wide[1:] |= signal[:-1]
    wide[:-1] |= signal[1:]
    wide[:, 1:] |= signal[:, :-1]
    wide[:, :-1] |= signal[:, 1:]
    return wide


def masked(
    frames: np.ndarray, columns: np.ndarray, signal: np.ndarray, borders: np.ndarray, length: int
) -> np.ndarray:
    """Return some columns of a spectrogram with zeros where there is no signal.

    Parameters
    ----------
    frames : array, shape (T, F)
        The spectrogram.
    columns : array, shape (n,), int
        Frames to return.
    signal : array, shape (J, G), bool
        From `signal_cells` or `dilated`.
    borders : array, shape (G + 1,)
        Borders of the row bands, from `dawnchorus.frontends.cell_statistics.row_borders`.
    length : int
        Columns of a cell; 30 in the original, the last block being what remains.

    Returns
    -------
    array, shape (n, F)
    """
    found = frames[columns]
    found[~_by_row(signal, borders)[columns // length]] = 0
    return found


def kept_columns(
    frames: np.ndarray, signal: np.ndarray, borders: np.ndarray, length: int, share: float
) -> np.ndarray:
    """Return the columns of which at most a share is zero in the masked spectrogram.

    Where none is left all are returned: the masked spectrogram is then used as it is, as in the
    original. Zeros of the spectrogram itself count, so it is read whole.

    Parameters
    ----------
    frames, signal, borders, length
        See `masked`.
    share : float in [0, 1]
        A column goes if more than this is zero; 0.95 in the original.

    Returns
    -------
    array, shape (n,), int64, ascending
    """
    is_signal = _by_row(signal, borders)
    zeros = np.repeat(np.count_nonzero(~is_signal, axis=1), length)[: len(frames)]
    for first in range(0, len(frames), _HELD):
        part = frames[first : first + _HELD]
        # zeros of the spectrogram itself are few, and found faster than all values are counted
        column, row = np.divmod(np.flatnonzero(part == 0), frames.shape[1])
        column = column[is_signal[(column + first) // length, row]]
        zeros[first : first + _HELD] += np.bincount(column, minlength=len(part))
    kept = np.flatnonzero(zeros <= share * frames.shape[1])
    return kept if len(kept) else np.arange(len(frames))


def segment_starts(n_columns: int, window: int) -> np.ndarray:
    """Return where pieces of ``window`` columns begin: one after another, the last one at the end.

    The last piece overlaps the one before where the columns are no multiple of the window. Fewer
    columns than a window are one piece, padded with zeros.
    """
    if n_columns < 1 or window < 1:
        raise ValueError(
            f"received n_columns={n_columns} and window={window}; expected at least 1 column of each"
        )
    starts = np.arange(0, n_columns, window)
    starts[-1] = max(n_columns - window, 0)
    return starts


def _by_row(signal: np.ndarray, borders: np.ndarray) -> np.ndarray:
    """Return cells (J, G) as (J, F)."""
    return np.repeat(signal, np.diff(borders), axis=1)
