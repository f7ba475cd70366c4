"""Polyphonic sound detection score (PSDS): intersections, over all thresholds at once.

Bilen et al. (2020), https://arxiv.org/abs/1910.08440, computed exactly over all distinct scores as
Ebbers, Serizel and Haeb-Umbach (2022), https://arxiv.org/abs/2201.13148, do. For each class, the
share of reference events found is a function of the effective false positive rate,

    e = FP / T + alpha_CT * mean over other classes k of CT_k / T_k,

per hour, with T all recordings and T_k the reference events of class k: at each rate the largest
share that some threshold reaches with that rate or less, as a step function. The score is the mean
over classes, less alpha_ST standard deviations (of the population), but at least 0, averaged over
rates from 0 to e_max. Classes without reference events are in neither mean. Reference events of one
class that overlap are one event.

What a recording adds is kept apart, so that bootstrap replicates cost little. Axes: N recordings, C
classes, R weightings, T frames.

* `Scenario`, `SCENARIOS`: the parameters; ``psds1`` and ``psds2`` as in DCASE 2021 task 4,
  https://dcase.community/challenge2021/task-sound-event-detection-and-separation-in-domestic-environments
* `judged`: what every threshold finds in every recording.
* `psds`, `psds_replicates`: the score, and the score under weightings of the recordings.
* `psd_roc`: the curve under which it is the area.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dawnchorus.formats.event import Event, overlapping
from dawnchorus.metrics.checks import checked_weights
from dawnchorus.metrics.intersections import Changes, Criteria, changes
from dawnchorus.metrics.spans import Spans, spans

_HOUR_S = 3600.0


class Scenario(NamedTuple):
    """What is asked of detections.

    ``criteria``: shares that have to be covered; ``alpha_ct``, ``alpha_st`` >= 0: weights of
    cross-triggers and of the spread between classes; ``e_max`` > 0: rate of false positives up to
    which is looked [1/h].
    """

    criteria: Criteria
    alpha_ct: float
    alpha_st: float
    e_max: float


SCENARIOS = {
    "psds1": Scenario(Criteria(0.7, 0.7), alpha_ct=0.0, alpha_st=1.0, e_max=100.0),
    "psds2": Scenario(Criteria(0.1, 0.1, 0.3), alpha_ct=0.5, alpha_st=1.0, e_max=100.0),
}


class OfClass(NamedTuple):
    """All changes of one class, K in all, in the order of falling scores.

    ``recording`` (K,): whose they are; ``last``: the last change at each distinct score.
    """

    changes: Changes
    recording: np.ndarray
    last: np.ndarray


@dataclass(frozen=True)
class Judged:
    """What every threshold finds in N recordings of C classes.

    ``duration_s`` (N,); ``n_reference`` and ``reference_s`` (N, C): number and seconds of reference
    events; ``of_class``: an `OfClass` for each class.
    """

    ids: tuple[str, ...]
    classes: tuple[str, ...]
    scenario: Scenario
    duration_s: np.ndarray
    n_reference: np.ndarray
    reference_s: np.ndarray
    of_class: tuple[OfClass, ...]


def judged(
    scores: Mapping[str, np.ndarray],
    reference: Iterable[Event],
    durations_s: Mapping[str, float],
    classes: Sequence[str],
    scenario: Scenario,
    frames_per_second: float,
    first_onset_s: float = 0.0,
) -> Judged:
    """Judge what every threshold detects in every recording.

    Parameters
    ----------
    scores : mapping of id to array, shape (T, C)
        Frame scores, finite, higher for more likely. T may differ between recordings.
    reference : iterable of Event
    durations_s : mapping of id to float > 0
        All recordings that are judged, with events or without, and how long they are [s].
    classes : sequence of str
        The C classes.
    scenario : Scenario
    frames_per_second : float > 0
    first_onset_s : float
        Where frame 0 starts [s].

    Returns
    -------
    Judged

    Raises
    ------
    ValueError
        Where a recording has no scores or scores of another shape or not finite, an event is of no
        such recording or class, or a duration, the rate or the scenario is out of range.
    """
    ids = tuple(durations_s)
    _check(scores, durations_s, classes, scenario, frames_per_second)
    events = spans(overlapping(reference, "union"), ids, classes)
    known = _by_recording(events, len(ids), len(classes))
    of_class = []
    for label in range(len(classes)):
        each = [
            changes(np.asarray(scores[name])[:, label], label, known[number], scenario.criteria,
                    frames_per_second, first_onset_s)
            for number, name in enumerate(ids)
        ]  # fmt: skip
        of_class.append(_together(each, len(classes)))
    length_s = [[(x[:, 1] - x[:, 0]).sum() for x in own] for own in known]
    return Judged(
        ids,
        tuple(classes),
        scenario,
        np.array([durations_s[name] for name in ids], dtype=np.float64),
        np.array([[len(x) for x in own] for own in known]).reshape(len(ids), len(classes)),
        np.array(length_s, dtype=np.float64).reshape(len(ids), len(classes)),
        tuple(of_class),
    )


def psds(found: Judged) -> dict:
    """Return the score of all recordings.

    Parameters
    ----------
    found : Judged

    Returns
    -------
    dict
        ``psds``; ``classes``: by name, the share under the class's own curve; ``policy``: scenario
        and policies, and whom they concern. NaN where no class has reference events.
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
            "recordings_without_reference": int((found.n_reference.sum(axis=1) == 0).sum()),
            "hours": float(found.duration_s.sum() / _HOUR_S),
        },
    }


def psds_replicates(found: Judged, weights: np.ndarray) -> np.ndarray:
    """Return the score under R weightings of the recordings.

    Parameters
    ----------
    found : Judged
    weights : array, shape (R, N)
        How often each recording stands in a replicate: whole numbers, at least 0.

    Returns
    -------
    array, shape (R,)
        NaN where a replicate has no reference events. A class that a replicate leaves without
        reference events is left out of its means.
    """
    weights = checked_weights(weights, len(found.ids))
    if not np.issubdtype(weights.dtype, np.integer):
        raise ValueError(f"weights are {weights.dtype}; expected whole numbers, as replicates draw")
    return np.array([_score(_steps(found, row), found.scenario) for row in weights], np.float64)


def psd_roc(found: Judged) -> tuple[np.ndarray, np.ndarray]:
    """Return the curve of the score, for a picture.

    Returns
    -------
    rate : array
        Effective false positive rates from 0 to e_max at which the curve steps [1/h].
    share : array
        Mean share of reference events found, less the spread, from that rate up to the next one.
    """
    steps = [step for step in _steps(found, np.ones(len(found.ids), np.int64)) if len(step)]
    return _mean_curve(steps, found.scenario.e_max, found.scenario.alpha_st)


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


def _by_recording(events: Spans, n: int, n_classes: int) -> list[list[np.ndarray]]:
    """Return onset and offset of the events of each recording and class, shape (E, 2) each."""
    cell = events.recording * n_classes + events.label
    order = np.lexsort((events.onset_s, cell))
    times = np.stack((events.onset_s, events.offset_s), axis=1)[order]
    ends = np.searchsorted(cell[order], np.arange(1, n * n_classes))
    parts = np.split(times, ends) if n * n_classes else []
    return [parts[first : first + n_classes] for first in range(0, n * n_classes, n_classes or 1)]


def _together(each: Sequence[Changes], n_classes: int) -> OfClass:
    """Return the changes of all recordings in the order of falling scores."""
    if not each:
        none = np.zeros(0, np.int64)
        return OfClass(Changes(np.zeros(0), none, none, np.zeros((0, n_classes))), none, none)
    recording = np.repeat(np.arange(len(each)), [len(one.score) for one in each])
    joined = [np.concatenate(field) for field in zip(*each, strict=True)]
    order = np.argsort(-joined[0], kind="stable")
    score = joined[0][order]
    last = np.flatnonzero(np.append(np.diff(score) != 0, True))[: len(score)]
    return OfClass(Changes(*(field[order] for field in joined)), recording[order], last)


def _steps(found: Judged, weights: np.ndarray) -> list[np.ndarray]:
    """Return, for each class, the least rate with which 1, 2, ... of its reference events are found.

    Arrays of rising rates [1/h], infinite for what no threshold finds, one entry for each reference
    event (with its weight); empty for an absent class.
    """
    n_reference = weights @ found.n_reference
    hours = weights @ found.duration_s / _HOUR_S
    other_hours = weights @ found.reference_s / _HOUR_S
    is_present = n_reference > 0
    # what a cross-trigger of each class adds to the rate
    price = np.divide(1.0, other_hours, out=np.zeros(len(is_present)), where=is_present)
    price *= found.scenario.alpha_ct / max(1, is_present.sum() - 1)
    steps = []
    for label, own in enumerate(found.of_class):
        n = int(n_reference[label])
        weight = weights[own.recording]
        n_found = np.cumsum(weight * own.changes.found)[own.last]
        rate = np.cumsum(weight * own.changes.false)[own.last] / hours if n else np.zeros(0)
        if n and found.scenario.alpha_ct:
            # no matrix product: its threads wait for each other where cores are busy
            cost = (own.changes.cross * price).sum(axis=1)
            rate = rate + np.cumsum(weight * cost)[own.last]
        least = np.full(n + 1, np.inf)
        if n:
            np.minimum.at(least, n_found, np.maximum(rate, 0.0))
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
