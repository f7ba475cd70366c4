"""Fixed windows over recordings of any length.

A window that reaches past the end of its recording goes on at the recording's beginning, so a
700-frame recording fills a window of 1000 frames with frames 0-699 and then 0-299.

* `window_starts`: where the windows of a recording begin.
* `looped`: one window.
* `windows_into`: a batch of windows.
"""

from collections.abc import Sequence

import numpy as np

from dawnchorus.frontends.reader import Spectrograms


def window_starts(n_frames: int, window: int) -> list[int]:
    """Return the first frames of a recording's windows: 0, ``window``, ... below ``n_frames``."""
    if n_frames < 1 or window < 1:
        raise ValueError(
            f"received n_frames={n_frames} and window={window}; expected at least 1 frame of each"
        )
    return list(range(0, n_frames, window))


def looped(frames: np.ndarray, start: int, window: int, rotation: int = 0) -> np.ndarray:
    """Return one window of a recording, wrapped around the recording's end.

    Parameters
    ----------
    frames : array, shape (T, F)
        Spectrogram of the recording.
    start : int
        Frame of the recording at which the window begins.
    window : int
        Length of the window in frames.
    rotation : int, optional
        Frames by which the finished window is shifted circularly, as `numpy.roll` along time.

    Returns
    -------
    array, shape (window, F)
    """
    if len(frames) == 0:
        raise ValueError("received a spectrogram without frames; a window needs at least one")
    out = np.empty((window, frames.shape[1]), frames.dtype)
    _loop_into(out, frames, start, rotation)
    return out


def windows_into(
    out: np.ndarray,
    spectrograms: Spectrograms,
    ids: Sequence[str],
    starts: Sequence[int],
    rotations: Sequence[int] | None = None,
) -> None:
    """Fill a batch with windows, each as `looped` would return it.

    Parameters
    ----------
    out : array, shape (B, window, F), float32
        Filled in place: a training keeps one buffer and allocates nothing per step.
    spectrograms : Spectrograms
        Where the recordings are.
    ids : sequence of str, length B
        Recordings.
    starts : sequence of int, length B
        First frames.
    rotations : sequence of int, length B, optional
        Circular shifts in frames; none where left out.
    """
    rotations = [0] * len(ids) if rotations is None else rotations
    if not len(out) == len(ids) == len(starts) == len(rotations):
        raise ValueError(
            f"received {len(out)} places for {len(ids)} ids, {len(starts)} starts and "
            f"{len(rotations)} rotations; expected equally many"
        )
    for place, identifier, start, rotation in zip(out, ids, starts, rotations, strict=True):
        _loop_into(place, spectrograms.frames(identifier), int(start), int(rotation))


def _loop_into(out: np.ndarray, frames: np.ndarray, start: int, rotation: int) -> None:
    """Copy slices, not single rows: a window of a 700-frame recording is two to four of them."""
    window, n_frames = len(out), len(frames)
    shift = rotation % window
    for place, end, frame in ((shift, window, start), (0, shift, start + window - shift)):
        while place < end:
            frame %= n_frames
            n = min(end - place, n_frames - frame)
            out[place : place + n] = frames[frame : frame + n]
            place, frame = place + n, frame + n
