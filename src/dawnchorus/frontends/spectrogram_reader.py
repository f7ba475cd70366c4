"""Reading shards of spectrograms.

* `open_shards`: several shard files as one `Spectrograms` or `Chunks`, by their layout.
* `Spectrograms`: frames by recording, as views of memory-mapped files.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dawnchorus.frontends.cell_statistics import Cells
from dawnchorus.frontends.chunk_reader import Chunks
from dawnchorus.frontends.shard_layout import Layout, read_layout
from dawnchorus.frontends.shard_recordings import Recordings


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
        """Return the time of a recording's first stored frame, in seconds from its beginning."""
        shard, _, _, index = self._place(identifier)
        return float(self._tables[shard]["onsets"][index])

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
    for layout in layouts[1:]:
        if layout.settings != layouts[0].settings:
            raise ValueError(
                f"{layout.path} has other frontend settings than {layouts[0].path} "
                f"({_difference(layouts[0].settings, layout.settings)}); make both with one frontend"
            )
    return (Chunks if layouts[0].name == "chunks" else Spectrograms)(layouts)


def _difference(first: dict, other: dict) -> str:
    keys = [key for key in sorted({*first, *other}) if first.get(key) != other.get(key)]
    keys.sort(key=lambda key: key != "kind")  # the kind says most
    return ", ".join(f"{key}: {other.get(key)!r} for {first.get(key)!r}" for key in keys[:5])
