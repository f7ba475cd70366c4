"""How the settings of a decoder are chosen, and by which recordings.

``clips``: thresholds, by clip F of the out-of-fold scores of labelled training recordings, for where
no events are known. ``events``: all settings that have a grid, by event-based F on validation
recordings with known events, which are neither trained on nor tested. C classes.

* `Sources`: the files of both.
* `by_clips`, `by_events`: chosen settings, what they were chosen by, and how.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dawnchorus.events.event_truth import OVERLAPS, judged
from dawnchorus.events.tuning_counts import EventF, Scored
from dawnchorus.formats.event import Event, overlapping
from dawnchorus.metrics import event_counts, tuning
from dawnchorus.metrics.clips import clip_counts
from dawnchorus.metrics.event_pairs import Collars
from dawnchorus.runtime.logs import LOG
from dawnchorus.scores import frame_files, score_files
from dawnchorus.settings.references import parse_reference
from dawnchorus.targets import ground_truth

_NAMED = 5  # classes a warning names

Chosen = tuple[dict[str, np.ndarray], str, dict]  # settings, what they were chosen by, and how
Paths = Mapping[str, str | Path]  # by corpus


class Validation(NamedTuple):
    """Validation recordings, their events, and the event-based F of settings on them."""

    recordings: list[Scored]
    events: list[Event]
    figures: EventF


@dataclass(frozen=True)
class Sources:
    """What decodings are chosen by; see `decoders.choose_decodings`. Files are read when asked for."""

    frames: Paths
    recording_scores: Paths
    labels: Paths
    verdicts: Paths
    events: Paths
    folds_path: str | Path
    settings: Mapping
    classes: tuple[str, ...]

    @functools.cached_property
    def validation(self) -> Validation:
        """What all decodings that are tuned by events are tuned by."""
        section = self.settings["events"]
        if not section["validation"]:
            raise ValueError(
                "it is tuned by events, but events.validation is empty; name a reference with events "
                "there that is not tested, or set tune: none"
            )
        recordings, events, rates = {}, {}, set()
        for reference in section["validation"]:
            own, found, rate = _scored(reference, self)
            recordings |= own
            events |= dict.fromkeys(found)
            rates.add(rate)
        if len(rates) > 1:
            raise ValueError(
                f"validation corpora have {sorted(rates)} frames per second; expected one rate, "
                "predict again"
            )
        figures = EventF(
            list(recordings.values()), events, self.classes, rates.pop(),
            Collars(**section["collar"]), _longest_s(section["decodings"].values()),
        )  # fmt: skip
        return Validation(list(recordings.values()), list(events), figures)

    @functools.cached_property
    def clips(self) -> tuple[np.ndarray, np.ndarray]:
        """Targets and scores (N, C) of labelled training recordings that have a score."""
        scored = {}
        for corpus in _corpora(self.settings["train"]):
            scored |= _clip_scores(corpus, self)
        about = {"by": "group", "count": None}
        known, _ = ground_truth.read_trained(self.labels, self.folds_path, self.classes, about)
        rows = [row for row, name in enumerate(known.recordings) if name in scored]
        if not rows:
            raise ValueError(
                f"it is tuned by clips, but none of {len(known.recordings)} labelled recordings with "
                "a fold has a score of a member that may score it; use folds that have a member, or "
                "set tune: none"
            )
        if n_without := len(known.recordings) - len(rows):
            LOG.info(
                "%d of %d labelled recordings have no member that may score them and choose nothing",
                n_without, len(known.recordings),
            )  # fmt: skip
        return known.targets[rows], np.stack([scored[known.recordings[row]] for row in rows])


def by_clips(given: Mapping[str, np.ndarray], decoding: Mapping, sources: Sources) -> Chosen:
    """Choose thresholds by clip F; other settings stay as given.

    Parameters
    ----------
    given, sources
        As `by_events` has them.
    decoding : mapping
        ``grids`` (of which ``threshold`` counts; without it `tuning.THRESHOLDS`) and ``per_class``
        (False: one threshold for all, by the mean of the classes).
    """
    targets, scores = sources.clips
    train, ids = list(sources.settings["train"]), list(map(str, range(len(targets))))
    grid = [float(x) for x in decoding["grids"].get("threshold", tuning.THRESHOLDS)]
    grids, per_class = {"threshold": grid}, bool(decoding["per_class"])

    def figures(tried: Mapping[str, np.ndarray]) -> np.ndarray:
        called = scores >= tried["threshold"]
        return event_counts.class_rates(clip_counts(targets, called, ids, sources.classes))["f"]

    found = tuning.tuned(figures, grids, len(sources.classes), per_class=per_class)
    how = {"figure": "clip F", "grids": grids, "together": [], "per_class": per_class}
    about = _about(found, train, len(targets), targets.sum(axis=0).tolist(), sources.classes)
    chosen_on = f"{', '.join(train)} ({len(targets)} labelled recordings, scored out of fold)"
    return dict(given) | found.settings, chosen_on, how | about


def by_events(given: Mapping[str, np.ndarray], decoding: Mapping, sources: Sources) -> Chosen:
    """Choose the settings that have a grid by event-based F; others stay as given.

    Parameters
    ----------
    given : mapping of name to array, shape (C,)
        Of all `SETTINGS`.
    decoding : mapping
        ``grids`` (setting to values, the simplest first), ``together`` (settings that are tried in
        all combinations) and ``per_class`` (False: one value for all, by the mean of the classes).
    sources : Sources

    Returns
    -------
    settings : dict of array, shape (C,)
    chosen_on : str
    how : dict

    Raises
    ------
    ValueError
        Where there is no validation recording with known events and frame scores of these classes,
        there is no grid, or ``together`` names none of them.
    """
    recordings, events, figures = sources.validation
    grids = {name: [float(x) for x in grid] for name, grid in decoding["grids"].items()}
    ways = {"together": list(decoding["together"]), "per_class": bool(decoding["per_class"])}
    found = tuning.tuned(lambda tried: figures(given | tried), grids, len(sources.classes), **ways)
    section = sources.settings["events"]
    positives = [sum(event.label == name for event in events) for name in sources.classes]
    how = {"figure": "event-based F", "collar": dict(section["collar"]), "grids": grids, **ways}
    about = _about(found, section["validation"], len(recordings), positives, sources.classes)
    named = ", ".join(section["validation"])
    chosen_on = f"{named} ({len(recordings)} recordings, {len(events)} events)"
    return dict(given) | found.settings, chosen_on, how | about


def _about(
    found: tuning.Tuned,
    references: Sequence[str],
    n_recordings: int,
    positives: Sequence[int],
    classes: Sequence[str],
) -> dict:
    """Return what is written of a search, by class what it reached and by how many positives."""
    if absent := [name for name, n in zip(classes, positives, strict=True) if not n]:
        LOG.info(
            "warning: %s say nothing of %d classes, which are not in them: %s",
            ", ".join(references), len(absent), ", ".join(absent[:_NAMED]),
        )  # fmt: skip
    return {
        "references": list(references),
        "n_recordings": n_recordings,
        "positives": dict(zip(classes, positives, strict=True)),
        "figures": dict(zip(classes, found.figures.tolist(), strict=True)),
        "sweeps": found.sweeps,
        "n_tried": found.n_tried,
        "is_settled": bool(found.is_settled),
    }


def _scored(
    reference: str, sources: Sources
) -> tuple[dict[tuple[str, str], Scored], list[Event], float]:
    """Return scored recordings by corpus and id, their events, and frames per second."""
    corpus, _ = parse_reference(reference)
    tables = {name: getattr(sources, name) for name in ("frames", "labels", "verdicts", "events")}
    if lacking := [name for name, table in tables.items() if corpus not in table]:
        raise ValueError(
            f"validation {reference!r}: corpus {corpus!r} has no {', '.join(lacking)}; expected a "
            "corpus with events that the ensemble has scored"
        )
    known = judged(
        reference, *(tables[name][corpus] for name in ("labels", "verdicts", "events")),
        sources.classes,
    )  # fmt: skip
    found = {}
    with frame_files.open_frames(sources.frames[corpus]) as frames:
        _check_classes(frames.class_names, sources.frames[corpus], sources.classes)
        for name in known.ids:
            onset_s, scores = frames.of(name)
            whole = f"{corpus}/{name}"  # ids of two corpora may be equal
            found[corpus, name] = Scored(whole, onset_s, known.durations_s[name], scores)
    # a decoding is chosen by what it is judged by
    reference = overlapping(known.events, OVERLAPS)
    events = [event._replace(id=f"{corpus}/{event.id}") for event in reference]
    return found, events, frames.frames_per_second


def _clip_scores(corpus: str, sources: Sources) -> dict[tuple[str, str], np.ndarray]:
    if corpus not in sources.recording_scores:
        raise ValueError(
            f"it is tuned by clips, but the ensemble has no scores of training corpus {corpus!r}; "
            "predict that corpus, or set tune: none"
        )
    content = score_files.read_recordings(sources.recording_scores[corpus])
    _check_classes(content.class_names, sources.recording_scores[corpus], sources.classes)
    return {(corpus, name): row for name, row in zip(content.ids, content.scores, strict=True)}


def _check_classes(found: Sequence[str], path: str | Path, classes: Sequence[str]) -> None:
    if list(found) != list(classes):
        raise ValueError(
            f"{path} scores the classes {list(found)[:_NAMED]!r}; expected "
            f"{list(classes)[:_NAMED]!r}; predict again"
        )


def _corpora(references: Sequence[str]) -> list[str]:
    return sorted({parse_reference(reference)[0] for reference in references})


def _longest_s(decodings) -> float:
    """Return the longest filter [s] of all decodings that are tuned by events, given or tried."""
    longest_s = 0.0
    for decoding in decodings:
        if decoding["tune"] == "events":
            given = decoding["filter_s"]
            given = given.values() if isinstance(given, Mapping) else [given]
            longest_s = max(longest_s, *given, *decoding["grids"].get("filter_s", []))
    return longest_s
