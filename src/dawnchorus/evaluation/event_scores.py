"""Scores of detected events and of frame scores, with intervals; of one ensemble in each decoding.

Axes: N recordings, C classes, T frames, R replicates. All intervals of one ground truth come from the
same replicates, drawn over its units, so that differences are paired. ``settings`` is the
experiment: its ``seed``, ``evaluation`` (``replicates``, ``confidence``) and ``events`` (``collar``,
``segment_s``, ``absent``, ``duplicate_rows``).

* `event_scores`: event-based, segment-based and clip-level rates of detected events.
* `frame_scores`: polyphonic sound detection scores of frame scores.
* `Measured`: scores and the replicates behind them; `joined`: of both kinds.
* `difference`: one minus another, paired.
* `ensemble_scores`: an ensemble under each of its decodings, on several test subsets.
* `filtered`: frame scores after a decoding's filter; `read_content`: a file of decoders, as it is.
* `event_totals`: counts of a ground truth.
* `policy`: what was decided, in words.
"""

import contextlib
import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dawnchorus.evaluation.caveats import units
from dawnchorus.events.decoding import filter_frames, filtered_scores
from dawnchorus.events.detection import detect_recording, read_decoders
from dawnchorus.formats.event import TOLERANCE_S, Event, resolve_overlaps
from dawnchorus.metrics import bootstrap, events, psds
from dawnchorus.metrics.event_pairs import Collars
from dawnchorus.runtime import seeds
from dawnchorus.scores.frame_files import Frames
from dawnchorus.settings.references import parse_reference
from dawnchorus.targets.ground_truth import OVERLAPS, EventGroundTruth

COMPARED = {  # what is compared, and where it stands among the replicates
    "event_macro_f": "events.macro_f",
    "segment_macro_f": "segments.macro_f",
    "psds1": "psds1",
    "psds2": "psds2",
}
Scores = Mapping[str, tuple[float, np.ndarray]]  # onset of frame 0 [s] and (T, C), by id
Timings = Mapping[str, tuple[float, int]]  # onset of frame 0 [s] and T, by id
_NAMED = 5  # names an error shows

_POLICY = {
    "unit": "recording; all used ones of a subset with known events, those without an event too, "
    "so that a false alarm there counts",
    "not_scored": "test subsets without a recording whose events are known are counted, not scored",
    "other_classes": "annotated events of classes that are not scored are only counted",
    "matching": "optimal: each event once at most, first the most pairs of one class, then the most "
    "further pairs of different classes (substitutions); collars include their ends",
    "overlaps": "annotated events of one class in one recording that overlap or touch count each, as "
    "in sed_eval, though no detection can tell them apart; in PSDS they are one event (union)",
    "macro": "mean over classes; error rates and recalls over those with annotated events",
    "absent": "classes without annotated events in macro F and macro precision: skip: left out; "
    "false_alarms: 0 where something was detected; zero: 0; a replicate decides by what it drew",
    "precision_without_detections": "0 where a class has annotated events and no detections",
    "segments": "a class is active in every segment that one of its events reaches into",
    "clips": "a class is present in a recording where any event of it is, detected or known",
    "psds": "over all thresholds, from frame scores averaged over models; after the median filter of "
    "the decoding, or without any; classes without annotated events are left out",
    "interval": "percentile bootstrap over groups of recordings (a recording without a group is its "
    "own), or over what evaluation.bootstrap says; the same replicates for all scores of one "
    "subset, so that differences are paired; none where there is one group",
    "models": "models are not resampled: intervals tell of recordings, not of another training",
    "chosen_here": "validation recordings have chosen the settings of that decoding: optimistic",
    "transductive": "a model learnt from predictions for the recordings it is tested on (never from "
    "their labels)",
}  # fmt: skip


class Measured(NamedTuple):
    """Scores, and by name the values (floats) and replicates (R,) of all that have intervals."""

    content: dict
    values: dict[str, float]
    replicates: dict[str, np.ndarray]


class Ensemble(NamedTuple):
    """What was measured of one ensemble.

    ``stages``; ``about``: its file of decoders; ``decodings``: settings by name;
    ``frames_per_second`` (None where no subset is scored); ``timings``: onset and number of frames,
    by subset and id; ``measured``: by decoding and subset; ``unfiltered``: of frame scores as they
    are, by subset; ``learning``: by stage and member, whether it learnt.
    """

    stages: list[str]
    about: Mapping
    decodings: Mapping[str, Mapping]
    frames_per_second: float | None
    timings: Mapping[str, Timings]
    measured: Mapping[str, Mapping[str, Measured]]
    unfiltered: Mapping[str, Measured]
    learning: Mapping[str, Mapping]


def event_scores(known: EventGroundTruth, found: Sequence[Event], settings: Mapping) -> Measured:
    """Return the scores of detected events.

    Parameters
    ----------
    known : EventGroundTruth
        N recordings and their events.
    found : sequence of Event
        Detected in these recordings, of their classes.
    settings : mapping
        See the module.

    Returns
    -------
    Measured
        Its content: ``events``, ``segments`` and ``clips``, each what
        `dawnchorus.metrics.events.rates` returns and ``intervals`` (``low`` and ``high`` of each
        micro and macro rate).

    Raises
    ------
    ValueError
        Where an event is of another recording or class.
    """
    section, names = settings["events"], (known.ids, known.classes)
    annotated, found = (resolve_overlaps(one, OVERLAPS) for one in (known.events, found))
    times = Counter(event.id for event in known.events) if section["duplicate_rows"] else {}
    # a recording without annotated events was predicted once
    repeated = [event for event in found for _ in range(times.get(event.id, 1))]
    collars = Collars(**section["collar"])
    # the policy is followed above: duplicates would be one event again under another
    by_event = events.event_counts(annotated, repeated, *names, collars, overlaps="keep")
    rules = dict(by_event.rules) | {"overlaps": OVERLAPS}
    counts = {
        "events": dataclasses.replace(by_event, rules=rules),
        "segments": events.segment_counts(annotated, found, *names, section["segment_s"]),
        "clips": events.clip_counts(
            *(events.present(one, *names) for one in (annotated, found)), *names
        ),
    }
    absent, content, values, drawn = section["absent"], {}, {}, {}
    for kind, counted in counts.items():

        def weighted(weights: np.ndarray, counted: events.Counts = counted) -> dict:
            return events.mean_rates(counted, weights, absent)

        rates, replicates = events.rates(counted, absent), _replicates(known, settings, weighted)
        intervals = {name: _limits(row, settings) for name, row in replicates.items()}
        content[kind] = rates | {"intervals": intervals}
        for name, row in replicates.items():
            mean, rate = name.split("_", maxsplit=1)
            values[f"{kind}.{name}"], drawn[f"{kind}.{name}"] = rates[mean][rate], row
    return Measured(content, values, drawn)


def frame_scores(
    known: EventGroundTruth, scores: Scores, frames_per_second: float, settings: Mapping
) -> Measured:
    """Return the polyphonic sound detection scores of frame scores.

    Parameters
    ----------
    known : EventGroundTruth
        N recordings and their events.
    scores : mapping of id to (onset_s, array of shape (T, C))
        Time of frame 0 [s] and frame scores of each recording.
    frames_per_second : float > 0
    settings : mapping
        See the module.

    Returns
    -------
    Measured
        Its content: ``psds1`` and ``psds2``, each what `dawnchorus.metrics.psds.described` returns,
        ``low`` and ``high``.
    """
    # one score of all recordings wants frames that begin at once: annotated events move with theirs
    begin_s = max(onset_s for onset_s, _ in scores.values())
    by_s = {name: begin_s - scores[name][0] for name in known.ids}
    annotated = [
        event._replace(
            onset_s=event.onset_s + by_s[event.id], offset_s=event.offset_s + by_s[event.id]
        )
        for event in known.events
    ]
    blocks = {name: scores[name][1] for name in known.ids}
    durations_s = {name: known.durations_s[name] for name in known.ids}
    content, values, drawn = {}, {}, {}
    for name, scenario in psds.SCENARIOS.items():
        found = psds.intersections(
            blocks, annotated, durations_s, known.classes, scenario, frames_per_second, begin_s
        )

        def weighted(
            weights: np.ndarray, found: psds.Intersections = found, name: str = name
        ) -> dict:
            return {name: psds.psds(psds.trimmed(found, weights), weights)}

        drawn |= _replicates(known, settings, weighted)
        content[name] = psds.described(found) | _limits(drawn[name], settings)
        values[name] = content[name]["psds"]
    return Measured(content, values, drawn)


def joined(*measured: Measured) -> Measured:
    """Return several measurements of one ground truth as one."""
    fields = zip(*measured, strict=True)
    return Measured(*({k: v for part in parts for k, v in part.items()} for parts in fields))


def difference(first: Measured, second: Measured, settings: Mapping) -> dict:
    """Return the scores of the second minus those of the first, from paired replicates.

    Returns
    -------
    dict
        By each of `COMPARED` what `dawnchorus.metrics.bootstrap.difference` returns.
    """
    confidence = settings["evaluation"]["confidence"]
    return {
        name: bootstrap.difference(
            [one.values[key] for one in (first, second)],
            [one.replicates[key] for one in (first, second)],
            confidence,
        )
        for name, key in COMPARED.items()
    }


def ensemble_scores(
    name: str,
    opened: Callable[[str], contextlib.AbstractContextManager[Frames]],
    decoders_path: str | Path,
    truths: Mapping[str, EventGroundTruth],
    settings: Mapping,
) -> Ensemble:
    """Measure an ensemble under each of its decodings.

    Parameters
    ----------
    name : str
        Ensemble.
    opened : callable
        Opens its frame scores of a corpus.
    decoders_path : path
        Settings of its decodings.
    truths : mapping of subset (``corpus`` or ``corpus:split``) to EventGroundTruth
    settings : mapping
        The experiment; see `dawnchorus.evaluation.event_evaluation.evaluate_events`.

    Raises
    ------
    ValueError
        Where files disagree about classes or frames, or a recording has no frame scores.
    """
    about, decodings = read_content(decoders_path), read_decoders(decoders_path)
    wanted = list(settings["events"]["decodings"])
    if missing := [key for key in wanted if key not in decodings]:
        raise ValueError(
            f"{decoders_path} has no decoding {missing[0]!r}; expected {wanted!r}, choose them again"
        )
    decodings = {key: decodings[key] for key in wanted}  # a file has no order
    timings, unfiltered, learning, rates = {}, {}, {}, set()
    measured = {key: {} for key in decodings}
    for subset, known in truths.items():
        with opened(parse_reference(subset)[0]) as scores:
            if scores.class_names != list(known.classes):
                raise ValueError(
                    f"{scores.path} scores the classes {scores.class_names[:_NAMED]!r}, the decoders "
                    f"{list(known.classes)[:_NAMED]!r}; choose the decodings again"
                )
            learning |= scores.learning
            rates.add(scores.frames_per_second)
            blocks = {identifier: scores.of(identifier) for identifier in known.ids}
            timings[subset] = {one: (onset_s, len(own)) for one, (onset_s, own) in blocks.items()}
            own, unfiltered[subset] = _by_decoding(scores, blocks, decodings, known, settings)
        for key, one in own.items():
            measured[key][subset] = one
    # baselines are frames at this rate, and stand beside all subsets
    if len(rates) > 1:
        raise ValueError(
            f"ensemble {name!r} has frame scores at {sorted(rates)} frames per second; expected one"
        )
    # a stage that ended before it was trained taught the ensemble nothing
    ended = {key.rpartition(" ")[0] for key, about in learning.items() if about.get("ended")}
    stages = [stage for stage in settings["ensembles"][name] if stage not in ended]
    rate = rates.pop() if rates else None
    return Ensemble(stages, about, decodings, rate, timings, measured, unfiltered, learning)


def filtered(
    blocks: Scores, rate: float, filter_s: np.ndarray
) -> dict[str, tuple[float, np.ndarray]]:
    """Return frame scores by id, onset [s] and (T, C), after a median filter of C lengths [s]."""
    return {
        identifier: (onset_s, filtered_scores(own, rate, filter_s))
        for identifier, (onset_s, own) in blocks.items()
    }


def read_content(path: str | Path) -> dict:
    """Return what a file of decoders says: ``classes`` and ``decodings``."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def event_totals(known: EventGroundTruth) -> dict:
    """Return counts of a ground truth: what was excluded, what is scored, and events by class."""
    annotated = resolve_overlaps(known.events, OVERLAPS)
    by_class = Counter(event.label for event in annotated)
    return dict(known.excluded) | {
        "scored": len(known.ids),
        "without_events": len(set(known.ids) - {event.id for event in annotated}),
        "groups": bootstrap.n_groups(known.groups),
        "hours": sum(known.durations_s[name] for name in known.ids) / 3600,
        "events": len(annotated),
        "events_by_class": {name: by_class[name] for name in known.classes},
    }


def policy(settings: Mapping) -> dict:
    """Return the policy behind the scores, in words and numbers."""
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
        **units(settings, "groups"),
        "replicates": settings["evaluation"]["replicates"],
        "confidence": settings["evaluation"]["confidence"],
    }
    if section["duplicate_rows"]:
        found["duplicates"] = (
            "as serizel2018 did, a recording with k annotated events is predicted k times: in "
            "event-based scores each of its detections stands k times, and what is more than one "
            "of them is a false alarm; segments, clips and PSDS have no duplicates"
        )
    return found


def _by_decoding(
    scores: Frames,
    blocks: Scores,
    decodings: Mapping[str, Mapping],
    known: EventGroundTruth,
    settings: Mapping,
) -> tuple[dict[str, Measured], Measured]:
    """Return the scores of one ground truth, by decoding, and those of frame scores as they are."""
    rate, by_filter = scores.frames_per_second, {}

    def after_filter(filter_s: np.ndarray) -> Measured:
        key = filter_frames(filter_s, rate).tobytes()
        if key not in by_filter:  # decodings often have one filter, and PSDS take long
            by_filter[key] = frame_scores(known, filtered(blocks, rate, filter_s), rate, settings)
        return by_filter[key]

    measured = {}
    for name, chosen in decodings.items():
        found = [
            e for i in known.ids for e in detect_recording(scores, i, chosen, known.durations_s)
        ]
        by_event = event_scores(known, found, settings)
        measured[name] = joined(by_event, after_filter(chosen["filter_s"]))
    return measured, after_filter(np.zeros(len(known.classes)))


def _replicates(
    known: EventGroundTruth,
    settings: Mapping,
    weighted: Callable[[np.ndarray], dict[str, np.ndarray]],
) -> dict[str, np.ndarray]:
    """Return scores by name in each replicate, shape (R,), all NaN of a single group."""
    rng = seeds.generator(settings["seed"], "evaluation")
    drawn = bootstrap.replicates(weighted, known.groups, settings["evaluation"]["replicates"], rng)
    # one group drawn again and again would give an interval of no width
    single = np.nan if bootstrap.is_single_group(known.groups) else 1
    return {name: values * single for name, values in drawn.items()}


def _limits(replicates: np.ndarray, settings: Mapping) -> dict:
    return bootstrap.limits(replicates, settings["evaluation"]["confidence"])
