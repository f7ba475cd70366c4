"""Rank of the true classes of each recording: a value per recording, then their mean.

Targets first, scores second, both (N, C): N recordings, C classes; R weightings. A recording without
any class has nothing to be ranked; its value is NaN and it is left out of means, unless a policy says
otherwise. The order of the classes never decides among equal scores.

* `label_ranking_average_precision`, `label_ranking_per_recording`: MLRAP.
* `top_k_accuracy`, `top_k_per_recording`, `accuracy`: whether a class is among the k best.
* `confusion`: which class is taken for which.
* `mean_over_recordings`: the mean of values per recording, under weightings or without.
"""

import numpy as np

from dawnchorus.metrics.checks import checked, checked_weights, ratio

EMPTY = ("skip", "one")
_ENTRIES = 10**7  # comparisons made at once; 10 MB each as booleans


def label_ranking_average_precision(
    targets: np.ndarray, scores: np.ndarray, empty: str = "skip", weights: np.ndarray | None = None
) -> float | np.ndarray:
    """Return the mean label ranking average precision (MLRAP) of recordings.

    Of a recording: the mean, over its classes, of the share of its classes among all classes with
    at least that score (see scikit-learn's metric of this name). Without ties that is the average
    precision of its ranked list, the MAP of BirdCLEF 2016; with one class per recording the mean
    reciprocal rank.

    Parameters
    ----------
    targets : array, shape (N, C)
        0 or 1.
    scores : array, shape (N, C)
        Finite.
    empty : {"skip", "one"}
        Recordings without any class: left out, or counted as 1 as scikit-learn does.
    weights : array, shape (R, N), optional
        As for `mean_over_recordings`.

    Returns
    -------
    float, or array of shape (R,)
        In (0, 1]; NaN where no recording counts.

    Raises
    ------
    ValueError
        Where shapes differ, a target is not 0 or 1, a score is not finite or ``empty`` is unknown.
    """
    if empty not in EMPTY:
        raise ValueError(f"empty={empty!r}; expected one of {', '.join(EMPTY)}")
    values = label_ranking_per_recording(targets, scores)
    if empty == "one":
        values = np.where(np.isnan(values), 1.0, values)
    return mean_over_recordings(values, weights)


def label_ranking_per_recording(targets: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the label ranking average precision of each recording, shape (N,); NaN if empty."""
    targets, scores = checked(targets, scores, ndim=2)
    rows, classes = np.nonzero(targets)
    precision = np.empty(len(rows))
    # all at once would be positives x classes: 10 GB for a million recordings of 10,000 classes
    chunk = max(1, _ENTRIES // max(1, targets.shape[1]))
    for first in range(0, len(rows), chunk):
        here = slice(first, first + chunk)
        at_least = scores[rows[here]] >= scores[rows[here], classes[here]][:, None]
        relevant = (at_least & (targets[rows[here]] == 1)).sum(axis=1)
        precision[here] = relevant / at_least.sum(axis=1)
    total = np.bincount(rows, weights=precision, minlength=len(targets))
    return ratio(total, targets.sum(axis=1))


def top_k_accuracy(
    targets: np.ndarray, scores: np.ndarray, k: int, weights: np.ndarray | None = None
) -> float | np.ndarray:
    """Return the share of recordings that have one of their classes among the k best.

    Of equal scores at the border each is as likely to be taken as any other, and the expected
    value is returned: equal scores for all classes give k / C where recordings have one class.

    Parameters
    ----------
    targets, scores : array, shape (N, C)
        As for `label_ranking_average_precision`; recordings without any class are left out.
    k : int
        At least 1; from C on every recording is a hit.
    weights : array, shape (R, N), optional
        As for `mean_over_recordings`.

    Returns
    -------
    float, or array of shape (R,)
        In [0, 1]; NaN where no recording has a class.

    Raises
    ------
    ValueError
        As for `label_ranking_average_precision`, and where k is not a whole number from 1 on.
    """
    return mean_over_recordings(top_k_per_recording(targets, scores, k), weights)


def top_k_per_recording(targets: np.ndarray, scores: np.ndarray, k: int) -> np.ndarray:
    """Return how probable a class of each recording is among its k best, shape (N,); NaN if none.

    1 or 0 but for ties; see `top_k_accuracy`.
    """
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ValueError(f"k={k!r}; expected a whole number of 1 or more")
    targets, scores = checked(targets, scores, ndim=2)
    if not targets.size:
        return np.full(len(targets), np.nan)
    best = np.where(targets == 1, scores, -np.inf).max(axis=1, keepdims=True)
    tied = scores == best
    n_tied, n_true = tied.sum(axis=1), (tied & (targets == 1)).sum(axis=1)
    places = np.clip(k - (scores > best).sum(axis=1), 0, n_tied)
    # none of the true ones is drawn where all places go to the others, one after the other
    missed = np.ones(len(targets))
    for drawn in range(int(places.max())):
        left = np.maximum(n_tied - n_true - drawn, 0) / np.maximum(n_tied - drawn, 1)
        missed *= np.where(drawn < places, left, 1.0)
    return np.where(np.isneginf(best[:, 0]), np.nan, 1 - missed)


def accuracy(targets: np.ndarray, scores: np.ndarray) -> float:
    """Return `top_k_accuracy` of the one best class."""
    return top_k_accuracy(targets, scores, 1)


def confusion(targets: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return how often recordings of each class score highest in each class.

    Only recordings of exactly one class count, so a row adds up to the number of those. Where
    several classes score highest each gets an equal share; so the trace is the accuracy of the
    recordings that count, times their number.

    Parameters
    ----------
    targets, scores : array, shape (N, C)
        As for `label_ranking_average_precision`.

    Returns
    -------
    array, shape (C, C)
        Rows: the class that is true; columns: the class that scores highest.
    """
    targets, scores = checked(targets, scores, ndim=2)
    # of a recording of two classes nobody can say which one was taken for the other
    single = targets.sum(axis=1) == 1
    targets, scores = targets[single], scores[single]
    highest = scores == scores.max(axis=1, keepdims=True, initial=-np.inf)
    shares = highest / np.maximum(highest.sum(axis=1, keepdims=True), 1)
    counts = np.zeros((targets.shape[1], targets.shape[1]))
    np.add.at(counts, targets.argmax(axis=1), shares)
    return counts


def mean_over_recordings(
    values: np.ndarray, weights: np.ndarray | None = None
) -> float | np.ndarray:
    """Return the mean of values per recording.

    Parameters
    ----------
    values : array, shape (N,)
        NaN are left out.
    weights : array, shape (R, N), optional
        Finite, at least 0; a whole weight of k equals the recording standing k times in the list.

    Returns
    -------
    float, or array of shape (R,)
        NaN where nothing is left.
    """
    values = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(values)
    if weights is None:
        return float(values[known].mean()) if known.any() else float("nan")
    weights = checked_weights(weights, len(values)).astype(np.float64)[:, known]
    # no matrix product, whose last bits depend on the number of threads
    return ratio((weights * values[known]).sum(axis=1), weights.sum(axis=1))
