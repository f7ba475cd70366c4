"""Pictures that the frontend has cut already (kahl2018).

* `Windows`: a `dawnchorus.segments.window_source.Source` of kind ``chunks``.

A place is the number of a chunk in its recording.
"""

from collections.abc import Mapping

import numpy as np

from dawnchorus.segments.window_source import Source


class Windows(Source):
    """Chunks as the frontend stored them; 8-bit pictures become 0..1.

    Pictures are stored as (F, T), first row on top, and windows are (T, F): a window's first band is
    a picture's first row, also where that is the highest.
    """

    kind = "chunks"
    layout = "chunks"

    def __init__(self, readers: Mapping, settings: Mapping, window: int):
        super().__init__(readers, settings, window)
        reader = next(iter(self._readers.values()))
        self.shape = (reader.n_frames, reader.n_bands)

    def windows_of(self, recording: tuple[str, str]) -> tuple:
        """Return place, onset, offset, score and length of a recording's windows, as arrays."""
        corpus, identifier = recording
        reader = self._reader(corpus)
        onsets_s, lengths_s = reader.onsets_s(identifier), reader.lengths_s(identifier)
        scores = reader.scores(identifier)
        return np.arange(len(onsets_s)), onsets_s, onsets_s + lengths_s, scores, lengths_s

    def fill_window(
        self, out: np.ndarray, recording: tuple[str, str], place: int, rotation: int
    ) -> None:
        """Fill one window (T, F), shifted circularly by ``rotation`` frames."""
        corpus, identifier = recording
        image = self._reader(corpus).images(identifier)[place]
        first = rotation % len(out)
        # casting while transposing, then one pass of division: twice as fast as both at once
        out[first:] = image.T[: len(out) - first]
        out[:first] = image.T[len(out) - first :]
        if image.dtype == np.uint8:
            out /= np.float32(255)
