"""Validation of epochs, and the choice of one by its metrics.

* `Validation`: the windows of a member's validation recordings, or chunks of its training recordings.
* `epoch_metrics`: loss, accuracy and precision of scores.
* `EpochChoice`: the best epochs so far, and when a training has waited long enough; by `METRICS`.
* `cross_entropy`: the loss without penalties on weights.
* `validation_choices`: which of a training's choices need validation recordings.

Windows are pooled by the experiment's pooling, so that a recording counts once, as it does in the
evaluation. In toth2016 and kahl2018 a unit is a chunk: chunks of one recording are on both sides, and
the metrics are optimistic. A metric that is NaN is never better; of equal values the first epoch's
counts.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dawnchorus.metrics import checks, sparse
from dawnchorus.scores import pooling, window_scores
from dawnchorus.segments import window_source
from dawnchorus.settings.training import LARGEST_BATCH

if TYPE_CHECKING:
    import keras

    from dawnchorus.training import frame_targets

EPOCH_METRICS = ("loss", "accuracy", "map_micro", "map_macro", "mlrap", "macro_f")
METRICS = ("loss", *(f"val_{name}" for name in EPOCH_METRICS))  # the first is the training's loss
FALLING = ("loss", "val_loss")  # lower is better
_BEST = "best_"
PRESENT = 0.5  # of targets and of scores: from it on, a class is present
_LEAST = 1e-7  # lower scores are taken for this: no cross-entropy is infinite
_ENTRIES = 1 << 17  # whose logarithms are computed at once: they stay in the cache of a processor


class Validation:
    """Windows that are not trained on, and the targets of their recordings.

    Parameters
    ----------
    source : dawnchorus.segments.window_source.Source
    recordings : N pairs (corpus, id)
    values : array, shape (N, C)
        Targets in [0, 1].
    index : dawnchorus.segments.window_source.Index
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
        source: window_source.Source,
        recordings: Sequence[tuple[str, str]],
        values: np.ndarray,
        index: window_source.Index,
        settings: Mapping,
        frames: "frame_targets.FrameTargets | None" = None,
        by_frame: bool = False,
    ):
        self._by_frame, self.n_classes = by_frame, values.shape[1]
        self._source, self.recordings, self.index = source, recordings, index
        self._settings, self._values = settings, values
        # the row of the targets that each row of scores has: a window's are those of its recording
        self._rows = index.recording
        if frames is not None:
            found = frames.of(index)
            self._has_sound = np.arange(frames.n_frames) < frames.n_sound(index)[:, None]
            self._values = found[self._has_sound] if by_frame else found.max(axis=1)
            self._rows = np.arange(len(self._values))
        elif settings["pooling"] is not None:
            self._rows = np.unique(index.recording)

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.index)

    def measure(self, model: "keras.Model", prefix: str) -> dict[str, float]:
        """Return `EPOCH_METRICS` of a model, named with a prefix; NaN where there is no window."""
        found, scores = dict.fromkeys(EPOCH_METRICS, math.nan), self.scores(model)
        if scores is not None:
            found = epoch_metrics(self._values, scores, self._settings, self._rows)
        return {f"{prefix}_{name}": value for name, value in found.items()}

    @property
    def targets(self) -> np.ndarray:
        """The targets (M, C) of the rows that `scores` gives."""
        return self._values[self._rows]

    def scores(self, model: "keras.Model") -> np.ndarray | None:
        """Return the scores (M, C) of recordings, windows or frames, or None.

        None where there is no window, or a score is not finite: metrics of a training that diverged
        are NaN, and choose no epoch.
        """
        if not len(self):
            return None
        size = self._settings["batch_size"] or LARGEST_BATCH
        inputs = (model, self._source, self.recordings, self.index, size)
        if self._by_frame:
            parts = [frames for _, frames in window_scores.frame_score_batches(*inputs)]
            scores = np.concatenate(parts)[self._has_sound]
        else:
            how = self._settings.get("clip_pooling", "average")
            scores = window_scores.window_scores(*inputs, self.n_classes, how)
        if not np.isfinite([scores.min(), scores.max()]).all():
            return None
        if self._settings["pooling"] is not None and not self._by_frame:
            how = self._settings["pooling"]
            scores = pooling.pool(scores, self.index.recording, len(self.recordings), how)
            scores = scores[self._rows]
        return scores


def epoch_metrics(
    targets: np.ndarray, scores: np.ndarray, settings: Mapping, rows: np.ndarray | None = None
) -> dict[str, float]:
    """Return `EPOCH_METRICS` of scores.

    Parameters
    ----------
    targets : array, shape (N, C)
        In [0, 1]; at 0.5 and above a class is present.
    scores : array, shape (M, C)
        In [0, 1].
    settings : mapping
        ``loss`` (binary_crossentropy or categorical_crossentropy) and ``target_range``, to which
        targets are mapped before the loss, as in training.
    rows : array of int, shape (M,), optional
        The row of the targets that each row of scores has; by default M = N rows in order.

    Returns
    -------
    dict
        ``loss``: mean cross-entropy, without penalties on weights. ``accuracy``: share of rows whose
        first class is present; of a single class, share on the right side of 0.5. ``map_micro``:
        average precision over all entries. ``map_macro``: mean over the classes that are present.
        ``mlrap``: over the rows in which a class is present. ``macro_f``: mean over all classes of
        F1 at 0.5; that of a class neither present nor at 0.5 is 0, as serizel2018 has it.
    """
    rows = np.arange(len(scores)) if rows is None else rows
    own, classes = np.nonzero(targets >= PRESENT)
    counts = np.bincount(own, minlength=len(targets))
    each = counts[rows]
    at = np.repeat(np.arange(len(rows)), each)
    # the classes of a row of targets lie together, and are taken from its first on
    first = (np.cumsum(counts) - counts)[rows] - (np.cumsum(each) - each)
    classes = classes[np.repeat(first, each) + np.arange(len(at))]
    per_class, n_reached = sparse.average_precision_per_class(at, classes, scores, PRESENT)
    if scores.shape[1] == 1:
        is_present = targets[rows, 0] >= PRESENT
        accuracy = ((scores[:, 0] >= PRESENT) == is_present).mean()
    else:
        accuracy = _mean(sparse.top_1(at, classes, scores))
    n_present = np.bincount(classes, minlength=scores.shape[1])
    is_hit = scores[at, classes] >= PRESENT
    hits = np.bincount(classes[is_hit], minlength=scores.shape[1])
    return {
        "loss": cross_entropy(targets, scores, settings, rows),
        "accuracy": float(accuracy),
        "map_micro": sparse.average_precision_micro(at, classes, scores),
        "map_macro": float(checks.mean_of_known(per_class)),
        "mlrap": _mean(sparse.label_ranking(at, classes, scores)),
        "macro_f": float((2 * hits / np.maximum(n_present + n_reached, 1)).mean()),
    }


def _mean(values: np.ndarray) -> float:
    """Return the mean over rows that have a class, or NaN of none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def cross_entropy(
    targets: np.ndarray, scores: np.ndarray, settings: Mapping, rows: np.ndarray
) -> float:
    """Return the mean cross-entropy with the targets that `dawnchorus.training.batches` makes.

    Blocks of rows give the bits of a sum over the whole: NumPy sums pairwise, by halves whose length
    is a multiple of 8, and so does this.
    """
    n, n_classes = scores.shape
    is_softmax = settings["loss"] == "categorical_crossentropy" and n_classes > 1

    low, high = settings["target_range"]

    def terms(first: int, last: int) -> np.ndarray:
        """Return the negative cross-entropy of each entry of some rows (B, C), float64."""
        wanted, found = targets[rows[first:last]], scores[first:last].astype(np.float64)
        # where a target of 0 stays 0, so does its term, which then needs no logarithm
        there = np.flatnonzero(wanted) if low == 0 else np.arange(wanted.size)
        own, mine = wanted.ravel()[there].astype(np.float64), found.ravel()[there]
        if is_softmax:
            row = there // n_classes
            # some poolings leave rows that do not sum to 1; Keras' loss divides by the sum as well
            mine = mine / np.maximum(found.sum(axis=1), _LEAST)[row]
            own = own / np.maximum(wanted.astype(np.float64).sum(axis=1), 1)[row]
        own = low + (high - low) * own
        log = np.log(np.clip(mine, _LEAST, 1 if is_softmax else 1 - _LEAST))
        if is_softmax:
            found[:] = 0
            found.ravel()[there] = own * log
        else:
            np.subtract(1, np.clip(found, _LEAST, 1 - _LEAST, out=found), out=found)
            absent = np.log(found, out=found).ravel()
            absent[there] = own * log + (1 - own) * absent[there]
        return found

    if is_softmax:
        step = max(1, _ENTRIES // n_classes)
        sums = [terms(at, min(at + step, n)).sum(axis=1) for at in range(0, n, step)]
        return -float(np.concatenate(sums).mean())

    def total(first: int, size: int) -> float:
        if size > _ENTRIES:
            half = size // 2 - size // 2 % 8
            return total(first, half) + total(first + half, size - half)
        row, skipped = divmod(first, n_classes)
        block = terms(row, -(-(first + size) // n_classes)).ravel()
        return block[skipped : skipped + size].sum()

    return -float(total(0, scores.size) / scores.size)


def validation_choices(settings: Mapping) -> list[str]:
    """Return the settings of a training section that choose an epoch by validation recordings."""
    stops_by = settings["early_stopping"]["metric"]
    chosen = [*settings["keep"], *([stops_by] if stops_by else [])]
    return [name for name in chosen if name.removeprefix(_BEST).startswith("val_")]


class EpochChoice:
    """The best epochs so far.

    Attributes
    ----------
    epoch : int
        Epochs observed.
    best : dict of metric to [value, epoch]
    mark : [value, epoch] or None
        The last epoch that was better enough to be waited for.
    kept : dict of name to epoch
        Names are ``best_<metric>`` of ``keep``, and ``epoch_<n>`` of every snapshot.

    Parameters
    ----------
    settings : mapping
        ``early_stopping`` (``metric`` or None, ``patience`` in epochs, ``min_delta``: how much
        better than the best so far an epoch must be to count, ``from_epoch``: the first that counts,
        for ``keep`` too), ``keep`` (names ``best_<metric>``: the plainly best) and
        ``snapshot_every`` (epochs, or None).

    Raises
    ------
    ValueError
        Where a metric is unknown.
    """

    def __init__(self, settings: Mapping):
        self._stops_by = settings["early_stopping"]["metric"]
        stopping = settings["early_stopping"]
        self._patience, self._from_epoch = stopping["patience"], stopping["from_epoch"]
        self._min_delta = stopping["min_delta"]
        self._snapshot_every = settings["snapshot_every"]
        self._keeps = [name.removeprefix(_BEST) for name in settings["keep"]]
        for metric in (*self._keeps, *([self._stops_by] if self._stops_by else [])):
            if metric not in METRICS:
                raise ValueError(
                    f"metric {metric!r} of keep or early_stopping; expected one of "
                    f"{', '.join(METRICS)}"
                )
        self.epoch = 0
        self.best: dict[str, list] = {}
        self.kept: dict[str, int] = {}
        self.mark: list | None = None

    @property
    def is_over(self) -> bool:
        """Whether the metric of early stopping has not been better for so many epochs."""
        if self._stops_by is None:
            return False
        _, last = self.mark or (None, self._from_epoch - 1)
        return self.epoch - last >= self._patience

    def observe(self, metrics: Mapping) -> bool:
        """Add the metrics of an epoch, and return whether its weights are to be kept.

        Parameters
        ----------
        metrics : mapping
            ``epoch`` (from 1) and `METRICS`.
        """
        self.epoch = metrics["epoch"]
        if self.epoch >= self._from_epoch:
            for metric in self._keeps:
                if _is_better(metric, metrics[metric], self.best.get(metric)):
                    self.best[metric] = [metrics[metric], self.epoch]
                    self.kept[_BEST + metric] = self.epoch
            if self._stops_by is not None:
                value = metrics[self._stops_by]
                if _is_better(self._stops_by, value, self.mark, self._min_delta):
                    self.mark = [value, self.epoch]
        if self._snapshot_every and self.epoch % self._snapshot_every == 0:
            self.kept[f"epoch_{self.epoch}"] = self.epoch
        return self.epoch in self.kept.values()

    def state(self) -> dict:
        """Return the state for a checkpoint."""
        return {"epoch": self.epoch, "best": self.best, "kept": self.kept, "mark": self.mark}

    def restore(self, state: Mapping) -> None:
        """Set the state of a checkpoint."""
        for name in ("epoch", "best", "kept", "mark"):
            setattr(self, name, state[name])


def _is_better(metric: str, value: float, best: list | None, min_delta: float = 0.0) -> bool:
    if best is None:
        return value == value  # not NaN
    gain = best[0] - value if metric in FALLING else value - best[0]
    return gain > min_delta
