"""What an epoch is watched, and may be chosen, by.

* `Validation`: the windows of a member's validation recordings, or chunks of its training recordings.
* `figures`: loss, accuracy and precision of scores.

Windows are pooled by the experiment's pooling, so that a recording counts once, as it does in the
evaluation. In system 001 and 002 a unit is a chunk: chunks of one recording are on both sides, and
the figures are optimistic.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dawnchorus.metrics import precision, ranking
from dawnchorus.scores import pooling, window_scores
from dawnchorus.segments import source, window_index

if TYPE_CHECKING:
    import keras

    from dawnchorus.training import frame_targets

FIGURES = ("loss", "accuracy", "map_micro", "map_macro", "mlrap", "macro_f")
_LEAST = 1e-7  # a score below is taken for this: no cross-entropy is infinite


class Validation:
    """Windows that are not trained on, and the targets of their recordings.

    Parameters
    ----------
    source : dawnchorus.segments.source.Source
    recordings : N pairs (corpus, id)
    values : array, shape (N, C)
        Targets in [0, 1].
    index : dawnchorus.segments.window_index.Index
        W windows of the recordings; may be empty.
    settings : mapping
        ``batch_size``, ``loss``, ``target_range``, ``clip_pooling`` (of frame scores, see
        `dawnchorus.scores.window_scores.clip_scores`), and ``pooling``: None where every window counts.
    frames : FrameTargets, optional
        Of ``recordings``: the targets of a window are the greatest of its frames.
    by_frame : bool, optional
        Whether every frame with sound counts; needs ``frames``.
    """

    def __init__(
        self,
        source: source.Source,
        recordings: Sequence[tuple[str, str]],
        values: np.ndarray,
        index: window_index.Index,
        settings: Mapping,
        frames: "frame_targets.FrameTargets | None" = None,
        by_frame: bool = False,
    ):
        self._by_frame, self.n_classes = by_frame, values.shape[1]
        self._source, self.recordings, self.index = source, recordings, index
        self._settings, self._values = settings, values
        self._used = np.unique(index.recording)
        if frames is not None:
            found = frames.of(index)
            self._has_sound = np.arange(frames.n_frames) < frames.n_sound(index)[:, None]
            self._values = found[self._has_sound] if by_frame else found.max(axis=1)
        elif settings["pooling"] is None:
            self._values = values[index.recording]

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.index)

    def measure(self, model: "keras.Model", prefix: str) -> dict[str, float]:
        """Return `FIGURES` of a model, each named with a prefix; NaN where there is no window."""
        found = dict.fromkeys(FIGURES, math.nan)
        if len(self):
            scores = self._scores(model)
            # of a training that diverged nothing can be said, and nothing is chosen by it
            if np.isfinite(scores).all():
                found = figures(*self._paired(scores), self._settings)
        return {f"{prefix}_{name}": value for name, value in found.items()}

    def _scores(self, model: "keras.Model") -> np.ndarray:
        asked = (model, self._source, self.recordings, self.index, self._settings["batch_size"])
        if self._by_frame:
            found = [frames for _, frames in window_scores.frames_in_batches(*asked)]
            return np.concatenate(found)[self._has_sound]
        how = self._settings.get("clip_pooling", "average")
        return window_scores.window_scores(*asked, self.n_classes, how)

    def _paired(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return targets and scores, a row per unit."""
        how = self._settings["pooling"]
        if how is None or self._by_frame:
            return self._values, scores
        pooled = pooling.pool(scores, self.index.recording, len(self.recordings), how)
        return self._values[self._used], pooled[self._used]


def figures(targets: np.ndarray, scores: np.ndarray, settings: Mapping) -> dict[str, float]:
    """Return what scores are worth, as `FIGURES`.

    Parameters
    ----------
    targets : array, shape (N, C)
        In [0, 1]; at 0.5 and above a class is present.
    scores : array, shape (N, C)
    settings : mapping
        ``loss`` (binary_crossentropy or categorical_crossentropy) and ``target_range``, to which
        targets are mapped before the loss, as in training.

    Returns
    -------
    dict
        ``loss``: mean cross-entropy, without penalties on weights. ``accuracy``: share of rows whose
        first class is present; of a single class, share on the right side of 0.5. ``map_micro``:
        average precision over all entries. ``map_macro``: mean over the classes that are present.
        ``mlrap``: over the rows in which a class is present. ``macro_f``: mean over all classes of
        F1 at 0.5; that of a class neither present nor called is 0, as system 004 has it.
    """
    present = targets >= 0.5
    if targets.shape[1] == 1:
        accuracy = float(((scores >= 0.5) == present).mean())
    else:
        accuracy = ranking.top_k_accuracy(present, scores, 1)
    return {
        "loss": _cross_entropy(targets, scores, settings),
        "accuracy": float(accuracy),
        "map_micro": float(precision.average_precision_micro(present, scores)),
        "map_macro": float(precision.mean_average_precision(present, scores, policy="skip")),
        "mlrap": float(ranking.label_ranking_average_precision(present, scores, empty="skip")),
        "macro_f": _macro_f(present, scores >= 0.5),
    }


def _macro_f(present: np.ndarray, called: np.ndarray) -> float:
    hits = (present & called).sum(axis=0)
    return float((2 * hits / np.maximum(present.sum(axis=0) + called.sum(axis=0), 1)).mean())


def _cross_entropy(targets: np.ndarray, scores: np.ndarray, settings: Mapping) -> float:
    """Return the mean cross-entropy with the targets that `dawnchorus.training.batches` makes."""
    low, high = settings["target_range"]
    wanted, found = targets.astype(np.float64), scores.astype(np.float64)
    excluding = settings["loss"] == "categorical_crossentropy" and targets.shape[1] > 1
    if excluding:
        wanted = wanted / np.maximum(wanted.sum(axis=1, keepdims=True), 1)
    wanted = low + (high - low) * wanted
    if excluding:
        # some poolings leave rows that do not sum to 1; Keras' loss divides by the sum as well
        found = found / np.maximum(found.sum(axis=1, keepdims=True), _LEAST)
        return float(-(wanted * np.log(np.clip(found, _LEAST, 1))).sum(axis=1).mean())
    found = np.clip(found, _LEAST, 1 - _LEAST)
    return float(-(wanted * np.log(found) + (1 - wanted) * np.log(1 - found)).mean())
