"""Balance of classes: rare ones more often, or with more weight.

* `oversample`: windows of rare classes repeated.
* `window_weights`: weights under which all classes weigh the same.
* `has_class`: which recordings are of which class.
"""

import numpy as np

from dawnchorus.segments.window_index import Index


def has_class(values: np.ndarray) -> np.ndarray:
    """Return which recordings are of which classes (N, C), bool: targets from 0.5 on."""
    # targets may be soft, as pseudo-labels are
    return values >= 0.5


def oversample(
    index: Index, values: np.ndarray, least: int, rng: np.random.Generator
) -> np.ndarray:
    """Return all windows, then repetitions of windows of rare classes.

    A class with fewer than ``least`` windows, but at least one, gets random ones of them again
    (with replacement), as the minimum of samples per class of kahl2018. Windows of several
    classes count for each; what one class repeats is not counted for the next.

    Parameters
    ----------
    index : Index
        W windows of N recordings.
    values : array, shape (N, C)
        Targets in [0, 1].
    least : int
    rng : numpy.random.Generator

    Returns
    -------
    array, int64
        0 to W - 1, then the repeated rows class by class.
    """
    rows = [np.arange(len(index))]
    for is_of in has_class(values).T:
        own = np.flatnonzero(is_of[index.recording])
        if 0 < len(own) < least:
            # with replacement: a class of one window may need it many times
            rows.append(rng.choice(own, least - len(own)))
    return np.concatenate(rows)


def window_weights(index: Index, values: np.ndarray) -> np.ndarray:
    """Return weights of windows under which all classes weigh the same, shape (W,), float32.

    A class of n windows has the weight ``W / (K n)``, K being the classes that have any (scikit-learn's
    ``balanced``); a window of several classes has the mean of theirs, one of none 1. A single column
    means two classes, absent and present.
    """
    is_of = has_class(values)
    if is_of.shape[1] == 1:
        is_of = np.column_stack([~is_of, is_of])
    # by recording: a row of 1,500 classes for each of millions of windows would be gigabytes
    counts = np.bincount(index.recording, minlength=len(is_of)) @ is_of
    of_class = len(index) / (max(np.count_nonzero(counts), 1) * np.maximum(counts, 1))
    n_classes = is_of.sum(axis=1)
    weights = np.where(n_classes, is_of @ of_class / np.maximum(n_classes, 1), 1.0)
    return weights.astype(np.float32)[index.recording]
