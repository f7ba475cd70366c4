"""Event-based, segment-based and clip-level metrics of detected events.

They differ in what is counted (events, segments, clips) and in when a unit is matched; from then on
they are the same. Counts add up over recordings, rates do not, so a bootstrap replicate is a weighted
sum of counts. Every recording is named, so that a false alarm counts where there is no event. Axes: N
recordings, C classes, R weightings. Mesaros, Heittola and Virtanen (2016),
https://doi.org/10.3390/app6060162; DCASE 2018 task 4:
https://dcase.community/challenge2018/task-large-scale-weakly-labeled-semi-supervised-sound-event-detection

* `event_counts`: a unit is an event, matched where a detected event of its class agrees with it within
  collars (`dawnchorus.metrics.event_pairs`).
* `segment_counts`: a unit is a class in a segment of fixed length, counted from the start of the
  recording; a class is active in every segment that one of its events reaches into.
* `clip_counts`, `present`: a unit is a class in a recording.
* `rates`: F, precision, recall and error rate, micro, macro and per class, with the policies.
* `mean_rates`: the micro and macro rates under weightings of the recordings.
* `class_rates`: the rates of each class alone, as arrays.

Of n annotated units (the ground truth), d detected ones and m matched ones, F is 2 m / (n + d), the
error rate (S + D + I) / n with S substitutions (a detection stands for an annotated unit of another
class), D = n - m - S deletions and I = d - m - S insertions. A class alone has no substitutions;
segments and clips have as many as there are both missed and falsely detected classes. What a metric
divides by zero is NaN, except that a class with annotations and without detections has precision 0.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dawnchorus.formats.event import TOLERANCE_S, Event, resolve_overlaps
from dawnchorus.metrics.checks import (
    checked_targets,
    checked_weights,
    is_scored,
    mean_of_known,
    ratio,
)
from dawnchorus.metrics.event_pairs import Collars, agreements, best_pairs, numbered, spans

ABSENT = ("skip", "false_alarms", "zero")  # policies for classes without annotations
RATES = ("f", "precision", "recall", "error_rate")


@dataclass(frozen=True)
class Counts:
    """What was counted in N recordings of C classes.

    ``annotated``, ``detected`` and ``matched`` (N, C): units in the ground truth, in the detections
    and in both; ``substituted`` (N,): unmatched pairs of different classes; ``rules``: what a unit
    is and when it is matched, for the report.
    """

    ids: tuple[str, ...]
    classes: tuple[str, ...]
    annotated: np.ndarray
    detected: np.ndarray
    matched: np.ndarray
    substituted: np.ndarray
    rules: Mapping


def event_counts(
    annotated: Iterable[Event],
    detected: Iterable[Event],
    ids: Sequence[str],
    classes: Sequence[str],
    collars: Collars | None = None,
    overlaps: str = "keep",
) -> Counts:
    """Count events and their matches.

    Parameters
    ----------
    annotated, detected : iterable of Event
    ids : sequence of str
        All N recordings that are scored, with events or without.
    classes : sequence of str
        All C classes.
    collars : Collars, optional
        By default those of DCASE 2018 task 4: 0.2 s, and 20 % of the length for the offset.
    overlaps : {"keep", "union"}
        What overlapping events of one recording and class are, in the ground truth and in the
        detections: ``keep``: each an event of its own, as sed_eval has it; ``union``: one event.

    Returns
    -------
    Counts

    Raises
    ------
    ValueError
        Where an event is of no such recording or class, ids or classes repeat, or a collar or
        policy is unknown.
    """
    collars = Collars() if collars is None else collars
    shape = len(ids), len(classes)

    def tallied(recording: np.ndarray, label: np.ndarray) -> np.ndarray:
        cell = recording * shape[1] + label
        return np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)

    true, found = (
        spans(resolve_overlaps(events, overlaps), ids, classes) for events in (annotated, detected)
    )
    rows, columns = agreements(true, found, collars)
    rows, columns = best_pairs(rows, columns, true.label[rows] == found.label[columns])
    is_same = true.label[rows] == found.label[columns]
    of_pair = true.recording[rows]
    return Counts(
        tuple(ids),
        tuple(classes),
        tallied(true.recording, true.label),
        tallied(found.recording, found.label),
        tallied(of_pair[is_same], true.label[rows[is_same]]),
        np.bincount(of_pair[~is_same], minlength=len(ids)),
        {"unit": "event", "overlaps": overlaps, "collars": collars._asdict(), "matching": "best"},
    )


def segment_counts(
    annotated: Iterable[Event],
    detected: Iterable[Event],
    ids: Sequence[str],
    classes: Sequence[str],
    segment_s: float = 1.0,
) -> Counts:
    """Count active segments and those that are active in both.

    Parameters
    ----------
    annotated, detected, ids, classes
        As for `event_counts`; overlapping events of one class are one activity.
    segment_s : float > 0
        Length of a segment [s].

    Returns
    -------
    Counts

    Raises
    ------
    ValueError
        As for `event_counts`, and where the length is no positive number.
    """
    # a segment of 0 s would never end
    if not (np.isfinite(segment_s) and segment_s > 0):
        raise ValueError(f"segment_s={segment_s!r}; expected a finite number of seconds above 0")
    both = [spans(events, ids, classes) for events in (annotated, detected)]
    # one more than needed: an event may end with the last segment, but for rounding
    n_segments = 1 + max((int(x.offset_s.max() / segment_s) for x in both if len(x[0])), default=0)
    shape = len(ids), n_segments + 1, len(classes)
    active = []  # numbers of the active cells (recording, segment, class), each once
    for events in both:
        first = np.floor((events.onset_s + TOLERANCE_S) / segment_s).astype(np.int64)
        last = np.ceil((events.offset_s - TOLERANCE_S) / segment_s).astype(np.int64)
        n_active = np.maximum(last - first, 1)  # also where an event is shorter than the tolerance
        within = np.arange(n_active.sum()) - np.repeat(np.cumsum(n_active) - n_active, n_active)
        recording, label = (np.repeat(x, n_active) for x in (events.recording, events.label))
        segment = np.repeat(first, n_active) + within
        active.append(np.unique((recording * shape[1] + segment) * shape[2] + label))
    matched = np.intersect1d(*active)
    missed, false = (
        np.bincount(np.setdiff1d(units, matched) // shape[2], minlength=shape[0] * shape[1])
        for units in active
    )
    per_class = (
        np.bincount(
            units // (shape[1] * shape[2]) * shape[2] + units % shape[2],
            minlength=shape[0] * shape[2],
        ).reshape(shape[0], shape[2])
        for units in (*active, matched)
    )
    # a class missed and another one claimed in one segment are one error, a substitution
    substituted = np.minimum(missed, false).reshape(shape[:2]).sum(axis=1)
    rules = {"unit": "class in a segment", "segment_s": segment_s, "overlaps": "union"}
    return Counts(tuple(ids), tuple(classes), *per_class, substituted, rules)


def clip_counts(
    targets: np.ndarray, decisions: np.ndarray, ids: Sequence[str], classes: Sequence[str]
) -> Counts:
    """Count classes that are present, that are detected, and both.

    Parameters
    ----------
    targets : array, shape (N, C)
        1 where the class is in the recording, else 0: weak labels, or `present` of events.
    decisions : array, shape (N, C)
        1 where it is said to be, else 0.
    ids : sequence of str
        The N recordings.
    classes : sequence of str
        The C classes.

    Returns
    -------
    Counts

    Raises
    ------
    ValueError
        Where shapes differ, values are others than 0 and 1, or ids or classes repeat.
    """
    targets, decisions = (checked_targets(values, ndim=2) for values in (targets, decisions))
    shape = len(numbered(ids, "recording ids")), len(numbered(classes, "classes"))
    if not targets.shape == decisions.shape == shape:
        raise ValueError(
            f"targets {targets.shape} and decisions {decisions.shape}; both must be {shape}, for "
            f"{shape[0]} recordings and {shape[1]} classes"
        )
    both = targets * decisions
    missed, false = ((values - both).sum(axis=1) for values in (targets, decisions))
    rules = {"unit": "class in a recording"}
    return Counts(
        tuple(ids), tuple(classes), targets, decisions, both, np.minimum(missed, false), rules
    )


def present(events: Iterable[Event], ids: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Return 1 where a recording has an event of a class, else 0, shape (N, C), int64."""
    found = np.zeros((len(ids), len(classes)), dtype=np.int64)
    own = spans(events, ids, classes)
    found[own.recording, own.label] = 1
    return found


def rates(counts: Counts, absent: str = "skip") -> dict:
    """Return the rates of all recordings.

    Parameters
    ----------
    counts : Counts
    absent : {"skip", "false_alarms", "zero"}
        What classes without annotations are in the macro F and the macro precision. ``skip``: left
        out; ``false_alarms``: 0 where something was detected, else left out; ``zero``: 0 always.
        Macro recall and error rate always leave them out, micro rates always have their detections
        in.

    Returns
    -------
    dict
        ``micro``: `RATES`, with ``reference`` (annotated), ``detected``, ``matched``,
        ``substitutions``, ``deletions`` and ``insertions``; ``macro``: `RATES` and ``n_classes`` in
        the mean of F; ``classes``: by name, `RATES` and counts; ``policy``: rules, policies and whom
        they concern.
    """
    # each recording once: scores and replicates come from the same code
    once = np.ones((1, len(counts.ids)), dtype=np.int64)
    totals = [total[0] for total in _totals(counts, once)]
    annotated, detected, matched, _ = totals
    means = {name: float(values[0]) for name, values in mean_rates(counts, once, absent).items()}
    in_mean = _with_absent(_rates(annotated, detected, matched)["f"], annotated, detected, absent)
    per_class = class_rates(counts)
    names = np.array(counts.classes, dtype=object)
    is_empty, is_silent = (x.sum(axis=1) == 0 for x in (counts.annotated, counts.detected))
    return {
        "micro": {rate: means[f"micro_{rate}"] for rate in RATES}
        | _counted(*(int(total.sum()) for total in totals)),
        "macro": {rate: means[f"macro_{rate}"] for rate in RATES}
        | {"n_classes": int((~np.isnan(in_mean)).sum())},
        "classes": {
            name: {rate: float(values[number]) for rate, values in per_class.items()}
            | _counted(*(int(total[number]) for total in (annotated, detected, matched)))
            for number, name in enumerate(counts.classes)
        },
        # what was decided where a rate is not defined, and whom that concerns
        "policy": dict(counts.rules)
        | {
            "absent_classes": absent,
            "classes_without_reference": names[annotated == 0].tolist(),
            "classes_without_detections": names[(annotated > 0) & (detected == 0)].tolist(),
            "precision_without_detections": 0.0,
            "recordings": len(counts.ids),
            "recordings_without_reference": int(is_empty.sum()),
            "recordings_without_reference_with_detections": int((is_empty & ~is_silent).sum()),
        },
    }


def mean_rates(counts: Counts, weights: np.ndarray, absent: str = "skip") -> dict[str, np.ndarray]:
    """Return micro and macro rates under R weightings of the recordings.

    Parameters
    ----------
    counts : Counts
    weights : array, shape (R, N)
        How often each recording stands in a replicate; finite, at least 0.
    absent : {"skip", "false_alarms", "zero"}
        As for `rates`; a class may be absent from some replicates only.

    Returns
    -------
    dict of array, shape (R,)
        ``micro_f``, ``macro_f`` and so on for all of `RATES`; NaN where a rate is not defined.
    """
    if absent not in ABSENT:
        raise ValueError(f"policy for absent classes {absent!r}; expected one of {ABSENT}")
    annotated, detected, matched, substituted = _totals(counts, weights)
    sums = (total.sum(axis=1) for total in (annotated, detected, matched))
    found = {f"micro_{rate}": value for rate, value in _rates(*sums, substituted).items()}
    for rate, value in _rates(annotated, detected, matched).items():
        if rate in ("f", "precision"):  # the others are not defined for absent classes
            value = _with_absent(value, annotated, detected, absent)
        found[f"macro_{rate}"] = mean_of_known(value.T)
    return found


def class_rates(counts: Counts) -> dict[str, np.ndarray]:
    """Return `RATES` of each class alone, arrays of shape (C,), NaN where not defined."""
    fields = counts.annotated, counts.detected, counts.matched
    return _rates(*(field.sum(axis=0) for field in fields))


def _totals(counts: Counts, weights: np.ndarray) -> list[np.ndarray]:
    """Return weighted sums of annotated, detected and matched (R, C) and of substituted (R,)."""
    weights = checked_weights(weights, len(counts.ids))
    fields = counts.annotated, counts.detected, counts.matched, counts.substituted
    # whole numbers: a matrix product of them is exact with any number of threads
    return [weights @ field for field in fields]


def _rates(annotated, detected, matched, substituted=0) -> dict[str, np.ndarray]:
    """Return `RATES` of sums of any one shape, NaN where not defined."""
    errors = annotated + detected - 2 * matched - substituted
    precision = ratio(matched, detected)
    return {
        "f": ratio(2 * matched, annotated + detected),
        "precision": np.where((detected == 0) & is_scored(annotated), 0.0, precision),
        "recall": ratio(matched, annotated),
        "error_rate": ratio(errors, annotated),
    }


def _with_absent(values, annotated, detected, absent: str) -> np.ndarray:
    """Return values with those of absent classes as the policy wants them, NaN for left out."""
    if absent == "zero":
        return np.where(is_scored(annotated), values, 0.0)
    has_false_alarm = (detected > 0) & (absent == "false_alarms")
    return np.where(is_scored(annotated), values, np.where(has_false_alarm, 0.0, np.nan))


def _counted(annotated: int, detected: int, matched: int, substituted: int = 0) -> dict:
    """Return counts under the names that they have in the report."""
    return {
        "reference": annotated,
        "detected": detected,
        "matched": matched,
        "substitutions": substituted,
        "deletions": annotated - matched - substituted,
        "insertions": detected - matched - substituted,
    }
