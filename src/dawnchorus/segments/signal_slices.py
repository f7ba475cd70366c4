"""Frames with signal to slices, by the rules of dsr2019.

* `widened`: frames near signal are signal too.
* `slice_starts`: where slices begin.
* `loudest_start`: where the window with the greatest energy begins.
* `stretches`: what a slice is made of.
"""

import numpy as np

_FRAMES_HELD = 16384  # frames read at once; 17 MB of 256 bands


def widened(is_signal: np.ndarray, reach: int) -> np.ndarray:
    """Return frames with signal, dilated by a line of ``reach`` frames: (T,) bool.

    The line is centred; of an even number the longer side is behind.
    """
    if not len(is_signal):
        return is_signal
    before = (reach - 1) // 2
    counts = np.cumsum(np.pad(is_signal.astype(np.int64), (reach, reach)))
    places = np.arange(len(is_signal)) + reach + reach - 1 - before
    found: np.ndarray = counts[places] - counts[places - reach] > 0
    return found


def slice_starts(n_frames: int, window: int, step: float) -> np.ndarray:
    """Return the first frames of whole slices, every ``step`` frames, rounded; none in fewer frames.

    Of 5 s at 22.05 kHz with hop 512, 2.5 s are 107.67 frames: slices begin at 0, 108, 215, 323, ...
    """
    count = max(0, int((n_frames - window) / step) + 2)
    starts = np.rint(np.arange(count) * step).astype(np.int64)
    return starts[starts + window <= n_frames]


def loudest_start(frames, window: int) -> int:
    """Return where the window with the greatest sum of all values begins, the first of equal ones."""
    n = len(frames)
    sums = np.concatenate(
        [frames[a : min(a + _FRAMES_HELD, n)].sum(axis=1, dtype=np.float64)
         for a in range(0, n, _FRAMES_HELD)]
    )  # fmt: skip
    if n <= window:
        return 0
    total = np.cumsum(np.concatenate([[0.0], sums]))
    return int(np.argmax(total[window:] - total[:-window]))


def stretches(columns: np.ndarray) -> np.ndarray:
    """Return the first frame and the one behind the last of each run of neighbours: (n, 2)."""
    breaks = np.flatnonzero(np.diff(columns) > 1)
    firsts = columns[np.concatenate([[0], breaks + 1])]
    return np.column_stack([firsts, columns[np.concatenate([breaks, [len(columns) - 1]])] + 1])
