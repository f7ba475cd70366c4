"""Baselines of detected events: the ceiling of a decoder, and events that ignore the audio.

Axes: T frames, C classes.

* `baselines`: the scores of those that an experiment wants.
* `oracle`: annotated events through a decoder: its ceiling.
* `whole_clips`: every class of a recording from its beginning to its end.
* `choose_trains`, `click_events`: periodic events of each class that ignore the audio; their periods
  are chosen on the annotations of validation recordings, never of tested ones.
* `frames_of_events`: events as frame scores of 0 and 1.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dawnchorus.evaluation.event_scores import (
    Ensemble,
    Scores,
    Timings,
    event_scores,
    filtered,
    frame_scores,
    joined,
)
from dawnchorus.events import decoding
from dawnchorus.formats.event import TOLERANCE_S, Event, resolve_overlaps
from dawnchorus.metrics.event_pairs import Collars, Spans, agreements, best_pairs, spans
from dawnchorus.runtime import artefacts
from dawnchorus.targets.ground_truth import OVERLAPS, EventGroundTruth

DISTANCES = (1.0, 0.5, 0.75, 1.25, 1.5, 2.0)  # periods tried, times the mean distance of onsets
COLLARS = (2, 4, 8, 16)  # periods tried, times the collar
PHASES = (0.0, 0.25, 0.5, 0.75)  # first onsets tried, as shares of the period
_THRESHOLD = 0.5  # between the two scores of `frames_of_events`

Truths = Mapping[str, EventGroundTruth]  # by subset: ``corpus`` or ``corpus:split``


class Train(NamedTuple):
    """Periodic events of one class: the first onset, the period and the length [s]; ``f`` of them."""

    first_s: float
    period_s: float
    duration_s: float
    f: float


def baselines(
    found: Mapping[str, Ensemble], tests: Truths, validations: Truths, settings: Mapping
) -> dict:
    """Return the scores of the baselines that an experiment wants, by name.

    Parameters
    ----------
    found : mapping of ensemble to Ensemble
        At least one.
    tests, validations : mapping of subset to EventGroundTruth
        What is tested, and what periods of clicks are chosen on.
    settings : mapping
        The experiment; see `dawnchorus.evaluation.event_evaluation.evaluate_events`.

    Returns
    -------
    dict
        Of ``oracle``, ``whole_clips`` and ``clicks`` those that ``events.baselines`` names.
    """
    wanted, content = settings["events"]["baselines"], {}
    timed = next(iter(found.values()))
    if "oracle" in wanted:
        content["oracle"] = _oracles(found, tests, settings)
    if "whole_clips" in wanted:
        own = {name: whole_clips(known) for name, known in tests.items()}
        content["whole_clips"] = {"test": _baseline(own, tests, timed, settings)}
    if "clicks" in wanted:
        every = {**tests, **validations}
        trains = choose_trains(list(validations.values()), Collars(**settings["events"]["collar"]))
        if not trains:  # chosen on tested recordings they would be no baseline
            why = "without validation recordings with events there is nothing to choose periods on"
            return content | {"clicks": {"left_out": why}}
        own = {name: click_events(known, trains) for name, known in every.items()}
        scores = _baseline(own, every, timed, settings)
        classes = next(iter(every.values())).classes
        content["clicks"] = {
            "chosen_on": list(validations),
            "trains": {label: train._asdict() for label, train in trains.items()},
            "classes_without": [name for name in classes if name not in trains],
            "test": {name: scores[name] for name in tests},
            "validation": {name: scores[name] | {"chosen_here": True} for name in validations},
        }
    return content


def frames_of_events(
    known: EventGroundTruth, events: Sequence[Event], timings: Timings, frames_per_second: float
) -> dict[str, tuple[float, np.ndarray]]:
    """Return events as frame scores: 1 where an event reaches into a frame, else 0.

    Parameters
    ----------
    known : EventGroundTruth
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
    known: EventGroundTruth, scores: Scores, frames_per_second: float, settings: Mapping
) -> list[Event]:
    """Return what a decoder makes of frame scores that are never wrong.

    Parameters
    ----------
    known : EventGroundTruth
    scores : mapping of id to (onset_s, array of shape (T, C))
        `frames_of_events` of the annotated events.
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
        recording = decoding.ScoredRecording(name, onset_s, known.durations_s[name], own)
        found += decoding.detections(recording, known.classes, frames_per_second, **chosen)
    return found


def whole_clips(known: EventGroundTruth) -> list[Event]:
    """Return an event over each whole recording for every class that it has events of."""
    pairs = sorted({(event.id, event.label) for event in known.events})
    return [Event(name, 0.0, known.durations_s[name], label) for name, label in pairs]


def click_events(known: EventGroundTruth, trains: Mapping[str, Train]) -> list[Event]:
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


def choose_trains(validation: Sequence[EventGroundTruth], collars: Collars) -> dict[str, Train]:
    """Choose the train of each class that has events, by event-based F.

    Events are as long as the median of the class. Periods are tried that are multiples of its mean
    distance between onsets, of the collar, and one event per recording; those that would let events
    touch are left out. Of equal ones the first is taken.

    Parameters
    ----------
    validation : sequence of EventGroundTruth
        Recordings that are never tested, of the same classes.
    collars : Collars

    Returns
    -------
    dict of class to Train
        Empty where there is no event.
    """
    longest_s = max((max(known.durations_s.values()) for known in validation), default=0.0)
    every = [
        spans(resolve_overlaps(known.events, OVERLAPS), known.ids, known.classes)
        for known in validation
    ]
    found = {}
    for number, label in enumerate(validation[0].classes if validation else []):
        own = [Spans(*(field[one.label == number] for field in one)) for one in every]
        lengths_s = np.concatenate([one.offset_s - one.onset_s for one in own])
        if len(lengths_s):
            # the median: a few long events would make every click too long
            duration_s = float(np.median(lengths_s))
            # from an onset to the next one in the same recording
            distances_s = np.concatenate(
                [np.diff(x.onset_s)[np.diff(x.recording) == 0] for x in own if len(x.onset_s)]
            )
            # a class with one event per recording has no distances: collars and the end are left
            shares = DISTANCES if len(distances_s) else ()
            periods_s = [share * float(distances_s.mean()) for share in shares]
            collar_s = max(collar or 0.0 for collar in collars[:2])
            periods_s += [many * collar_s for many in COLLARS]
            # events that touch would be one event in PSDS
            least_s = duration_s + 2 * TOLERANCE_S
            apart_s = [period_s for period_s in periods_s if least_s < period_s < longest_s]
            tried = [
                Train(phase * period_s, period_s, duration_s, np.nan)
                for period_s in [*dict.fromkeys(apart_s), longest_s]
                for phase in PHASES
            ]
            scores = [_f(train, validation, own, collars) for train in tried]
            best = int(np.argmax(scores))
            found[label] = tried[best]._replace(f=scores[best])
    return found


def _onsets(train: Train, end_s: float) -> np.ndarray:
    n = int(np.ceil((end_s - train.first_s) / train.period_s))
    onsets_s = train.first_s + train.period_s * np.arange(max(n, 0))
    return onsets_s[onsets_s < end_s]


def _f(
    train: Train, validation: Sequence[EventGroundTruth], own: Sequence[Spans], collars: Collars
) -> float:
    """Return the event-based F of a train, of one class in all validation recordings."""
    n_matched, n_both = 0, 0
    for known, annotated in zip(validation, own, strict=True):
        ends_s = [known.durations_s[name] for name in known.ids]
        onsets_s = [_onsets(train, end_s) for end_s in ends_s]
        lengths = [len(one) for one in onsets_s]
        onset_s = np.concatenate(onsets_s)
        offset_s = np.minimum(onset_s + train.duration_s, np.repeat(ends_s, lengths))
        recording = np.repeat(np.arange(len(lengths)), lengths)
        detected = Spans(recording, np.zeros(len(recording), np.int64), onset_s, offset_s)
        rows, columns = agreements(annotated, detected, collars)
        # one class: no pair is a substitution
        rows, _ = best_pairs(rows, columns, np.ones(len(rows), dtype=bool))
        n_matched += len(rows)
        n_both += len(annotated.onset_s) + len(onset_s)
    return 2 * n_matched / n_both


def _baseline(
    events: Mapping[str, Sequence[Event]], truths: Truths, timed: Ensemble, settings: Mapping
) -> dict:
    """Return the scores of events that no model made; as scores they are 0 and 1 in its frames."""
    content = {}
    for name, known in truths.items():
        rate = timed.frames_per_second
        scores = frames_of_events(known, events[name], timed.timings[name], rate)
        content[name] = joined(
            event_scores(known, events[name], settings),
            frame_scores(known, scores, rate, settings),
        ).content
    return content


def _oracles(found: Mapping[str, Ensemble], tests: Truths, settings: Mapping) -> list[dict]:
    """Return the ceiling of each decoding of each ensemble; where nothing differs, of them as one."""
    of: dict[str, list] = {}
    for name, one in found.items():
        for decoding_name, chosen in one.decodings.items():
            kept = {key: values.tolist() for key, values in chosen.items() if key != "threshold"}
            timings = {test: dict(one.timings[test]) for test in tests}
            # thresholds left out: the oracle's scores are 0 and 1
            key = artefacts.canonical_json([one.frames_per_second, kept, timings])
            of.setdefault(key, []).append((name, decoding_name, kept))
    content = []
    for same in of.values():
        ensemble, decoding_name, kept = same[0]
        rate, chosen = found[ensemble].frames_per_second, found[ensemble].decodings[decoding_name]
        scored = {}
        for test, known in tests.items():
            scores = frames_of_events(known, known.events, found[ensemble].timings[test], rate)
            scored[test] = joined(
                event_scores(known, oracle(known, scores, rate, chosen), settings),
                frame_scores(known, filtered(scores, rate, chosen["filter_s"]), rate, settings),
            ).content
        content.append(
            {
                "of": [{"ensemble": name, "decoding": own} for name, own, _ in same],
                "settings": kept,
                "test": scored,
            }
        )
    return content
