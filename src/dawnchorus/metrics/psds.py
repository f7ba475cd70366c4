"""Polyphonic sound detection score (PSDS): intersections, over all thresholds at once.

Bilen et al. (2020), https://arxiv.org/abs/1910.08440, computed exactly over all distinct scores as
Ebbers, Serizel and Haeb-Umbach (2022), https://arxiv.org/abs/2201.13148, do. For each class, the
share of annotated events found is a function of the effective false positive rate,

    e = FP / T + alpha_CT * mean over other classes k of CT_k / T_k,

per hour, with T all recordings and T_k the annotated events of class k: at each rate the largest
share that some threshold reaches with that rate or less, as a step function. The score is the mean
over classes, less alpha_ST standard deviations (of the population), but at least 0, averaged over
rates from 0 to e_max. Classes without annotated events are in neither mean. Annotated events of one
class that overlap are one event.

What a recording adds is kept apart, so that bootstrap replicates cost little. Axes: N recordings, C
classes, R weightings, T frames, K changes, B blocks of changes.

* `Scenario`, `SCENARIOS`: the parameters; ``psds1`` and ``psds2`` as in DCASE 2021 task 4,
  https://dcase.community/challenge2021/task-sound-event-detection-and-separation-in-domestic-environments
* `intersections`: what every threshold detects in every recording.
* `psds`: the score, with or without weightings of the recordings; `described`: with its policy.
* `trimmed`: the intersections without the thresholds that cannot matter.
* `psd_roc`: the curve under which it is the area.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dawnchorus.formats.event import Event, resolve_overlaps
from dawnchorus.metrics.checks import checked_weights, is_scored, last_of_equal
from dawnchorus.metrics.event_pairs import spans
from dawnchorus.metrics.intersections import Changes, Criteria, changes

_HOUR_S = 3600.0
_BLOCKS = 256  # of changes, each kept or left as a whole
# of rates [1/h], relative and absolute: a change just at e_max is never left out
_ROUNDING = 1e-9


class Scenario(NamedTuple):
    """Parameters of the score.

    ``criteria``: shares that have to be covered; ``alpha_ct``, ``alpha_st`` >= 0: weights of
    cross-triggers and of the spread between classes; ``e_max`` > 0: greatest rate of false positives
    that counts [1/h].
    """

    criteria: Criteria
    alpha_ct: float
    alpha_st: float
    e_max: float


SCENARIOS = {
    "psds1": Scenario(Criteria(0.7, 0.7), alpha_ct=0.0, alpha_st=1.0, e_max=100.0),
    "psds2": Scenario(Criteria(0.1, 0.1, 0.3), alpha_ct=0.5, alpha_st=1.0, e_max=100.0),
}


class ClassChanges(NamedTuple):
    """All changes of one class, K in all, in the order of falling scores.

    ``recording`` (K,): whose they are; ``last``: the last change at each distinct score.
    """

    changes: Changes
    recording: np.ndarray
    last: np.ndarray


@dataclass(frozen=True)
class Intersections:
    """What every threshold detects in N recordings of C classes.

    ``duration_s`` (N,); ``n_annotated`` and ``annotated_s`` (N, C): number and seconds of annotated
    events; ``of_class``: `ClassChanges` for each class.
    """

    ids: tuple[str, ...]
    classes: tuple[str, ...]
    scenario: Scenario
    duration_s: np.ndarray
    n_annotated: np.ndarray
    annotated_s: np.ndarray
    of_class: tuple[ClassChanges, ...]


def intersections(
    scores: Mapping[str, np.ndarray],
    annotated: Iterable[Event],
    durations_s: Mapping[str, float],
    classes: Sequence[str],
    scenario: Scenario,
    frames_per_second: float,
    first_onset_s: float = 0.0,
) -> Intersections:
    """Return what every threshold detects in every recording, and what annotated events cover of it.

    Parameters
    ----------
    scores : mapping of id to array, shape (T, C)
        Frame scores, finite, higher for more likely. T may differ between recordings.
    annotated : iterable of Event
        The ground truth.
    durations_s : mapping of id to float > 0
        All recordings that are scored, with events or without, and how long they are [s].
    classes : sequence of str
        The C classes.
    scenario : Scenario
    frames_per_second : float > 0
    first_onset_s : float
        Where frame 0 starts [s].

    Returns
    -------
    Intersections

    Raises
    ------
    ValueError
        Where a recording has no scores or scores of another shape or not finite, an event is of no
        such recording or class, or a duration, the rate or the scenario is out of range.
    """
    ids, n_classes = tuple(durations_s), len(classes)
    _check(scores, durations_s, classes, scenario, frames_per_second)
    # onset and offset of the annotated events of each recording and class, (E, 2) each
    events = spans(resolve_overlaps(annotated, "union"), ids, classes)
    cell = events.recording * n_classes + events.label
    order = np.lexsort((events.onset_s, cell))
    times = np.stack((events.onset_s, events.offset_s), axis=1)[order]
    n_cells = len(ids) * n_classes
    ends = np.searchsorted(cell[order], np.arange(1, n_cells))
    parts = np.split(times, ends) if n_cells else []
    known = [parts[first : first + n_classes] for first in range(0, n_cells, n_classes or 1)]
    of_class = []
    for label in range(n_classes):
        each = [
            changes(np.asarray(scores[name])[:, label], label, known[number], scenario.criteria,
                    frames_per_second, first_onset_s)
            for number, name in enumerate(ids)
        ]  # fmt: skip
        if not each:
            none = np.zeros(0, np.int64)
            nothing = Changes(np.zeros(0), none, none, np.zeros((0, n_classes)))
            of_class.append(ClassChanges(nothing, none, none))
            continue
        # those of all recordings in the order of falling scores
        recording = np.repeat(np.arange(len(each)), [len(one.score) for one in each])
        joined = [np.concatenate(field) for field in zip(*each, strict=True)]
        order = np.argsort(-joined[0], kind="stable")
        in_order = Changes(*(field[order] for field in joined))
        of_class.append(ClassChanges(in_order, recording[order], last_of_equal(in_order.score)))
    length_s = [[(x[:, 1] - x[:, 0]).sum() for x in own] for own in known]
    return Intersections(
        ids,
        tuple(classes),
        scenario,
        np.array([durations_s[name] for name in ids], dtype=np.float64),
        np.array([[len(x) for x in own] for own in known]).reshape(len(ids), n_classes),
        np.array(length_s, dtype=np.float64).reshape(len(ids), n_classes),
        tuple(of_class),
    )


def psds(found: Intersections, weights: np.ndarray | None = None) -> float | np.ndarray:
    """Return the score of all recordings.

    Parameters
    ----------
    found : Intersections
    weights : array, shape (R, N), optional
        How often each recording stands in a replicate: whole numbers, at least 0.

    Returns
    -------
    float, or array of shape (R,)
        NaN where there are no annotated events. A class that a replicate leaves without annotated
        events is left out of its means.
    """
    if weights is None:
        return _score(_steps(found, np.ones(len(found.ids), dtype=np.int64)), found.scenario)
    weights = checked_weights(weights, len(found.ids))
    # the weighted number of events found is an index of the curve
    if not np.issubdtype(weights.dtype, np.integer):
        raise ValueError(f"weights are {weights.dtype}; expected whole numbers, as replicates draw")
    return np.array([_score(_steps(found, row), found.scenario) for row in weights], np.float64)


def described(found: Intersections) -> dict:
    """Return the score of all recordings with what is to be known of it.

    Parameters
    ----------
    found : Intersections

    Returns
    -------
    dict
        ``psds``; ``classes``: by name, the share under the class's own curve; ``policy``: scenario
        and policies, and whom they concern. NaN where no class has annotated events.
    """
    steps = _steps(found, np.ones(len(found.ids), dtype=np.int64))
    e_max = found.scenario.e_max
    own = [
        _area(*_mean_curve([step], e_max, 0.0), e_max) if len(step) else np.nan for step in steps
    ]
    absent = [name for name, step in zip(found.classes, steps, strict=True) if not len(step)]
    criteria = found.scenario.criteria._asdict()
    return {
        "psds": _score(steps, found.scenario),
        "classes": dict(zip(found.classes, own, strict=True)),
        "policy": {
            "scenario": found.scenario._asdict() | {"criteria": criteria},
            "absent_classes": "skip",
            "classes_without_reference": absent,
            "overlaps": "union",
            "thresholds": "all distinct scores",
            "recordings": len(found.ids),
            "recordings_without_reference": int((found.n_annotated.sum(axis=1) == 0).sum()),
            "hours": float(found.duration_s.sum() / _HOUR_S),
        },
    }


def psd_roc(found: Intersections) -> tuple[np.ndarray, np.ndarray]:
    """Return the curve of the score, for a picture.

    Returns
    -------
    rate : array
        Effective false positive rates from 0 to e_max at which the curve steps [1/h].
    share : array
        Mean share of annotated events found, less the spread, from that rate up to the next one.
    """
    steps = [step for step in _steps(found, np.ones(len(found.ids), np.int64)) if len(step)]
    return _mean_curve(steps, found.scenario.e_max, found.scenario.alpha_st)


def trimmed(found: Intersections, weights: np.ndarray) -> Intersections:
    """Return intersections with the changes that these weightings cannot reach summed up.

    The score depends on rates of false positives up to e_max. Most thresholds lie so low that no
    weighting in hand comes down to that rate, and a false positive less or more there decides
    nothing; without them replicates cost little.

    Parameters
    ----------
    found : Intersections
    weights : array, shape (R, N)
        Whole numbers, at least 0.

    Returns
    -------
    Intersections
        `psds` returns the same of it for these weightings, but for rounding; for others it may not.
    """
    most = found.scenario.e_max * (weights @ found.duration_s) / _HOUR_S
    most = most * (1 + _ROUNDING) + _ROUNDING
    of_class = []
    for own in found.of_class:
        if len(own.last):
            # blocks end at distinct scores: changes at one score are never told apart
            size = -(-len(own.last) // _BLOCKS)
            ends = np.arange(size - 1, len(own.last) - 1, size)
            ends = own.last[np.append(ends, len(own.last) - 1)]
            block = np.searchsorted(ends, np.arange(len(own.recording)))
            # The least number of false positives of each recording in each block, (N, B): as the
            # block begins or after one of its changes, since a run that grows may end to be false.
            # Places are flat, with which ufunc.at is several times faster.
            cell = own.recording * len(ends) + block
            change = np.zeros(weights.shape[1] * len(ends), dtype=np.int64)
            np.add.at(change, cell, own.changes.false)
            change = change.reshape(-1, len(ends))
            order = np.argsort(own.recording, kind="stable")
            false = np.cumsum(own.changes.false[order])
            before = np.cumsum(change.sum(axis=1)) - change.sum(axis=1)
            least = np.cumsum(change, axis=1) - change
            false -= before[own.recording[order]]
            np.minimum.at(least.reshape(-1), cell[order], false)
            least = weights @ least
            is_near = (least <= most[:, None]).any(axis=0)
            if not is_near.all():
                own = _summed_up(own, is_near[block], np.cumsum(is_near)[block])
        of_class.append(own)
    return dataclasses.replace(found, of_class=tuple(of_class))


def _check(scores, durations_s, classes, scenario: Scenario, frames_per_second: float) -> None:
    criteria = scenario.criteria
    shares = [share for share in criteria if share is not None]
    if not all(0 < share <= 1 for share in shares) or None in criteria[:2]:
        raise ValueError(f"{criteria!r}; expected shares above 0 and up to 1")
    if min(scenario[1:3]) < 0 or not scenario.e_max > 0:
        raise ValueError(f"{scenario!r}; expected weights of at least 0 and e_max above 0")
    if scenario.alpha_ct > 0 and criteria.cross is None:
        raise ValueError(f"{scenario!r} weighs cross-triggers without a share that makes them")
    if not frames_per_second > 0:
        raise ValueError(f"frames_per_second={frames_per_second!r}; expected a number above 0")
    for name, duration_s in durations_s.items():
        if not 0 < duration_s < np.inf:
            raise ValueError(f"recording {name!r} lasts {duration_s!r} s; expected more than 0")
        if name not in scores:
            raise ValueError(f"recording {name!r} has no scores; expected (T, {len(classes)})")
        own = np.asarray(scores[name])
        if own.ndim != 2 or own.shape[1] != len(classes) or not np.isfinite(own).all():
            raise ValueError(
                f"scores of recording {name!r} have shape {own.shape}; expected finite numbers of "
                f"shape (T, {len(classes)})"
            )


def _steps(found: Intersections, weights: np.ndarray) -> list[np.ndarray]:
    """Return, for each class, the least rate with which 1, 2, ... of its annotated events are found.

    Arrays of rising rates [1/h], infinite for what no threshold finds, one entry for each annotated
    event (with its weight); empty for an absent class.
    """
    n_annotated = weights @ found.n_annotated
    hours = weights @ found.duration_s / _HOUR_S
    other_hours = weights @ found.annotated_s / _HOUR_S
    is_present = is_scored(n_annotated)
    # what a cross-trigger of each class adds to the rate
    price = np.divide(1.0, other_hours, out=np.zeros(len(is_present)), where=is_present)
    price *= found.scenario.alpha_ct / max(1, is_present.sum() - 1)
    steps = []
    for label, own in enumerate(found.of_class):
        n = int(n_annotated[label])
        weight = weights[own.recording]
        n_found = np.cumsum(weight * own.changes.found)[own.last]
        rate = np.cumsum(weight * own.changes.false)[own.last] / hours if n else np.zeros(0)
        if n and found.scenario.alpha_ct:
            # no matrix product: its threads wait for each other where cores are busy
            cost = (own.changes.cross * price).sum(axis=1)
            rate = rate + np.cumsum(weight * cost)[own.last]
        least = np.full(n + 1, np.inf)
        if n:
            # sums of shares may end just below 0
            np.minimum.at(least, n_found, np.maximum(rate, 0.0))
        # a threshold that finds more at a lower rate counts for all smaller numbers as well
        steps.append(np.minimum.accumulate(least[::-1])[::-1][1:])
    return steps


def _mean_curve(
    steps: Sequence[np.ndarray], e_max: float, alpha_st: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return rates at which the mean curve of some classes steps, from 0 on, and its heights."""
    if not steps:
        return np.zeros(1), np.full(1, np.nan)
    rate = np.unique(np.concatenate((np.zeros(1), *steps)))
    rate = rate[rate <= e_max]
    share = np.stack([np.searchsorted(step, rate, side="right") / len(step) for step in steps])
    return rate, np.maximum(share.mean(axis=0) - alpha_st * share.std(axis=0), 0.0)


def _area(rate: np.ndarray, share: np.ndarray, e_max: float) -> float:
    """Return the share under a step curve from 0 to e_max."""
    return float((share * np.diff(rate, append=e_max)).sum() / e_max)


def _score(steps: Sequence[np.ndarray], scenario: Scenario) -> float:
    present = [step for step in steps if len(step)]
    curve = _mean_curve(present, scenario.e_max, scenario.alpha_st)
    return _area(*curve, scenario.e_max)


def _summed_up(own: ClassChanges, is_near: np.ndarray, far_run: np.ndarray) -> ClassChanges:
    """Return the near changes and, between them, one change per recording in place of the far."""
    rows = np.flatnonzero(~is_near)
    # far changes behind the last near one are followed by nothing that they could change
    rows = rows[rows < np.flatnonzero(is_near)[-1]] if is_near.any() else rows[:0]
    keys = far_run[rows] * (int(own.recording.max()) + 1) + own.recording[rows]
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    position = np.concatenate((np.flatnonzero(is_near), rows[first]))
    order = np.argsort(position, kind="stable")
    fields = [field[position] for field in own.changes]
    n_near = len(position) - len(first)
    for field, values in zip(fields[1:], own.changes[1:], strict=True):
        field[n_near:] = 0
        np.add.at(field, n_near + place, values[rows])
    is_last = np.zeros(len(own.recording), dtype=bool)
    is_last[own.last] = True
    last = np.flatnonzero((is_last & is_near)[position[order]])
    return ClassChanges(
        Changes(*(field[order] for field in fields)), own.recording[position[order]], last
    )
