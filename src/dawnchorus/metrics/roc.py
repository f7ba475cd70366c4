"""Area under the ROC curve: exact, with the group bootstrap.

AUROC is the probability that a positive recording has the higher score of a random pair of one
positive and one negative, an equal pair counting one half: Hanley and McNeil (1982),
https://doi.org/10.1148/radiology.143.1.7063747. Where a class has no positive or no negative
(`classes_with_both`) its AUROC is NaN. Axes: N recordings, C classes, R replicates.

* `auroc`, `auroc_per_class`, `macro_auroc`, `weighted_auroc`: area under the ROC curve.
* `auroc_with_interval`, `paired_difference`: the same with a group bootstrap interval.
* `roc_curve`: the curve itself.
* `harmonic_mean`: one figure for several data sets.
"""

import numpy as np

from dawnchorus.metrics import bootstrap
from dawnchorus.metrics.checks import (
    checked,
    checked_targets,
    checked_weights,
    counts_by_threshold,
    has_both,
)


def classes_with_both(targets: np.ndarray) -> np.ndarray:
    """Return which classes have at least one positive and one negative.

    Parameters
    ----------
    targets : array, shape (N, C)
        0 or 1.

    Returns
    -------
    array, shape (C,), bool
    """
    targets = checked_targets(targets, ndim=2)
    return has_both(targets.sum(axis=0), (1 - targets).sum(axis=0))


def auroc(targets: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve of one class.

    Parameters
    ----------
    targets : array, shape (N,)
        0 or 1.
    scores : array, shape (N,)
        Finite.

    Returns
    -------
    float
        In [0, 1]; NaN where positives or negatives are absent.

    Raises
    ------
    ValueError
        Where shapes differ, a target is not 0 or 1, or a score is not finite.
    """
    targets, scores = checked(targets, scores, ndim=1)
    return float(_weighted_auroc(targets, scores, np.ones((1, len(targets))))[0])


def auroc_per_class(targets: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return `auroc` of every class, shape (C,), of targets and scores of shape (N, C)."""
    targets, scores = checked(targets, scores, ndim=2)
    weights = np.ones((1, len(targets)))
    columns = zip(targets.T, scores.T, strict=True)
    return np.array([_weighted_auroc(*column, weights)[0] for column in columns])


def macro_auroc(targets: np.ndarray, scores: np.ndarray) -> float:
    """Return the mean of `auroc_per_class` over `classes_with_both`; NaN where there is none."""
    scored = classes_with_both(targets)
    per_class = auroc_per_class(targets, scores)
    return float(per_class[scored].mean()) if scored.any() else float("nan")


def weighted_auroc(targets: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the AUROC of one class under R weightings of the recordings.

    A whole weight of k equals the recording standing k times in the list.

    Parameters
    ----------
    targets, scores : array, shape (N,)
        As for `auroc`.
    weights : array, shape (R, N)
        Finite, at least 0.

    Returns
    -------
    array, shape (R,)
        NaN where the weights leave no positive or no negative.

    Raises
    ------
    ValueError
        As for `auroc`, and where the weights have another shape or are negative.
    """
    targets, scores = checked(targets, scores, ndim=1)
    return _weighted_auroc(targets, scores, checked_weights(weights, len(targets)))


def auroc_with_interval(
    targets: np.ndarray,
    scores: np.ndarray,
    groups: np.ndarray,
    n_replicates: int,
    confidence: float,
    rng: np.random.Generator,
) -> dict[str, float | int]:
    """Return the AUROC of one class with its group bootstrap interval and counts.

    Parameters
    ----------
    targets, scores : array, shape (N,)
        As for `auroc`.
    groups, n_replicates, rng
        As for `bootstrap_weights`.
    confidence : float
        As for `interval`.

    Returns
    -------
    dict
        ``auroc``, ``low``, ``high`` (NaN where a class is absent), ``n``, ``n_positive``,
        ``n_groups``.
    """
    targets, scores = checked(targets, scores, ndim=1)
    codes, n_groups = _checked_groups(groups, len(targets))
    values = [
        _weighted_auroc(targets, scores, weights)
        for weights in bootstrap.weight_chunks(codes, n_replicates, rng)
    ]
    low, high = bootstrap.interval(np.concatenate(values), confidence)
    return {
        "auroc": auroc(targets, scores),
        "low": low,
        "high": high,
        "n": len(targets),
        "n_positive": int(targets.sum()),
        "n_groups": n_groups,
    }


def paired_difference(
    targets: np.ndarray,
    scores_a: np.ndarray,
    scores_b: np.ndarray,
    groups: np.ndarray,
    n_replicates: int,
    confidence: float,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Compare two sets of scores of the same recordings: AUROC of b minus AUROC of a.

    Both are weighted by the same replicates, so what the recordings have in common cancels.

    Parameters
    ----------
    targets, scores_a, scores_b : array, shape (N,)
        As for `auroc`.
    groups, n_replicates, confidence, rng
        As for `auroc_with_interval`.

    Returns
    -------
    dict
        ``difference``, ``low``, ``high``, and ``p_two_sided`` as `dawnchorus.metrics.bootstrap` has it.
    """
    targets, scores_a = checked(targets, scores_a, ndim=1)
    targets, scores_b = checked(targets, scores_b, ndim=1)
    codes, _ = _checked_groups(groups, len(targets))
    differences = np.concatenate(
        [
            _weighted_auroc(targets, scores_b, weights)
            - _weighted_auroc(targets, scores_a, weights)
            for weights in bootstrap.weight_chunks(codes, n_replicates, rng)
        ]
    )
    low, high = bootstrap.interval(differences, confidence)
    return {
        "difference": auroc(targets, scores_b) - auroc(targets, scores_a),
        "low": low,
        "high": high,
        "p_two_sided": bootstrap.p_two_sided(differences),
    }


def harmonic_mean(values: np.ndarray) -> float:
    """Return the harmonic mean, the figure of DCASE 2018 task 3 over its data sets.

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
        Infinity (nothing called), then the K distinct scores.
    """
    targets, scores = checked(targets, scores, ndim=1)
    thresholds, true_positives, false_positives = counts_by_threshold(targets, scores)
    n_positive = int(targets.sum())
    n_negative = len(targets) - n_positive
    rates = [
        np.concatenate(([0], counts)) / n if n else np.full(len(counts) + 1, np.nan)
        for counts, n in ((false_positives, n_negative), (true_positives, n_positive))
    ]
    return rates[0], rates[1], np.concatenate(([np.inf], thresholds))


def _weighted_auroc(targets: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    if not len(targets):
        return np.full(len(weights), np.nan)
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    positive = targets[order] == 1
    rows = bootstrap.rows_per_chunk(len(targets))
    values = np.empty(len(weights))
    for first in range(0, len(weights), rows):
        chunk = weights[first : first + rows][:, order].astype(np.float64)
        values[first : first + rows] = _area(chunk, positive, starts)
    return values


def _area(weights: np.ndarray, positive: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the AUROC of each row of weights, sorted by score, equal scores from ``starts`` on."""
    positives = weights * positive
    negatives = weights - positives
    if len(starts) < len(positive):
        positives = np.add.reduceat(positives, starts, axis=1)
        negatives = np.add.reduceat(negatives, starts, axis=1)
    # negatives below each score, and half of those at it
    below = np.cumsum(negatives, axis=1)
    n_negative = below[:, -1].copy()
    below -= negatives / 2
    n_positive = positives.sum(axis=1)
    won = np.einsum("rg,rg->r", positives, below)
    pairs = np.where(has_both(n_positive, n_negative), n_positive * n_negative, np.nan)
    return won / pairs


def _checked_groups(groups, n: int) -> tuple[np.ndarray, int]:
    """Return the groups of n recordings as numbers, and how many there are, or raise."""
    codes, n_groups = bootstrap.group_codes(groups)
    if len(codes) != n:
        raise ValueError(f"{len(codes)} groups for {n} targets; expected a group for each target")
    return codes, n_groups
