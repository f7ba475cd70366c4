"""Windows of the recordings of several corpora: what of a recording a model sees at once.

A recording's spectrogram is cut into windows (T frames, F bands), by one of four kinds: ``windows``
(fixed steps, wrapped around the recording's end), ``cells`` (toth2016: the columns with signal,
moved together, in pieces), ``time`` (dsr2019: slices of the frames with signal, which overlap) and
``chunks`` (pictures that the frontend has cut already). Training and
prediction read the same `Source`. A recording is a pair (corpus, id); batches are (B, T, F), and
times are seconds from the recording's start.

The kinds are the modules of `dawnchorus.segments.kinds`. Each has a class ``Windows``, a subclass of
`Source` that defines ``windows_of`` and ``fill_window``.

* `Index`: the windows of some recordings, as arrays: where each is, its time, its score.
* `open_source`: a source from shard files.
* `source_from_readers`: the same from readers that are open.
* `Source`: what all kinds have in common.
* `concatenate`: the index of recordings one after another.
"""

import dataclasses
import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from dawnchorus.segments import kinds


@dataclasses.dataclass(frozen=True, eq=False)
class Index:
    """Windows of some recordings, W of them.

    Attributes
    ----------
    recording : array, shape (W,), int64
        Position in the list of recordings that was asked about.
    place : array, shape (W,), int64
        Where in the recording; what it counts is known to the source alone.
    onset_s, offset_s : array, shape (W,), float64
        Onset and offset of the sound in the window, in seconds of the recording: padding, and
        what is repeated from the recording's beginning, are not in it.
    score : array, shape (W,), float32
        Share of signal in [0, 1]; 1 where a source does not judge it.
    length_s : array, shape (W,), float64
        Sound in the window, in seconds, without padding and repetition. Less than from onset to
        offset where columns were left out.
    """

    recording: np.ndarray
    place: np.ndarray
    onset_s: np.ndarray
    offset_s: np.ndarray
    score: np.ndarray
    length_s: np.ndarray

    def __len__(self) -> int:
        return len(self.recording)

    def take(self, rows: np.ndarray) -> "Index":
        """Return the windows of some rows, in their order; a row may come again."""
        rows = np.asarray(rows, np.int64)
        fields = (getattr(self, field.name) for field in dataclasses.fields(self))
        return Index(*(values[rows] for values in fields))


def concatenate(parts: Sequence[tuple]) -> Index:
    """Return the index of recordings, one after another.

    Parameters
    ----------
    parts : sequence of tuple
        For each recording the arrays ``place``, ``onset_s``, ``offset_s``, ``score`` and
        ``length_s`` of its windows.
    """
    counts = [len(part[0]) for part in parts]
    recording = np.repeat(np.arange(len(parts), dtype=np.int64), counts)
    # given here, since without recordings there is no column to take them from
    types = (np.int64, np.float64, np.float64, np.float32, np.float64)
    columns = zip(*parts, strict=True) if parts else [()] * len(types)
    return Index(
        recording,
        *(
            np.concatenate([np.asarray(values, kind) for values in column] or [np.empty(0, kind)])
            for column, kind in zip(columns, types, strict=True)
        ),
    )


class Source:
    """Windows of the recordings of several corpora; the kinds are subclasses.

    Parameters
    ----------
    readers : mapping of corpus to reader
        As `dawnchorus.frontends.shard_reader.open_shards` returns them, all of one frontend.
    settings : mapping
        The ``segments`` section of a stage.
    window : int
        Frames of a window, where the kind leaves a choice.

    Attributes
    ----------
    shape : tuple of int
        (T, F) of every window.
    is_served : bool
        Whether models are applied, as a page that serves them does, and not trained or validated.
    """

    kind: ClassVar[str]
    layout: ClassVar[str] = "frames"  # of the files that the kind reads

    def __init__(self, readers: Mapping, settings: Mapping, window: int):
        self._readers = dict(readers)
        self.is_served = False
        self.settings = settings
        self.shape: tuple[int, int] = (window, next(iter(self._readers.values())).n_bands)

    @property
    def frontend(self) -> Mapping:
        """Settings of the frontend, the same for all corpora."""
        return next(iter(self._readers.values())).settings

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
        parts = [self.windows_of(recording) for recording in recordings]
        most = self.settings["max_per_recording"] if prediction else None
        return concatenate([tuple(values[:most] for values in part) for part in parts])

    def validation_index(self, recordings: Sequence[tuple[str, str]]) -> Index:
        """Return the windows of some recordings that choose an epoch: those that are scored."""
        return self.index(recordings, prediction=True)

    def noise_index(self, recordings: Sequence[tuple[str, str]], index: Index) -> Index:
        """Return the windows that may be kept as noise, of which ``index`` has those of `index`."""
        return index

    def fill(
        self,
        out: np.ndarray,
        recordings: Sequence[tuple[str, str]],
        places: Sequence[int],
        rotations: Sequence[int] | None = None,
    ) -> None:
        """Fill a batch with windows as they are stored; `scale` follows.

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
            self.fill_window(window, recording, int(place), int(rotation))

    def scale(self, out: np.ndarray) -> None:
        """Scale windows (B, T, F) to the range that the model wants, in place.

        It comes last, after augmentation, and in prediction too. ``rescale`` is the rule of kahl2018:
        a window whose least and greatest values are both not zero is stretched to 0..1, any other is
        clipped to it; so is one that is the same everywhere, which cannot be stretched.
        ``min_max`` is the rule of dsr2019: a window less its least value, divided by what is then the
        greatest; with ``training`` models are applied without it, as its page did. ``zero_centre``
        makes 0..1 to -1..1.
        """
        min_max = self.settings.get("min_max", "never")
        if min_max == "always" or (min_max == "training" and not self.is_served):
            for window in out:
                window -= window.min()
                if (high := window.max()) > 0:
                    window /= high
        if self.settings["rescale"]:
            for window in out:
                # each window by itself: kahl2018 scales every picture so
                low, high = window.min(), window.max()
                if low != 0 and high != 0 and low < high:
                    window -= low
                    window /= high - low
                else:
                    np.clip(window, 0, 1, out=window)
        if self.settings["zero_centre"]:
            out *= 2
            out -= 1

    def batch(self, recordings: Sequence[tuple[str, str]], index: Index) -> np.ndarray:
        """Return the windows of an index, scaled: (W, T, F) float32.

        ``recordings`` are those that ``index.recording`` counts.
        """
        out = np.empty((len(index), *self.shape), np.float32)
        self.fill(out, [recordings[number] for number in index.recording], index.place)
        self.scale(out)
        return out

    def _reader(self, corpus: str):
        try:
            return self._readers[corpus]
        except KeyError:
            raise ValueError(
                f"corpus {corpus!r} has no spectrogram shard here, only "
                f"{', '.join(self._readers)} have; give its shards too"
            ) from None

    def windows_of(self, recording: tuple[str, str]) -> tuple:
        """Return place, onset, offset, score and length of a recording's windows, as arrays."""
        raise NotImplementedError

    def fill_window(
        self, out: np.ndarray, recording: tuple[str, str], place: int, rotation: int
    ) -> None:
        """Fill one window (T, F), shifted circularly by ``rotation`` frames."""
        raise NotImplementedError


def open_source(
    shards: Mapping[str, Sequence[str | Path]], settings: Mapping, window: int
) -> Source:
    """Open the spectrogram shards of some corpora as a source of windows.

    Parameters
    ----------
    shards : mapping of corpus to paths
        Files of one frontend.
    settings : mapping
        The ``segments`` section of a stage: ``kind`` (``windows``, ``cells``, ``time``, ``chunks``) and
        the rules of the kinds.
    window : int
        Frames of a window; of no effect for ``chunks``, whose length is the frontend's.

    Raises
    ------
    ValueError
        For an unknown kind, a kind that the files' layout does not serve, and corpora that differ
        in their bands.
    FileNotFoundError
        For a file that is not there.
    """
    # imported here: windows of an exported model come from no shard, and need no HDF5
    from dawnchorus.frontends import shard_reader

    readers = {corpus: shard_reader.open_shards(paths) for corpus, paths in shards.items()}
    return source_from_readers(readers, settings, window)


def source_from_readers(readers: Mapping, settings: Mapping, window: int) -> Source:
    """Return a source of windows over open readers; see `open_source`.

    ``readers`` maps a corpus to what `dawnchorus.frontends.shard_reader.open_shards` returned
    for it.
    """
    kind = settings["kind"]
    # by the names of the files: a new kind is a new file, and no list is to be changed
    known = sorted(module.name for module in pkgutil.iter_modules(kinds.__path__))
    if kind not in known:
        raise ValueError(f"segments kind={kind!r} is not known; expected {', '.join(known)}")
    if not readers:
        raise ValueError("received no corpus; segments are cut from the shards of one or more")
    chosen = _kind(kind)
    for corpus, reader in readers.items():
        if reader.layout != chosen.layout:
            fitting = " or ".join(k for k in known if _kind(k).layout == reader.layout)
            raise ValueError(
                f"segments kind={kind!r} needs spectrograms of layout {chosen.layout!r}, those of "
                f"corpus {corpus!r} have {reader.layout!r}; choose kind {fitting}, or another frontend"
            )
    sizes = {
        corpus: (reader.n_bands, getattr(reader, "n_frames", None))
        for corpus, reader in readers.items()
    }
    first, *others = sizes
    for corpus in others:
        if sizes[corpus] != sizes[first]:
            raise ValueError(
                f"spectrograms of corpus {corpus!r} have (bands, frames) {sizes[corpus]}, those of "
                f"{first!r} {sizes[first]}; a model needs one frontend for all of its corpora"
            )
    return chosen(readers, settings, window)


def _kind(name: str) -> type[Source]:
    return importlib.import_module(f"dawnchorus.segments.kinds.{name}").Windows
