"""Choice of a decoder's settings, on recordings that are not tested.

``clips``: thresholds, by clip F of the out-of-fold scores of labelled training recordings, for where
no events are known. ``events``: all settings that have a grid, by event-based F on validation
recordings with known events, which are neither trained on nor tested. C classes.

* `Sources`: the files of both.
* `tune_by_clips`, `tune_by_events`: chosen settings, the recordings they were chosen on, and how.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dawnchorus.events.tuning_counts import EventF, ScoredRecording
from dawnchorus.formats.event import Event, resolve_overlaps
from dawnchorus.metrics import tuning
from dawnchorus.metrics.event_pairs import Collars
from dawnchorus.metrics.events import class_rates, clip_counts
from dawnchorus.runtime.logs import LOG
from dawnchorus.scores import frame_files, score_files
from dawnchorus.settings.references import parse_reference
from dawnchorus.targets.ground_truth import OVERLAPS, read_event_set, read_training_set

_NAMED = 5  # classes a warning names

ChosenSettings = tuple[dict[str, np.ndarray], str, dict]  # settings, recordings chosen on, and how
Paths = Mapping[str, str | Path]  # by corpus


class Validation(NamedTuple):
    """Validation recordings, their events, and the event-based F of settings on them."""

    recordings: list[ScoredRecording]
    events: list[Event]
    f: EventF


@dataclass(frozen=True)
class Sources:
    """Files to choose decodings by; see `decoders.choose_decodings`. They are read when asked for."""

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
        """Validation recordings of all decodings that are tuned by events."""
        section = self.settings["events"]
        if not section["validation"]:
            raise ValueError(
                "it is tuned by events, but events.validation is empty; name a reference with events "
                "there that is not tested, or set tune: none"
            )
        recordings, events, rates = {}, {}, set()
        for reference in section["validation"]:
            own, found, rate = _validation_recordings(reference, self)
            recordings |= own
            events |= dict.fromkeys(found)
            rates.add(rate)
        if len(rates) > 1:
            raise ValueError(
                f"validation corpora have {sorted(rates)} frames per second; expected one rate, "
                "predict again"
            )
        # the longest filter of any decoding, given or tried: frames between recordings go by it
        longest_s = 0.0
        for decoding in section["decodings"].values():
            if decoding["tune"] == "events":
                given = decoding["filter_s"]
                given = given.values() if isinstance(given, Mapping) else [given]
                longest_s = max(longest_s, *given, *decoding["grids"].get("filter_s", []))
        f = EventF(
            list(recordings.values()), events, self.classes, rates.pop(),
            Collars(**section["collar"]), longest_s,
        )  # fmt: skip
        return Validation(list(recordings.values()), list(events), f)

    @functools.cached_property
    def clips(self) -> tuple[np.ndarray, np.ndarray]:
        """Targets and scores (N, C) of labelled training recordings that have a score."""
        scored = {}
        for corpus in sorted({parse_reference(one)[0] for one in self.settings["train"]}):
            if corpus not in self.recording_scores:
                raise ValueError(
                    f"it is tuned by clips, but the ensemble has no scores of training corpus "
                    f"{corpus!r}; predict that corpus, or set tune: none"
                )
            path = self.recording_scores[corpus]
            content = score_files.read_recordings(path)
            _check_classes(content.class_names, path, self.classes)
            names = [(corpus, name) for name in content.ids]
            scored |= dict(zip(names, content.scores, strict=True))
        about = {"by": "group", "count": None}
        known, _ = read_training_set(self.labels, self.folds_path, self.classes, about)
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


def tune_by_clips(
    given: Mapping[str, np.ndarray], decoding: Mapping, sources: Sources
) -> ChosenSettings:
    """Choose thresholds by clip F; other settings stay as given.

    Parameters
    ----------
    given, sources
        As `tune_by_events` has them.
    decoding : mapping
        ``grids`` (of which ``threshold`` counts; without it `tuning.THRESHOLDS`) and ``per_class``
        (False: one threshold for all, by the mean of the classes).
    """
    targets, scores = sources.clips
    train, ids = list(sources.settings["train"]), list(map(str, range(len(targets))))
    grid = [float(x) for x in decoding["grids"].get("threshold", tuning.THRESHOLDS)]
    grids, per_class = {"threshold": grid}, bool(decoding["per_class"])

    def f(tried: Mapping[str, np.ndarray]) -> np.ndarray:
        is_present = scores >= tried["threshold"]
        return class_rates(clip_counts(targets, is_present, ids, sources.classes))["f"]

    found = tuning.coordinate_search(f, grids, len(sources.classes), per_class=per_class)
    how = {"figure": "clip F", "grids": grids, "together": [], "per_class": per_class}
    about = _about(found, train, len(targets), targets.sum(axis=0).tolist(), sources.classes)
    chosen_on = f"{', '.join(train)} ({len(targets)} labelled recordings, scored out of fold)"
    return dict(given) | found.settings, chosen_on, how | about


def tune_by_events(
    given: Mapping[str, np.ndarray], decoding: Mapping, sources: Sources
) -> ChosenSettings:
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
    recordings, events, f = sources.validation
    grids = {name: [float(x) for x in grid] for name, grid in decoding["grids"].items()}
    ways = {"together": list(decoding["together"]), "per_class": bool(decoding["per_class"])}
    found = tuning.coordinate_search(
        lambda tried: f(given | tried), grids, len(sources.classes), **ways
    )
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
    """Return the description of a search: by class its F and its number of positives."""
    if absent := [name for name, n in zip(classes, positives, strict=True) if not n]:
        LOG.info(
            "warning: %s have no positive of %d classes: %s",
            ", ".join(references), len(absent), ", ".join(absent[:_NAMED]),
        )  # fmt: skip
    return {
        "references": list(references),
        "n_recordings": n_recordings,
        "positives": dict(zip(classes, positives, strict=True)),
        "figures": dict(zip(classes, found.scores.tolist(), strict=True)),
        "sweeps": found.sweeps,
        "n_tried": found.n_tried,
        "is_settled": bool(found.is_settled),
    }


def _validation_recordings(
    reference: str, sources: Sources
) -> tuple[dict[tuple[str, str], ScoredRecording], list[Event], float]:
    """Return scored recordings by corpus and id, their events, and frames per second."""
    corpus, _ = parse_reference(reference)
    tables = {name: getattr(sources, name) for name in ("frames", "labels", "verdicts", "events")}
    if lacking := [name for name, table in tables.items() if corpus not in table]:
        raise ValueError(
            f"validation {reference!r}: corpus {corpus!r} has no {', '.join(lacking)}; expected a "
            "corpus with events that the ensemble has scored"
        )
    known = read_event_set(
        reference, *(tables[name][corpus] for name in ("labels", "verdicts", "events")),
        sources.classes, sources.settings.get("crossing", {}).get(corpus, "clip"),
    )  # fmt: skip
    found = {}
    with frame_files.open_frames(sources.frames[corpus]) as frames:
        _check_classes(frames.class_names, sources.frames[corpus], sources.classes)
        for name in known.ids:
            onset_s, scores = frames.of(name)
            whole = f"{corpus}/{name}"  # ids of two corpora may be equal
            found[corpus, name] = ScoredRecording(whole, onset_s, known.durations_s[name], scores)
    # a decoding is chosen by the measure that it is evaluated by
    resolved = resolve_overlaps(known.events, OVERLAPS)
    events = [event._replace(id=f"{corpus}/{event.id}") for event in resolved]
    return found, events, frames.frames_per_second


def _check_classes(found: Sequence[str], path: str | Path, classes: Sequence[str]) -> None:
    if list(found) != list(classes):
        raise ValueError(
            f"{path} scores the classes {list(found)[:_NAMED]!r}; expected "
            f"{list(classes)[:_NAMED]!r}; predict again"
        )
