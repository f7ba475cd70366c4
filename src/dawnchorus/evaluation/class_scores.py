"""How well classes are told apart: figures of recordings where there are several classes.

Axes: N recordings, C classes, R weightings. Names carry the policy: what becomes of classes without
positives and of recordings without classes.

* `statistics`: what is measured of a truth and its scores, to be weighted or not.
* `points`: the cheap ones as plain values.
* `precision_per_class`, `confused`: class by class.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dawnchorus.metrics import precision, ranking, weighted
from dawnchorus.targets.ground_truth import Truth

POINTS = ("top1_accuracy", "mlrap")  # of single models
_WITH_CLASS = "recordings with a class"


@dataclass(frozen=True)
class Statistic:
    """A metric of N recordings.

    ``policy`` says what counts; ``counts`` (N,) which recordings do; ``weighted`` makes of n rows
    and their weights (R, n) the R values.
    """

    policy: str
    counts: np.ndarray
    weighted: Callable[[np.ndarray, np.ndarray], np.ndarray]

    def described(self, rows: np.ndarray) -> dict:
        """Return the ``value`` of some recordings, ``n``, ``n_skipped`` and the ``policy``."""
        n = int(self.counts[rows].sum())
        return {
            "value": float(self.weighted(rows, np.ones((1, len(rows))))[0]),
            "n": n,
            "n_skipped": len(rows) - n,
            "policy": self.policy,
        }


def statistics(truth: Truth, scores: np.ndarray, top_k: int) -> dict[str, Statistic]:
    """Return what is measured, by name.

    ``top1_accuracy``, ``top{k}_accuracy``, ``mlrap``, ``mlrap_with_background`` (only where a
    recording has a class in its background), ``map_micro``, ``map_macro_skip_absent`` (cmAP) and
    ``cmap_padded5``; see `dawnchorus.metrics.precision`.

    Parameters
    ----------
    truth : Truth
    scores : array, shape (N, C)
        In [0, 1].
    top_k : int
        At least 1.
    """
    relevant = truth.targets | truth.background
    rankings = {"mlrap": (truth.targets, _WITH_CLASS)}
    if truth.background.any():
        both = "recordings with a class, in the foreground or in the background"
        rankings["mlrap_with_background"] = (relevant, both)
    accuracies = {
        f"top{k}_accuracy": _per_recording(
            ranking.top_k_per_recording(truth.targets, scores, k),
            f"{_WITH_CLASS}: one of its classes is among the {k} best of {scores.shape[1]}",
        )
        for k in (1, top_k)
    }
    ranked = {
        name: _per_recording(ranking.label_ranking_per_recording(targets, scores), policy)
        for name, (targets, policy) in rankings.items()
    }
    return accuracies | ranked | _precisions(truth.targets, scores)


def points(truth: Truth, scores: np.ndarray, names: Sequence[str] = POINTS) -> dict[str, dict]:
    """Return the values of some statistics of all recordings: `Statistic.described` by name."""
    found = statistics(truth, scores, top_k=1)
    rows = np.arange(len(scores))
    return {name: found[name].described(rows) for name in names}


def precision_per_class(targets: np.ndarray, scores: np.ndarray, names: Sequence[str]) -> dict:
    """Return the average precision of each of C classes by name; NaN without positives."""
    values = precision.average_precision_per_class(targets, scores).tolist()
    return dict(zip(names, values, strict=True))


def confused(truth: Truth, scores: np.ndarray) -> dict[str, dict[str, float]]:
    """Return how often recordings of one class score highest in each class.

    True class to class to number of recordings, zeros left out; of recordings of exactly one class.
    Equal scores share a recording.
    """
    names = truth.class_names
    return {
        names[row]: {names[column]: float(counts[column]) for column in np.flatnonzero(counts)}
        for row, counts in enumerate(ranking.confusion(truth.targets, scores))
        if counts.any()
    }


def _per_recording(values: np.ndarray, policy: str) -> Statistic:
    def weighted(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return ranking.weighted_mean(values[rows], weights)

    return Statistic(policy, ~np.isnan(values), weighted)


def _precisions(targets: np.ndarray, scores: np.ndarray) -> dict[str, Statistic]:
    macro, padding = weighted.weighted_mean_average_precision, precision.PADDING
    found = {
        "map_micro": (
            weighted.weighted_average_precision_micro,
            "all pairs of recording and class as one list",
        ),
        "map_macro_skip_absent": (
            functools.partial(macro, policy="skip"),
            "mean over classes; one without positives is left out",
        ),
        f"cmap_padded{padding}": (
            functools.partial(macro, policy="padded"),
            f"mean over all classes, with {padding} recordings added that hold each with score 1",
        ),
    }
    return {
        name: Statistic(policy, np.ones(len(scores), bool), _of_rows(metric, targets, scores))
        for name, (metric, policy) in found.items()
    }


def _of_rows(metric: Callable, targets: np.ndarray, scores: np.ndarray) -> Callable:
    def weighted(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return metric(targets[rows], scores[rows], weights)

    return weighted
