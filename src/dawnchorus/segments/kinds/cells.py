"""Pieces of a recording's columns with signal (system 001).

* `Windows`: a `dawnchorus.segments.source.Source` of kind ``cells``.

A place is the first of a window's columns, counted among those that were kept.
"""

from collections.abc import Mapping

import numpy as np

from dawnchorus.frontends import cell_statistics
from dawnchorus.segments import signal_mask
from dawnchorus.segments.source import Source


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

    def _windows(self, recording: tuple[str, str]) -> tuple:
        corpus, identifier = recording
        reader = self._reader(corpus)
        columns, _ = self._kept(recording)
        starts = signal_mask.segment_starts(len(columns), self.shape[0])
        ends = np.minimum(starts + self.shape[0], len(columns))
        onset_s, rate = reader.onset_s(identifier), reader.frames_per_second
        return (
            starts,
            onset_s + columns[starts] / rate,
            onset_s + (columns[ends - 1] + 1) / rate,
            np.ones(len(starts)),
            (ends - starts) / rate,
        )

    def _fill(self, out: np.ndarray, recording: tuple[str, str], place: int, rotation: int) -> None:
        corpus, identifier = recording
        reader = self._reader(corpus)
        frames = reader.frames(identifier)
        columns, signal = self._kept(recording)
        columns = columns[place : place + len(out)]
        if signal is None:
            out[: len(columns)] = frames[columns]
        else:
            borders, length = self._grid(corpus)
            out[: len(columns)] = signal_mask.masked(frames, columns, signal, borders, length)
        out[len(columns) :] = 0
        if rotation:
            out[:] = np.roll(out, rotation, axis=0)

    def _kept(self, recording: tuple[str, str]) -> tuple[np.ndarray, np.ndarray | None]:
        """Return a recording's columns, and its cells (J, G) with signal; None: no mask."""
        if recording not in self._known:
            columns, signal = self._found(recording)
            # a bit per column: 24,000 recordings of half a minute take 15 MB instead of 200
            is_kept = np.zeros(self._reader(recording[0]).rows(recording[1]), bool)
            is_kept[columns] = True
            self._known[recording] = np.packbits(is_kept), signal
        bits, signal = self._known[recording]
        return np.flatnonzero(np.unpackbits(bits)), signal

    def _found(self, recording: tuple[str, str]) -> tuple[np.ndarray, np.ndarray | None]:
        corpus, identifier = recording
        reader, settings = self._reader(corpus), self.settings
        if not settings["filtered"]:
            return np.arange(reader.rows(identifier)), None
        statistics = reader.cells(identifier)
        if statistics is None:
            raise ValueError(
                f"the spectrograms of corpus {corpus!r} hold no cell statistics; segments kind='cells' "
                "needs a frontend of kind 'psd', or filtered: false"
            )
        signal = signal_mask.signal_cells(statistics, settings["factor"])
        if settings["expand"]:
            signal = signal_mask.dilated(signal)
        if not signal.any() and settings["empty"] == "unfiltered":
            return np.arange(reader.rows(identifier)), None
        borders, length = self._grid(corpus)
        frames = reader.frames(identifier)
        return signal_mask.kept_columns(
            frames, signal, borders, length, settings["drop_columns"]
        ), signal

    def _grid(self, corpus: str) -> tuple[np.ndarray, int]:
        """Return the borders of row bands and the columns of a cell."""
        settings = self._reader(corpus).settings
        return cell_statistics.row_borders(settings), settings["cell_columns"]
