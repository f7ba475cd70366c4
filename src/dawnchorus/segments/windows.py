"""Windows in fixed steps, wrapped around the recording's end (system 000).

* `LoopedWindows`: a `dawnchorus.segments.Source` of kind ``windows``.

A place is the first frame of a window; see `dawnchorus.frontends.window_starts`.
"""

from collections.abc import Sequence

import numpy as np

from dawnchorus import frontends
from dawnchorus.segments.source import Source


class LoopedWindows(Source):
    """Windows that begin every ``window`` frames; the last goes on at the recording's beginning."""

    kind = "windows"

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
        """Fill a batch (B, T, F); see `dawnchorus.segments.Source.into`."""
        frontends.windows_into(out, self, recordings, places, rotations)

    def _windows(self, recording: tuple[str, str]) -> tuple:
        corpus, identifier = recording
        reader = self._reader(corpus)
        n_frames = reader.rows(identifier)
        starts = np.array(frontends.window_starts(n_frames, self.shape[0]))
        ends = np.minimum(starts + self.shape[0], n_frames)
        onset_s, rate = reader.onset_s(identifier), reader.frames_per_second
        return (
            starts,
            onset_s + starts / rate,
            onset_s + ends / rate,
            np.ones(len(starts)),
            (ends - starts) / rate,
        )
