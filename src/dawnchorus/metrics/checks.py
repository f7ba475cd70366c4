"""Checks of arguments, and the rules that all metrics share.

Conventions of all of them: targets first, scores second, always. Axes: N recordings, C classes, R
weightings of the recordings (bootstrap replicates). A target is 0 or 1, a score any finite number,
higher for more likely. Ties are exact: no result depends on the order of recordings or classes. A
metric that is not defined is NaN; what becomes of classes without positives and of recordings
without classes is a named policy.

* `checked`, `checked_targets`, `checked_weights`: arguments as arrays, or an error.
* `is_scored`, `scored_classes`: where a metric is defined, the one rule for classes without positives.
* `ratio`, `mean_of_known`: NaN where nothing is counted, and the mean of what is not NaN.
* `counts_by_threshold`, `last_of_equal`: true and false positives at each distinct score.
* `rows_per_chunk`: how many weightings are worked on at once.
"""

import numpy as np

CHUNK_BYTES = 10**8  # memory that the weightings in work may take
_BYTES_PER_WEIGHT = 40  # an int32 weight and four float64 intermediates


def checked(targets, scores, ndim: int) -> tuple[np.ndarray, np.ndarray]:
    """Return targets (int64) and scores (float64) of equal shape with ``ndim`` axes, or raise."""
    targets = checked_targets(targets, ndim)
    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape != targets.shape:
        raise ValueError(
            f"targets {targets.shape} and scores {scores.shape} differ; both must be "
            f"{'(N,)' if ndim == 1 else '(N, C)'}"
        )
    # NaN would be sorted last, as if it were the lowest score
    if bad := int((~np.isfinite(scores)).sum()):
        raise ValueError(f"{bad} of {scores.size} scores are not finite; expected finite numbers")
    return targets, scores


def checked_targets(targets, ndim: int) -> np.ndarray:
    """Return targets of 0 and 1 as int64 with ``ndim`` axes, or raise."""
    targets = np.asarray(targets)
    if targets.ndim != ndim:
        raise ValueError(
            f"targets have shape {targets.shape}; expected {'(N,)' if ndim == 1 else '(N, C)'}"
        )
    other = targets[(targets != 0) & (targets != 1)]
    if other.size:
        raise ValueError(f"targets hold {other.ravel()[:5].tolist()!r}; expected 0 and 1 only")
    return targets.astype(np.int64)


def checked_weights(weights, n: int) -> np.ndarray:
    """Return weights of shape (R, n), finite and at least 0, or raise."""
    weights = np.asarray(weights)
    if weights.ndim != 2 or weights.shape[1] != n:
        raise ValueError(
            f"weights have shape {weights.shape}; expected (R, {n}), a column for each target"
        )
    if weights.size and not (np.isfinite(weights).all() and weights.min() >= 0):
        raise ValueError("weights must be finite and at least 0")
    return weights


def is_scored(n_positive, n_negative=1):
    """Return where a metric is defined: there is a positive, and a negative where one is needed.

    Parameters
    ----------
    n_positive, n_negative : number or array
        How many, or what they weigh. Without ``n_negative``: metrics that need no negative, such as
        average precision and recall.

    Returns
    -------
    bool, or array of the same shape
    """
    return (n_positive > 0) & (n_negative > 0)


def scored_classes(targets: np.ndarray) -> np.ndarray:
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
    return is_scored(targets.sum(axis=0), (1 - targets).sum(axis=0))


def ratio(part, whole):
    """Return ``part / whole``, NaN where ``whole`` is 0: the one place that divides by a count.

    Parameters
    ----------
    part, whole : number or array
        Shapes that fit one another; ``whole`` at least 0.
    """
    return part / np.where(is_scored(whole), whole, np.nan)


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """Return the mean over the first axis of what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0).sum(axis=0), known.sum(axis=0))


def counts_by_threshold(
    targets: np.ndarray, scores: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct scores, highest first, with true and false positives at each of them."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last = last_of_equal(ordered)  # equal scores are one threshold
    hits = np.cumsum(targets[order])[last]
    return ordered[last], hits, last + 1 - hits


def last_of_equal(ordered: np.ndarray) -> np.ndarray:
    """Return the position of the last of each run of equal values, of sorted values (K,)."""
    # the cut is for an empty list, which has no last element
    return np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))[: len(ordered)]


def rows_per_chunk(n: int) -> int:
    """Return how many weightings of n recordings fit into about 100 MB of work."""
    return max(1, CHUNK_BYTES // (_BYTES_PER_WEIGHT * max(1, n)))
