"""The spectrogram of one recording while it is decoded, as the shards of the workflow hold it.

Samples come in pieces; what of them no later frame needs is let go. Values are those of
`dawnchorus.frontends.shards`, to the last bit: the same functions compute them, in another order. Where
a frontend looks at the whole recording (trimming, denoising, the cells of toth2016) that is done at the
end, on the rows.

* `begin`: a `FrameRows` or a `ChunkRows`, by the frontend.
* `Frames`, `Pictures`: what they become; `dawnchorus.segments.window_source.Source` reads either.

Axes: C channels, S samples, T frames, F bands.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from dawnchorus.exported.growing_rows import GrowingRows, StoredRows
from dawnchorus.frontends import (
    base,
    cell_statistics,
    chunk_images,
    spectra,
    spectrograms,
)

_UNKNOWN = 1 << 62  # frames of a recording whose end has not come yet
_CHUNKS_HELD = 64  # pictures computed before they are handed on; 2 MB of 128 x 256 in 8 bits


@dataclasses.dataclass(frozen=True)
class Frames:
    """The spectrogram of one recording; stands for `dawnchorus.frontends.shard_reader.Spectrograms`.

    The recording has any name.
    """

    layout: ClassVar[str] = "frames"
    settings: Mapping
    kept: "np.ndarray | StoredRows"
    first_s: float
    statistics: cell_statistics.Cells | None

    @property
    def n_bands(self) -> int:
        """F."""
        return self.kept.shape[1]

    @property
    def frames_per_second(self) -> float:
        """Frames per second."""
        return self.settings["sample_rate"] / base.hop_length(self.settings)

    def rows(self, _: str) -> int:
        """Return T."""
        return len(self.kept)

    def frames(self, _: str) -> "np.ndarray | StoredRows":
        """Return the frames, (T, F) float32."""
        return self.kept

    def onset_s(self, _: str) -> float:
        """Return the time of the first frame, in seconds from the recording's start."""
        return self.first_s

    def signal(self, _: str) -> None:
        """Return None: which frames hold signal is known of shards alone."""

    def cells(self, _: str) -> cell_statistics.Cells | None:
        """Return the cell statistics, or None where the kind has none."""
        return self.statistics


@dataclasses.dataclass(frozen=True)
class Pictures:
    """The chunks of one recording; stands for `dawnchorus.frontends.shard_reader.Chunks`."""

    layout: ClassVar[str] = "chunks"
    settings: Mapping
    chunks: "np.ndarray | StoredRows"
    places: np.ndarray  # (n, 2): first sample, samples of sound

    @property
    def n_bands(self) -> int:
        """F."""
        return self.chunks.shape[1]

    @property
    def n_frames(self) -> int:
        """T of a picture."""
        return self.chunks.shape[2]

    @property
    def frames_per_second(self) -> float:
        """Columns per second."""
        return self.settings["sample_rate"] / base.hop_length(self.settings)

    def images(self, _: str) -> "np.ndarray | StoredRows":
        """Return the chunks, (n, F, T)."""
        return self.chunks

    def onsets_s(self, _: str) -> np.ndarray:
        """Return the onset of each chunk, in seconds from the recording's start: (n,)."""
        return self.places[:, 0] / self.settings["sample_rate"]

    def lengths_s(self, _: str) -> np.ndarray:
        """Return how much sound each chunk holds, in seconds, without padding: (n,)."""
        return self.places[:, 1] / self.settings["sample_rate"]

    def scores(self, _: str) -> np.ndarray:
        """Return 1 for each chunk: how much of it is signal matters to trainings alone."""
        return np.ones(len(self.places), np.float32)


def begin(settings: Mapping) -> "FrameRows | ChunkRows":
    """Begin the spectrogram of a recording.

    Parameters
    ----------
    settings : mapping
        Of the frontend, with ``sample_rate``.
    """
    return (FrameRows if base.layout(settings) == "frames" else ChunkRows)(settings)


class _Tail:
    """The last samples of a waveform that grows, found by their places in the whole of it."""

    def __init__(self):
        self._first, self._samples = 0, np.empty(0, np.float32)

    def __len__(self) -> int:
        return self._first + len(self._samples)

    def __getitem__(self, part: slice) -> np.ndarray:
        first, stop, _ = part.indices(len(self))
        if first < self._first:
            raise IndexError(
                f"samples from {first} on are gone, those from {self._first} are there"
            )
        return self._samples[first - self._first : max(first, stop) - self._first]

    def append(self, samples: np.ndarray, needed: int) -> None:
        """Take the next samples; those before ``needed`` are let go."""
        gone = min(max(0, needed - self._first), len(self._samples))
        self._samples = np.concatenate([self._samples[gone:], samples])
        self._first += gone


class _Growing:
    """Channels of a recording that is being decoded."""

    def __init__(self, settings: Mapping):
        self._settings = settings
        self._channels: list[_Tail] = []

    def add(self, pieces: Sequence[np.ndarray]) -> None:
        """Take the next samples of each channel, shape (S,) each, and compute what they complete."""
        self._channels = self._channels or [_Tail() for _ in pieces]
        for channel, samples in zip(self._channels, pieces, strict=True):
            channel.append(samples, self._needed())
        if self._channels:
            self._compute()

    def _needed(self) -> int:
        """Return the first sample that is still of use."""
        raise NotImplementedError

    def _compute(self) -> None:
        """Compute what no later sample can change."""
        raise NotImplementedError


class FrameRows(_Growing):
    """The frames of a recording that is being decoded; see `dawnchorus.frontends.spectrograms`."""

    def __init__(self, settings: Mapping):
        super().__init__({**spectrograms.UNCORRECTED, **settings})
        self._rows = GrowingRows((base.n_bands(settings),), np.float32)
        self._loudness: list[np.ndarray] = []
        self._n = 0  # frames computed

    def _needed(self) -> int:
        # frames are centred on, or begin at, the first sample of their hop
        return self._n * base.hop_length(self._settings) - base.n_fft(self._settings)

    def _compute(self) -> None:
        # all samples of these frames are there, and none of them is the last of the recording
        hop = base.hop_length(self._settings)
        n_samples = len(self._channels[0]) - max(hop, base.n_fft(self._settings))
        n_ready = 1 + n_samples // hop if n_samples >= 0 else 0
        self._extend(n_ready, _UNKNOWN)

    def _extend(self, last: int, total: int) -> None:
        if last <= self._n:
            return
        blocks = spectrograms.corrected_blocks(self._channels, self._settings, self._n, last, total)
        for _, block in blocks:
            self._rows.append(block)
            if self._settings["trim_stddevs"] > 0:
                self._loudness.append(spectrograms.loudness(block))
        self._n = last

    def finish(self) -> Frames:
        """Return the spectrogram, with what a frontend does to a recording as a whole."""
        spectra.check_channels(self._channels)
        settings = self._settings
        total = base.n_frames(len(self._channels[0]), settings)
        self._extend(total, total)
        loudness = np.concatenate(self._loudness) if self._loudness else np.empty(0)
        first, last = spectrograms.kept_bounds(
            total, settings, lambda first, last: loudness[first:last]
        )
        rows = self._rows.finish()
        kept = rows[first:last] if isinstance(rows, np.ndarray) else rows.part(first, last)
        spectrograms.denoise(kept, 0, last - first, settings["denoise"])
        cells = None
        if settings["kind"] == "psd":
            cells = cell_statistics.cell_statistics(kept, settings)
        return Frames(settings, kept, base.kind(settings).onset_s(first, settings), cells)


class ChunkRows(_Growing):
    """The chunks of a recording that is being decoded; see `dawnchorus.frontends.chunk_images`."""

    def __init__(self, settings: Mapping):
        super().__init__(settings)
        shape = settings["n_bands"], settings["n_frames"]
        self._rows = GrowingRows(shape, settings["store"])
        self._length = chunk_images.chunk_samples(settings)
        step_s = settings["length_s"] - settings["overlap_s"]
        self._step = round(step_s * settings["sample_rate"])
        self._n = 0  # chunks computed

    def _needed(self) -> int:
        # a last chunk may end with the recording, wherever that is
        there = len(self._channels[0]) if self._channels else 0
        return min(self._n * self._step, there - self._length)

    def _compute(self) -> None:
        # whole chunks are chunks whatever follows; at the end the others are told by the length
        there = len(self._channels[0])
        n_ready = (there - self._length) // self._step + 1 if there >= self._length else 0
        self._extend([(n * self._step, self._length) for n in range(self._n, n_ready)])

    def _extend(self, places: Sequence[tuple[int, int]]) -> None:
        for first in range(0, len(places), _CHUNKS_HELD):
            block = [
                chunk_images.quantised(
                    chunk_images.chunk_image(self._channels, place, self._settings), self._settings
                )
                for place in places[first : first + _CHUNKS_HELD]
            ]
            self._rows.append(np.stack(block))
        self._n += len(places)

    def finish(self) -> Pictures:
        """Return the chunks."""
        spectra.check_channels(self._channels)
        places = chunk_images.chunk_places(len(self._channels[0]), self._settings)
        self._extend(places[self._n :])
        return Pictures(self._settings, self._rows.finish(), np.array(places, np.int64))
