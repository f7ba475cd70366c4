"""The log-mel spectrogram of the winning entry of the Bird Audio Detection challenge 2017.

Magnitude (not power) of frames under a symmetric Hann window, summed by triangles of unit area that
are equally wide on the mel scale ``1127 ln(1 + f / 700)``, then the natural logarithm with a floor.
Frame ``t`` is centred on sample ``t * hop_length``: the recording is padded by half a window of
zeros at both ends.

Everything is float32. In bands that a recording leaves empty (far below the rounding of its loudest
partial) the values are that rounding, not the level that float64 would show.

* `hop_length`, `n_frames`: the time axis.
* `mel_filterbank`: the triangles.
* `log_mel`: waveform to (T, F).
* `log_mel_blocks`: the same for any length and number of channels, in bounded memory.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import scipy.fft
import scipy.sparse
from numpy.lib.stride_tricks import sliding_window_view

FRAMES_HELD = 16384  # frames given out at a time; 20 MB of samples at 22,050 Hz and 70 frames/s
_FRAMES_AT_ONCE = 256  # frames transformed at a time: their spectra stay in the processor's cache


def hop_length(settings: Mapping) -> int:
    """Return the samples from one frame to the next: ``int(sample_rate / frames_per_second)``."""
    return int(settings["sample_rate"] / settings["frames_per_second"])


def n_frames(n_samples: int, settings: Mapping) -> int:
    """Return how many frames a waveform of ``n_samples`` has.

    Frames lie at 0, ``hop_length``, ... strictly below the padded length less one window, which is
    ``n_samples``: 10 s at 22,050 Hz and 70 frames per second are 700 frames.
    """
    return -(-n_samples // hop_length(settings))


def mel_filterbank(
    sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float
) -> np.ndarray:
    """Return triangular filters of unit area, equally spaced on the mel scale.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    n_fft : int
        Window length in samples, even.
    n_mels : int
        Number of bands F.
    fmin, fmax : float
        Left foot of the first triangle and right foot of the last, in Hz.

    Returns
    -------
    array, shape (n_fft // 2 + 1, F), float64
        Weight of a bin in a band, in 1/Hz: a triangle's sum times the bin width is about 1.

    Raises
    ------
    ValueError
        Where a triangle is so narrow that no bin lies in it.
    """
    points = 700.0 * np.expm1(np.linspace(_mel(fmin), _mel(fmax), n_mels + 2) / 1127.0)
    bins = np.linspace(0.0, sample_rate / 2, n_fft // 2 + 1)
    edges = np.searchsorted(bins, points)  # the first bin at or above each point
    weights = np.zeros((len(bins), n_mels))
    for band in range(n_mels):
        left, top, right = points[band : band + 3]
        first, peak, end = edges[band : band + 3]
        weights[first:peak, band] = (bins[first:peak] - left) / (top - left)
        weights[peak:end, band] = (right - bins[peak:end]) / (right - top)
    if empty := np.flatnonzero(weights.sum(axis=0) == 0).tolist():
        raise ValueError(
            f"{len(empty)} of {n_mels} mel bands contain no frequency bin at n_fft={n_fft} and "
            f"sample_rate={sample_rate}: bands {empty[:5]}; use fewer bands or a larger n_fft"
        )
    return weights * (2.0 / (points[2:] - points[:-2]))


def log_mel(waveform: np.ndarray, settings: Mapping) -> np.ndarray:
    """Return the log-mel spectrogram of one waveform, before any correction.

    Parameters
    ----------
    waveform : array, shape (S,)
        Samples at ``settings["sample_rate"]``, full scale 1.
    settings : mapping
        Frontend settings as `dawnchorus.frontends.check_settings` accepts them.

    Returns
    -------
    array, shape (T, F), float32
        In nats, at least ``ln(floor)``.

    Raises
    ------
    ValueError
        For a waveform that is not one-dimensional or has no samples.
    """
    check_channels([waveform])
    rows = np.empty((n_frames(len(waveform), settings), settings["n_mels"]), np.float32)
    for first, block in log_mel_blocks([waveform], settings, 0, len(rows)):
        rows[first : first + len(block)] = block
    return rows


def log_mel_blocks(
    channels: Sequence, settings: Mapping, first: int, last: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the log-mel frames ``first`` to ``last`` of a recording, block by block.

    The linear mel spectra of the channels are averaged before the logarithm ("mix after"), so
    channels in opposite phase do not cancel. A frame's value does not depend on the block it is in.

    Parameters
    ----------
    channels : sequence of array-like, each of shape (S,)
        Anything with a length that gives samples for a slice: arrays, or parts of a file.
    settings : mapping
        Frontend settings.
    first, last : int
        Frames wanted, ``0 <= first <= last <= T``.

    Yields
    ------
    int, array of shape (at most `FRAMES_HELD`, F), float32
        Index of the block's first frame, and its frames in nats.
    """
    for start in range(first, last, FRAMES_HELD):
        stop = min(start + FRAMES_HELD, last)
        rows = _mel_magnitude(channels[0], start, stop, settings)
        for waveform in channels[1:]:
            rows += _mel_magnitude(waveform, start, stop, settings)
        if len(channels) > 1:
            rows /= len(channels)
        np.maximum(rows, np.float32(settings["floor"]), out=rows)
        yield start, np.log(rows, out=rows)


def check_channels(channels: Sequence) -> None:
    """Refuse channels that are not one or more equally long waveforms with samples."""
    shapes = [np.shape(w) if isinstance(w, np.ndarray) else (len(w),) for w in channels]
    if not shapes or len(set(shapes)) > 1 or len(shapes[0]) != 1 or shapes[0][0] == 0:
        raise ValueError(
            f"received channels of shapes {shapes[:5]}; expected one or more waveforms of one and "
            "the same shape (S,), S above 0"
        )


def _mel_magnitude(waveform, start: int, stop: int, settings: Mapping) -> np.ndarray:
    """Return the mel magnitudes of frames ``start`` to ``stop``: (stop - start, F), float32."""
    n_fft = settings["n_fft"]
    window, bank = _window(n_fft), _bank(*(settings[key] for key in _BANK))
    frames = _frames(waveform, start, stop, hop_length(settings), n_fft)
    rows = np.empty((len(frames), bank.shape[0]), np.float32)
    windowed = np.empty((_FRAMES_AT_ONCE, n_fft), np.float32)
    for first in range(0, len(frames), _FRAMES_AT_ONCE):
        part = frames[first : first + _FRAMES_AT_ONCE]
        n = len(part)
        np.multiply(part, window, out=windowed[:n])
        spectra = scipy.fft.rfft(windowed[:n], axis=1, workers=1)
        # Sparse, not BLAS: two weights per bin, and a sum whose order no block or thread changes.
        rows[first : first + n] = (bank @ np.abs(spectra).T).T
    return rows


def _frames(waveform, start: int, stop: int, hop: int, n_fft: int) -> np.ndarray:
    """Return frames ``start`` to ``stop``, (stop - start, n_fft), zero beyond the samples."""
    begin, end = start * hop - n_fft // 2, (stop - 1) * hop + n_fft // 2
    first = max(0, begin)
    samples = np.asarray(waveform[first:end], np.float32)
    if len(samples) < end - begin:
        padded = np.zeros(end - begin, np.float32)
        padded[first - begin : first - begin + len(samples)] = samples
        samples = padded
    return sliding_window_view(samples, n_fft)[::hop]


_BANK = ("sample_rate", "n_fft", "n_mels", "fmin", "fmax")


@functools.lru_cache(maxsize=8)
def _bank(
    sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float
) -> scipy.sparse.csr_array:
    weights = mel_filterbank(sample_rate, n_fft, n_mels, fmin, fmax)
    return scipy.sparse.csr_array(weights.T.astype(np.float32))  # (F, bins)


@functools.lru_cache(maxsize=8)
def _window(n_fft: int) -> np.ndarray:
    return np.hanning(n_fft).astype(np.float32)


def _mel(frequency: float) -> float:
    return 1127.0 * np.log1p(frequency / 700.0)
