"""What each layout puts into a shard: its array of rows, and tables beside it.

Both classes have the same face, by which `dawnchorus.frontends.shards` writes them: ``array`` (name
of the array of rows), ``shape``, ``dtype``, ``offsets`` (rows of recording i are ``offsets[i]`` to
``offsets[i + 1]``), ``tables`` (known before the rows), ``write(rows, index)`` (computes recording
``index`` into the array and returns how many of its rows are zero), ``statistics`` (known after).

* `Frames`: spectrograms, a row per frame.
* `Chunks`: pictures, a row per chunk.
* `zero_rows`, `check_finite`: what is judged of rows.
"""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from dawnchorus.frontends import (
    base,
    cell_statistics,
    chunk_grid,
    chunk_images,
    signal_score,
    spectra,
    spectrograms,
)

_FRAMES_READ = 16384  # rows read back at a time
_CHUNKS_HELD = 64  # pictures computed before they are written; 2 MB of 128 x 256 in 8 bits


class Frames:
    """Frames of recordings, with the statistics of their cells where the kind has cells."""

    array = "features"
    dtype = np.dtype(np.float32)

    def __init__(self, ids: Sequence[str], recordings: Sequence, settings: Mapping):
        self._recordings, self._settings = recordings, settings
        self._kept = [spectrograms.kept_frames(channels, settings) for channels in recordings]
        lengths = [last - first for first, last in self._kept]
        self.offsets = np.cumsum([0, *lengths], dtype=np.int64)
        self.shape = (int(self.offsets[-1]), base.n_bands(settings))
        onset_s = base.kind(settings).onset_s
        onsets = np.array([onset_s(first, settings) for first, _ in self._kept], np.float64)
        self.tables = {"offsets": self.offsets, "onsets": onsets}
        self.statistics = {}
        if settings["kind"] == "psd":
            self._make_room_for_cells(lengths)

    def _make_room_for_cells(self, lengths: Sequence[int]) -> None:
        n_bands = len(cell_statistics.row_borders(self._settings)) - 1
        n_blocks = [cell_statistics.n_blocks(length, self._settings) for length in lengths]
        offsets = np.cumsum([0, *n_blocks], dtype=np.int64)
        self.statistics = {"cell_offsets": offsets}
        for name, n in (("cell_mean", offsets[-1]), ("cell_peak", offsets[-1])):
            self.statistics[name] = np.empty((int(n), n_bands))
        for name in ("band_mean", "band_std"):
            self.statistics[name] = np.empty((len(lengths), n_bands))

    def write(self, features, index: int) -> int:
        """Compute a recording; return how many of its frames are zero in every band."""
        first, last = self.offsets[index : index + 2].tolist()
        channels, kept = self._recordings[index], self._kept[index]
        if last - first > spectra.FRAMES_HELD:
            spectrograms.spectrogram_into(features, first, channels, self._settings, kept)
            self._add_cells(index, features, first, last)
            blocks = range(first, last, _FRAMES_READ)
            return sum(zero_rows(features[a : min(a + _FRAMES_READ, last)]) for a in blocks)
        rows = np.empty((last - first, self.shape[1]), np.float32)
        spectrograms.spectrogram_into(rows, 0, channels, self._settings, kept)
        features[first:last] = rows
        self._add_cells(index, rows, 0, len(rows))
        return zero_rows(rows)

    def _add_cells(self, index: int, rows, first: int, last: int) -> None:
        if not self.statistics:
            return
        found = cell_statistics.statistics_of(rows, first, last, self._settings)
        start, stop = self.statistics["cell_offsets"][index : index + 2]
        self.statistics["cell_mean"][start:stop] = found.mean
        self.statistics["cell_peak"][start:stop] = found.peak
        self.statistics["band_mean"][index] = found.band_mean
        self.statistics["band_std"][index] = found.band_std


class Chunks:
    """Pictures of the chunks of recordings, with the share of signal in each."""

    array = "images"

    def __init__(self, ids: Sequence[str], recordings: Sequence, settings: Mapping):
        self._ids, self._recordings, self._settings = ids, recordings, settings
        for channels in recordings:
            spectra.check_channels(channels)
        places = [chunk_grid.chunk_places(len(channels[0]), settings) for channels in recordings]
        self.offsets = np.cumsum([0, *map(len, places)], dtype=np.int64)
        self._places = np.array(list(itertools.chain(*places)), np.int64).reshape(-1, 2)
        self.shape = (len(self._places), settings["n_bands"], settings["n_frames"])
        self.dtype = np.dtype(settings["store"])
        numbers = np.arange(len(recordings), dtype=np.int32)
        seconds = self._places / settings["sample_rate"]
        self.tables = {
            "recording": np.repeat(numbers, np.diff(self.offsets)),
            "onset": np.ascontiguousarray(seconds[:, 0]),
            "length": np.ascontiguousarray(seconds[:, 1]),
        }
        self.statistics = {"score": np.zeros(len(self._places), np.float32)}

    def write(self, pictures, index: int) -> int:
        """Compute a recording; return how many of its pictures are zero throughout.

        Raises
        ------
        ValueError
            Where a picture is not finite.
        """
        first, last = self.offsets[index : index + 2].tolist()
        n_zero = 0
        for start in range(first, last, _CHUNKS_HELD):
            stop = min(start + _CHUNKS_HELD, last)
            block = np.stack([self._picture(index, chunk) for chunk in range(start, stop)])
            pictures[start:stop] = block
            n_zero += zero_rows(block)
        return n_zero

    def _picture(self, index: int, chunk: int) -> np.ndarray:
        """Return a chunk as it is stored, and keep its score."""
        place = tuple(self._places[chunk].tolist())
        image = chunk_images.chunk_image(self._recordings[index], place, self._settings)
        check_finite(image, self._ids[index], self._settings)  # 8 bits would hide it
        is_stretched = self._settings["scale"] == "min_max"
        score = signal_score.signal_to_noise(
            image if is_stretched else chunk_images.stretched(image)
        )
        self.statistics["score"][chunk] = score
        return chunk_images.as_stored(image, self._settings)


def zero_rows(rows: np.ndarray) -> int:
    """Return how many of the rows (first axis) are zero throughout."""
    return len(rows) - int(np.count_nonzero(rows.reshape(len(rows), -1).any(axis=1)))


def check_finite(rows: np.ndarray, identifier: str, settings: Mapping) -> None:
    """Refuse rows that are not finite; a density without a floor may be minus infinity."""
    is_fine = np.isfinite(rows)
    if settings.get("floor") == 0:
        is_fine |= rows == -np.inf
    if not is_fine.all():
        raise ValueError(
            f"the spectrogram of recording {identifier!r} is not finite; "
            "its resampled audio must be, so make that again"
        )
