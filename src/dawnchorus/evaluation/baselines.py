"""Rows that frame the figures of detected events: what the decoder allows, and what hears nothing.

Axes: T frames, C classes.

* `oracle`: reference events through a decoder: its ceiling.
* `whole_clips`: every class of a recording from its beginning to its end.
* `chosen_trains`, `clicks`: periodic events of each class that never hear the audio; their periods
  are chosen on the annotations of validation recordings, never of tested ones.
* `event_scores`: events as frame scores of 0 and 1.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dawnchorus.evaluation.event_scores import Scores
from dawnchorus.events import decoding
from dawnchorus.events.event_truth import OVERLAPS, Judged
from dawnchorus.formats.event import TOLERANCE_S, Event, overlapping
from dawnchorus.metrics.event_pairs import Collars, agreements, best_pairs
from dawnchorus.metrics.spans import Spans, spans

DISTANCES = (1.0, 0.5, 0.75, 1.25, 1.5, 2.0)  # periods tried, times the mean distance of onsets
COLLARS = (2, 4, 8, 16)  # periods tried, times the collar
PHASES = (0.0, 0.25, 0.5, 0.75)  # first onsets tried, as shares of the period
_THRESHOLD = 0.5  # between the two scores of `event_scores`

Timings = Mapping[str, tuple[float, int]]


class Train(NamedTuple):
    """Periodic events of one class: the first onset, the period and the length [s]; ``f`` of them."""

    first_s: float
    period_s: float
    duration_s: float
    f: float


def event_scores(
    known: Judged, events: Sequence[Event], timings: Timings, frames_per_second: float
) -> dict[str, tuple[float, np.ndarray]]:
    """Return events as frame scores: 1 where an event reaches into a frame, else 0.

    Parameters
    ----------
    known : Judged
    events : sequence of Event
        In its recordings.
    timings : mapping of id to (onset_s, n_frames)
        Time of frame 0 [s] and T.
    frames_per_second : float > 0

    Returns
    -------
    dict of id to (onset_s, array of shape (T, C))
    """
    own = {name: [] for name in known.ids}
    for event in events:
        own[event.id].append(event)
    return {
        name: (
            timings[name][0],
            decoding.frame_targets(
                own[name], timings[name][1], frames_per_second, known.classes,
                onset_s=timings[name][0],
            ),
        )
        for name in known.ids
    }  # fmt: skip


def oracle(
    known: Judged, scores: Scores, frames_per_second: float, settings: Mapping
) -> list[Event]:
    """Return what a decoder makes of frame scores that are never wrong.

    Parameters
    ----------
    known : Judged
    scores : mapping of id to (onset_s, array of shape (T, C))
        `event_scores` of the reference events.
    frames_per_second : float > 0
    settings : mapping of name to array, shape (C,)
        Of `dawnchorus.events.decoding.detections`; its threshold is not used but 0.5.

    Returns
    -------
    list of Event
    """
    chosen = {**settings, "threshold": _THRESHOLD}
    found = []
    for name in known.ids:
        onset_s, own = scores[name]
        found += decoding.detections(
            name, own, known.classes, frames_per_second,
            onset_s=onset_s, duration_s=known.durations_s[name], **chosen,
        )  # fmt: skip
    return found


def whole_clips(known: Judged) -> list[Event]:
    """Return an event over each whole recording for every class that it has events of."""
    pairs = sorted({(event.id, event.label) for event in known.events})
    return [Event(name, 0.0, known.durations_s[name], label) for name, label in pairs]


def clicks(known: Judged, trains: Mapping[str, Train]) -> list[Event]:
    """Return the trains of some classes in each recording, from its beginning to its end."""
    found = []
    for label, train in trains.items():
        for name in known.ids:
            end_s = known.durations_s[name]
            found += [
                Event(name, float(onset_s), float(min(onset_s + train.duration_s, end_s)), label)
                for onset_s in _onsets(train, end_s)
            ]
    return found


def chosen_trains(validation: Sequence[Judged], collars: Collars) -> dict[str, Train]:
    """Choose the train of each class that has events, by event-based F.

    Events are as long as the median of the class. Periods are tried that are multiples of its mean
    distance between onsets, of the collar, and one event per recording; those that would let events
    touch are left out. Of equal ones the first is taken.

    Parameters
    ----------
    validation : sequence of Judged
        Recordings that are never tested, of the same classes.
    collars : Collars

    Returns
    -------
    dict of class to Train
        Empty where there is no event.
    """
    longest_s = max((max(known.durations_s.values()) for known in validation), default=0.0)
    found = {}
    for number, label in enumerate(validation[0].classes if validation else []):
        own = [_of_class(known, number) for known in validation]
        lengths_s = np.concatenate([one.offset_s - one.onset_s for one in own])
        if len(lengths_s):
            duration_s = float(np.median(lengths_s))
            periods_s = _periods(_distances(own), duration_s, collars, longest_s)
            tried = [
                Train(phase * period_s, period_s, duration_s, np.nan)
                for period_s in periods_s
                for phase in PHASES
            ]
            figures = [_f(train, validation, own, collars) for train in tried]
            best = int(np.argmax(figures))
            found[label] = tried[best]._replace(f=figures[best])
    return found


def _of_class(known: Judged, number: int) -> Spans:
    every = spans(overlapping(known.events, OVERLAPS), known.ids, known.classes)
    is_own = every.label == number
    return Spans(*(field[is_own] for field in every))


def _distances(own: Sequence[Spans]) -> np.ndarray:
    """Return the seconds between onsets of one class that follow each other in a recording."""
    return np.concatenate(
        [np.diff(one.onset_s)[np.diff(one.recording) == 0] for one in own if len(one.onset_s)]
    )


def _periods(
    distances_s: np.ndarray, duration_s: float, collars: Collars, longest_s: float
) -> list[float]:
    tried = [share * float(distances_s.mean()) for share in DISTANCES] if len(distances_s) else []
    collar_s = max(collar or 0.0 for collar in collars[:2])
    tried += [many * collar_s for many in COLLARS]
    least_s = duration_s + 2 * TOLERANCE_S
    apart = [period_s for period_s in tried if least_s < period_s < longest_s]
    return [*dict.fromkeys(apart), longest_s]


def _onsets(train: Train, end_s: float) -> np.ndarray:
    n = int(np.ceil((end_s - train.first_s) / train.period_s))
    onsets_s = train.first_s + train.period_s * np.arange(max(n, 0))
    return onsets_s[onsets_s < end_s]


def _f(train: Train, validation: Sequence[Judged], own: Sequence[Spans], collars: Collars) -> float:
    """Return the event-based F of a train, of one class in all validation recordings."""
    n_matched, n_both = 0, 0
    for known, reference in zip(validation, own, strict=True):
        detected = _train_spans(train, known)
        rows, columns = agreements(reference, detected, collars)
        rows, _ = best_pairs(rows, columns, np.ones(len(rows), dtype=bool))
        n_matched += len(rows)
        n_both += len(reference.onset_s) + len(detected.onset_s)
    return 2 * n_matched / n_both


def _train_spans(train: Train, known: Judged) -> Spans:
    ends_s = [known.durations_s[name] for name in known.ids]
    onsets_s = [_onsets(train, end_s) for end_s in ends_s]
    lengths = [len(one) for one in onsets_s]
    onset_s = np.concatenate(onsets_s)
    offset_s = np.minimum(onset_s + train.duration_s, np.repeat(ends_s, lengths))
    recording = np.repeat(np.arange(len(lengths)), lengths)
    return Spans(recording, np.zeros(len(recording), np.int64), onset_s, offset_s)
