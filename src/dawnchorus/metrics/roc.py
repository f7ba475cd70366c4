"""Area under the ROC curve, exact, plain and weighted, and operating points on the curve.

AUROC is the probability that a positive recording has the higher score of a random pair of one
positive and one negative, an equal pair counting one half: Hanley and McNeil (1982),
https://doi.org/10.1148/radiology.143.1.7063747. Where a class has no positive or no negative its
AUROC is NaN. A recording is classified as positive where its score is at or above the threshold.
Axes: N recordings, C classes, R weightings (bootstrap replicates).

* `auroc`, `auroc_per_class`, `macro_auroc`: area under the ROC curve.
* `roc_curve`: the curve itself.
* `harmonic_mean`: one value for several data sets.
* `precision_recall_at`: precision, recall, F1 and counts at a threshold.
* `best_threshold`: the threshold that maximises one of `CRITERIA`.
"""

import numpy as np

from dawnchorus.metrics.checks import (
    checked,
    checked_weights,
    counts_by_threshold,
    is_scored,
    ratio,
    rows_per_chunk,
    scored_classes,
)
from dawnchorus.metrics.precision import Positives, mean_over_classes, positive_blocks

CRITERIA = ("f1", "youden")


def auroc(
    targets: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
) -> float | np.ndarray:
    """Return the area under the ROC curve of one class.

    Parameters
    ----------
    targets : array, shape (N,)
        0 or 1.
    scores : array, shape (N,)
        Finite.
    weights : array, shape (R, N), optional
        Finite, at least 0. A whole weight of k equals the recording standing k times in the list.

    Returns
    -------
    float, or array of shape (R,)
        In [0, 1]; NaN where positives or negatives are absent.

    Raises
    ------
    ValueError
        Where shapes differ, a target is not 0 or 1, a score is not finite or a weight is negative.
    """
    targets, scores = checked(targets, scores, ndim=1)
    if weights is None:
        # the code of the replicates, so that both agree to the last digit
        return float(_weighted(targets, scores, np.ones((1, len(targets))))[0])
    return _weighted(targets, scores, checked_weights(weights, len(targets)))


def auroc_per_class(targets: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return `auroc` of every class, shape (C,), of targets and scores of shape (N, C)."""
    targets, scores = checked(targets, scores, ndim=2)
    weights = np.ones((1, len(targets)))
    columns = zip(targets.T, scores.T, strict=True)
    return np.array([_weighted(*column, weights)[0] for column in columns])


def macro_auroc(
    targets: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
) -> float | np.ndarray:
    """Return the mean of `auroc_per_class` over classes with positives and negatives.

    Parameters
    ----------
    targets, scores : array, shape (N, C)
        As for `auroc`.
    weights : array, shape (R, N), optional
        As for `auroc`. A class that a weighting leaves without both is left out of its mean.

    Returns
    -------
    float, or array of shape (R,)
        NaN where no class has both.
    """
    if weights is not None:
        targets, scores = checked(targets, scores, ndim=2)
        weights = checked_weights(weights, len(targets))
        return mean_over_classes(_weighted_per_class, targets, scores, weights)
    scored = scored_classes(targets)
    per_class = auroc_per_class(targets, scores)
    return float(per_class[scored].mean()) if scored.any() else float("nan")


def harmonic_mean(values: np.ndarray) -> float:
    """Return the harmonic mean: the score of DCASE 2018 task 3 over its data sets.

    http://dcase.community/challenge2018/task-bird-audio-detection. NaN values (data sets without
    positives or negatives) are left out, as in `macro_auroc`; nothing left gives NaN; a 0 gives 0.

    Parameters
    ----------
    values : array, shape (K,)
        At least 0, or NaN.
    """
    values = np.asarray(values, dtype=np.float64).ravel()
    values = values[~np.isnan(values)]
    if (values < 0).any():
        raise ValueError(f"harmonic mean of {values.min()!r}; expected values of at least 0")
    if not len(values):
        return float("nan")
    # the limit, without a division by 0
    return float(len(values) / (1 / values).sum()) if values.all() else 0.0


def roc_curve(targets: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the ROC curve of one class, a point for each distinct score, highest first.

    Parameters
    ----------
    targets, scores : array, shape (N,)
        As for `auroc`.

    Returns
    -------
    false_positive_rate, true_positive_rate : array, shape (K + 1,)
        From 0 to 1; NaN where the class they count is absent.
    thresholds : array, shape (K + 1,)
        Infinity (no recording is positive), then the K distinct scores.
    """
    targets, scores = checked(targets, scores, ndim=1)
    thresholds, true_positives, false_positives = counts_by_threshold(targets, scores)
    n_positive = int(targets.sum())
    rates = [
        ratio(np.concatenate(([0], counts)), n)
        for counts, n in (
            (false_positives, len(targets) - n_positive),
            (true_positives, n_positive),
        )
    ]
    return rates[0], rates[1], np.concatenate(([np.inf], thresholds))


def precision_recall_at(targets: np.ndarray, scores: np.ndarray, threshold: float) -> dict:
    """Return precision, recall and F1 of one class at a threshold.

    Parameters
    ----------
    targets, scores : array, shape (N,)
        As for `auroc`.
    threshold : float
        Positive: scores at or above it. NaN (no threshold could be chosen) gives NaN ratios and
        None for what would be counted.

    Returns
    -------
    dict
        ``precision`` (NaN where nothing is classified as positive), ``recall`` (NaN without
        positives), ``f1`` (NaN without both), ``n_predicted`` and ``counts`` of ``true_positive``,
        ``false_positive``, ``false_negative``, ``true_negative``.
    """
    targets, scores = checked(targets, scores, ndim=1)
    if np.isnan(threshold):
        nan = float("nan")
        return {"precision": nan, "recall": nan, "f1": nan, "n_predicted": None, "counts": None}
    predicted, positive = scores >= threshold, targets == 1
    hits, n_predicted, n_positive = (
        int(x.sum()) for x in (predicted & positive, predicted, positive)
    )
    counts = {
        "true_positive": hits,
        "false_positive": n_predicted - hits,
        "false_negative": n_positive - hits,
        "true_negative": len(targets) - n_predicted - n_positive + hits,
    }
    return {
        "precision": float(ratio(hits, n_predicted)),
        "recall": float(ratio(hits, n_positive)),
        "f1": float(ratio(2 * hits, n_predicted + n_positive)),
        "n_predicted": n_predicted,
        "counts": counts,
    }


def best_threshold(targets: np.ndarray, scores: np.ndarray, criterion: str = "f1") -> float:
    """Return the threshold that maximises a criterion, exact over all distinct scores.

    Parameters
    ----------
    targets, scores : array, shape (N,)
        As for `auroc`.
    criterion : {"f1", "youden"}
        F1, or Youden's J: true positive rate minus false positive rate.

    Returns
    -------
    float
        One of the scores; of several equally good ones the highest, with the fewest positives. NaN
        where positives or negatives are absent.
    """
    if criterion not in CRITERIA:
        raise ValueError(f"criterion={criterion!r}; expected one of {', '.join(CRITERIA)}")
    targets, scores = checked(targets, scores, ndim=1)
    n_positive = int(targets.sum())
    n_negative = len(targets) - n_positive
    if not is_scored(n_positive, n_negative):
        return float("nan")
    thresholds, hits, false_alarms = counts_by_threshold(targets, scores)
    if criterion == "f1":
        quality = 2 * hits / (hits + false_alarms + n_positive)
    else:
        # J times both class sizes: whole numbers, so that equal thresholds compare equal
        quality = hits * n_negative - false_alarms * n_positive
    return float(thresholds[np.argmax(quality)])


def _weighted(targets: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the AUROC of one class under R weightings, shape (R,)."""
    if not len(targets):
        return np.full(len(weights), np.nan)
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    positive = targets[order] == 1
    rows = rows_per_chunk(len(targets))
    values = np.empty(len(weights))
    for first in range(0, len(weights), rows):
        own = weights[first : first + rows][:, order].astype(np.float64)
        positives = own * positive
        negatives = own - positives
        if len(starts) < len(positive):  # equal scores count together
            positives = np.add.reduceat(positives, starts, axis=1)
            negatives = np.add.reduceat(negatives, starts, axis=1)
        # negatives below each score, and half of those at it
        below = np.cumsum(negatives, axis=1)
        n_negative = below[:, -1].copy()
        below -= negatives / 2
        # no matrix product, whose last bits depend on the number of threads
        won = np.einsum("rg,rg->r", positives, below)
        values[first : first + rows] = won / _pairs(positives.sum(axis=1), n_negative)
    return values


def _weighted_per_class(targets: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the AUROC of each class, shape (C, R)."""
    found = np.full((len(weights), targets.shape[1]), np.nan)
    n_positive = weights @ targets
    n_negative = weights.sum(axis=1, keepdims=True) - n_positive
    pairs = _pairs(n_positive, n_negative)
    few, many = positive_blocks(targets)
    for classes in few:
        positives = Positives.of(targets, scores, classes)
        own, at_least, above = positives.ranked(weights)
        # of two that a negative passes by half, as it counts where scores are equal
        lost = (positives.passed(scores, weights) - at_least - above) / 2
        won = own * (n_negative[:, positives.columns] - lost)
        found[:, classes] = positives.per_class(won) / pairs[:, classes]
    for column in many:
        found[:, column] = _weighted(targets[:, column], scores[:, column], weights)
    return found.T


def _pairs(n_positive: np.ndarray, n_negative: np.ndarray) -> np.ndarray:
    """Return the weight of all pairs of a positive and a negative; NaN where there is none."""
    return np.where(is_scored(n_positive, n_negative), n_positive * n_negative, np.nan)
