"""Average precision, MLRAP and accuracy where positives are few: in bounded memory and seconds.

The values are those of `dawnchorus.metrics.precision` and `dawnchorus.metrics.ranks`, which take
targets as an array of N x C and sort whole lists with their targets. Here a target is known by its row
and its class, and scores are read in blocks: of 160,000 x 1500 scores, hardly more than they take is in
memory. Average precision adds the terms of positives alone, so that its last digits (1e-15) can differ
from those of `dawnchorus.metrics.precision`; all others are equal to the last digit.

Axes: N rows of scores, C classes, P positives. Positives are two arrays, ``rows`` and ``classes`` (P,),
in the order of `numpy.nonzero`: by row, then by class. Scores are finite.

* `average_precision_micro`: over all entries as one list.
* `average_precision_per_class`: of each class, and how often each class reaches a threshold.
* `label_ranking`: label ranking average precision of each row.
* `top_1`: whether a class of each row scores best.
"""

import numpy as np

_SORTED = 5 * 10**6  # entries sorted at once
_COLUMNS, _ROWS = 64, 512  # copied at once from rows to columns: both sides stay in the cache
_COMPARED = 1 << 19  # entries compared at once


def average_precision_micro(rows: np.ndarray, classes: np.ndarray, scores: np.ndarray) -> float:
    """Return the average precision of all N x C entries as one list; NaN without any positive.

    As `dawnchorus.metrics.precision.average_precision_micro`, with positives (P,) for targets.
    """
    distinct, n_at = np.unique(scores[rows, classes], return_counts=True)
    n_at_least = np.zeros(len(distinct), np.int64)
    step = max(1, _SORTED // max(1, scores.shape[1]))
    buffer = np.empty((min(step, len(scores)), scores.shape[1]), scores.dtype)
    # counts of parts add up, and parts are sorted faster than the whole
    for first in range(0, len(scores), step):
        part = buffer[: len(scores) - first]
        part[:] = scores[first : first + step]
        part = part.reshape(-1)
        part.sort()
        n_at_least += len(part) - np.searchsorted(part, distinct)
    return _average(n_at, n_at_least)


def average_precision_per_class(
    rows: np.ndarray, classes: np.ndarray, scores: np.ndarray, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the average precision of each class, and how many rows reach a threshold.

    As `dawnchorus.metrics.precision.average_precision_per_class`, with positives (P,) for targets.

    Parameters
    ----------
    rows, classes : arrays, shape (P,)
        The positives.
    scores : array, shape (N, C)
        Finite.
    threshold : float
        In the unit of the scores.

    Returns
    -------
    per_class : array, shape (C,)
        NaN for a class without positives.
    n_reached : array, shape (C,), int64
        Rows that score at least the threshold.
    """
    n, n_classes = scores.shape
    own, by_class = scores[rows, classes], np.argsort(classes, kind="stable")
    borders = np.searchsorted(classes[by_class], np.arange(n_classes + 1))
    per_class, n_reached = np.full(n_classes, np.nan), np.zeros(n_classes, np.int64)
    threshold = scores.dtype.type(threshold)  # of another type, each column would be converted
    buffer = np.empty((min(_COLUMNS, n_classes), n), scores.dtype)
    for first in range(0, n_classes, _COLUMNS):
        last = min(first + _COLUMNS, n_classes)
        block = buffer[: last - first]
        for start in range(0, n, _ROWS):
            block[:, start : start + _ROWS] = scores[start : start + _ROWS, first:last].T
        block.sort(axis=1)
        for number, column in enumerate(block, first):
            n_reached[number] = n - np.searchsorted(column, threshold)
            mine = own[by_class[borders[number] : borders[number + 1]]]
            distinct, n_at = np.unique(mine, return_counts=True)
            per_class[number] = _average(n_at, n - np.searchsorted(column, distinct))
    return per_class, n_reached


def label_ranking(rows: np.ndarray, classes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the label ranking average precision of each row, shape (N,); NaN without a class.

    As `dawnchorus.metrics.ranks.label_ranking_per_recording`, with positives (P,) for targets.
    """
    n, n_classes = scores.shape
    own = scores[rows, classes]
    at_least = np.empty(len(rows), np.int64)
    step = max(1, _COMPARED // max(1, n_classes))
    for first in range(0, len(rows), step):
        here = slice(first, first + step)
        at_least[here] = np.count_nonzero(scores[rows[here]] >= own[here, None], axis=1)
    # of the positives of a row, best first, those before the next lower score are at least as good
    order = np.lexsort((-own, rows))
    row, score = rows[order], own[order]
    is_new_row = np.diff(row, prepend=-1) != 0
    is_new = is_new_row | (np.diff(score, prepend=0) != 0)
    starts = np.flatnonzero(is_new)
    ends = np.append(starts[1:], len(rows))[np.cumsum(is_new) - 1]
    row_starts = np.flatnonzero(is_new_row)[np.cumsum(is_new_row) - 1]
    relevant = np.empty(len(rows), np.int64)
    relevant[order] = ends - row_starts
    total = np.bincount(rows, weights=relevant / at_least, minlength=n)
    n_positive = np.bincount(rows, minlength=n)
    return np.where(n_positive > 0, total / np.maximum(n_positive, 1), np.nan)


def top_1(rows: np.ndarray, classes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return how probable a class of each row is the best, shape (N,); NaN without a class.

    1 or 0 but for ties, as `dawnchorus.metrics.ranks.top_k_per_recording` of k = 1.
    """
    n, n_classes = scores.shape
    highest = scores.max(axis=1) if n_classes else np.zeros(n)
    is_best = scores[rows, classes] == highest[rows]
    n_best = np.bincount(rows[is_best], minlength=n)
    found = np.where(np.bincount(rows, minlength=n) > 0, 0.0, np.nan)
    hits = np.flatnonzero(n_best)
    step = max(1, _COMPARED // max(1, n_classes))
    for first in range(0, len(hits), step):
        here = hits[first : first + step]
        n_tied = np.count_nonzero(scores[here] == highest[here, None], axis=1)
        # of equal scores each is as likely to be drawn: the share of those that are no class
        found[here] = 1 - (n_tied - n_best[here]) / n_tied
    return found


def _average(n_at: np.ndarray, n_at_least: np.ndarray) -> float:
    """Return the mean precision of positives; NaN of none.

    ``n_at``: how many have each of their distinct scores, lowest first; ``n_at_least``: how many
    entries, positive or not, score at least as much.
    """
    if not len(n_at):
        return float("nan")
    hits = np.cumsum(n_at[::-1])[::-1]
    # the best first, as in a ranked list
    return float((n_at * (hits / n_at_least))[::-1].sum() / hits[0])
