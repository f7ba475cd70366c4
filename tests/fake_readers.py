"""Readers of spectrograms that hold arrays, for tests of what stands on readers."""

import numpy as np

from dawnchorus.frontends import cell_statistics

SEGMENTS = {
    "kind": "windows", "factor": 1.5, "expand": True, "drop_columns": 0.95, "filtered": True,
    "empty": "zeros", "signal_threshold": None, "min_score": 0.0, "max_score": 1.0,
    "exempt": [], "min_length_s": 0.0, "too_short": "longest", "max_per_class": None,
    "max_per_recording": None, "noise_share": 0.1, "rescale": False, "zero_centre": False,
}  # fmt: skip


class Frames:
    """Spectrograms (T, F) by recording, two frames a second, the first at 0.25 s."""

    layout = "frames"
    frames_per_second = 2.0

    def __init__(self, by_id, settings=None, cells=None):
        self._by_id, self._cells, self.settings = by_id, cells or {}, settings or {}
        self.ids = list(by_id)
        self.n_bands = next(iter(by_id.values())).shape[1]

    def frames(self, identifier):
        return self._by_id[identifier]

    def rows(self, identifier):
        return len(self._by_id[identifier])

    def onset_s(self, identifier):
        return 0.25

    def cells(self, identifier):
        return self._cells.get(identifier)


class Chunks:
    """Chunks (n, F, T) of a second by recording, one after another, with their scores."""

    layout = "chunks"

    def __init__(self, by_id, scores=None, lengths_s=None):
        self._by_id, self._scores, self._lengths_s = by_id, scores or {}, lengths_s or {}
        self.ids, self.settings = list(by_id), {}
        _, self.n_bands, self.n_frames = next(iter(by_id.values())).shape

    def images(self, identifier):
        return self._by_id[identifier]

    def onsets_s(self, identifier):
        return np.arange(len(self._by_id[identifier]), dtype=np.float64)

    def lengths_s(self, identifier):
        return self._of(self._lengths_s, identifier)

    def scores(self, identifier):
        return self._of(self._scores, identifier).astype(np.float32)

    def _of(self, known, identifier):
        return np.asarray(known.get(identifier, np.ones(len(self._by_id[identifier]))), float)


def with_cells(by_id, settings):
    """Return a reader of toth2016's spectrograms with the statistics of their cells."""
    cells = {name: cell_statistics.cell_statistics(rows, settings) for name, rows in by_id.items()}
    return Frames(by_id, settings, cells)


def one_window(fill, frames, start, window, rotation=0):
    """Return the window (window, F) that ``fill`` makes of the frames (T, F) of a recording."""
    out = np.empty((window, frames.shape[1]), frames.dtype)
    fill(out, frames, start, rotation)
    return out
