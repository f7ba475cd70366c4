"""How far scores are from probabilities: calibration error, Brier score and reliability curve.

Scores are put into `BINS` bins of equal width; in each the mean score is compared with the share of
positives. Classes without positives or without negatives are left out, and the values of the others
are averaged. Axes: N recordings, C classes, R weightings (bootstrap replicates), B bins.

* `expected_calibration_error`: mean distance of both, weighted by the scores in a bin.
* `brier_score`: mean squared distance of scores and targets.
* `reliability_curve`, `positive_shares`: the bins of all classes together.
"""

import numpy as np

from dawnchorus.metrics.checks import checked, checked_weights, mean_of_known, ratio, scored_classes

BINS = 15  # Guo et al. (2017), section 2


def expected_calibration_error(
    targets: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
) -> float | np.ndarray:
    """Return the expected calibration error, the mean over classes.

    Naeini et al. (2015); of each class on its own, as Kull et al. (2019),
    https://arxiv.org/abs/1910.12656, have it: of all classes together the many low scores of absent
    ones would hide what is wrong with the high ones. It is never negative, so that a few recordings
    with perfect probabilities have one above 0.

    Parameters
    ----------
    targets, scores : array, shape (N, C)
        0 or 1, and in [0, 1].
    weights : array, shape (R, N), optional
        Whole numbers at least 0: how often each recording counts.

    Returns
    -------
    float, or array of shape (R,)
        In [0, 1]; NaN without a class that counts.
    """
    targets, scores, counts, plain = _checked(targets, scores, weights)
    found = []
    for target, score in zip(targets.T, scores.T, strict=True):
        bins = bins_of(score)
        order = np.argsort(bins, kind="stable")
        starts = np.flatnonzero(np.diff(bins[order], prepend=-1))
        # residuals add up to the distance of both means times the number of scores in the bin
        residuals = counts[:, order] * (score - target)[order]
        distances = np.abs(np.add.reduceat(residuals, starts, axis=1)).sum(axis=1)
        found.append(ratio(distances, counts.sum(axis=1)))
    return _mean(found, len(counts), plain)


def brier_score(
    targets: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
) -> float | np.ndarray:
    """Return the mean squared distance of scores and targets, the mean over classes.

    Brier (1950). Unlike the calibration error it also tells whether scores separate the classes.
    Parameters and result as `expected_calibration_error`.
    """
    targets, scores, counts, plain = _checked(targets, scores, weights)
    # einsum: the last bits of a matrix product depend on the number of threads
    squared = np.einsum("rn,nc->cr", counts, (scores - targets) ** 2)
    return _mean(list(ratio(squared, counts.sum(axis=1))), len(counts), plain)


def reliability_curve(targets: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    """Return the bins of all classes that count together.

    Parameters
    ----------
    targets, scores : array, shape (N, C)
        0 or 1, and in [0, 1].

    Returns
    -------
    dict of array, shape (B,)
        ``n`` (pairs of recording and class), ``score`` (their mean) and ``positive`` (share); NaN in
        an empty bin.
    """
    targets, scores, counts, _ = _checked(targets, scores, None)
    sums = _binned(targets, scores)
    n, score, positive = (np.einsum("rn,nb->rb", counts, one)[0] for one in sums)
    return {"n": n.astype(np.int64), "score": ratio(score, n), "positive": ratio(positive, n)}


def positive_shares(targets: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the share of positives in each bin under R weightings, shape (R, B)."""
    targets, scores, counts, _ = _checked(targets, scores, weights)
    n, _, positive = _binned(targets, scores)
    return ratio(np.einsum("rn,nb->rb", counts, positive), np.einsum("rn,nb->rb", counts, n))


def bins_of(scores: np.ndarray) -> np.ndarray:
    """Return the bin of each score, from 0; the last bin holds 1 as well."""
    return np.minimum((np.asarray(scores) * BINS).astype(np.int64), BINS - 1)


def _checked(
    targets: np.ndarray, scores: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
    """Return what counts of targets and scores, the weights (R, N), and whether there were none."""
    targets, scores = checked(targets, scores, ndim=2)
    if scores.size and not 0 <= scores.min() <= scores.max() <= 1:
        raise ValueError(
            f"scores are from {scores.min():g} to {scores.max():g}; expected 0 to 1, as "
            "probabilities are"
        )
    plain = weights is None
    counts = np.ones((1, len(targets))) if plain else checked_weights(weights, len(targets))
    counted = scored_classes(targets)
    return targets[:, counted], scores[:, counted], counts.astype(np.float64), plain


def _mean(found: list[np.ndarray], n: int, plain: bool) -> float | np.ndarray:
    values = mean_of_known(np.array(found)) if found else np.full(n, np.nan)
    return float(values[0]) if plain else values


def _binned(targets: np.ndarray, scores: np.ndarray) -> list[np.ndarray]:
    """Return of each recording and bin the number, the summed scores and the positives, (N, B)."""
    place = (np.arange(len(scores))[:, np.newaxis] * BINS + bins_of(scores)).ravel()
    shape = (len(scores), BINS)
    return [
        np.bincount(place, values.ravel(), minlength=shape[0] * shape[1]).reshape(shape)
        for values in (np.ones(scores.shape), scores, targets)
    ]
