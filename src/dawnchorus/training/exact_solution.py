"""Models that are solved, not trained by steps.

* `solve`: set the weights of a model from all of its training windows at once.
"""

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from dawnchorus.models import frame_output, zoo
from dawnchorus.runtime import logs
from dawnchorus.training import batches, distillation, learning, steps

_MOST_VALUES = 500_000_000  # of all rows together: 4 GB in float64


def solve(
    training: steps.Training,
    examples: batches.Batches,
    teachers: distillation.Teachers | None,
    settings: Mapping,
    class_names: Sequence[str],
) -> None:
    """Set the weights of a model by the ``solve`` of its architecture.

    Each row of a window counts with the target of the window, and all rows of it as much as a window.

    Parameters
    ----------
    training : Training
        Before its first step; it is left behind the only one.
    examples : Batches
        One pass over them is taken, augmented and mixed as in a training.
    teachers : Teachers, optional
        Their scores replace the targets.
    settings : mapping
        ``model`` and ``training``.
    class_names : sequence of str
        C.

    Raises
    ------
    ValueError
        Where all windows together are too many, or targets are those of another output.
    """
    n_windows, (n_rows, n_values) = len(examples.windows), examples.source.shape
    if n_windows * n_rows * n_values > _MOST_VALUES:
        raise ValueError(
            f"model {settings['model']['name']}: {n_windows} windows of {n_rows} x {n_values} values "
            f"are solved at once; expected at most {_MOST_VALUES:,} values: use solver: steps"
        )
    found: list[tuple[np.ndarray, ...]] = []
    for windows, targets, weights in batches.ahead(examples, 0, 0):
        if teachers is not None:
            targets = teachers.targets(windows, targets)
        each = np.ones(len(targets)) if weights is None else weights
        found.append((windows.copy(), targets, each))
    # the last batch has windows of the next pass as well
    windows, targets, weights = (
        np.concatenate(part)[:n_windows] for part in zip(*found, strict=True)
    )
    training.step, training.loss_sum = 1, 0.0
    if teachers is None:  # those of teachers are not mapped
        low, high = settings["training"]["target_range"]
        targets = np.clip((targets - low) / (high - low), 0, 1)
    of_rows = targets if targets.ndim == 3 else np.repeat(targets[:, None], n_rows, axis=1)
    # rows that are padding say nothing
    each = weights[:, None] / n_rows * ~np.isnan(windows).all(axis=2)
    model, given = training.model, windows
    inner = model.layers[-1]
    if isinstance(inner, keras.Model):  # an architecture behind layers that standardise
        before = keras.Model(model.input, model.layers[-2].output)
        given = before.predict_on_batch(windows)
    else:
        inner = model
    zoo.solve(
        inner,
        np.nan_to_num(given).astype(np.float64).reshape(-1, n_values),
        of_rows.reshape(-1, targets.shape[-1]).astype(np.float64),
        each.ravel(),
        settings["model"],
        (examples.source.frontend.get("classes"), class_names),
    )
    logs.LOG.info("solved for %d windows", n_windows)
    n_classes, is_softmax = targets.shape[-1], model.output_shape[-1] > 1
    is_softmax = is_softmax and settings["training"]["loss"] == "categorical_crossentropy"
    scores = frame_output.class_scores(model, windows, n_classes)
    flat = (array.reshape(-1, n_classes) for array in (targets, scores))
    training.loss_sum = float(learning.losses(*flat, is_softmax).mean())
