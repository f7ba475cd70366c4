"""Which bins of a spectrum make a band, and with what weight.

* `mel_filterbank`: triangles of unit area, equally wide on a mel scale.
* `linear_filterbank`: equally wide bands of Hz, each the mean of its bins; and the rows that
  system 002 took for them.
* `sparse`: a filterbank as the transforms apply it.
"""

import itertools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import scipy.sparse

# Of a piecewise scale: linear up to 1000 Hz (200/3 Hz per mel), 27 mels per factor of 6.4 above.
# M. Slaney, Auditory Toolbox, Interval Research Technical Report 1998-010; librosa's default.
_HZ_PER_MEL, _KNEE_HZ, _STEP = 200 / 3, 1000.0, np.log(6.4) / 27


def mel_filterbank(
    sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float, scale: str = "natural"
) -> np.ndarray:
    """Return triangular filters of unit area, equally spaced on the mel scale.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    n_fft : int
        Window length in samples.
    n_mels : int
        Number of bands F.
    fmin, fmax : float
        Left foot of the first triangle and right foot of the last, in Hz.
    scale : str, optional
        ``natural``: ``1127 ln(1 + f / 700)``, of system 000. ``slaney``: linear to 1000 Hz and
        logarithmic above, of system 002; with it the filters are those of ``librosa.filters.mel``.

    Returns
    -------
    array, shape (n_fft // 2 + 1, F), float64
        Weight of a bin in a band, in 1/Hz: a triangle's sum times the bin width is about 1.

    Raises
    ------
    ValueError
        Where a triangle is so narrow that no bin lies in it.
    """
    to_mel, to_hz = _SCALES[scale]
    points = to_hz(np.linspace(to_mel(fmin), to_mel(fmax), n_mels + 2))
    bins = _bins(sample_rate, n_fft)
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


def linear_n_fft(sample_rate: int, n_bands: int, fmin: float, fmax: float) -> int:
    """Return system 002's window for linear bands: at least two bins in each, 779 at 44.1 kHz."""
    return int(sample_rate * 2 * n_bands / (fmax - fmin)) + 1


def linear_filterbank(
    sample_rate: int, n_bands: int, fmin: float, fmax: float, legacy_band: bool
) -> np.ndarray:
    """Return equally wide bands from ``fmin`` to ``fmax``, each the mean of the bins in it.

    The window of system 002 (`linear_n_fft`) has two bins for each of its bands, and the system
    then took single ones, from half of ``fmin`` to half of ``fmax``: at 44.1 kHz and 128 bands
    bins 5 to 132, which are 283 to 7,473 Hz where 500 to 15,000 Hz was asked for.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    n_bands : int
        Number of bands F.
    fmin, fmax : float
        Lower edge of the first band and upper edge of the last, in Hz.
    legacy_band : bool
        True for the bins of the original.

    Returns
    -------
    array, shape (n_fft // 2 + 1, F), float64
        Weight of a bin in a band; the weights of a band add up to 1.
    """
    n_fft = linear_n_fft(sample_rate, n_bands, fmin, fmax)
    weights = np.zeros((n_fft // 2 + 1, n_bands))
    if legacy_band:
        first = int(n_fft / 2 / sample_rate * fmin) + 1
        weights[np.arange(first, first + n_bands), np.arange(n_bands)] = 1.0
        return weights
    edges = np.searchsorted(_bins(sample_rate, n_fft), np.linspace(fmin, fmax, n_bands + 1))
    for band, (first, end) in enumerate(itertools.pairwise(edges)):
        weights[first:end, band] = 1.0 / (end - first)
    return weights


def sparse(weights: np.ndarray) -> "scipy.sparse.csr_array":
    """Return a filterbank as (F, bins), float32.

    Sparse, not BLAS: few weights per bin, and a sum whose order no block or thread changes.
    """
    # imported here: SciPy takes longer to import than a dry run needs for the rest
    import scipy.sparse

    return scipy.sparse.csr_array(weights.T.astype(np.float32))


def _bins(sample_rate: int, n_fft: int) -> np.ndarray:
    if n_fft % 2 == 0:
        return np.linspace(0.0, sample_rate / 2, n_fft // 2 + 1)
    return np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)


def _natural_mel(frequency: float) -> float:
    return 1127.0 * np.log1p(frequency / 700.0)


def _natural_hz(mel: np.ndarray) -> np.ndarray:
    return 700.0 * np.expm1(mel / 1127.0)


def _slaney_mel(frequency: float) -> float:
    if frequency < _KNEE_HZ:
        return frequency / _HZ_PER_MEL
    return _KNEE_HZ / _HZ_PER_MEL + np.log(frequency / _KNEE_HZ) / _STEP


def _slaney_hz(mel: np.ndarray) -> np.ndarray:
    above = mel - _KNEE_HZ / _HZ_PER_MEL
    return np.where(above < 0, mel * _HZ_PER_MEL, _KNEE_HZ * np.exp(_STEP * above))


_SCALES = {"natural": (_natural_mel, _natural_hz), "slaney": (_slaney_mel, _slaney_hz)}
