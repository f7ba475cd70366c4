"""What a model says of windows; both training and prediction ask.

* `window_scores`: one model on the windows of some recordings.
* `in_batches`: the same a batch at a time; scores of a large corpus take more memory than a job has.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dawnchorus import models, segments

if TYPE_CHECKING:
    import keras


def window_scores(
    model: "keras.Model",
    source: segments.Source,
    recordings: Sequence[tuple[str, str]],
    index: segments.Index,
    batch_size: int,
    n_classes: int,
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
    """
    scores = np.empty((len(index), n_classes), np.float32)
    for part, found in in_batches(model, source, recordings, index, batch_size, n_classes):
        scores[part] = found
    return scores


def in_batches(
    model: "keras.Model",
    source: segments.Source,
    recordings: Sequence[tuple[str, str]],
    index: segments.Index,
    batch_size: int,
    n_classes: int,
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield which windows, and their scores (B, C); parameters are those of `window_scores`."""
    n = len(index)
    windows = np.empty((min(batch_size, n), *source.shape), np.float32)
    for first in range(0, n, batch_size):
        part = slice(first, min(first + batch_size, n))
        batch = windows[: part.stop - first]
        names = [recordings[row] for row in index.recording[part]]
        source.into(batch, names, index.place[part])
        source.finish(batch)
        yield part, models.class_scores(model, batch, n_classes)
