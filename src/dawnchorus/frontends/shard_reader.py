"""Reading shards of spectrograms: recordings of several files, found by name.

Rows are views of memory-mapped files, so that a training reads what it needs and no more.

* `open_shards`: shard files as one `Spectrograms` or `Chunks`, by their layout.
* `Spectrograms`: frames by recording.
* `Chunks`: pictures by recording.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from dawnchorus.frontends.cell_statistics import Cells
from dawnchorus.frontends.shard_layout import Layout, map_rows, read_layout


class Recordings:
    """Recordings of several shards of one layout.

    Attributes
    ----------
    layout : str
        ``frames`` or ``chunks``.
    ids : list of str
        Recordings, in the order of the shards and of their tables.
    settings : dict
        Frontend settings, the same for all shards.
    frames_per_second : float
        Frames (columns of a chunk) per second.
    """

    layout = ""

    def __init__(self, layouts: Sequence[Layout]):
        self._paths = [layout.path for layout in layouts]
        self.settings = layouts[0].settings
        self.frames_per_second = layouts[0].frames_per_second
        self._tables = [layout.tables for layout in layouts]
        # shard, first row, the one after the last, index in the shard
        self._places: dict[str, tuple[int, int, int, int]] = {}
        self._shards: list[np.ndarray] = [map_rows(layout) for layout in layouts]
        for shard, layout in enumerate(layouts):
            offsets = layout.offsets.tolist()
            for index, identifier in enumerate(layout.ids):
                if identifier in self._places:
                    other = self._paths[self._places[identifier][0]]
                    raise ValueError(
                        f"recording {identifier!r} is both in {other} and in {layout.path}"
                    )
                self._places[identifier] = (shard, offsets[index], offsets[index + 1], index)
        self.ids = list(self._places)

    @classmethod
    def from_paths(cls, paths: Sequence[str | Path]) -> Self:
        """Open files that were checked before, as `open_shards` does."""
        return cls([read_layout(path) for path in paths])

    def __reduce__(self):
        # A copy in another process opens the files again; the rows themselves are never sent.
        return type(self).from_paths, (self._paths,)

    def __contains__(self, identifier: str) -> bool:
        return identifier in self._places

    def rows(self, identifier: str) -> int:
        """Return how many rows (frames, or chunks) a recording has."""
        _, first, last, _ = self._place(identifier)
        return last - first

    def _rows(self, identifier: str) -> np.ndarray:
        shard, first, last, _ = self._place(identifier)
        return self._shards[shard][first:last]

    def _place(self, identifier: str) -> tuple[int, int, int, int]:
        try:
            return self._places[identifier]
        except KeyError:
            raise ValueError(
                f"recording {identifier!r} is not in the {len(self._paths)} spectrogram shards from "
                f"{self._paths[0]} on; was it excluded?"
            ) from None


class Spectrograms(Recordings):
    """Spectrograms of several shards: see `Recordings`, and ``n_bands``, which is F."""

    layout = "frames"

    def __init__(self, layouts: Sequence[Layout]):
        super().__init__(layouts)
        self.n_bands = layouts[0].shape[1]

    def frames(self, identifier: str) -> np.ndarray:
        """Return the frames of a recording: (T, F) float32, a read-only view of the file."""
        return self._rows(identifier)

    def onset_s(self, identifier: str) -> float:
        """Return the time of a recording's first stored frame, in seconds from its start."""
        shard, _, _, index = self._place(identifier)
        return float(self._tables[shard]["onsets"][index])

    def signal(self, identifier: str) -> np.ndarray | None:
        """Return which frames of a recording hold signal, (T,) bool, or None where none is known."""
        shard, first, last, _ = self._place(identifier)
        found = self._tables[shard].get("signal")
        return None if found is None else found[first:last].astype(bool)

    def cells(self, identifier: str) -> Cells | None:
        """Return the cell statistics of a recording, or None where its kind has none."""
        shard, _, _, index = self._place(identifier)
        tables = self._tables[shard]
        if "cell_offsets" not in tables:
            return None
        first, last = tables["cell_offsets"][index : index + 2]
        return Cells(
            mean=tables["cell_mean"][first:last],
            peak=tables["cell_peak"][first:last],
            band_mean=tables["band_mean"][index],
            band_std=tables["band_std"][index],
        )


class Chunks(Recordings):
    """Chunks of several shards: see `Recordings`.

    Attributes
    ----------
    n_bands, n_frames : int
        F and T of a picture.
    dtype : numpy.dtype
        uint8 (0..1 as 0..255) or float32.
    """

    layout = "chunks"

    def __init__(self, layouts: Sequence[Layout]):
        super().__init__(layouts)
        _, self.n_bands, self.n_frames = layouts[0].shape
        self.dtype = layouts[0].dtype

    def images(self, identifier: str) -> np.ndarray:
        """Return the chunks of a recording: (n, F, T), a read-only view of the file, n above 0."""
        return self._rows(identifier)

    def onsets_s(self, identifier: str) -> np.ndarray:
        """Return the onset of each chunk, in seconds from the recording's start: (n,) float64."""
        return self._column(identifier, "onset")

    def lengths_s(self, identifier: str) -> np.ndarray:
        """Return how much sound each chunk holds, in seconds, without padding: (n,) float64."""
        return self._column(identifier, "length")

    def scores(self, identifier: str) -> np.ndarray:
        """Return the share of signal in each chunk (`signal_share`): (n,) float32, 0 to 1."""
        return self._column(identifier, "score")

    def _column(self, identifier: str, name: str) -> np.ndarray:
        shard, first, last, _ = self._place(identifier)
        return self._tables[shard][name][first:last]


def open_shards(paths: Sequence[str | Path]) -> Spectrograms | Chunks:
    """Open shard files for reading.

    Parameters
    ----------
    paths : sequence of path
        Files as `dawnchorus.frontends.shards.write_shard` made them, at least one.

    Returns
    -------
    Spectrograms or Chunks
        By the layout of the files: ``frames`` or ``chunks``.

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
    first = layouts[0]
    for other in layouts[1:]:
        if other.settings == first.settings:
            continue
        keys = {*first.settings, *other.settings}
        keys = [key for key in keys if first.settings.get(key) != other.settings.get(key)]
        keys.sort(key=lambda key: (key != "kind", key))  # the kind explains most other differences
        difference = ", ".join(
            f"{key}: {other.settings.get(key)!r} for {first.settings.get(key)!r}"
            for key in keys[:5]
        )
        raise ValueError(
            f"{other.path} has other frontend settings than {first.path} ({difference}); "
            "make both with one frontend"
        )
    return (Chunks if first.name == "chunks" else Spectrograms)(layouts)
