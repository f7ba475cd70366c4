"""What the metrics refuse, and what they share.

Conventions of all of them: targets first, scores second, always. Axes: N recordings, C classes, R
bootstrap replicates. A target is 0 or 1, a score any finite number, higher for more likely. Ties are
exact: no result depends on the order of recordings or classes. A figure that is not defined is NaN;
what becomes of classes without positives and of recordings without classes is a named policy.

* `checked`, `checked_targets`, `checked_weights`: arguments as arrays, or an error.
* `counts_by_threshold`: what is called at each distinct score.
* `has_both`, `mean_of_known`: where a figure is defined, and the mean of what is.
"""

import numpy as np


def checked(targets, scores, ndim: int) -> tuple[np.ndarray, np.ndarray]:
    """Return targets (int64) and scores (float64) of equal shape with ``ndim`` axes, or raise."""
    targets = checked_targets(targets, ndim)
    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape != targets.shape:
        raise ValueError(
            f"targets {targets.shape} and scores {scores.shape} differ; both must be "
            f"{'(N,)' if ndim == 1 else '(N, C)'}"
        )
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


def counts_by_threshold(
    targets: np.ndarray, scores: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct scores, highest first, with true and false positives called at each."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))[: len(ordered)]
    hits = np.cumsum(targets[order])[last]
    return ordered[last], hits, last + 1 - hits


def has_both(n_positive, n_negative):
    """Return where there is a positive and a negative: the only place that decides it."""
    return (n_positive > 0) & (n_negative > 0)


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """Return the mean over the first axis of what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    mean = np.where(known, values, 0).sum(axis=0) / np.maximum(count, 1)
    return np.where(count > 0, mean, np.nan)
