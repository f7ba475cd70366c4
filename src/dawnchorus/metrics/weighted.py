"""Metrics under R weightings of the recordings: what bootstrap replicates are made of.

A whole weight of k equals the recording standing k times in the list. Axes: N recordings, C classes,
R weightings.

* `weighted_average_precision`, `weighted_mean_average_precision`,
  `weighted_average_precision_micro`: as `dawnchorus.metrics.precision` has them.
* `weighted_macro_auroc`: as `dawnchorus.metrics.roc` has it.
"""

import numpy as np

from dawnchorus.metrics import bootstrap
from dawnchorus.metrics.checks import checked, checked_weights, has_both, mean_of_known
from dawnchorus.metrics.positives import ENTRIES, FEW, Positives, blocks
from dawnchorus.metrics.precision import PADDING, check_policy
from dawnchorus.metrics.roc import weighted_auroc


def weighted_average_precision(
    targets: np.ndarray, scores: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return the average precision of one class under R weightings of the recordings.

    Parameters
    ----------
    targets, scores : array, shape (N,)
        As for `dawnchorus.metrics.precision.average_precision`.
    weights : array, shape (R, N)
        Finite, at least 0.

    Returns
    -------
    array, shape (R,)
        NaN where the weights leave no positive.

    Raises
    ------
    ValueError
        As for `dawnchorus.metrics.precision.average_precision`, and where the weights have another
        shape or are negative.
    """
    targets, scores = checked(targets, scores, ndim=1)
    weights = checked_weights(weights, len(targets))
    return _of_entries(targets, scores, weights, np.arange(len(targets)))


def weighted_mean_average_precision(
    targets: np.ndarray, scores: np.ndarray, weights: np.ndarray, policy: str = "skip"
) -> np.ndarray:
    """Return `dawnchorus.metrics.precision.mean_average_precision` under R weightings of the recordings.

    For ``skip``, a class that a weighting leaves without positives is left out of its mean. The
    padding of ``padded`` always weighs 1.

    Parameters
    ----------
    targets, scores : array, shape (N, C)
        As for `dawnchorus.metrics.precision.mean_average_precision`.
    weights : array, shape (R, N)
        Finite, at least 0.
    policy : {"skip", "padded"}

    Returns
    -------
    array, shape (R,)
    """
    targets, scores = checked(targets, scores, ndim=2)
    weights = checked_weights(weights, len(targets))
    check_policy(policy, scores)
    if not targets.size:
        return np.full(len(weights), np.nan)
    padding = PADDING if policy == "padded" else 0
    values, rows = np.empty(len(weights)), bootstrap.rows_per_chunk(len(targets))
    for begin in range(0, len(weights), rows):
        own = weights[begin : begin + rows].astype(np.float64)
        values[begin : begin + rows] = mean_of_known(_of_classes(targets, scores, own, padding))
    return values


def weighted_average_precision_micro(
    targets: np.ndarray, scores: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return `dawnchorus.metrics.precision.average_precision_micro` under R weightings of the recordings.

    Parameters
    ----------
    targets, scores : array, shape (N, C)
        As for `dawnchorus.metrics.precision.average_precision_micro`.
    weights : array, shape (R, N)
        Finite, at least 0.

    Returns
    -------
    array, shape (R,)
        NaN where the weights leave no positive.
    """
    targets, scores = checked(targets, scores, ndim=2)
    weights = checked_weights(weights, len(targets))
    rows = np.repeat(np.arange(len(targets)), targets.shape[1])
    return _of_entries(targets.ravel(), scores.ravel(), weights, rows)


def weighted_macro_auroc(
    targets: np.ndarray, scores: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return `dawnchorus.metrics.roc.macro_auroc` under R weightings of the recordings.

    A class that a weighting leaves without both truths is left out of its mean.

    Parameters
    ----------
    targets, scores : array, shape (N, C)
        As for `dawnchorus.metrics.roc.macro_auroc`.
    weights : array, shape (R, N)
        Finite, at least 0.

    Returns
    -------
    array, shape (R,)
        NaN where no class has both truths.
    """
    targets, scores = checked(targets, scores, ndim=2)
    weights = checked_weights(weights, len(targets))
    if not targets.size:
        return np.full(len(weights), np.nan)
    values, rows = np.empty(len(weights)), bootstrap.rows_per_chunk(len(targets))
    for begin in range(0, len(weights), rows):
        own = weights[begin : begin + rows].astype(np.float64)
        values[begin : begin + rows] = mean_of_known(_auroc_of_classes(targets, scores, own))
    return values


def _of_classes(
    targets: np.ndarray, scores: np.ndarray, weights: np.ndarray, padding: int
) -> np.ndarray:
    """Return the average precision of each class with padding, shape (C, R)."""
    found = np.zeros((len(weights), targets.shape[1]))
    if padding:
        best = scores >= 1
        called, hits = (padding + weights @ (best & held) for held in (True, targets == 1))
        found += padding * hits / called
    few, many = blocks(targets)
    for classes in few:
        positives = Positives.of(targets, scores, classes)
        gained, hits, _ = positives.ranked(weights)
        called = positives.at_least(scores, weights)
        found[:, classes] += positives.per_class(_won(gained, hits, called, padding))
    rows = np.arange(len(targets))
    for column in many:
        ranked = _ranked(targets[:, column], scores[:, column], weights, rows)
        found[:, column] += _won(*ranked, padding).sum(axis=1)
    total = weights @ targets + padding
    return (found / np.where(total > 0, total, np.nan)).T


def _auroc_of_classes(targets: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the AUROC of each class, shape (C, R)."""
    found = np.full((len(weights), targets.shape[1]), np.nan)
    n_positive = weights @ targets
    n_negative = weights.sum(axis=1, keepdims=True) - n_positive
    pairs = np.where(has_both(n_positive, n_negative), n_positive * n_negative, np.nan)
    few, many = blocks(targets)
    for classes in few:
        positives = Positives.of(targets, scores, classes)
        own, at_least, above = positives.ranked(weights)
        # of two that a negative passes by half, as it counts where scores are equal
        lost = (positives.passed(scores, weights) - at_least - above) / 2
        won = own * (n_negative[:, positives.columns] - lost)
        found[:, classes] = positives.per_class(won) / pairs[:, classes]
    for column in many:
        found[:, column] = weighted_auroc(targets[:, column], scores[:, column], weights)
    return found.T


def _of_entries(
    targets: np.ndarray, scores: np.ndarray, weights: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Return the average precision of E entries; ``rows`` (E,) says which weight is whose."""
    values = np.full(len(weights), np.nan)
    n_positive = int(targets.sum())
    if not n_positive:
        return values
    step = bootstrap.rows_per_chunk(max(n_positive, weights.shape[1]))
    for begin in range(0, len(weights), step):
        own = weights[begin : begin + step].astype(np.float64)
        gained, hits, called = _ranked(targets, scores, own, rows)
        total = np.where(hits[:, -1] > 0, hits[:, -1], np.nan)
        values[begin : begin + step] = _won(gained, hits, called, 0).sum(axis=1) / total
    return values


def _won(gained: np.ndarray, hits: np.ndarray, called: np.ndarray, padding: int) -> np.ndarray:
    """Return what positives add to the sum of precisions, with padding above all of them."""
    called = called + padding
    return gained * (hits + padding) / np.where(called > 0, called, 1)


def _ranked(
    targets: np.ndarray, scores: np.ndarray, weights: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weights (R, K) at the K distinct scores of positives, from the highest on.

    Of the positives with that score, of the positives with at least that score, and of all with at
    least that score.
    """
    positives = np.flatnonzero(targets)
    positives = positives[np.argsort(-scores[positives], kind="stable")]
    first = np.flatnonzero(np.diff(scores[positives], prepend=np.inf))
    gained = np.add.reduceat(weights[:, rows[positives]], first, axis=1)
    called = _called(scores[positives[first]], scores, weights, rows)
    return gained, np.cumsum(gained, axis=1), called


def _called(
    thresholds: np.ndarray, scores: np.ndarray, weights: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Return the weight of all entries at or above each of K falling thresholds, shape (R, K)."""
    if len(thresholds) * weights.shape[1] <= FEW * len(scores):
        return _called_by_product(thresholds, scores, weights, rows)
    order = np.argsort(-scores, kind="stable")
    ends = np.searchsorted(-scores[order], -thresholds, side="right")
    starts, ranked = np.concatenate(([0], ends[:-1])), rows[order[: ends[-1]]]
    found = np.empty((len(weights), len(thresholds)))
    step = bootstrap.rows_per_chunk(len(ranked))
    for begin in range(0, len(weights), step):
        own = np.take(weights[begin : begin + step], ranked, axis=1)
        found[begin : begin + step] = np.cumsum(np.add.reduceat(own, starts, axis=1), axis=1)
    return found


def _called_by_product(
    thresholds: np.ndarray, scores: np.ndarray, weights: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Return what `_called` does, from how often each recording is at or above each threshold."""
    n = weights.shape[1]
    passed = np.searchsorted(-thresholds, -scores, side="left")  # the first threshold it reaches
    found = np.empty((len(weights), len(thresholds)))
    step = max(1, ENTRIES // max(1, n))
    for begin in range(0, len(thresholds), step):
        width = min(step, len(thresholds) - begin)
        reached = passed < begin + width
        column = np.maximum(passed[reached] - begin, 0)
        counts = np.bincount(rows[reached] * width + column, minlength=n * width)
        counts = np.cumsum(counts.reshape(n, width), axis=1, dtype=np.float64)
        found[:, begin : begin + width] = weights @ counts
    return found
