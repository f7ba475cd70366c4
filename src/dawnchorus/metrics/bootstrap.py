"""How sure a figure is: bootstrap over groups, NumPy only.

A replicate draws as many groups as there are, with replacement; recordings of one group come and go
together, because they are not independent. A replicate is a row of whole weights: how often each
recording stands in it. Axes: N recordings, R replicates. Efron and Tibshirani (1993), chapters 8
and 13, with the group as the unit.

* `bootstrap_weights`, `weight_chunks`: the replicates, whole or in chunks of bounded memory.
* `interval`, `p_two_sided`: what the replicates say.
"""

from collections.abc import Iterator

import numpy as np

_CHUNK_BYTES = 10**8  # memory that replicates worked on at once may take
_BYTES_PER_WEIGHT = 40  # an int32 weight and four float64 intermediates


def bootstrap_weights(
    groups: np.ndarray, n_replicates: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw how often each recording stands in each bootstrap replicate.

    Parameters
    ----------
    groups : array, shape (N,)
        Group of each recording, numbers or names. A recording on its own has a group of its own.
    n_replicates : int
        R, at least 1.
    rng : numpy Generator

    Returns
    -------
    array, shape (R, N), int32
    """
    if n_replicates < 1:
        raise ValueError(f"n_replicates={n_replicates!r}; expected at least 1")
    codes, n_groups = group_codes(groups)
    weights = np.zeros((n_replicates, len(codes)), dtype=np.int32)
    if n_groups:
        for row in weights:
            drawn = np.bincount(rng.integers(n_groups, size=n_groups), minlength=n_groups)
            row[:] = drawn[codes]
    return weights


def weight_chunks(
    groups: np.ndarray, n_replicates: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield the rows of `bootstrap_weights` in chunks that stay under about 100 MB of work."""
    codes, _ = group_codes(groups)
    rows = rows_per_chunk(len(codes))
    for first in range(0, max(1, n_replicates), rows):
        yield bootstrap_weights(codes, min(rows, n_replicates - first), rng)


def interval(values: np.ndarray, confidence: float = 0.95) -> tuple[float, float]:
    """Return the percentile interval of bootstrap values.

    Parameters
    ----------
    values : array, shape (R,)
        NaN (replicates that drew a single class) are left out; all NaN gives NaN.
    confidence : float
        In (0, 1).

    Returns
    -------
    low, high : float
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence!r}; expected more than 0 and less than 1")
    values = np.asarray(values, dtype=np.float64)
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def p_two_sided(differences: np.ndarray) -> float:
    """Return the two-sided bootstrap p-value of a difference, from its replicates.

    Twice the smaller share of replicates on either side of zero, zeros counting on both, with one
    added to counts and replicates so that it is never 0 (Davison and Hinkley, 1997, chapter 4).

    Parameters
    ----------
    differences : array, shape (R,)
        NaN are left out; all NaN gives NaN.

    Returns
    -------
    float
        In (0, 1].
    """
    differences = np.asarray(differences, dtype=np.float64)
    differences = differences[~np.isnan(differences)]
    if not len(differences):
        return float("nan")
    smaller = min((differences <= 0).sum(), (differences >= 0).sum())
    return float(min(1.0, 2 * (smaller + 1) / (len(differences) + 1)))


def rows_per_chunk(n: int) -> int:
    """Return how many replicates of n recordings fit into about 100 MB of work."""
    return max(1, _CHUNK_BYTES // (_BYTES_PER_WEIGHT * max(1, n)))


def group_codes(groups: np.ndarray) -> tuple[np.ndarray, int]:
    """Return each recording's group as a number from 0 on, shape (N,), and how many there are."""
    groups = np.asarray(groups)
    if groups.ndim != 1:
        raise ValueError(f"groups have shape {groups.shape}; expected (N,)")
    names, codes = np.unique(groups, return_inverse=True)
    return codes, len(names)
