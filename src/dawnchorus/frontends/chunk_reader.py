"""Reading shards of chunks.

* `Chunks`: pictures by recording, as views of memory-mapped files.
"""

from collections.abc import Sequence

import numpy as np

from dawnchorus.frontends.shard_layout import Layout
from dawnchorus.frontends.shard_recordings import Recordings


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
        """Return when each chunk begins, in seconds from the recording's beginning: (n,) float64."""
        return self._column(identifier, "onset")

    def lengths_s(self, identifier: str) -> np.ndarray:
        """Return how much sound each chunk holds, in seconds, without padding: (n,) float64."""
        return self._column(identifier, "length")

    def scores(self, identifier: str) -> np.ndarray:
        """Return the share of signal in each chunk (`signal_score`): (n,) float32, 0 to 1."""
        return self._column(identifier, "score")

    def _column(self, identifier: str, name: str) -> np.ndarray:
        shard, first, last, _ = self._place(identifier)
        return self._tables[shard][name][first:last]
