"""Bootstrap over groups: intervals of metrics and paired differences, for clips and for events alike.

A replicate draws as many groups as there are, with replacement; recordings of one group come and go
together, because they are not independent. A recording of several groups, such as a clip with its
sources, stands in a replicate as often as the product of their draws says (the pigeonhole bootstrap of
Owen, 2007, https://arxiv.org/abs/0712.1111, with one pool of groups).

A replicate is a row of whole weights: how often each recording stands in it, and a metric takes it as
its ``weights``. Two metrics of the same replicates are paired, so what the recordings have in common
cancels in their difference. Axes: N recordings, R replicates. Efron and Tibshirani (1993), chapters 8
and 13, with the group as the unit.

* `replicates`: metrics under all replicates.
* `interval`, `limits`: the percentile interval.
* `difference`: one value minus another, with its interval and p-value.
* `bootstrap_weights`, `weight_chunks`: the replicates, whole or in chunks of bounded memory.
* `group_codes`, `n_groups`: groups as numbers, and how many there are.
"""

from collections.abc import Callable, Iterator

import numpy as np

from dawnchorus.metrics.checks import rows_per_chunk


def replicates(
    metrics: Callable[[np.ndarray], dict[str, np.ndarray]],
    groups: np.ndarray,
    n_replicates: int,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Return metrics by name in each bootstrap replicate.

    Parameters
    ----------
    metrics : callable
        From weights, shape (r, N), to arrays of shape (r,) by name; called with chunks of replicates.
    groups : array, shape (N,) or (N, K)
        Groups of each recording; see `bootstrap_weights`.
    n_replicates : int
        R, at least 1.
    rng : numpy Generator

    Returns
    -------
    dict of array, shape (R,)
    """
    chunks = [metrics(weights) for weights in weight_chunks(groups, n_replicates, rng)]
    return {name: np.concatenate([one[name] for one in chunks]) for name in chunks[0]}


def is_single_group(groups: np.ndarray) -> bool:
    """Return whether there is one group or none: to draw it again tells nothing of the spread."""
    return n_groups(groups) < 2


def n_groups(groups: np.ndarray) -> int:
    """Return how many groups there are."""
    return group_codes(groups)[1]


def group_codes(groups: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the groups of recordings as numbers from 0 on, shape (N, K), and how many there are.

    Where ``groups`` have the shape (N, K), an empty text or a number below 0 is no group, and -1 here.
    """
    groups = np.asarray(groups)
    if groups.ndim not in (1, 2):
        raise ValueError(f"groups have shape {groups.shape}; expected (N,) or (N, K)")
    names, codes = np.unique(groups, return_inverse=True)
    n_blank = 0
    if groups.ndim == 2:  # blanks come first in the order of names
        n_blank = int(((names == "") if names.dtype.kind == "U" else (names < 0)).sum())
    # np.unique gives the numbers in one line or in the groups' shape, by the version of NumPy
    codes = codes.reshape(len(groups), groups.shape[1] if groups.ndim == 2 else 1)
    codes = np.maximum(codes - n_blank, -1)
    return codes, len(names) - n_blank


def bootstrap_weights(
    groups: np.ndarray, n_replicates: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw how often each recording stands in each bootstrap replicate.

    Parameters
    ----------
    groups : array, shape (N,) or (N, K)
        Group of each recording, numbers or names. A recording on its own has a group of its own. With
        K columns: the groups of each, different ones, and empty texts or numbers below 0 where it has
        fewer.
    n_replicates : int
        R, at least 1.
    rng : numpy Generator

    Returns
    -------
    array, shape (R, N), int32
    """
    if n_replicates < 1:
        raise ValueError(f"n_replicates={n_replicates!r}; expected at least 1")
    codes, n = group_codes(groups)
    # whole numbers: sums of counts under them are exact
    weights = np.zeros((n_replicates, len(codes)), dtype=np.int32)
    if n:
        # row by row, so that chunks of any size are the same replicates
        for row in weights:
            drawn = np.bincount(rng.integers(n, size=n), minlength=n)
            row[:] = np.append(drawn, 1)[codes].prod(axis=1)  # no group, -1, takes the 1
    return weights


def weight_chunks(
    groups: np.ndarray, n_replicates: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield the rows of `bootstrap_weights` in chunks that stay under about 100 MB of work."""
    # names are sorted once: those of 100,000 recordings take longer than a chunk of draws
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
    # replicates without a positive have no value; they tell nothing of its spread
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def limits(values: np.ndarray, confidence: float = 0.95) -> dict[str, float]:
    """Return `interval` as ``low`` and ``high``."""
    return dict(zip(("low", "high"), interval(values, confidence), strict=True))


def difference(
    values: tuple[float, float],
    replicated: tuple[np.ndarray, np.ndarray],
    confidence: float = 0.95,
) -> dict[str, float]:
    """Return the second value minus the first, from paired replicates.

    Parameters
    ----------
    values : two floats
        A metric of each of the two.
    replicated : two arrays, shape (R,)
        The same metric of each in the same replicates.
    confidence : float
        In (0, 1).

    Returns
    -------
    dict
        ``difference``, ``low``, ``high`` and `p_two_sided`.
    """
    changes = replicated[1] - replicated[0]
    return {
        "difference": values[1] - values[0],
        **limits(changes, confidence),
        "p_two_sided": p_two_sided(changes),
    }


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
