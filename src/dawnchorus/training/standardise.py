"""Standardise the input of a model by a mean and a deviation, and fill what pads its windows.

* `moments`: mean and variance of training windows, over all values or of every band.
* `standardised`: a model with a layer in front that applies them and travels with its file.
* `filled`: a model that is not standardised, and whose windows are padded.

Kind ``corpus`` takes mean and deviation from `dawnchorus.training.normaliser`, not from the
windows. Frames that pad a window are NaN in every band and become 0 after the standardisation, as
in system 004.

System 001 has a scaler (one mean and one deviation of all values, from 5,000 recordings) that is
used neither in training nor in prediction; here it is a choice, and used in both.
"""

from collections.abc import Sequence

import keras
import numpy as np

from dawnchorus.models import blocks
from dawnchorus.segments import source, window_index

KINDS = ("none", "scalar", "band", "corpus")
MOST_WINDOWS = 5000
_AT_ONCE = 64  # windows in memory


def moments(
    source: source.Source,
    recordings: Sequence[tuple[str, str]],
    index: window_index.Index,
    kind: str,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of windows as a model gets them, before augmentation.

    Frames that are NaN in every band are padding and do not count.

    Parameters
    ----------
    source : dawnchorus.segments.source.Source
    recordings : N pairs (corpus, id)
    index : dawnchorus.segments.window_index.Index
        Training windows; of more than `MOST_WINDOWS` a random sample is taken.
    kind : {"scalar", "band"}
    rng : numpy.random.Generator

    Returns
    -------
    mean, variance : arrays, shape () or (F,), float64

    Raises
    ------
    ValueError
        Where a window holds another value that is not finite, or all frames are padding.
    """
    rows = np.arange(len(index))
    if len(rows) > MOST_WINDOWS:
        rows = np.sort(rng.choice(len(index), MOST_WINDOWS, replace=False))
    axis = None if kind == "scalar" else 0
    n, mean, spread = 0, np.float64(0), np.float64(0)
    for first in range(0, len(rows), _AT_ONCE):
        part = index.take(rows[first : first + _AT_ONCE])
        frames = _frames(source.batch(recordings, part).astype(np.float64), recordings, part)
        if not len(frames):
            continue
        # Chan, Golub and LeVeque (1979): sums of squares of decibels would lose digits
        n_new, mean_new = frames.size / np.size(frames.mean(axis=axis)), frames.mean(axis=axis)
        between = mean_new - mean
        spread = spread + frames.var(axis=axis) * n_new + between**2 * n * n_new / (n + n_new)
        mean, n = mean + between * n_new / (n + n_new), n + n_new
    if not n:
        raise ValueError(
            f"standardise: {len(rows)} windows of {len(recordings)} recordings hold no frame that "
            "is not padding; expected one or more"
        )
    return mean, spread / n


def standardised(
    model: keras.Model, mean: np.ndarray, variance: np.ndarray, padded: bool = False
) -> keras.Model:
    """Return a model of windows (B, T, F) that standardises them and applies another.

    Parameters
    ----------
    model : keras.Model
    mean, variance : arrays, shape () or (F,)
    padded : bool, optional
        Whether NaN becomes 0 once the rest is standardised.
    """
    axis = -1 if np.ndim(mean) else None
    layer = keras.layers.Normalization(
        axis=axis, mean=mean.tolist(), variance=variance.tolist(), name="standardise"
    )
    return _behind([layer, _filling()] if padded else [layer], model, "standardised")


def filled(model: keras.Model) -> keras.Model:
    """Return a model of windows (B, T, F) that makes NaN, their padding, 0 and applies another."""
    return _behind([_filling()], model, "filled")


def _filling() -> keras.layers.Layer:
    return blocks.FilledPadding(name="fill_padding")


def _behind(layers: Sequence[keras.layers.Layer], model: keras.Model, how: str) -> keras.Model:
    windows = x = keras.Input(model.input_shape[1:], name=model.inputs[0].name)
    for layer in layers:
        x = layer(x)
    return keras.Model(windows, model(x), name=f"{how}_{model.name}")


def _frames(windows: np.ndarray, recordings: Sequence, part: window_index.Index) -> np.ndarray:
    """Return the frames (T', F) of windows (B, T, F) that are no padding; the rest is finite."""
    is_padding = np.isnan(windows).all(axis=2)
    is_sound = (np.isfinite(windows) | is_padding[..., np.newaxis]).all(axis=(1, 2))
    if not is_sound.all():
        recording = "/".join(recordings[part.recording[np.argmin(is_sound)]])
        raise ValueError(
            f"standardise: a window of {recording} holds values that are not finite; expected a "
            "frontend with a floor above 0, or standardise: none"
        )
    return windows[~is_padding]
