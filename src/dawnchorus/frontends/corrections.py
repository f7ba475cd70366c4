"""What is done to a log-mel spectrogram before it is stored.

Rows are frames in nats. The functions work on part of a recording at a time where they can, and in
place, so that a recording of hours needs little memory.

* `correct_edges_and_bands`: band attenuation and the offset of the outermost frames.
* `loudness`, `trimmed`: which frames to keep by loudness.
* `denoise`: subtract each band's mean or median over the recording.
"""

from collections.abc import Mapping

import numpy as np

# The shallow anti-alias slope of the resampler behind the winning entry, in nats per band.
SHALLOW = np.zeros(80, np.float32)
SHALLOW[64:] = [
    *(-0.002, -0.005, -0.012, -0.025, -0.047, -0.084, -0.143, -0.221),
    *(-0.337, -0.498, -0.713, -0.988, -1.328, -1.712, -2.140, -2.610),
]
_ROWS_HELD = 16384  # rows read at a time; part of the definition of the mean's rounding
_VALUES_HELD = 8 << 20  # values held at a time for a median


def correct_edges_and_bands(rows: np.ndarray, first: int, total: int, settings: Mapping) -> None:
    """Apply ``band_attenuation`` and ``edge_offset`` in place.

    Parameters
    ----------
    rows : array, shape (T, F)
        Frames ``first`` to ``first + T`` of a recording.
    first : int
        Index of the first of them in the recording.
    total : int
        Number of frames of the recording: the first and the last are its edges.
    settings : mapping
        Frontend settings.
    """
    edges = {0, total - 1}
    inner = rows[int(first == 0) : len(rows) - int(first + len(rows) == total)]
    if settings["band_attenuation"] == "shallow":
        inner += SHALLOW
    if settings["edge_offset"]:
        for edge in edges:
            if first <= edge < first + len(rows):
                rows[edge - first] += settings["edge_offset"]


def loudness(rows: np.ndarray) -> np.ndarray:
    """Return ``ln(sum(exp(row)))`` of every row: shape (T,), float64, in nats."""
    return np.log(np.exp(rows, dtype=np.float64).sum(axis=1))


def trimmed(frame_loudness: np.ndarray, stddevs: float, ignore: int) -> tuple[int, int]:
    """Return the part of a recording from its first to its last frame that is not too quiet.

    A frame is low where its loudness lies more than ``stddevs`` standard deviations below the mean
    of the recording. A maximum filter of length ``ignore + 1`` closes runs of up to ``ignore`` low
    frames, and so lets about ``ignore / 2`` low frames stay at each end, as the original did.

    Parameters
    ----------
    frame_loudness : array, shape (T,)
        As `loudness` gives it.
    stddevs : float > 0
        Depth in standard deviations.
    ignore : int >= 0
        In frames.

    Returns
    -------
    int, int
        First frame kept and the one after the last.
    """
    spread = frame_loudness.std()
    if spread == 0.0:
        return 0, len(frame_loudness)
    fine = np.flatnonzero(frame_loudness - frame_loudness.mean() >= -stddevs * spread)
    # What the filter does to the outermost frames is all that matters: runs within stay anyway.
    first, last = int(fine[0]) - ignore // 2, int(fine[-1]) + (ignore + 1) // 2
    return max(0, first), min(len(frame_loudness), last + 1)


def denoise(rows, first: int, last: int, mode: str) -> None:
    """Subtract each band's level over rows ``first`` to ``last``, in place.

    Parameters
    ----------
    rows : array or HDF5 dataset, shape (R, F), float32
        Rows of one or more recordings.
    first, last : int
        The rows of the recording.
    mode : str
        ``mean``, ``median`` or ``none``.
    """
    if mode == "none":
        return
    level = (_median if mode == "median" else _mean)(rows, first, last)
    for start in range(first, last, _ROWS_HELD):
        stop = min(start + _ROWS_HELD, last)
        rows[start:stop] = rows[start:stop] - level


def _mean(rows, first: int, last: int) -> np.ndarray:
    total = np.zeros(rows.shape[1])
    for start in range(first, last, _ROWS_HELD):
        total += rows[start : min(start + _ROWS_HELD, last)].sum(axis=0, dtype=np.float64)
    return (total / (last - first)).astype(np.float32)


def _median(rows, first: int, last: int) -> np.ndarray:
    n_bands = rows.shape[1]
    level = np.empty(n_bands, np.float32)
    step = max(1, _VALUES_HELD // (last - first))  # bands at a time
    for band in range(0, n_bands, step):
        level[band : band + step] = np.median(rows[first:last, band : band + step], axis=0)
    return level
