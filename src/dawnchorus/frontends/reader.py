"""Reading shards of spectrograms.

* `open_shards`: several shard files as one `Spectrograms`.
* `Spectrograms`: frames by recording, as views of memory-mapped files.
* `read_layout`: what one shard file says of itself, judged.
"""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

LAYOUT = "frames"


@dataclasses.dataclass(frozen=True)
class Layout:
    """What a shard file holds: R rows (frames) of F bands from n recordings."""

    path: str
    ids: list[str]
    offsets: np.ndarray  # (n + 1,) int64: rows offsets[i] to offsets[i + 1] are recording i
    onsets_s: np.ndarray  # (n,) float64: time of the first row in the recording
    settings: dict
    frames_per_second: float
    n_bands: int
    first_byte: int  # of the rows in the file


class Spectrograms:
    """Recordings of several shards, memory-mapped.

    Attributes
    ----------
    ids : list of str
        Recordings, in the order of the shards and of their tables.
    n_bands : int
        F.
    settings : dict
        Frontend settings, the same for all shards.
    frames_per_second : float
        Frames per second.
    """

    def __init__(self, layouts: Sequence[Layout]):
        self._paths = [layout.path for layout in layouts]
        self.n_bands = layouts[0].n_bands
        self.settings = layouts[0].settings
        self.frames_per_second = layouts[0].frames_per_second
        self._places: dict[str, tuple[int, int, int, float]] = {}
        self._shards = [_mapped(layout) for layout in layouts]
        for shard, layout in enumerate(layouts):
            self._add(shard, layout)
        self.ids = list(self._places)

    def __reduce__(self):
        # A copy in another process opens the files again; the rows themselves are never sent.
        return open_shards, (self._paths,)

    def __contains__(self, identifier: str) -> bool:
        return identifier in self._places

    def frames(self, identifier: str) -> np.ndarray:
        """Return the frames of a recording: (T, F) float32, a read-only view of the file."""
        shard, first, last, _ = self._place(identifier)
        return self._shards[shard][first:last]

    def rows(self, identifier: str) -> int:
        """Return how many frames a recording has."""
        _, first, last, _ = self._place(identifier)
        return last - first

    def onset_s(self, identifier: str) -> float:
        """Return the time of a recording's first stored frame, in seconds from its beginning."""
        return self._place(identifier)[3]

    def _place(self, identifier: str) -> tuple[int, int, int, float]:
        try:
            return self._places[identifier]
        except KeyError:
            raise ValueError(
                f"recording {identifier!r} is not in the {len(self._paths)} spectrogram shards from "
                f"{self._paths[0]} on; was it excluded?"
            ) from None

    def _add(self, shard: int, layout: Layout) -> None:
        offsets = layout.offsets.tolist()
        onsets = layout.onsets_s.tolist()
        for index, identifier in enumerate(layout.ids):
            if identifier in self._places:
                other = self._paths[self._places[identifier][0]]
                raise ValueError(
                    f"recording {identifier!r} is both in {other} and in {layout.path}"
                )
            place = (shard, offsets[index], offsets[index + 1], onsets[index])
            self._places[identifier] = place


def open_shards(paths: Sequence[str | Path]) -> Spectrograms:
    """Open shard files for reading.

    Parameters
    ----------
    paths : sequence of path
        Files as `dawnchorus.frontends.write_shard` made them, at least one.

    Raises
    ------
    ValueError
        For a file that is not whole, is of another frontend than the first, or holds a recording
        that another holds too.
    FileNotFoundError
        For a file that is not there.
    """
    if not paths:
        raise ValueError("received no spectrogram shard; expected the paths of one or more")
    layouts = [read_layout(path) for path in paths]
    for layout in layouts[1:]:
        if layout.settings != layouts[0].settings:
            raise ValueError(
                f"{layout.path} has other frontend settings than {layouts[0].path} "
                f"({_difference(layouts[0].settings, layout.settings)}); make both with one frontend"
            )
    return Spectrograms(layouts)


def read_layout(path: str | Path) -> Layout:
    """Return what a shard file says of itself.

    Raises
    ------
    ValueError
        Where the file is not HDF5, is cut, was not finished, or contradicts itself.
    FileNotFoundError
        Where it is not there.
    """
    try:
        file = h5py.File(path, "r", locking=False)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(
            f"{path} is not a whole HDF5 file ({error}); delete it and run again"
        ) from None
    with file:
        if file.attrs.get("complete", 0) != 1:
            raise ValueError(f"{path} was not finished (no complete=1); delete it and run again")
        try:
            layout = _layout(path, file)
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise ValueError(
                f"{path} is no spectrogram shard of layout {LAYOUT!r} ({error}); "
                "delete it and run again"
            ) from None
    _check_layout(layout, Path(path).stat().st_size)
    return layout


def _layout(path: str | Path, file: h5py.File) -> Layout:
    if file.attrs["layout"] != LAYOUT:
        raise ValueError(f"layout={file.attrs['layout']!r}")
    # the kind of link comes first: to look behind it would open another file
    is_own = isinstance(file.get("features", getlink=True), h5py.HardLink)
    if not is_own:
        raise ValueError("features is not an array of the file itself")
    features = file["features"]
    is_elsewhere = features.is_virtual or features.external or features.chunks
    if features.dtype != np.float32 or features.ndim != 2 or is_elsewhere:
        raise ValueError("features is not one contiguous float32 array")
    return Layout(
        path=str(path),
        ids=file["ids"].asstr()[:].tolist(),
        offsets=file["offsets"][:],
        onsets_s=file["onsets"][:],
        settings=json.loads(file.attrs["frontend"]),
        frames_per_second=float(file.attrs["frames_per_second"]),
        n_bands=features.shape[1],
        # nothing is stored for an array without rows
        first_byte=features.id.get_offset() if features.shape[0] else 0,
    )


def _check_layout(layout: Layout, size: int) -> None:
    n = len(layout.ids)
    end = layout.first_byte + int(layout.offsets[-1]) * layout.n_bands * 4
    is_sound = (
        len(layout.offsets) == n + 1
        and len(layout.onsets_s) == n
        and layout.offsets[0] == 0
        and bool(np.all(np.diff(layout.offsets) > 0))
        and end <= size
    )
    if not is_sound:
        raise ValueError(
            f"{layout.path} contradicts itself: {n} ids, {len(layout.offsets)} offsets up to "
            f"{int(layout.offsets[-1])}, {size} bytes; delete it and run again"
        )


def _mapped(layout: Layout) -> np.ndarray:
    shape = (int(layout.offsets[-1]), layout.n_bands)
    if shape[0] == 0:
        return np.empty(shape, np.float32)
    rows = np.memmap(layout.path, np.float32, "r", offset=layout.first_byte, shape=shape)
    return np.asarray(rows)  # slices of a plain view are several times cheaper to make


def _difference(first: dict, other: dict) -> str:
    keys = [key for key in sorted({*first, *other}) if first.get(key) != other.get(key)]
    return ", ".join(f"{key}: {other.get(key)!r} for {first.get(key)!r}" for key in keys[:5])
