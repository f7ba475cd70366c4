"""Windows in fixed steps, looped (grill2017) or padded (serizel2018) where the recording ends.

With ``loop`` the window goes on at the recording's start: a 700-frame recording fills a window of 1000
frames with frames 0-699 and then 0-299. With ``zeros`` the rest of it is padding, which stands as NaN:
only behind the standardisation of a model can it be zero, that is, the mean of the training windows.

* `Windows`: a `dawnchorus.segments.window_source.Source` of kind ``windows``.
* `window_starts`: where the windows of a recording begin.

A place is the first frame of a window.
"""

from collections.abc import Mapping

import numpy as np

from dawnchorus.segments.frame_fill import fill_looped, fill_padded
from dawnchorus.segments.window_source import Source


class Windows(Source):
    """Windows that begin every ``window`` frames.

    With ``padding: loop`` the last one goes on at the recording's start; with ``zeros`` it is NaN
    from the recording's end on. One of whose frames at most ``min_fill`` are sound is left out, but
    never a recording's only one.
    """

    kind = "windows"

    def __init__(self, readers: Mapping, settings: Mapping, window: int):
        super().__init__(readers, settings, window)
        padding = settings.get("padding", "loop")
        fillers = {"loop": fill_looped, "zeros": fill_padded}
        if padding not in fillers:
            raise ValueError(f"received padding={padding!r}; expected {' or '.join(fillers)}")
        self._filler = fillers[padding]
        self._min_fill = settings.get("min_fill", 0.0)

    def windows_of(self, recording: tuple[str, str]) -> tuple:
        """Return place, onset, offset, score and length of a recording's windows, as arrays."""
        corpus, identifier = recording
        reader = self._reader(corpus)
        n_frames = reader.rows(identifier)
        starts = np.array(window_starts(n_frames, self.shape[0], self._min_fill))
        ends = np.minimum(starts + self.shape[0], n_frames)
        onset_s, rate = reader.onset_s(identifier), reader.frames_per_second
        return (
            starts,
            onset_s + starts / rate,
            onset_s + ends / rate,
            np.ones(len(starts)),
            (ends - starts) / rate,
        )

    def fill_window(
        self, out: np.ndarray, recording: tuple[str, str], place: int, rotation: int
    ) -> None:
        """Fill one window (T, F), shifted circularly by ``rotation`` frames."""
        corpus, identifier = recording
        self._filler(out, self._reader(corpus).frames(identifier), place, rotation)


def window_starts(n_frames: int, window: int, min_fill: float = 0.0) -> list[int]:
    """Return the first frames of a recording's windows: 0, ``window``, ... below ``n_frames``.

    Parameters
    ----------
    n_frames, window : int
        Length of the recording and of a window in frames.
    min_fill : float, optional
        0 to below 1: a last window of whose frames the recording fills at most this share is left
        out, unless it is the only one. With 0.1 (serizel2018) 501 frames are one window of 500.

    Raises
    ------
    ValueError
        For a length below 1, or a share that is out of range.
    """
    if n_frames < 1 or window < 1:
        raise ValueError(
            f"received n_frames={n_frames} and window={window}; expected at least 1 frame of each"
        )
    if not 0 <= min_fill < 1:
        raise ValueError(f"received min_fill={min_fill!r}; expected a share from 0 to below 1")
    starts = list(range(0, n_frames, window))
    if len(starts) > 1 and n_frames - starts[-1] <= min_fill * window:
        starts.pop()
    return starts
