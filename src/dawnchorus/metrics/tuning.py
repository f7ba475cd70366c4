"""Choice of a decoder's settings by their scores on validation recordings.

Axes: N clips, C classes. What is tried is declared: a grid per setting, the simplest value first.
Of equally good values the first is taken, so a setting leaves its simplest value only for a better
score, and nothing is random. What is handed over must be validation data: settings that test data
have chosen make scores on them worthless, and no function here can tell.

* `clip_thresholds`: thresholds by clip F, where only weak labels are known.
* `coordinate_search`: any settings by any metric per class, such as event F where events are known.
* `Tuned`: what was chosen, and how; `at_grid_end`: where a wider grid may be better.
* `THRESHOLDS`, `PUBLISHED_THRESHOLDS`: declared grids.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dawnchorus.metrics.checks import ratio

# from the middle outwards
THRESHOLDS = (0.5, 0.45, 0.55, 0.4, 0.6, 0.35, 0.65, 0.3, 0.7, 0.25, 0.75, 0.2, 0.8, 0.15, 0.85,
              0.1, 0.9, 0.05, 0.95)  # fmt: skip
# serizel2018 goes up from 0 and keeps the first best: a class that is never right has threshold 0
PUBLISHED_THRESHOLDS = tuple(tenth / 10 for tenth in range(11))
_EQUAL = 1e-12  # scores that differ by less are the same but for rounding


class Tuned(NamedTuple):
    """Chosen settings.

    Parameters
    ----------
    settings : dict of array, shape (C,)
        A value per class of each setting; what `decoding.detections` takes by keyword.
    scores : array, shape (C,)
        What they reach.
    sweeps : int
        How often all settings were gone through.
    n_tried : int
        How many combinations were measured.
    is_settled : bool
        Whether the last sweep changed nothing.
    """

    settings: dict[str, np.ndarray]
    scores: np.ndarray
    sweeps: int
    n_tried: int
    is_settled: bool


def clip_thresholds(
    targets: np.ndarray, scores: np.ndarray, grid: Sequence[float] = THRESHOLDS
) -> Tuned:
    """Choose each class' threshold by its F on weakly labelled clips.

    Parameters
    ----------
    targets : array, shape (N, C)
        0 and 1.
    scores : array, shape (N, C)
        Of clips, in [0, 1]; positive is what is at or above the threshold.
    grid : sequence of float
        Simplest first; `PUBLISHED_THRESHOLDS` for those of serizel2018.

    Returns
    -------
    Tuned
        Its setting is ``threshold``. A class without a positive keeps the first of the grid; its
        score is 0, or NaN where nothing is classified as positive either.

    Raises
    ------
    ValueError
        Where shapes differ, targets are others than 0 and 1, or a score is not in [0, 1].
    """
    targets, scores = np.asarray(targets), np.asarray(scores)
    if targets.ndim != 2 or targets.shape != scores.shape:
        raise ValueError(
            f"targets {targets.shape} and scores {scores.shape}; expected both to be (N, C)"
        )
    if not np.isin(targets, (0, 1)).all():
        raise ValueError("targets hold other numbers than 0 and 1")
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("scores hold other than numbers from 0 to 1")
    is_positive = targets == 1

    def f1(settings: dict[str, np.ndarray]) -> np.ndarray:
        is_predicted = scores >= settings["threshold"]
        hits = (is_positive & is_predicted).sum(axis=0)
        return ratio(2 * hits, is_positive.sum(axis=0) + is_predicted.sum(axis=0))

    return coordinate_search(f1, {"threshold": grid}, targets.shape[1])


def at_grid_end(
    settings: Mapping[str, np.ndarray],
    grids: Mapping[str, Sequence[float]],
    classes: Sequence[str],
    positives: Sequence[int],
) -> dict[str, list[str]]:
    """Return the classes whose threshold is the least or the greatest that was tried.

    A class without positives keeps the first value and is left out, and so are grids of fewer than
    three values, which were meant as a choice. Other settings begin at what they do nothing with.

    Parameters
    ----------
    settings : mapping of name to array, shape (C,)
    grids : mapping of name to sequence of float
    classes, positives : sequences, length C

    Returns
    -------
    dict of str to list of str
        Empty, or ``threshold`` and classes.
    """
    grid = grids.get("threshold", ())
    if len(grid) < 3:
        return {}
    ends = (min(grid), max(grid))
    chosen = zip(classes, settings["threshold"].tolist(), positives, strict=True)
    found = [name for name, value, n in chosen if n and value in ends]
    return {"threshold": found} if found else {}


def coordinate_search(
    metric: Callable[[dict[str, np.ndarray]], np.ndarray],
    grids: Mapping[str, Sequence[float]],
    n_classes: int,
    *,
    together: Sequence[str] = (),
    per_class: bool = True,
    max_sweeps: int = 6,
) -> Tuned:
    """Search a grid one setting at a time, over and over until nothing changes.

    The start is the first value of every grid. One after another, in the order of ``grids``, a
    setting takes the value with the best score while the others stay as they are. Classes are
    searched side by side, so a sweep measures as often as there are values in all grids.

    A class that no single change makes better stays where it is: one whose scores are low and
    flicker, say, which only a lower threshold and a filter at once can find. Settings named in
    ``together`` are searched in all their combinations.

    Parameters
    ----------
    metric : callable
        From settings, a dict of arrays of shape (C,), to the score of each class, shape (C,), higher
        for better; the same for the same settings. NaN, a score that is not defined, counts as the
        worst of those that the class reaches with the other values of the setting.
    grids : mapping of name to sequence of float
        What each setting is tried at, simplest first.
    n_classes : int
        C, at least 1.
    together : sequence of str
        Settings to be searched as one, before the others.
    per_class : bool
        Whether every class has settings of its own, for which the score of a class must depend on
        that class' settings alone (as event F with matching within classes does); if not, one value
        for all is chosen by the mean score.
    max_sweeps : int >= 1
        Where the search ends, settled or not.

    Raises
    ------
    ValueError
        Where a grid is empty or names a value twice, ``together`` names no grid, or scores have
        another shape than (C,).
    """
    if not grids:
        raise ValueError("grids are empty; expected a setting to tune")
    for name, grid in grids.items():
        if not len(grid) or len(set(grid)) < len(grid):
            raise ValueError(f"grid of {name} {tuple(grid)!r}; expected values, each once")
    if unknown := [name for name in together if name not in grids]:
        raise ValueError(f"together names {unknown}; expected settings of {list(grids)}")
    # what is tried at once: values of settings, (n,) each, in the order of preference
    combinations = np.array(list(itertools.product(*(grids[name] for name in together))), float)
    joint = {name: combinations[:, column] for column, name in enumerate(together)}
    alone = [{name: np.array(grid, float)} for name, grid in grids.items() if name not in together]
    steps = [joint, *alone] if joint else alone
    if n_classes < 1 or max_sweeps < 1:
        raise ValueError(f"{n_classes=} and {max_sweeps=}; expected 1 or more of both")
    # sweeps come back to the same settings, and a measurement may decode all recordings
    known: dict[bytes, np.ndarray] = {}

    def measured(settings: dict[str, np.ndarray]) -> np.ndarray:
        key = np.stack([settings[name] for name in grids]).tobytes()
        if key not in known:
            found = np.asarray(metric(dict(settings)), dtype=float)
            if found.shape != (n_classes,):
                raise ValueError(
                    f"scores have shape {found.shape}; expected ({n_classes},), one per class"
                )
            if np.isinf(found).any():
                raise ValueError(
                    "a score is infinite; expected finite numbers, or NaN for not defined"
                )
            known[key] = found
        return known[key]

    chosen = {name: np.full(n_classes, grid[0], dtype=float) for name, grid in grids.items()}
    sweeps, is_settled = 0, False
    while not is_settled and sweeps < max_sweeps:
        sweeps, before = sweeps + 1, chosen
        for step in steps:
            tried = [
                measured(
                    chosen | {n: np.full(n_classes, x) for n, x in zip(step, row, strict=True)}
                )
                for row in zip(*step.values(), strict=True)
            ]
            scores = np.stack(tried)  # (G, C)
            is_known = ~np.isnan(scores)
            # a class that is nowhere defined has no worst: all its settings are equal
            worst = np.where(is_known, scores, np.inf).min(axis=0)
            scores = np.where(is_known, scores, np.where(np.isinf(worst), 0, worst))
            if not per_class:
                scores = np.broadcast_to(scores.mean(axis=1, keepdims=True), scores.shape)
            # of equal ones the first, which is the simplest
            best = (scores >= scores.max(axis=0) - _EQUAL).argmax(axis=0)
            chosen = chosen | {name: values[best] for name, values in step.items()}
        is_settled = all(np.array_equal(chosen[name], before[name]) for name in grids)
    return Tuned(chosen, measured(chosen), sweeps, len(known), is_settled)
