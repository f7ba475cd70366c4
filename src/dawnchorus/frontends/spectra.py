"""Frames of a waveform and their spectra, for all frontends.

Everything is float32. In bands that a recording leaves empty (far below the rounding of its loudest
partial) the values are that rounding, not the level that float64 would show.

* `check_channels`: what a recording must be.
* `frames`: overlapping frames of a waveform, zeros beyond its samples.
* `window`: a periodic window, from SciPy.
* `band_rows`: frames to rows of bands.
* `level`: magnitude or power of a spectrum.
* `mean_over_channels`: the mean of what each channel gives.
* `mean_blocks`: the mean rows of a recording of any length, in bounded memory.
"""

import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

FRAMES_HELD = 16384  # frames given out at a time; 20 MB of samples at 22,050 Hz and 70 frames/s
_FRAMES_AT_ONCE = 256  # frames transformed at a time: their spectra stay in the processor's cache


def check_channels(channels: Sequence) -> None:
    """Raise a ValueError for channels that are not one or more equally long, nonempty waveforms."""
    shapes = [np.shape(w) if isinstance(w, np.ndarray) else (len(w),) for w in channels]
    if not shapes or len(set(shapes)) > 1 or len(shapes[0]) != 1 or shapes[0][0] == 0:
        raise ValueError(
            f"received channels of shapes {shapes[:5]}; expected one or more waveforms of one and "
            "the same shape (S,), S above 0"
        )


def frames(waveform, begin: int, hop: int, n_fft: int, n_frames: int) -> np.ndarray:
    """Return frames of a waveform.

    Parameters
    ----------
    waveform : array-like, shape (S,)
        Anything with a length that gives samples for a slice.
    begin : int
        Sample at which the first frame begins; it may lie before the waveform.
    hop, n_fft, n_frames : int
        Samples from frame to frame, samples of a frame, and how many frames.

    Returns
    -------
    array, shape (n_frames, n_fft), float32
        Zero where there are no samples; frames share memory.
    """
    end = begin + (n_frames - 1) * hop + n_fft
    first = max(0, begin)
    samples = np.asarray(waveform[first:end], np.float32)
    if len(samples) < end - begin:
        padded = np.zeros(end - begin, np.float32)
        padded[first - begin : first - begin + len(samples)] = samples
        samples = padded
    return sliding_window_view(samples, n_fft)[::hop]


@functools.lru_cache(maxsize=8)
def window(name: str, length: int, n_fft: int | None = None) -> np.ndarray:
    """Return a periodic window, in the middle of ``n_fft`` samples of which the others are zero.

    Parameters
    ----------
    name : str
        Of `scipy.signal.get_window`.
    length : int
        Samples of the window.
    n_fft : int, optional
        Samples of a frame; left out: ``length``.

    Returns
    -------
    array, shape (n_fft,), float32
    """
    import scipy.signal

    n_fft = length if n_fft is None else n_fft
    values = np.zeros(n_fft, np.float32)
    first = (n_fft - length) // 2
    values[first : first + length] = scipy.signal.get_window(name, length)
    return values


def level(spectrum: np.ndarray, power: float) -> np.ndarray:
    """Return the magnitude (power 1) or power (2) of a spectrum: float32 of complex64."""
    # the root is left out of a power: it would round twice
    return np.abs(spectrum) if power == 1 else spectrum.real**2 + spectrum.imag**2


def band_rows(frames: np.ndarray, window: np.ndarray, bands: Callable, n_bands: int) -> np.ndarray:
    """Return the bands of the spectra of frames.

    Parameters
    ----------
    frames : array, shape (T, n_fft), float32
        As `frames` returns them.
    window : array, shape (n_fft,), float32
        Multiplied to each frame.
    bands : callable
        Makes (F, some frames) of their spectra (some frames, bins), complex64.
    n_bands : int
        F.

    Returns
    -------
    array, shape (T, F), float32
    """
    # imported here: SciPy takes longer to import than a dry run needs for the rest
    import scipy.fft

    rows = np.empty((len(frames), n_bands), np.float32)
    windowed = np.empty((min(_FRAMES_AT_ONCE, len(frames)), frames.shape[1]), np.float32)
    for first in range(0, len(frames), _FRAMES_AT_ONCE):
        part = frames[first : first + _FRAMES_AT_ONCE]
        n = len(part)
        np.multiply(part, window, out=windowed[:n])
        rows[first : first + n] = bands(scipy.fft.rfft(windowed[:n], axis=1, workers=1)).T
    return rows


def mean_over_channels(channels: Sequence, rows_of: Callable) -> np.ndarray:
    """Return the mean of ``rows_of(channel)``: a linear mean, so opposite phases do not cancel."""
    rows = rows_of(channels[0])
    for waveform in channels[1:]:
        rows += rows_of(waveform)
    if len(channels) > 1:
        rows /= len(channels)
    return rows


def mean_blocks(
    channels: Sequence, rows_of: Callable, first: int, last: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the mean rows of frames ``first`` to ``last``, block by block.

    Parameters
    ----------
    channels : sequence of array-like, each of shape (S,)
        Anything with a length that gives samples for a slice: arrays, or parts of a file.
    rows_of : callable
        Of a channel, a first frame and the one after the last.
    first, last : int
        Frames wanted, ``0 <= first <= last <= T``.

    Yields
    ------
    int, array of shape (at most `FRAMES_HELD`, F), float32
        Index of the block's first frame, and its rows.
    """
    for start in range(first, last, FRAMES_HELD):
        stop = min(start + FRAMES_HELD, last)
        # defaults bind now: the function must not see the next block's frames
        rows = mean_over_channels(channels, lambda w, a=start, b=stop: rows_of(w, a, b))
        yield start, rows
