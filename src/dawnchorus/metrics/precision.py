"""Average precision: exact, plain and weighted, with what it says of classes without positives.

The average precision of a class is the mean, over its positives, of the precision among all that
score at least as much; recordings of equal scores are taken together. There is no interpolation, as
in scikit-learn and in Kaggle's metric. Axes: N recordings, C classes, R weightings, P positives.

* `average_precision`, `average_precision_per_class`: NaN for a class without positives.
* `mean_average_precision`: the mean over classes ("macro", cmAP) under one of `POLICIES`.
* `average_precision_micro`: all recordings and classes as one list.
* `Positives`, `positive_blocks`: classes with few positives, many at once; `roc` uses them as well.

Weights, shape (R, N), are bootstrap replicates: a whole weight of k equals the recording standing k
times in the list. They are finite and at least 0, and give R values in place of one.

The policies of cmAP give different numbers for the same scores, so a value says which it is:
``skip`` leaves classes without positives out; ``padded`` is the metric of BirdCLEF 2023
(https://www.kaggle.com/competitions/birdclef-2023/overview/evaluation), which adds `PADDING`
recordings that hold every class with score 1, so that no class lacks positives: a class that does
not occur then counts as 1. scikit-learn's macro average, which counts such a class as 0, is not
offered.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from dawnchorus.metrics.checks import (
    checked,
    checked_weights,
    counts_by_threshold,
    is_scored,
    mean_of_known,
    ratio,
    rows_per_chunk,
)

POLICIES = ("skip", "padded")
PADDING = 5  # recordings that policy "padded" adds
FEW = 40  # positives of a class up to which a product is faster than sorting
ENTRIES = 4 * 10**6  # of a matrix of positives x recordings at once; 32 MB as float64


def average_precision(
    targets: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
) -> float | np.ndarray:
    """Return the average precision of one class.

    Parameters
    ----------
    targets : array, shape (N,)
        0 or 1.
    scores : array, shape (N,)
        Finite.
    weights : array, shape (R, N), optional

    Returns
    -------
    float, or array of shape (R,)
        In (0, 1]; NaN where positives are absent.

    Raises
    ------
    ValueError
        Where shapes differ, a target is not 0 or 1, a score is not finite or a weight is negative.
    """
    targets, scores = checked(targets, scores, ndim=1)
    if weights is None:
        return _plain(targets, scores)
    return _weighted(targets, scores, checked_weights(weights, len(targets)), len(targets))


def average_precision_per_class(targets: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return `average_precision` of every class, shape (C,), of arrays of shape (N, C)."""
    targets, scores = checked(targets, scores, ndim=2)
    return np.array([_plain(*column) for column in zip(targets.T, scores.T, strict=True)])


def mean_average_precision(
    targets: np.ndarray,
    scores: np.ndarray,
    policy: str = "skip",
    weights: np.ndarray | None = None,
) -> float | np.ndarray:
    """Return the mean of the average precision over classes: cmAP.

    Parameters
    ----------
    targets : array, shape (N, C)
        0 or 1.
    scores : array, shape (N, C)
        Finite; at most 1 for ``padded``.
    policy : {"skip", "padded"}
        What becomes of classes without positives; see the module. For ``skip``, a class that a
        weighting leaves without positives is left out of its mean; the padding always weighs 1.
    weights : array, shape (R, N), optional

    Returns
    -------
    float, or array of shape (R,)
        In (0, 1]; NaN without recordings, and for ``skip`` without any positive.

    Raises
    ------
    ValueError
        As for `average_precision`, and where the policy is unknown or a score is above that of
        the padding.
    """
    targets, scores = checked(targets, scores, ndim=2)
    if policy not in POLICIES:
        raise ValueError(f"policy={policy!r}; expected one of {', '.join(POLICIES)}")
    if policy == "padded" and scores.size and scores.max() > 1:
        raise ValueError(
            f"scores up to {scores.max():g} with policy='padded'; expected at most 1, the score of "
            "the padding"
        )
    padding = PADDING if policy == "padded" else 0
    if weights is not None:
        weights = checked_weights(weights, len(targets))
        return mean_over_classes(_weighted_per_class, targets, scores, weights, padding)
    if not targets.size:
        return float("nan")
    if padding:
        ones = np.ones((padding, targets.shape[1]), np.int64)
        targets, scores = np.concatenate((targets, ones)), np.concatenate((scores, ones))
    return float(mean_of_known(average_precision_per_class(targets, scores)))


def average_precision_micro(
    targets: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
) -> float | np.ndarray:
    """Return the average precision of all N x C entries as one list.

    The validation metric of toth2016. Scores of different classes are compared with each other.

    Parameters
    ----------
    targets, scores : array, shape (N, C)
        As for `mean_average_precision`.
    weights : array, shape (R, N), optional

    Returns
    -------
    float, or array of shape (R,)
        In (0, 1]; NaN without any positive.
    """
    targets, scores = checked(targets, scores, ndim=2)
    if weights is None:
        return _plain(targets.ravel(), scores.ravel())
    weights = checked_weights(weights, len(targets))
    return _weighted(targets.ravel(), scores.ravel(), weights, len(targets))


def mean_over_classes(
    per_class: Callable, targets: np.ndarray, scores: np.ndarray, weights: np.ndarray, *more
) -> np.ndarray:
    """Return the mean over classes of a metric under R weightings, in bounded memory.

    Parameters
    ----------
    per_class : callable
        From targets, scores, weights (r, N) and ``more`` to values of shape (C, r), NaN for a class
        that is not scored.
    targets, scores : array, shape (N, C)
    weights : array, shape (R, N)

    Returns
    -------
    array, shape (R,)
    """
    values, rows = np.full(len(weights), np.nan), rows_per_chunk(len(targets))
    for begin in range(0, len(weights) if targets.size else 0, rows):
        own = weights[begin : begin + rows].astype(np.float64)
        values[begin : begin + rows] = mean_of_known(per_class(targets, scores, own, *more))
    return values


@dataclass(frozen=True)
class Positives:
    """P positives sorted by class and, within a class, by falling score.

    What a weighted metric needs of a positive is the weight of all that score at least as much. For a
    class with many positives that is a cumulative sum along its ranked list, (R, N) for each class;
    for a class with few it is a product with a 0/1 matrix of positives x recordings, which takes all
    such classes at once and is some tens of times faster for hundreds of rare species.

    ``rows`` and ``scores`` (P,) of each; ``columns`` (P,) of its class in all scores; ``starts``:
    where each class starts; ``first`` and ``last`` (P,): of those of its class and score.
    """

    rows: np.ndarray
    scores: np.ndarray
    columns: np.ndarray
    starts: np.ndarray
    first: np.ndarray
    last: np.ndarray

    @classmethod
    def of(cls, targets: np.ndarray, scores: np.ndarray, classes: np.ndarray) -> "Positives":
        """Return the positives of some classes, each of which has one or more."""
        # transposed, so that positives come class by class
        which, rows = np.nonzero(targets.T[classes])
        own = scores[rows, classes[which]]
        order = np.lexsort((-own, which))
        which, rows, own = which[order], rows[order], own[order]
        starts = np.flatnonzero(np.diff(which, prepend=-1))
        is_new = (np.diff(which, prepend=-1) != 0) | (np.diff(own, prepend=np.inf) != 0)
        heads = np.flatnonzero(is_new)
        group = np.cumsum(is_new) - 1
        tails = np.append(heads[1:], len(rows)) - 1
        return cls(rows, own, classes[which], starts, heads[group], tails[group])

    def at_least(self, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the weight of all that score at least as much as each positive, shape (R, P)."""
        return self._product(weights, lambda own, mine: own >= mine, scores)

    def passed(self, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the weight of all that score more, twice, and of all that score as much (R, P)."""
        return self._product(weights, lambda own, mine: (own >= mine) + 1.0 * (own > mine), scores)

    def ranked(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the weight of each positive, of those of its class at or above it, and above it."""
        own = weights[:, self.rows]
        total = np.cumsum(own, axis=1)
        before = total - own
        base = before[:, np.repeat(self.starts, np.diff(np.append(self.starts, len(self.rows))))]
        return own, total[:, self.last] - base, before[:, self.first] - base

    def per_class(self, values: np.ndarray) -> np.ndarray:
        """Return sums of values (R, P) over the positives of each class."""
        return np.add.reduceat(values, self.starts, axis=1)

    def _product(self, weights: np.ndarray, compared: Callable, scores: np.ndarray) -> np.ndarray:
        found = np.empty((len(weights), len(self.rows)))
        step = max(1, ENTRIES // max(1, len(scores)))
        for begin in range(0, len(self.rows), step):
            here = slice(begin, begin + step)
            matrix = compared(scores.T[self.columns[here]], self.scores[here, None])
            found[:, here] = weights @ matrix.T.astype(np.float64)
        return found


def positive_blocks(targets: np.ndarray) -> tuple[Iterator[np.ndarray], np.ndarray]:
    """Return blocks of the classes with few positives, and the classes with many.

    A block has about as many positives as there are recordings.
    """
    counts = targets.sum(axis=0)
    few = np.flatnonzero((counts > 0) & (counts <= FEW))
    # more positives in a block would be a matrix larger than recordings x recordings
    block = np.cumsum(counts[few]) // max(1, len(targets))
    return (few[block == number] for number in np.unique(block)), np.flatnonzero(counts > FEW)


def _plain(targets: np.ndarray, scores: np.ndarray) -> float:
    """Return the average precision of one list, shape (N,)."""
    _, hits, false_alarms = counts_by_threshold(targets, scores)
    if not len(hits) or not is_scored(hits[-1]):
        return float("nan")
    # positives of equal scores share the precision at their score, whatever their order
    gained = np.diff(hits, prepend=0)
    return float((gained * (hits / (hits + false_alarms))).sum() / hits[-1])


def _weighted(targets: np.ndarray, scores: np.ndarray, weights: np.ndarray, n: int) -> np.ndarray:
    """Return the average precision of one list of N entries, or of N x C, row by row; (R,)."""
    values = np.full(len(weights), np.nan)
    n_positive = int(targets.sum())
    if not is_scored(n_positive):
        return values
    rows = np.repeat(np.arange(n), len(targets) // n)
    step = rows_per_chunk(max(n_positive, n))
    for begin in range(0, len(weights), step):
        own = weights[begin : begin + step].astype(np.float64)
        gained, hits, positive = _ranked(targets, scores, own, rows)
        total = np.where(is_scored(hits[:, -1]), hits[:, -1], np.nan)
        values[begin : begin + step] = _won(gained, hits, positive, 0).sum(axis=1) / total
    return values


def _weighted_per_class(
    targets: np.ndarray, scores: np.ndarray, weights: np.ndarray, padding: int
) -> np.ndarray:
    """Return the average precision of each class with padding, shape (C, R)."""
    found = np.zeros((len(weights), targets.shape[1]))
    if padding:
        # the padding itself: positives of score 1, beside the recordings that score 1 as well
        best = scores >= 1
        positive, hits = (padding + weights @ (best & held) for held in (True, targets == 1))
        found += padding * hits / positive
    few, many = positive_blocks(targets)
    for classes in few:
        positives = Positives.of(targets, scores, classes)
        gained, hits, _ = positives.ranked(weights)
        positive = positives.at_least(scores, weights)
        found[:, classes] += positives.per_class(_won(gained, hits, positive, padding))
    rows = np.arange(len(targets))
    for column in many:
        ranked = _ranked(targets[:, column], scores[:, column], weights, rows)
        found[:, column] += _won(*ranked, padding).sum(axis=1)
    return ratio(found, weights @ targets + padding).T


def _won(gained: np.ndarray, hits: np.ndarray, positive: np.ndarray, padding: int) -> np.ndarray:
    """Return what positives add to the sum of precisions, with padding above all of them."""
    positive = positive + padding
    # where all weights are 0 the numerator is 0 too
    return gained * (hits + padding) / np.where(positive > 0, positive, 1)


def _ranked(
    targets: np.ndarray, scores: np.ndarray, weights: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weights (R, K) at the K distinct scores of positives, from the highest on.

    Of the positives with that score, of the positives with at least that score, and of all with at
    least that score. ``rows`` says which weight is whose.
    """
    # only the scores of positives matter: they are few, and all others are only counted
    positives = np.flatnonzero(targets)
    positives = positives[np.argsort(-scores[positives], kind="stable")]
    first = np.flatnonzero(np.diff(scores[positives], prepend=np.inf))
    gained = np.add.reduceat(weights[:, rows[positives]], first, axis=1)
    # the weight of all entries at or above each of K falling thresholds, (R, K)
    thresholds, n = scores[positives[first]], weights.shape[1]
    at_least = np.empty((len(weights), len(thresholds)))
    if len(thresholds) * n <= FEW * len(scores):
        # few thresholds: the product with how often each recording is at or above each of them
        passed = np.searchsorted(-thresholds, -scores, side="left")  # the first that it reaches
        step = max(1, ENTRIES // max(1, n))
        for begin in range(0, len(thresholds), step):
            width = min(step, len(thresholds) - begin)
            reached = passed < begin + width
            column = np.maximum(passed[reached] - begin, 0)
            counts = np.bincount(rows[reached] * width + column, minlength=n * width)
            counts = np.cumsum(counts.reshape(n, width), axis=1, dtype=np.float64)
            at_least[:, begin : begin + width] = weights @ counts
    else:
        # many thresholds: cumulative sums along the ranked list
        order = np.argsort(-scores, kind="stable")
        ends = np.searchsorted(-scores[order], -thresholds, side="right")
        starts, ranked = np.concatenate(([0], ends[:-1])), rows[order[: ends[-1]]]
        step = rows_per_chunk(len(ranked))
        for begin in range(0, len(weights), step):
            own = np.take(weights[begin : begin + step], ranked, axis=1)
            at_least[begin : begin + step] = np.cumsum(np.add.reduceat(own, starts, axis=1), axis=1)
    return gained, np.cumsum(gained, axis=1), at_least
