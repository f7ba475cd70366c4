"""Figures of detected events and of frame scores, with intervals.

Axes: N recordings, C classes, T frames, R replicates. All intervals of one reference come from the
same replicates, drawn over its groups, so that differences are paired. ``settings`` is the
experiment: its ``seed``, ``evaluation`` (``replicates``, ``confidence``) and ``events`` (``collar``,
``segment_s``, ``absent``, ``duplicate_rows``).

* `of_events`: event-based, segment-based and clip-level figures of detected events.
* `of_scores`: polyphonic sound detection scores of frame scores.
* `Measured`: figures and the replicates behind them; `joined`: of both kinds.
* `difference`: one minus another, paired.
* `described`: counts of a reference.
* `policy`: what was decided, in words.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dawnchorus.events.event_truth import OVERLAPS, Judged
from dawnchorus.formats.event import TOLERANCE_S, Event, overlapping
from dawnchorus.metrics import bootstrap, psds
from dawnchorus.metrics import event_counts as counts
from dawnchorus.metrics.ceiling import trimmed
from dawnchorus.metrics.clips import clip_counts, present
from dawnchorus.metrics.event_counts import Counts
from dawnchorus.metrics.event_pairs import Collars
from dawnchorus.metrics.events import event_counts
from dawnchorus.metrics.segments import segment_counts
from dawnchorus.runtime import seeds

COMPARED = {  # what is compared, and where it stands among the replicates
    "event_macro_f": "events.macro_f",
    "segment_macro_f": "segments.macro_f",
    "psds1": "psds1",
    "psds2": "psds2",
}
Scores = Mapping[str, tuple[float, np.ndarray]]

_POLICY = {
    "unit": "recording; all used ones of a reference with known events, those without an event too, "
    "so that a false alarm there counts",
    "not_judged": "test references without a recording whose events are known are counted, not judged",
    "other_classes": "reference events of classes that are not scored are counted, not judged",
    "matching": "optimal: each event once at most, first the most pairs of one class, then the most "
    "further pairs of different classes (substitutions); collars include their ends",
    "overlaps": "reference events of one class in one recording that overlap or touch count each, as "
    "in sed_eval, though no detection can tell them apart; in PSDS they are one event (union)",
    "macro": "mean over classes; error rates and recalls over those with reference events",
    "absent": "classes without reference events in macro F and macro precision: skip: left out; "
    "false_alarms: 0 where something was detected; zero: 0; a replicate decides by what it drew",
    "precision_without_detections": "0 where a class has reference events and no detections",
    "segments": "a class is active in every segment that one of its events reaches into",
    "clips": "a class is present in a recording where any event of it is, detected or known",
    "psds": "over all thresholds, from frame scores averaged over models; after the median filter of "
    "the decoding, or without any; classes without reference events are left out",
    "interval": "percentile bootstrap over groups of recordings (a recording without a group is its "
    "own); the same replicates for all figures of one reference, so that differences are paired; "
    "none where there is one group",
    "models": "models are not resampled: intervals tell of recordings, not of another training",
    "chosen_here": "validation recordings have chosen the settings of that decoding: optimistic",
    "transductive": "a model learnt from predictions for the recordings it is tested on (never from "
    "their labels)",
}  # fmt: skip


class Measured(NamedTuple):
    """Figures, and by name the values (floats) and replicates (R,) of all that have intervals."""

    content: dict
    values: dict[str, float]
    replicates: dict[str, np.ndarray]


def of_events(known: Judged, detected: Sequence[Event], settings: Mapping) -> Measured:
    """Return the figures of detected events.

    Parameters
    ----------
    known : Judged
        N recordings and their events.
    detected : sequence of Event
        In these recordings, of their classes.
    settings : mapping
        See the module.

    Returns
    -------
    Measured
        Its content: ``events``, ``segments`` and ``clips``, each what
        `dawnchorus.metrics.event_counts.figures` returns and ``intervals`` (``low`` and ``high`` of each
        micro and macro figure).

    Raises
    ------
    ValueError
        Where an event is of another recording or class.
    """
    absent = settings["events"]["absent"]
    content, values, drawn = {}, {}, {}
    for kind, counted in _counted(known, detected, settings["events"]).items():

        def weighted(weights: np.ndarray, counted: Counts = counted) -> dict[str, np.ndarray]:
            return counts.replicates(counted, weights, absent)

        found, replicates = counts.figures(counted, absent), _resampled(known, settings, weighted)
        intervals = {name: _limits(row, settings) for name, row in replicates.items()}
        content[kind] = found | {"intervals": intervals}
        for name, row in replicates.items():
            mean, rate = name.split("_", maxsplit=1)
            values[f"{kind}.{name}"], drawn[f"{kind}.{name}"] = found[mean][rate], row
    return Measured(content, values, drawn)


def of_scores(
    known: Judged, scores: Scores, frames_per_second: float, settings: Mapping
) -> Measured:
    """Return the polyphonic sound detection scores of frame scores.

    Parameters
    ----------
    known : Judged
        N recordings and their events.
    scores : mapping of id to (onset_s, array of shape (T, C))
        Time of frame 0 [s] and frame scores of each recording.
    frames_per_second : float > 0
    settings : mapping
        See the module.

    Returns
    -------
    Measured
        Its content: ``psds1`` and ``psds2``, each what `dawnchorus.metrics.psds.psds` returns,
        ``low`` and ``high``.
    """
    begin_s = max(onset_s for onset_s, _ in scores.values())
    reference = _moved(known.events, {name: begin_s - scores[name][0] for name in known.ids})
    blocks = {name: scores[name][1] for name in known.ids}
    durations_s = {name: known.durations_s[name] for name in known.ids}
    content, values, drawn = {}, {}, {}
    for name, scenario in psds.SCENARIOS.items():
        found = psds.judged(
            blocks, reference, durations_s, known.classes, scenario, frames_per_second, begin_s
        )

        def weighted(weights: np.ndarray, found: psds.Judged = found, name: str = name) -> dict:
            return {name: psds.psds_replicates(trimmed(found, weights), weights)}

        drawn |= _resampled(known, settings, weighted)
        content[name] = psds.psds(found) | _limits(drawn[name], settings)
        values[name] = content[name]["psds"]
    return Measured(content, values, drawn)


def joined(*measured: Measured) -> Measured:
    """Return several measurements of one reference as one."""
    fields = zip(*measured, strict=True)
    return Measured(*({k: v for part in parts for k, v in part.items()} for parts in fields))


def difference(first: Measured, second: Measured, settings: Mapping) -> dict:
    """Return the figures of the second minus those of the first, from paired replicates.

    Returns
    -------
    dict
        By each of `COMPARED`: ``difference``, ``low``, ``high`` and ``p_two_sided`` (see
        `dawnchorus.metrics.bootstrap`).
    """
    content = {}
    for name, key in COMPARED.items():
        changes = second.replicates[key] - first.replicates[key]
        content[name] = {
            "difference": second.values[key] - first.values[key],
            **_limits(changes, settings),
            "p_two_sided": bootstrap.p_two_sided(changes),
        }
    return content


def described(known: Judged) -> dict:
    """Return counts of a reference: what was excluded, what is judged, and events by class."""
    reference = overlapping(known.events, OVERLAPS)
    by_class = Counter(event.label for event in reference)
    return dict(known.excluded) | {
        "judged": len(known.ids),
        "without_events": len(set(known.ids) - {event.id for event in reference}),
        "groups": len(np.unique(known.groups)),
        "hours": sum(known.durations_s[name] for name in known.ids) / 3600,
        "events": len(reference),
        "events_by_class": {name: by_class[name] for name in known.classes},
    }


def policy(settings: Mapping) -> dict:
    """Return the policy behind the figures, in words and numbers."""
    section = settings["events"]
    scenarios = {
        name: scenario._asdict() | {"criteria": scenario.criteria._asdict()}
        for name, scenario in psds.SCENARIOS.items()
    }
    found = dict(_POLICY) | {
        "collar": dict(section["collar"]),
        "rounding_tolerance_s": TOLERANCE_S,
        "segment_s": section["segment_s"],
        "absent_classes": section["absent"],
        "psds_scenarios": scenarios,
        "duplicate_rows": bool(section["duplicate_rows"]),
        "resampled": "groups of recordings",
        "replicates": settings["evaluation"]["replicates"],
        "confidence": settings["evaluation"]["confidence"],
    }
    if section["duplicate_rows"]:
        found["duplicates"] = (
            "as system 004 did, a recording with k reference events is predicted k times: in "
            "event-based figures each of its detections stands k times, and what is more than one "
            "of them is a false alarm; segments, clips and PSDS have no duplicates"
        )
    return found


def _counted(known: Judged, detected: Sequence[Event], section: Mapping) -> dict[str, Counts]:
    judged_on = known.ids, known.classes
    reference, found = (overlapping(events, OVERLAPS) for events in (known.events, detected))
    times = Counter(event.id for event in known.events) if section["duplicate_rows"] else {}
    written = [event for event in found for _ in range(times.get(event.id, 1))]
    collars = Collars(**section["collar"])
    # the policy is followed above: duplicates would be one event again under another
    by_event = event_counts(reference, written, *judged_on, collars, overlaps="keep")
    rules = dict(by_event.rules) | {"overlaps": OVERLAPS}
    return {
        "events": dataclasses.replace(by_event, rules=rules),
        "segments": segment_counts(reference, found, *judged_on, section["segment_s"]),
        "clips": clip_counts(
            present(reference, *judged_on), present(found, *judged_on), *judged_on
        ),
    }


def _moved(events: Sequence[Event], by_s: Mapping[str, float]) -> list[Event]:
    """Return events moved in time: one score of all recordings wants frames that begin at once."""
    return [
        event._replace(
            onset_s=event.onset_s + by_s[event.id], offset_s=event.offset_s + by_s[event.id]
        )
        for event in events
    ]


def _resampled(
    known: Judged, settings: Mapping, weighted: Callable[[np.ndarray], dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Return figures by name in each replicate, shape (R,), all NaN of a single group."""
    rng = seeds.generator(settings["seed"], "evaluation")
    replicates = settings["evaluation"]["replicates"]
    chunks = [
        weighted(weights) for weights in bootstrap.weight_chunks(known.groups, replicates, rng)
    ]
    single = np.nan if len(np.unique(known.groups)) < 2 else 1
    return {name: np.concatenate([one[name] for one in chunks]) * single for name in chunks[0]}


def _limits(replicates: np.ndarray, settings: Mapping) -> dict:
    low, high = bootstrap.interval(replicates, settings["evaluation"]["confidence"])
    return {"low": low, "high": high}
