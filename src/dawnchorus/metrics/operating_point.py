"""What a threshold does to one class.

A recording is called positive where its score is at or above the threshold.

* `precision_recall_at`: precision, recall, F1 and counts at a threshold.
* `best_threshold`: the threshold that maximises one of `CRITERIA`.
"""

import numpy as np

from dawnchorus.metrics.checks import checked, counts_by_threshold, has_both

CRITERIA = ("f1", "youden")


def precision_recall_at(targets: np.ndarray, scores: np.ndarray, threshold: float) -> dict:
    """Return precision, recall and F1 of one class at a threshold.

    Parameters
    ----------
    targets, scores : array, shape (N,)
        As for `auroc`.
    threshold : float
        Called positive: scores at or above it. NaN (no threshold could be chosen) gives NaN
        ratios and None for what would be counted.

    Returns
    -------
    dict
        ``precision`` (NaN where nothing is called), ``recall`` (NaN without positives), ``f1`` (NaN
        without both), ``n_predicted`` and ``counts`` of ``true_positive``, ``false_positive``,
        ``false_negative``, ``true_negative``.
    """
    targets, scores = checked(targets, scores, ndim=1)
    if np.isnan(threshold):
        nan = float("nan")
        return {"precision": nan, "recall": nan, "f1": nan, "n_predicted": None, "counts": None}
    called, positive = scores >= threshold, targets == 1
    hits, n_called, n_positive = (int(x.sum()) for x in (called & positive, called, positive))
    counts = {
        "true_positive": hits,
        "false_positive": n_called - hits,
        "false_negative": n_positive - hits,
        "true_negative": len(targets) - n_called - n_positive + hits,
    }
    return {
        "precision": _ratio(hits, n_called),
        "recall": _ratio(hits, n_positive),
        "f1": _ratio(2 * hits, n_called + n_positive),
        "n_predicted": n_called,
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
        One of the scores; of several equally good ones the highest, which calls the fewest. NaN
        where positives or negatives are absent.
    """
    if criterion not in CRITERIA:
        raise ValueError(f"criterion={criterion!r}; expected one of {', '.join(CRITERIA)}")
    targets, scores = checked(targets, scores, ndim=1)
    n_positive = int(targets.sum())
    n_negative = len(targets) - n_positive
    if not has_both(n_positive, n_negative):
        return float("nan")
    thresholds, hits, false_alarms = counts_by_threshold(targets, scores)
    if criterion == "f1":
        quality = 2 * hits / (hits + false_alarms + n_positive)
    else:
        # J times both class sizes: whole numbers, so that equal thresholds compare equal
        quality = hits * n_negative - false_alarms * n_positive
    return float(thresholds[np.argmax(quality)])


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
