"""What a model says of windows; both training and prediction ask.

* `window_scores`: one model on the windows of some recordings.
"""

from collections.abc import Sequence
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
    n = len(index.recording)
    scores = np.empty((n, n_classes), np.float32)
    windows = np.empty((min(batch_size, n), *source.shape), np.float32)
    for first in range(0, n, batch_size):
        part = slice(first, min(first + batch_size, n))
        batch = windows[: part.stop - first]
        names = [recordings[row] for row in index.recording[part]]
        source.into(batch, names, index.place[part])
        source.finish(batch)
        scores[part] = models.class_scores(model, batch, n_classes)
    return scores
