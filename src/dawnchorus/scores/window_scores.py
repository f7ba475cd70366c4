"""Scores of windows by one model, for training and for prediction.

* `window_scores`: one model on the windows of some recordings.
* `score_batches`: the same a batch at a time; scores of a large corpus take more memory than a job has.
* `frame_score_batches`: the scores of the windows' frames, a batch at a time.
* `clip_scores`: frame scores to clip scores, by one of `CLIP_POOLINGS`.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dawnchorus.models import frame_output
from dawnchorus.segments import window_source

if TYPE_CHECKING:
    import keras

CLIP_POOLINGS = ("average", "max", "linear_softmax")


def window_scores(
    model: "keras.Model",
    source: window_source.Source,
    recordings: Sequence[tuple[str, str]],
    index: window_source.Index,
    batch_size: int,
    n_classes: int,
    frames: str = "average",
) -> np.ndarray:
    """Return the scores of windows, shape (W, C), float32.

    Parameters
    ----------
    model : keras.Model
    source : Source
    recordings : N pairs (corpus, id)
        What ``index.recording`` counts.
    index : Index
        W windows.
    batch_size : int
        Windows scored at once.
    n_classes : int
        C.
    frames : str, optional
        How a window's score is pooled where the model's output is frames; see `clip_scores`.
    """
    # filled part by part: batches that are joined would be in memory twice
    scores = np.empty((len(index), n_classes), np.float32)
    parts = score_batches(model, source, recordings, index, batch_size, n_classes, frames)
    for part, found in parts:
        scores[part] = found
    return scores


def score_batches(
    model: "keras.Model",
    source: window_source.Source,
    recordings: Sequence[tuple[str, str]],
    index: window_source.Index,
    batch_size: int,
    n_classes: int,
    frames: str = "average",
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield slices of windows and their scores (B, C); parameters are those of `window_scores`."""
    for part, batch in _batches(source, recordings, index, batch_size):
        yield part, clip_scores(frame_output.class_scores(model, batch, n_classes), frames)


def frame_score_batches(
    model: "keras.Model",
    source: window_source.Source,
    recordings: Sequence[tuple[str, str]],
    index: window_source.Index,
    batch_size: int,
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield slices of windows and the scores of their frames (B, T', C); see `score_batches`."""
    for part, batch in _batches(source, recordings, index, batch_size):
        yield part, frame_output.frame_scores(model, batch)


def clip_scores(scores: np.ndarray, how: str = "average") -> np.ndarray:
    """Pool the scores of a clip's frames, by the rules that models have in them.

    Wang, Li and Metze (2019), https://arxiv.org/abs/1810.09050, table 1.

    Parameters
    ----------
    scores : array, shape (B, T, C) or (B, C)
        In [0, 1]; clip scores (B, C) are given back as they are.
    how : {"average", "max", "linear_softmax"}
        The mean, the maximum, or of frame scores y ``sum(y^2) / sum(y)``, and 0 where all are 0.

    Returns
    -------
    array, shape (B, C)
        In [0, 1]; float32 where it was pooled.

    Raises
    ------
    ValueError
        Where ``how`` is unknown.
    """
    if how not in CLIP_POOLINGS:
        raise ValueError(f"clip pooling {how!r}; expected one of {', '.join(CLIP_POOLINGS)}")
    if scores.ndim == 2:
        return scores
    if how == "max":
        pooled = scores.max(axis=1)
    elif how == "average":
        pooled = scores.mean(axis=1, dtype=np.float64)
    else:
        total = scores.sum(axis=1, dtype=np.float64)
        # in float64: the sum over the frames of a long clip loses digits in float32
        squares = np.square(scores, dtype=np.float64).sum(axis=1)
        pooled = squares / np.where(total == 0, 1, total)
    # a weighted mean of ones may round to more
    return np.minimum(pooled, 1).astype(np.float32)


def _batches(
    source: window_source.Source,
    recordings: Sequence[tuple[str, str]],
    index: window_source.Index,
    batch_size: int,
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield slices of windows and their spectrograms (B, T, F), in a buffer that is reused."""
    n = len(index)
    windows = np.empty((min(batch_size, n), *source.shape), np.float32)
    for first in range(0, n, batch_size):
        part = slice(first, min(first + batch_size, n))
        batch = windows[: part.stop - first]
        names = [recordings[row] for row in index.recording[part]]
        source.fill(batch, names, index.place[part])
        source.scale(batch)
        yield part, batch
