"""Fixed windows over recordings of any length.

Where a recording ends within a window, the window goes on at the recording's beginning (``loop``): a
700-frame recording fills a window of 1000 frames with frames 0-699 and then 0-299. Or the rest of it is
padding (``zeros``), which stands as NaN: only behind the standardisation of a model can it be zero,
that is, the mean of the training windows.

* `window_starts`: where the windows of a recording begin.
* `looped`, `padded`: one window.
* `windows_into`: a batch of windows.
"""

from collections.abc import Callable, Sequence

import numpy as np

from dawnchorus.frontends.spectrogram_reader import Spectrograms


def window_starts(n_frames: int, window: int, min_fill: float = 0.0) -> list[int]:
    """Return the first frames of a recording's windows: 0, ``window``, ... below ``n_frames``.

    Parameters
    ----------
    n_frames, window : int
        Length of the recording and of a window in frames.
    min_fill : float, optional
        0 to below 1: a last window of whose frames the recording fills at most this share is left
        out, unless it is the only one. With 0.1 (system 004) 501 frames are one window of 500.

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
    return _window(_loop_into, frames, start, window, rotation)


def padded(frames: np.ndarray, start: int, window: int, rotation: int = 0) -> np.ndarray:
    """Return one window of a recording, NaN behind the recording's end.

    Parameters and result are those of `looped`; ``start`` is to be a frame of the recording, and
    ``frames`` of a type that has NaN.
    """
    return _window(_pad_into, frames, start, window, rotation)


def windows_into(
    out: np.ndarray,
    spectrograms: Spectrograms,
    ids: Sequence[str],
    starts: Sequence[int],
    rotations: Sequence[int] | None = None,
    padding: str = "loop",
) -> None:
    """Fill a batch with windows, each as `looped` or `padded` would return it.

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
    padding : str, optional
        ``loop`` or ``zeros``.

    Raises
    ------
    ValueError
        For lengths that differ, an unknown padding, or a window to pad that begins outside of its
        recording.
    """
    fill = filling(padding)
    rotations = [0] * len(ids) if rotations is None else rotations
    if not len(out) == len(ids) == len(starts) == len(rotations):
        raise ValueError(
            f"received {len(out)} places for {len(ids)} ids, {len(starts)} starts and "
            f"{len(rotations)} rotations; expected equally many"
        )
    for place, identifier, start, rotation in zip(out, ids, starts, rotations, strict=True):
        fill(place, spectrograms.frames(identifier), int(start), int(rotation))


def filling(padding: str) -> Callable:
    """Return what fills a window under a ``padding``; refuse one that there is not."""
    if padding not in _FILLING:
        raise ValueError(f"received padding={padding!r}; expected {' or '.join(_FILLING)}")
    return _FILLING[padding]


def _window(fill: Callable, frames: np.ndarray, start: int, window: int, rotation: int):
    if len(frames) == 0:
        raise ValueError("received a spectrogram without frames; a window needs at least one")
    out = np.empty((window, frames.shape[1]), frames.dtype)
    fill(out, frames, start, rotation)
    return out


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


def _pad_into(out: np.ndarray, frames: np.ndarray, start: int, rotation: int) -> None:
    """Copy what there is in two slices, parted where the rotation takes it over the window's end."""
    if not 0 <= start < len(frames):
        raise ValueError(
            f"received a window that begins at frame {start} of {len(frames)}; expected one of them"
        )
    shift = rotation % len(out)
    sound = frames[start : start + len(out)]
    n_before = min(len(sound), len(out) - shift)
    out[:] = np.nan
    out[shift : shift + n_before] = sound[:n_before]
    out[: len(sound) - n_before] = sound[n_before:]


_FILLING = {"loop": _loop_into, "zeros": _pad_into}
