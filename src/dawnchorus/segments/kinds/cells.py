"""Pieces of a recording's columns with signal: the signal mask of toth2016.

Toth and Czeba, "Convolutional Neural Networks for Large-Scale Bird Song Classification in Noisy
Environment", CLEF 2016 working notes. The spectrogram, log10 of the power of 16-bit samples, is laid
out in cells: J blocks of 30 columns by G row bands. A cell is signal where it is loud; columns without
signal are deleted, and what is left is cut into pieces.

* `Windows`: a `dawnchorus.segments.window_source.Source` of kind ``cells``.
* `signal_cells`: which cells are loud.
* `apply_mask`: the spectrogram with zeros where there is no signal.
* `signal_columns`: the columns that are not deleted.
* `piece_starts`: where pieces of what is left begin.

A place is the first of a window's columns, counted among those that were kept.
"""

from collections.abc import Mapping

import numpy as np

from dawnchorus.frontends import cell_statistics
from dawnchorus.segments.window_source import Source

_COLUMNS_HELD = 16384  # columns read at once; 13 MB of the 200 bands


class Windows(Source):
    """Pieces of the columns that the signal mask keeps, the last one at the end.

    With ``filtered: false`` no column is masked or left out; with ``empty: unfiltered`` this holds for
    recordings in which no cell is signal, such as quiet ones: the rule knows the scale of 16-bit
    samples. With ``empty: zeros`` these are zeros alone, as in the original. A recording shorter than
    a window is filled up with zeros behind it. Which columns are kept follows from the cell
    statistics that the frontend stored, so thresholds are those of the stage; it is found out once
    per recording.
    """

    kind = "cells"

    def __init__(self, readers: Mapping, settings: Mapping, window: int):
        super().__init__(readers, settings, window)
        self._known: dict[tuple[str, str], tuple[np.ndarray, np.ndarray | None]] = {}

    def windows_of(self, recording: tuple[str, str]) -> tuple:
        """Return place, onset, offset, score and length of a recording's windows, as arrays."""
        corpus, identifier = recording
        reader = self._reader(corpus)
        columns, _ = self._kept(recording)
        starts = piece_starts(len(columns), self.shape[0])
        ends = np.minimum(starts + self.shape[0], len(columns))
        onset_s, rate = reader.onset_s(identifier), reader.frames_per_second
        return (
            starts,
            onset_s + columns[starts] / rate,
            # behind the last column that is kept: those between two kept ones are deleted
            onset_s + (columns[ends - 1] + 1) / rate,
            np.ones(len(starts)),
            (ends - starts) / rate,
        )

    def fill_window(
        self, out: np.ndarray, recording: tuple[str, str], place: int, rotation: int
    ) -> None:
        """Fill one window (T, F), shifted circularly by ``rotation`` frames."""
        corpus, identifier = recording
        reader = self._reader(corpus)
        frames = reader.frames(identifier)
        columns, signal = self._kept(recording)
        columns = columns[place : place + len(out)]
        if signal is None:
            out[: len(columns)] = frames[columns]
        else:
            borders, length = self._grid(corpus)
            out[: len(columns)] = apply_mask(frames, columns, signal, borders, length)
        out[len(columns) :] = 0  # as where there is no signal
        if rotation:
            out[:] = np.roll(out, rotation, axis=0)

    def _kept(self, recording: tuple[str, str]) -> tuple[np.ndarray, np.ndarray | None]:
        """Return a recording's columns, and its cells (J, G) with signal; None: no mask."""
        if recording not in self._known:
            corpus, identifier = recording
            reader, settings = self._reader(corpus), self.settings
            columns, signal = np.arange(reader.rows(identifier)), None
            if settings["filtered"]:
                statistics = reader.cells(identifier)
                if statistics is None:
                    raise ValueError(
                        f"the spectrograms of corpus {corpus!r} hold no cell statistics; segments "
                        "kind='cells' needs a frontend of kind 'psd', or filtered: false"
                    )
                signal = signal_cells(statistics, settings["factor"])
                if settings["expand"]:
                    # imported here: recordings are masked with it in jobs alone
                    import scipy.ndimage

                    # by the four neighbours of a cell
                    signal = scipy.ndimage.binary_dilation(signal)
                if signal.any() or settings["empty"] != "unfiltered":
                    frames, grid = reader.frames(identifier), self._grid(corpus)
                    columns = signal_columns(frames, signal, *grid, settings["drop_columns"])
                else:
                    signal = None
            # a bit per column: 24,000 recordings of half a minute take 15 MB instead of 200
            is_kept = np.zeros(reader.rows(identifier), bool)
            is_kept[columns] = True
            self._known[recording] = np.packbits(is_kept), signal
        bits, signal = self._known[recording]
        return np.flatnonzero(np.unpackbits(bits)), signal

    def _grid(self, corpus: str) -> tuple[np.ndarray, int]:
        """Return the borders of row bands and the columns of a cell."""
        settings = self._reader(corpus).settings
        return cell_statistics.row_borders(settings), settings["cell_columns"]


def signal_cells(cells: cell_statistics.Cells, factor: float) -> np.ndarray:
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
    # negated, since a comparison with NaN is false: a band without finite statistics excludes nothing
    return ~((cells.mean < 0) | (cells.peak < loud))


def apply_mask(
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
        From `signal_cells`, dilated or not.
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


def signal_columns(
    frames: np.ndarray, signal: np.ndarray, borders: np.ndarray, length: int, share: float
) -> np.ndarray:
    """Return the columns of which at most a share is zero in the masked spectrogram.

    Where none is left all are returned: the masked spectrogram is then used as it is, as in the
    original. Zeros of the spectrogram itself count, so it is read whole.

    Parameters
    ----------
    frames, signal, borders, length
        See `apply_mask`.
    share : float in [0, 1]
        A column goes if more than this is zero; 0.95 in the original.

    Returns
    -------
    array, shape (n,), int64, ascending
    """
    is_signal = _by_row(signal, borders)
    zeros = np.repeat(np.count_nonzero(~is_signal, axis=1), length)[: len(frames)]
    for first in range(0, len(frames), _COLUMNS_HELD):
        part = frames[first : first + _COLUMNS_HELD]
        # zeros of the spectrogram itself are few, and found faster than all values are counted
        column, row = np.divmod(np.flatnonzero(part == 0), frames.shape[1])
        column = column[is_signal[(column + first) // length, row]]
        zeros[first : first + _COLUMNS_HELD] += np.bincount(column, minlength=len(part))
    kept = np.flatnonzero(zeros <= share * frames.shape[1])
    return kept if len(kept) else np.arange(len(frames))


def piece_starts(n_columns: int, window: int) -> np.ndarray:
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
