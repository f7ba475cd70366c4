"""Weights of the bins of a spectrum in its bands.

* `mel_filterbank`: triangles of unit area, equally wide on the scale 1127 ln(1 + f / 700).
* `slaney_filterbank`: the same on Slaney's scale, from librosa.
* `linear_filterbank`: equally wide bands in Hz, each the mean of its bins; and the rows that
  kahl2018 took for them.
* `sparse`: a filterbank as the transforms apply it; `of_frontend`: the one in the settings, where they
  bring one.
"""

import functools
import itertools
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import scipy.sparse


def mel_filterbank(
    sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float
) -> np.ndarray:
    """Return triangular filters of unit area, equally spaced on the scale 1127 ln(1 + f / 700).

    The bank of grill2017. librosa's ``htk=True`` is the same scale up to a factor that cancels, but
    its rounding moves weights by up to 3e-10 of themselves (in float32 one in thousands), so the
    bank is computed here and stored spectrograms keep their bits.

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

    Returns
    -------
    array, shape (n_fft // 2 + 1, F), float64
        Weight of a bin in a band, in 1/Hz: a triangle's sum times the bin width is about 1.

    Raises
    ------
    ValueError
        Where a triangle is so narrow that no bin lies in it.
    """
    low, high = (1127.0 * np.log1p(edge / 700.0) for edge in (fmin, fmax))
    points = 700.0 * np.expm1(np.linspace(low, high, n_mels + 2) / 1127.0)
    bins = _bins(sample_rate, n_fft)
    edges = np.searchsorted(bins, points)  # the first bin at or above each point
    weights = np.zeros((len(bins), n_mels))
    for band in range(n_mels):
        left, top, right = points[band : band + 3]
        first, peak, end = edges[band : band + 3]
        weights[first:peak, band] = (bins[first:peak] - left) / (top - left)
        weights[peak:end, band] = (right - bins[peak:end]) / (right - top)
    _check_bands(weights, sample_rate, n_fft)
    return weights * (2.0 / (points[2:] - points[:-2]))


def slaney_filterbank(
    sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float, may_be_empty: bool = False
) -> np.ndarray:
    """Return ``librosa.filters.mel``: triangles of unit area on Slaney's scale.

    The scale is linear to 1000 Hz and logarithmic above: M. Slaney, Auditory Toolbox, Interval
    Research Technical Report 1998-010. The bank of kahl2018, serizel2018 and dsr2019. Parameters,
    result and errors are those of `mel_filterbank`; bands without a bin are zero where they
    ``may_be_empty``, as those of dsr2019 above half of the sample rate are.
    """
    # imported here: librosa takes a second, and a dry run needs no filters
    import librosa.filters

    with warnings.catch_warnings():
        # librosa warns of bands without a bin, which are an error here
        warnings.simplefilter("ignore", UserWarning)
        # float64: librosa rounds a weight twice in float32, so that one in four differs by 1 ulp
        weights = librosa.filters.mel(
            sr=sample_rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, dtype=np.float64
        ).T
    if not may_be_empty:
        _check_bands(weights, sample_rate, n_fft)
    return weights


def linear_n_fft(sample_rate: int, n_bands: int, fmin: float, fmax: float) -> int:
    """Return the window of kahl2018 for linear bands: two bins or more in each, 779 at 44.1 kHz."""
    return int(sample_rate * 2 * n_bands / (fmax - fmin)) + 1


def linear_filterbank(
    sample_rate: int, n_bands: int, fmin: float, fmax: float, legacy_band: bool
) -> np.ndarray:
    """Return equally wide bands from ``fmin`` to ``fmax``, each the mean of the bins in it.

    The window of kahl2018 (`linear_n_fft`) has two bins for each of its bands, and the system
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


@functools.lru_cache(maxsize=8)
def sparse(filterbank: Callable[..., np.ndarray], *arguments) -> "scipy.sparse.csr_array":
    """Return ``filterbank(*arguments)`` as (F, bins), float32.

    Sparse, not BLAS: few weights per bin, and a sum whose order no block or thread changes.
    """
    # imported here: SciPy takes longer to import than a dry run needs for the rest
    import scipy.sparse

    return scipy.sparse.csr_array(filterbank(*arguments).T.astype(np.float32))


def of_frontend(
    settings: Mapping, filterbank: Callable[..., np.ndarray], *arguments
) -> "scipy.sparse.csr_array":
    """Return the filterbank of a frontend as `sparse` does.

    The settings of an exported model bring it under ``bank``, as it was when the model was trained:
    no other library has to compute the same weights.
    """
    given = settings.get("bank")
    return sparse(filterbank, *arguments) if given is None else given


def _bins(sample_rate: int, n_fft: int) -> np.ndarray:
    if n_fft % 2 == 0:
        return np.linspace(0.0, sample_rate / 2, n_fft // 2 + 1)
    return np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)


def _check_bands(weights: np.ndarray, sample_rate: int, n_fft: int) -> None:
    n_mels = weights.shape[1]
    if empty := np.flatnonzero(weights.sum(axis=0) == 0).tolist():
        raise ValueError(
            f"{len(empty)} of {n_mels} mel bands contain no frequency bin at n_fft={n_fft} and "
            f"sample_rate={sample_rate}: bands {empty[:5]}; use fewer bands or a larger n_fft"
        )
