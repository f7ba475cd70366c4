"""Window scores to recording scores, and scores of several models to one.

NumPy only. Axes: W windows of all recordings, N recordings, C classes, M models. Sums are taken in
float64, results are float32. A recording without a window, or without a score of some model, has a
row of NaN.

* `pool`: windows to recordings, by one of `POOLINGS`: `maximum`, `mean`, `median`, `minimum`,
  `mean_exp`, `mean_exp_3`, `median_filtered`, `log_mean_exp`, `mean_normalised`, `surest`, `last`.
* `lowered`: ignored classes to the lowest score of their window.
* `average`: models to one, by one of `AVERAGES`.

Of scores in [0, 1], pooled scores are in [0, 1] too. `mean_exp` and `median_filtered` are those of
kahl2018 (BirdCLEF 2018 baseline), `mean_normalised` that of toth2016 (BirdCLEF 2016), `surest` that of
dsr2019.
"""

from collections.abc import Sequence

import numpy as np

AVERAGES = ("mean", "median")
_NAMED = 5  # classes an error names
SHARPNESS = 5.0  # of `log_mean_exp`: towards 0 the mean, towards infinity the maximum


def pool(
    scores: np.ndarray, recording_index: np.ndarray, n_recordings: int, how: str
) -> np.ndarray:
    """Pool window scores to recording scores.

    Parameters
    ----------
    scores : array, shape (W, C)
        Finite.
    recording_index : array, shape (W,)
        Which recording each window is of: 0 to n_recordings - 1, in any order.
    n_recordings : int
        N.
    how : str
        One of `POOLINGS`.

    Returns
    -------
    array, shape (N, C), float32
        NaN for recordings without a window.

    Raises
    ------
    ValueError
        Where shapes do not fit, an index is out of range, a score is not finite, ``how`` is
        unknown, or it compares classes and there is one only.
    """
    if how not in POOLINGS:
        raise ValueError(f"pooling {how!r}; expected one of {', '.join(POOLINGS)}")
    scores, recording_index = np.asarray(scores), np.asarray(recording_index)
    if scores.ndim != 2 or recording_index.shape != scores.shape[:1]:
        raise ValueError(
            f"scores {scores.shape} and recording_index {recording_index.shape}; expected "
            "(n_windows, C) and (n_windows,)"
        )
    if len(scores) and recording_index.dtype.kind not in "iu":
        raise ValueError(f"recording_index is {recording_index.dtype}; expected whole numbers")
    if len(scores) and not 0 <= recording_index.min() <= recording_index.max() < n_recordings:
        raise ValueError(
            f"recording_index runs from {recording_index.min()} to {recording_index.max()}; "
            f"expected 0 to {n_recordings - 1}"
        )
    finite = np.isfinite(scores).all(axis=1)
    if not finite.all():
        bad = np.unique(recording_index[~finite])
        raise ValueError(
            f"windows of {len(bad)} recordings have scores that are not finite, of recordings "
            f"{bad[:5].tolist()}; did the training of this model diverge?"
        )
    if how in _BETWEEN_CLASSES and scores.shape[1] < 2:
        raise ValueError(
            f"pooling {how!r} of {scores.shape[1]} class; it compares classes, expected 2 or more"
        )
    return POOLINGS[how](scores, recording_index.astype(np.intp), n_recordings)


def maximum(scores: np.ndarray, recording_index: np.ndarray, n_recordings: int) -> np.ndarray:
    """Return the highest score of each recording's windows; see `pool`."""
    return _reduced(np.maximum, scores, recording_index, n_recordings)


def minimum(scores: np.ndarray, recording_index: np.ndarray, n_recordings: int) -> np.ndarray:
    """Return the lowest score of each recording's windows; see `pool`."""
    return _reduced(np.minimum, scores, recording_index, n_recordings)


def mean(scores: np.ndarray, recording_index: np.ndarray, n_recordings: int) -> np.ndarray:
    """Return the arithmetic mean of each recording's windows; see `pool`."""
    return _mean(scores, recording_index, n_recordings).astype(np.float32)


def median(scores: np.ndarray, recording_index: np.ndarray, n_recordings: int) -> np.ndarray:
    """Return the median of each recording's windows; see `pool`.

    Of an even number of windows, the mean of the middle two.
    """
    n_windows = np.bincount(recording_index, minlength=n_recordings)
    # where the windows of each recording begin, and its middle one or two, once they are in order
    first = np.cumsum(n_windows) - n_windows
    used = n_windows > 0
    low, high = (first + (n_windows - 1) // 2)[used], (first + n_windows // 2)[used]
    pooled = np.full((n_recordings, scores.shape[1]), np.nan, dtype=np.float32)
    for column, column_scores in enumerate(scores.T):
        ordered = column_scores[np.lexsort((column_scores, recording_index))].astype(np.float64)
        pooled[used, column] = (ordered[low] + ordered[high]) / 2
    return pooled


def mean_exp(scores: np.ndarray, recording_index: np.ndarray, n_recordings: int) -> np.ndarray:
    """Return the mean of ``(2 score) ** 2`` over each recording's windows, at most 1; see `pool`."""
    squares = (2 * scores.astype(np.float64)) ** 2
    return np.minimum(_mean(squares, recording_index, n_recordings), 1).astype(np.float32)


def mean_exp_3(scores: np.ndarray, recording_index: np.ndarray, n_recordings: int) -> np.ndarray:
    """Return the mean of ``(2 score) ** 3``, at most 1: `mean_exp` as it was at first."""
    cubes = (2 * scores.astype(np.float64)) ** 3
    return np.minimum(_mean(cubes, recording_index, n_recordings), 1).astype(np.float32)


def median_filtered(
    scores: np.ndarray, recording_index: np.ndarray, n_recordings: int
) -> np.ndarray:
    """Return each recording's windows pooled as kahl2018 does by default; see `pool`.

    In each window, classes below 1.5 times the median of its classes count as 0. Then the mean of
    ``(2 score) ** 2`` over windows, less its smallest value over classes, and divided by its largest
    where that is above 1. Classes are compared, so 2 or more are needed.
    """
    scores = scores.astype(np.float64)
    # 1.5 is the factor of the published system
    loud = scores >= 1.5 * np.median(scores, axis=1, keepdims=True)
    pooled = _mean(np.where(loud, (2 * scores) ** 2, 0), recording_index, n_recordings)
    pooled -= pooled.min(axis=1, keepdims=True)
    # NaN, for a recording without a window, stays
    return (pooled / np.maximum(pooled.max(axis=1, keepdims=True), 1)).astype(np.float32)


def log_mean_exp(scores: np.ndarray, recording_index: np.ndarray, n_recordings: int) -> np.ndarray:
    """Return ``log(mean(exp(r score))) / r`` of each recording's windows, r being `SHARPNESS`.

    Between mean and maximum: Pinheiro and Collobert (2015), equation 6,
    https://arxiv.org/abs/1411.6228, on scores. See `pool`.
    """
    # less the maximum, so that no power overflows whatever the scores
    highest = _reduced(np.maximum, scores, recording_index, n_recordings, dtype=np.float64)
    powers = np.exp(SHARPNESS * (scores - highest[recording_index]))
    means = _mean(powers, recording_index, n_recordings)
    return (highest + np.log(means) / SHARPNESS).astype(np.float32)


def mean_normalised(
    scores: np.ndarray, recording_index: np.ndarray, n_recordings: int
) -> np.ndarray:
    """Return the mean of each recording's windows divided by its sum over classes; see `pool`.

    For scores of at least 0; where all are 0 they stay 0. Classes are compared, so 2 or more are
    needed.
    """
    pooled = _mean(scores, recording_index, n_recordings)
    total = pooled.sum(axis=1, keepdims=True)
    return (pooled / np.where(total == 0, 1, total)).astype(np.float32)


def surest(scores: np.ndarray, recording_index: np.ndarray, n_recordings: int) -> np.ndarray:
    """Return the scores of the window whose highest score is the highest; see `pool`.

    The rule of the page of dsr2019 (its ``max_score``). Of equal windows the first counts.
    """
    # stable, and the last of a recording is the highest: so the rows are taken from behind
    backwards = np.arange(len(scores))[::-1]
    order = backwards[np.lexsort((scores.max(axis=1)[::-1], recording_index[::-1]))]
    return _last_of_each(scores[order], recording_index[order], n_recordings)


def last(scores: np.ndarray, recording_index: np.ndarray, n_recordings: int) -> np.ndarray:
    """Return the scores of the last window of each recording; see `pool`.

    What the ``avg_score`` of dsr2019 gives, which means to average and sorts the last slice's scores.
    """
    order = np.argsort(recording_index, kind="stable")
    return _last_of_each(scores[order], recording_index[order], n_recordings)


POOLINGS = {
    "max": maximum,
    "mean": mean,
    "median": median,
    "min": minimum,
    "mean_exp": mean_exp,
    "mean_exp_3": mean_exp_3,
    "median_filtered": median_filtered,
    "log_mean_exp": log_mean_exp,
    "mean_normalised": mean_normalised,
    "surest": surest,
    "last": last,
}
_BETWEEN_CLASSES = ("median_filtered", "mean_normalised")


def lowered(scores: np.ndarray, class_names: Sequence[str], ignored: Sequence[str]) -> np.ndarray:
    """Set ignored classes to the lowest score of each window, (W, C), in place, and return them.

    Raises
    ------
    ValueError
        For an ignored class that is not among the classes.
    """
    if unknown := [name for name in ignored if name not in class_names]:
        raise ValueError(
            f"ignored_classes names {unknown[0]!r}; expected classes of the scores, such as "
            f"{list(class_names)[:_NAMED]!r}"
        )
    if ignored:
        columns = [list(class_names).index(name) for name in ignored]
        scores[:, columns] = scores.min(axis=1, keepdims=True)
    return scores


def average(stack: np.ndarray, how: str = "mean") -> np.ndarray:
    """Average the recording scores of several models.

    Parameters
    ----------
    stack : array, shape (M, N, C)
        In float32 or float64; a row of NaN where a model has no score for a recording.
    how : {"mean", "median"}
        Over the models that have a score.

    Returns
    -------
    array, shape (N, C), float32
        NaN for recordings that no model has a score for.

    Raises
    ------
    ValueError
        Where the stack has another shape or no model, a row is NaN in part, a score is infinite, or
        ``how`` is unknown.
    """
    if how not in AVERAGES:
        raise ValueError(f"average {how!r}; expected one of {', '.join(AVERAGES)}")
    stack = np.asarray(stack)
    if stack.ndim != 3 or not len(stack):
        raise ValueError(f"stack has shape {stack.shape}; expected (M, N, C) with M of 1 or more")
    unknown = np.isnan(stack)
    partly = unknown.any(axis=2) & ~unknown.all(axis=2)
    if partly.any() or np.isinf(stack).any():
        raise ValueError(
            f"{int(partly.sum())} rows of the stack are NaN in part and "
            f"{int(np.isinf(stack).sum())} scores infinite; expected scores, or NaN for a whole row"
        )
    has_score = ~unknown.all(axis=2)  # (M, N)
    known = has_score.any(axis=0)
    averaged = np.full(stack.shape[1:], np.nan, dtype=np.float32)
    if how == "median":
        averaged[known] = np.nanmedian(stack[:, known].astype(np.float64), axis=0)
        return averaged
    # model by model: a float64 copy of the whole stack may not fit the memory of a job
    sums = np.zeros(stack.shape[1:])
    for scores, rows in zip(stack, has_score, strict=True):
        sums[rows] += scores[rows]
    averaged[known] = sums[known] / has_score.sum(axis=0)[known, None]
    return averaged


def _mean(scores: np.ndarray, recording_index: np.ndarray, n_recordings: int) -> np.ndarray:
    """Return means over windows in float64: the only rounding to float32 is the last."""
    n_windows = np.bincount(recording_index, minlength=n_recordings)
    sums = _reduced(np.add, scores, recording_index, n_recordings, dtype=np.float64)
    return sums / np.maximum(n_windows, 1)[:, None]


def _last_of_each(ordered: np.ndarray, index: np.ndarray, n_recordings: int) -> np.ndarray:
    """Return the last of the rows of each recording, whose rows stand together."""
    pooled = np.full((n_recordings, ordered.shape[1]), np.nan, np.float32)
    names, counts = np.unique(index, return_counts=True)
    pooled[names] = ordered[np.cumsum(counts) - 1]
    return pooled


def _reduced(
    reduction: np.ufunc,
    scores: np.ndarray,
    recording_index: np.ndarray,
    n_recordings: int,
    dtype: type = np.float32,
) -> np.ndarray:
    # a stable order: windows of a recording are summed in the order in which they come
    order = np.argsort(recording_index, kind="stable")
    names, starts = np.unique(recording_index[order], return_index=True)
    pooled = np.full((n_recordings, scores.shape[1]), np.nan, dtype=dtype)
    if len(names):
        pooled[names] = reduction.reduceat(scores[order].astype(np.float64), starts, axis=0)
    return pooled
