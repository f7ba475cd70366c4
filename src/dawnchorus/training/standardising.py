"""Standardise the input of a model by the mean and the deviation of its training windows.

* `moments`: mean and variance, over all values or of every band.
* `standardised`: a model with a layer in front that applies them and travels with its file.

System 001 has a scaler (one mean and one deviation of all values, from 5,000 recordings) that is
used neither in training nor in prediction; here it is a choice, and used in both.
"""

from collections.abc import Sequence

import keras
import numpy as np

from dawnchorus import segments

KINDS = ("none", "scalar", "band")
MOST_WINDOWS = 5000
_AT_ONCE = 64  # windows in memory


def moments(
    source: segments.Source,
    recordings: Sequence[tuple[str, str]],
    index: segments.Index,
    kind: str,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of windows as a model gets them, before augmentation.

    Parameters
    ----------
    source : dawnchorus.segments.Source
    recordings : N pairs (corpus, id)
    index : dawnchorus.segments.Index
        Training windows; of more than `MOST_WINDOWS` a random sample is taken.
    kind : {"scalar", "band"}
    rng : numpy.random.Generator

    Returns
    -------
    mean, variance : arrays, shape () or (F,), float64

    Raises
    ------
    ValueError
        Where a window holds a value that is not finite.
    """
    rows = np.arange(len(index))
    if len(rows) > MOST_WINDOWS:
        rows = np.sort(rng.choice(len(index), MOST_WINDOWS, replace=False))
    axis = None if kind == "scalar" else (0, 1)
    n, mean, spread = 0, np.float64(0), np.float64(0)
    for first in range(0, len(rows), _AT_ONCE):
        part = index.take(rows[first : first + _AT_ONCE])
        windows = source.batch(recordings, part).astype(np.float64)
        _check_finite(windows, recordings, part)
        # Chan, Golub and LeVeque (1979): sums of squares of decibels would lose digits
        n_new, mean_new = windows.size / np.size(windows.mean(axis=axis)), windows.mean(axis=axis)
        between = mean_new - mean
        spread = spread + windows.var(axis=axis) * n_new + between**2 * n * n_new / (n + n_new)
        mean, n = mean + between * n_new / (n + n_new), n + n_new
    return mean, spread / n


def standardised(model: keras.Model, mean: np.ndarray, variance: np.ndarray) -> keras.Model:
    """Return a model of windows (B, T, F) that standardises them and applies another.

    Parameters
    ----------
    model : keras.Model
    mean, variance : arrays, shape () or (F,)
    """
    windows = keras.Input(model.input_shape[1:], name=model.inputs[0].name)
    axis = -1 if np.ndim(mean) else None
    layer = keras.layers.Normalization(
        axis=axis, mean=mean.tolist(), variance=variance.tolist(), name="standardise"
    )
    return keras.Model(windows, model(layer(windows)), name=f"standardised_{model.name}")


def _check_finite(windows: np.ndarray, recordings: Sequence, part: segments.Index) -> None:
    finite = np.isfinite(windows).all(axis=(1, 2))
    if not finite.all():
        recording = "/".join(recordings[part.recording[np.argmin(finite)]])
        raise ValueError(
            f"standardise: a window of {recording} holds values that are not finite; expected a "
            "frontend with a floor above 0, or standardise: none"
        )
