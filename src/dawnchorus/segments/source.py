"""Windows of the recordings of several corpora: what of a recording a model sees at once.

A recording's spectrogram is cut into windows (T frames, F bands), by one of three kinds: ``windows``
(fixed steps, wrapped around the recording's end), ``cells`` (system 001: the columns with signal,
moved together, in pieces) and ``chunks`` (pictures that the frontend has cut already). Training and
prediction read the same `Source`. A recording is a pair (corpus, id); batches are (B, T, F), and
times are seconds from the recording's beginning.

* `Source`: what all kinds have in common.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from dawnchorus.segments.window_index import Index, joined


class Source:
    """Windows of the recordings of several corpora; the kinds are subclasses.

    Parameters
    ----------
    readers : mapping of corpus to reader
        As `dawnchorus.frontends.spectrogram_reader.open_shards` returns them, all of one frontend.
    settings : mapping
        The ``segments`` section of a stage.
    window : int
        Frames of a window, where the kind leaves a choice.

    Attributes
    ----------
    shape : tuple of int
        (T, F) of every window.
    """

    kind: ClassVar[str]
    layout: ClassVar[str] = "frames"  # of the files that the kind reads

    def __init__(self, readers: Mapping, settings: Mapping, window: int):
        self._readers = dict(readers)
        self.settings = settings
        self.shape: tuple[int, int] = (window, next(iter(self._readers.values())).n_bands)

    def ids(self, corpus: str) -> list[str]:
        """Return the recordings of a corpus, in the order of its shards."""
        return list(self._reader(corpus).ids)

    def frames_per_second(self, corpus: str) -> float:
        """Return the rate of the spectrograms of a corpus."""
        return self._reader(corpus).frames_per_second

    def index(self, recordings: Sequence[tuple[str, str]], prediction: bool = False) -> Index:
        """Return all windows of some recordings, in their order, each recording's in time.

        Parameters
        ----------
        recordings : N pairs (corpus, id)
        prediction : bool, optional
            Whether the windows are to be scored: then at most ``max_per_recording`` of each, the
            first.

        Raises
        ------
        ValueError
            For a recording that is not there.
        """
        parts = [self._windows(recording) for recording in recordings]
        most = self.settings["max_per_recording"] if prediction else None
        return joined([tuple(values[:most] for values in part) for part in parts])

    def into(
        self,
        out: np.ndarray,
        recordings: Sequence[tuple[str, str]],
        places: Sequence[int],
        rotations: Sequence[int] | None = None,
    ) -> None:
        """Fill a batch with windows as they are stored; `finish` is to follow.

        Parameters
        ----------
        out : array, shape (B, T, F), float32
            Filled in place.
        recordings : B pairs (corpus, id)
        places : sequence of int, length B
            From an `Index`.
        rotations : sequence of int, length B, optional
            Circular shifts in frames, as `numpy.roll` along time; none where left out.
        """
        rotations = [0] * len(out) if rotations is None else rotations
        if not len(out) == len(recordings) == len(places) == len(rotations):
            raise ValueError(
                f"received {len(out)} windows to fill for {len(recordings)} recordings, "
                f"{len(places)} places and {len(rotations)} rotations; expected equally many"
            )
        for window, recording, place, rotation in zip(
            out, recordings, places, rotations, strict=True
        ):
            self._fill(window, recording, int(place), int(rotation))

    def finish(self, out: np.ndarray) -> None:
        """Bring windows (B, T, F) to the range that the model wants, in place.

        It comes last, after augmentation, and in prediction too. ``rescale`` is system 002's rule: a
        window whose least and greatest values are both not zero is stretched to 0..1, any other is
        clipped to it; so is one that is the same everywhere, which cannot be stretched.
        ``zero_centre`` makes 0..1 to -1..1.
        """
        if self.settings["rescale"]:
            for window in out:
                _rescale(window)
        if self.settings["zero_centre"]:
            out *= 2
            out -= 1

    def batch(self, recordings: Sequence[tuple[str, str]], index: Index) -> np.ndarray:
        """Return the windows of an index, finished: (W, T, F) float32.

        ``recordings`` are those that ``index.recording`` counts.
        """
        out = np.empty((len(index), *self.shape), np.float32)
        self.into(out, [recordings[number] for number in index.recording], index.place)
        self.finish(out)
        return out

    def _reader(self, corpus: str):
        try:
            return self._readers[corpus]
        except KeyError:
            raise ValueError(
                f"corpus {corpus!r} has no spectrogram shard here, only "
                f"{', '.join(self._readers)} have; give its shards too"
            ) from None

    def _windows(self, recording: tuple[str, str]) -> tuple:
        """Return place, onset, offset, score and length of a recording's windows, as arrays."""
        raise NotImplementedError

    def _fill(self, out: np.ndarray, recording: tuple[str, str], place: int, rotation: int) -> None:
        """Fill one window (T, F)."""
        raise NotImplementedError


def _rescale(window: np.ndarray) -> None:
    low, high = window.min(), window.max()
    if low != 0 and high != 0 and low < high:
        window -= low
        window /= high - low
    else:
        np.clip(window, 0, 1, out=window)
