"""Windows filled with the frames of a recording that ends within them.

* `fill_looped`: the recording goes on at its start (grill2017).
* `fill_padded`: the rest is NaN (serizel2018).
"""

import numpy as np


def fill_looped(out: np.ndarray, frames: np.ndarray, start: int, rotation: int) -> None:
    """Fill a window with frames of a recording, from its start again where it ends.

    Parameters
    ----------
    out : array, shape (window, F)
        Filled in place.
    frames : array, shape (T, F)
        Spectrogram of the recording, T above 0.
    start : int
        Frame of the recording at which the window begins.
    rotation : int
        Frames by which the finished window is shifted circularly, as `numpy.roll` along time.
    """
    # slices, not single rows: a window of a 700-frame recording is two to four of them
    window, n_frames = len(out), len(frames)
    shift = rotation % window
    for place, end, frame in ((shift, window, start), (0, shift, start + window - shift)):
        while place < end:
            frame %= n_frames
            n = min(end - place, n_frames - frame)
            out[place : place + n] = frames[frame : frame + n]
            place, frame = place + n, frame + n


def fill_padded(out: np.ndarray, frames: np.ndarray, start: int, rotation: int) -> None:
    """Fill a window with frames of a recording, NaN behind the recording's end.

    Parameters are those of `fill_looped`; ``out`` is of a type that has NaN.

    Raises
    ------
    ValueError
        For a window that begins outside of its recording.
    """
    if not 0 <= start < len(frames):
        raise ValueError(
            f"received a window that begins at frame {start} of {len(frames)}; expected one of them"
        )
    # two slices: the rotation carries what lies behind the window's end to its start
    shift = rotation % len(out)
    sound = frames[start : start + len(out)]
    n_before = min(len(sound), len(out) - shift)
    out[:] = np.nan
    out[shift : shift + n_before] = sound[:n_before]
    out[: len(sound) - n_before] = sound[n_before:]
