"""Intersections of detected runs of frames with annotated events, over all thresholds.

A threshold detects, of one class, each run of frames that score it or more. As it falls, runs appear,
grow and join; a run with fixed ends exists from the threshold at which its lowest frame appears down
to the one at which a neighbouring frame does. A recording of T frames has T such runs at most, so that
all thresholds are covered exactly by looking at each run once (the idea of Ebbers, Serizel and
Haeb-Umbach, 2022, https://arxiv.org/abs/2201.13148).

The criteria are those of Bilen et al. (2020), https://arxiv.org/abs/1910.08440: a run is relevant
where annotated events (the ground truth) of its class cover the share rho_DTC of it, else it is a
false positive, and a cross-trigger of every other class of which events cover the share rho_CTTC of
it; an annotated event is found where relevant runs cover the share rho_GTC of it. Annotated events of
one class must not overlap. Axes: T frames, C classes, K changes.

* `Criteria`: the shares.
* `runs`: all runs of frames that any threshold detects.
* `changes`: at which scores the counts of a recording change, and by how much.
"""

from typing import NamedTuple

import numpy as np

from dawnchorus.formats.event import TOLERANCE_S
from dawnchorus.metrics.checks import last_of_equal

_NEVER = -np.inf  # the score at which a run over the whole recording grows


class Criteria(NamedTuple):
    """Shares in (0, 1] that have to be covered: rho_DTC, rho_GTC and rho_CTTC of the paper.

    ``detection`` of a run by annotated events, ``reference`` of an annotated event by relevant runs,
    ``cross`` of a false positive by another class; None: cross-triggers are not counted.
    """

    detection: float
    reference: float
    cross: float | None = None


class Runs(NamedTuple):
    """Runs of frames, arrays of one length.

    From frame ``first`` up to but without frame ``beyond``, detected by thresholds t with ``grows`` <
    t <= ``appears``.
    """

    first: np.ndarray
    beyond: np.ndarray
    appears: np.ndarray
    grows: np.ndarray


class Changes(NamedTuple):
    """K scores at which the counts of one class change once the threshold falls to them.

    ``score`` (K,), falling; ``found`` and ``false`` (K,): change in annotated events found and in
    false positives; ``cross`` (K, C): change in cross-triggers of each class.
    """

    score: np.ndarray
    found: np.ndarray
    false: np.ndarray
    cross: np.ndarray


def runs(scores: np.ndarray) -> Runs:
    """Return all runs of frames that some threshold detects.

    Parameters
    ----------
    scores : array, shape (T,)
        Of one class, frame by frame; finite.

    Returns
    -------
    Runs
        T at most.
    """
    found, opened = [], []  # opened: (first frame, score) of the runs that still grow, rising
    # Frames are put on a stack of rising scores and taken off once each, so T frames take O(T).
    # Lists: single elements of arrays are several times slower.
    values = np.asarray(scores).tolist()
    for frame, value in enumerate([*values, _NEVER]):
        first = frame
        while opened and opened[-1][1] > value:
            first, height = opened.pop()
            found.append((first, frame, height, max(value, opened[-1][1] if opened else _NEVER)))
        if value > _NEVER and not (opened and opened[-1][1] == value):
            opened.append((first, value))
    first, beyond, appears, grows = zip(*found, strict=True) if found else ((), (), (), ())
    frames = (np.array(x, dtype=np.int64) for x in (first, beyond))
    return Runs(*frames, np.array(appears, np.float64), np.array(grows, np.float64))


def changes(
    scores: np.ndarray,
    label: int,
    annotated: list[np.ndarray],
    criteria: Criteria,
    frames_per_second: float,
    first_onset_s: float = 0.0,
) -> Changes:
    """Return where the counts of one class in one recording change as the threshold falls.

    Parameters
    ----------
    scores : array, shape (T,)
        Of that class.
    label : int
        Which of the C classes it is.
    annotated : list of array, shape (E, 2)
        For each of the C classes, onset and offset of its events [s], in order, none overlapping.
    criteria : Criteria
    frames_per_second : float > 0
    first_onset_s : float
        Where frame 0 starts [s].

    Returns
    -------
    Changes
    """
    detected = runs(scores)
    onset_s = first_onset_s + detected.first / frames_per_second
    offset_s = first_onset_s + detected.beyond / frames_per_second
    length_s = offset_s - onset_s

    def is_covered(events: np.ndarray, share: float) -> np.ndarray:
        covered_s = _seconds_until(events, offset_s) - _seconds_until(events, onset_s)
        return covered_s >= share * length_s - TOLERANCE_S

    is_false = ~is_covered(annotated[label], criteria.detection)
    counted = np.zeros((len(onset_s), 2 + len(annotated)), dtype=np.int64)
    counted[:, 1] = is_false
    if criteria.cross is not None:
        for other, events in enumerate(annotated):
            if other != label and len(events):
                counted[:, 2 + other] = is_false & is_covered(events, criteria.cross)
    # columns of a change: found, false, then cross-triggers of each class
    score, change = [detected.appears, detected.grows], [counted, -counted]
    relevant = Runs(*(field[~is_false] for field in detected))
    times = onset_s[~is_false], offset_s[~is_false]
    for event in annotated[label]:
        overlap_s = np.minimum(times[1], event[1]) - np.maximum(times[0], event[0])
        near = overlap_s > 0
        at = np.concatenate((relevant.appears[near], relevant.grows[near]))
        gained_s = np.concatenate((overlap_s[near], -overlap_s[near]))
        order = np.argsort(-at, kind="stable")
        at = at[order]
        # runs of one score come and go together: only what they cover after all of it counts
        last = last_of_equal(at)
        covered_s = np.cumsum(gained_s[order])[last]
        is_found = covered_s >= criteria.reference * (event[1] - event[0]) - TOLERANCE_S
        # the event is found from one score on (+1), and no more from another (-1)
        found = np.diff(is_found.astype(np.int64), prepend=0)
        score.append(at[last])
        change.append(np.pad(found[:, None], ((0, 0), (0, 1 + len(annotated)))))
    # one row for each score at which something changes
    score, change = np.concatenate(score), np.concatenate(change)
    # the run over the whole recording never grows
    order = np.argsort(-score, kind="stable")
    order = order[score[order] > _NEVER]
    score, change = score[order], change[order]
    starts = np.flatnonzero(np.diff(score, prepend=np.inf))
    total = np.add.reduceat(change, starts) if len(starts) else change
    kept = total.any(axis=1)
    total = total[kept]
    return Changes(score[starts][kept], total[:, 0], total[:, 1], total[:, 2:])


def _seconds_until(events: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """Return how many seconds of events that do not overlap lie before each time."""
    if not len(events):
        return np.zeros(len(times_s))
    passed_s = np.cumsum(events[:, 1] - events[:, 0])
    known = np.stack((passed_s - (events[:, 1] - events[:, 0]), passed_s), axis=1)
    return np.interp(times_s, events.ravel(), known.ravel())
