"""Windows in fixed steps, looped (system 000) or padded (system 004) where the recording ends.

* `Windows`: a `dawnchorus.segments.source.Source` of kind ``windows``.

A place is the first frame of a window; see `dawnchorus.frontends.window_grid.window_starts`.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from dawnchorus.frontends import window_grid
from dawnchorus.segments.source import Source


class Windows(Source):
    """Windows that begin every ``window`` frames.

    With ``padding: loop`` the last one goes on at the recording's beginning; with ``zeros`` it is NaN
    from the recording's end on. One of whose frames at most ``min_fill`` are sound is left out, but
    never a recording's only one.
    """

    kind = "windows"

    def __init__(self, readers: Mapping, settings: Mapping, window: int):
        super().__init__(readers, settings, window)
        self._padding = settings.get("padding", "loop")
        self._min_fill = settings.get("min_fill", 0.0)
        window_grid.filling(self._padding)  # refused before the first batch

    def frames(self, recording: tuple[str, str]) -> np.ndarray:
        """Return the frames (T, F) of a recording."""
        corpus, identifier = recording
        return self._reader(corpus).frames(identifier)

    def into(
        self,
        out: np.ndarray,
        recordings: Sequence[tuple[str, str]],
        places: Sequence[int],
        rotations: Sequence[int] | None = None,
    ) -> None:
        """Fill a batch (B, T, F); see `dawnchorus.segments.source.Source.into`."""
        window_grid.windows_into(out, self, recordings, places, rotations, self._padding)

    def _windows(self, recording: tuple[str, str]) -> tuple:
        corpus, identifier = recording
        reader = self._reader(corpus)
        n_frames = reader.rows(identifier)
        starts = np.array(window_grid.window_starts(n_frames, self.shape[0], self._min_fill))
        ends = np.minimum(starts + self.shape[0], n_frames)
        onset_s, rate = reader.onset_s(identifier), reader.frames_per_second
        return (
            starts,
            onset_s + starts / rate,
            onset_s + ends / rate,
            np.ones(len(starts)),
            (ends - starts) / rate,
        )
