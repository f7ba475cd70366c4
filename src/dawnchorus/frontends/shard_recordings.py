"""Recordings of several shard files, found by name.

* `Recordings`: what the readers of both layouts have in common.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from dawnchorus.frontends.shard_layout import Layout, mapped, read_layout


class Recordings:
    """Recordings of several shards of one layout, memory-mapped.

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
        self._shards: list[np.ndarray] = [mapped(layout) for layout in layouts]
        for shard, layout in enumerate(layouts):
            self._add(shard, layout)
        self.ids = list(self._places)

    @classmethod
    def opened(cls, paths: Sequence[str | Path]) -> Self:
        """Open files that were judged before, as `spectrogram_reader.open_shards` does."""
        return cls([read_layout(path) for path in paths])

    def __reduce__(self):
        # A copy in another process opens the files again; the rows themselves are never sent.
        return type(self).opened, (self._paths,)

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

    def _add(self, shard: int, layout: Layout) -> None:
        offsets = layout.offsets.tolist()
        for index, identifier in enumerate(layout.ids):
            if identifier in self._places:
                other = self._paths[self._places[identifier][0]]
                raise ValueError(
                    f"recording {identifier!r} is both in {other} and in {layout.path}"
                )
            self._places[identifier] = (shard, offsets[index], offsets[index + 1], index)
