"""Average precision: exact, with what it says of classes without positives.

The average precision of a class is the mean, over its positives, of the precision among all that
score at least as much; recordings of equal scores are called together. There is no interpolation,
as in scikit-learn and in Kaggle's metric. Axes: N recordings, C classes.

* `average_precision`, `average_precision_per_class`: NaN for a class without positives.
* `mean_average_precision`: the mean over classes ("macro", cmAP) under one of `POLICIES`.
* `average_precision_micro`: all recordings and classes as one list.
* `check_policy`: for those who offer the policies.

The policies of cmAP give different numbers for the same scores, so a value says which it is:
``skip`` leaves classes without positives out; ``padded`` is the metric of BirdCLEF 2023
(https://www.kaggle.com/competitions/birdclef-2023/overview/evaluation), which adds `PADDING`
recordings that hold every class with score 1, so that no class lacks positives: a class that does
not occur then counts as 1. scikit-learn's macro average, which counts such a class as 0, is not
offered.
"""

import numpy as np

from dawnchorus.metrics.checks import checked, counts_by_threshold, mean_of_known

POLICIES = ("skip", "padded")
PADDING = 5  # recordings that policy "padded" adds


def average_precision(targets: np.ndarray, scores: np.ndarray) -> float:
    """Return the average precision of one class.

    Parameters
    ----------
    targets : array, shape (N,)
        0 or 1.
    scores : array, shape (N,)
        Finite.

    Returns
    -------
    float
        In (0, 1]; NaN where positives are absent.

    Raises
    ------
    ValueError
        Where shapes differ, a target is not 0 or 1, or a score is not finite.
    """
    return _average_precision(*checked(targets, scores, ndim=1))


def average_precision_per_class(targets: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return `average_precision` of every class, shape (C,), of arrays of shape (N, C)."""
    return _per_class(*checked(targets, scores, ndim=2))


def mean_average_precision(targets: np.ndarray, scores: np.ndarray, policy: str = "skip") -> float:
    """Return the mean of the average precision over classes: cmAP.

    Parameters
    ----------
    targets : array, shape (N, C)
        0 or 1.
    scores : array, shape (N, C)
        Finite; at most 1 for ``padded``.
    policy : {"skip", "padded"}
        What becomes of classes without positives; see the module.

    Returns
    -------
    float
        In (0, 1]; NaN without recordings, and for ``skip`` without any positive.

    Raises
    ------
    ValueError
        As for `average_precision`, and where the policy is unknown or a score is above that of
        the padding.
    """
    targets, scores = checked(targets, scores, ndim=2)
    check_policy(policy, scores)
    if not targets.size:
        return float("nan")
    if policy == "padded":
        targets, scores = _padded(targets), _padded(scores)
    return float(mean_of_known(_per_class(targets, scores)))


def average_precision_micro(targets: np.ndarray, scores: np.ndarray) -> float:
    """Return the average precision of all N x C entries as one list.

    The validation metric of system 001. Scores of different classes are compared with each other.

    Parameters
    ----------
    targets, scores : array, shape (N, C)
        As for `mean_average_precision`.

    Returns
    -------
    float
        In (0, 1]; NaN without any positive.
    """
    targets, scores = checked(targets, scores, ndim=2)
    return _average_precision(targets.ravel(), scores.ravel())


def check_policy(policy: str, scores: np.ndarray) -> None:
    """Raise where a policy of cmAP is unknown or scores are above its padding."""
    if policy not in POLICIES:
        raise ValueError(f"policy={policy!r}; expected one of {', '.join(POLICIES)}")
    if policy == "padded" and scores.size and scores.max() > 1:
        raise ValueError(
            f"scores up to {scores.max():g} with policy='padded'; expected at most 1, the score of "
            "the padding"
        )


def _average_precision(targets: np.ndarray, scores: np.ndarray) -> float:
    _, hits, false_alarms = counts_by_threshold(targets, scores)
    if not len(hits) or not hits[-1]:
        return float("nan")
    gained = np.diff(hits, prepend=0)
    return float((gained * (hits / (hits + false_alarms))).sum() / hits[-1])


def _per_class(targets: np.ndarray, scores: np.ndarray) -> np.ndarray:
    columns = zip(targets.T, scores.T, strict=True)
    return np.array([_average_precision(*column) for column in columns])


def _padded(values: np.ndarray) -> np.ndarray:
    """Return an array with `PADDING` more rows of ones."""
    return np.concatenate((values, np.ones((PADDING, values.shape[1]), values.dtype)))
