"""Decodings of an ensemble: the settings by which its frame scores become events.

A decoding is a named set of a decoder's settings, `SETTINGS`, with a value per class. They are as
they are given (``tune: none``), or chosen on recordings that are not tested. What was chosen, and on
what, is written beside them.

``clips``: thresholds, by clip F of the out-of-fold scores of labelled training recordings, for where
no events are known. ``events``: all settings that have a grid, by event-based F on validation
recordings with known events, which are neither trained on nor tested. C classes.

* `choose_decodings`: the decodings of an ensemble.
* `decoding_content`: the settings of one, and how they were chosen.
* `Sources`: the files that they are chosen by.
* `tune_by_clips`, `tune_by_events`: chosen settings, the recordings they were chosen on, and how.
"""

import contextlib
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dawnchorus.events import decoding as decoder
from dawnchorus.events.decoding import SETTINGS, ScoredRecording
from dawnchorus.events.tuning_counts import EventF
from dawnchorus.formats.event import Event, resolve_overlaps
from dawnchorus.metrics import tuning
from dawnchorus.metrics.event_pairs import Collars
from dawnchorus.metrics.events import class_rates, clip_counts
from dawnchorus.runtime import artefacts
from dawnchorus.runtime.logs import LOG
from dawnchorus.scores import frame_files, score_files
from dawnchorus.settings.references import parse_reference
from dawnchorus.targets import targets_table
from dawnchorus.targets.ground_truth import OVERLAPS, read_event_set, read_training_set

WAYS = ("none", "clips", "events")
_NAMED = 5  # classes that a message names

ChosenSettings = tuple[dict[str, np.ndarray], str, dict]  # settings, recordings chosen on, and how
Paths = Mapping[str, str | Path]  # by corpus


class Validation(NamedTuple):
    """Validation recordings, their events, and the event-based F of settings on them."""

    recordings: list[ScoredRecording]
    events: list[Event]
    f: EventF


@dataclass(frozen=True)
class Sources:
    """Files to choose decodings by; see `choose_decodings`. They are read when asked for."""

    frames: Paths
    recording_scores: Paths
    labels: Paths
    verdicts: Paths
    events: Paths
    folds_path: str | Path
    settings: Mapping
    classes: tuple[str, ...]

    def open_frames(self, corpus: str) -> contextlib.AbstractContextManager[frame_files.Frames]:
        """Open the frame scores of a corpus."""
        return frame_files.open_frames(self.frames[corpus])

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
            corpus, _ = parse_reference(reference)
            kinds = ("frames", "labels", "verdicts", "events")
            tables = {name: getattr(self, name) for name in kinds}
            if lacking := [name for name, table in tables.items() if corpus not in table]:
                raise ValueError(
                    f"validation {reference!r}: corpus {corpus!r} has no {', '.join(lacking)}; "
                    "expected a corpus with events that the ensemble has scored"
                )
            known = read_event_set(
                reference, *(tables[name][corpus] for name in kinds[1:]),
                self.classes, self.settings.get("crossing", {}).get(corpus, "clip"),
            )  # fmt: skip
            with self.open_frames(corpus) as frames:
                _check_classes(frames.class_names, self.frames[corpus], self.classes)
                rates.add(frames.frames_per_second)
                for name in known.ids:
                    onset_s, scores = frames.of(name)
                    recordings[corpus, name] = ScoredRecording(
                        # ids of two corpora may be equal
                        f"{corpus}/{name}", onset_s, known.durations_s[name], scores,
                    )  # fmt: skip
            # a decoding is chosen by the measure that it is evaluated by
            for event in resolve_overlaps(known.events, OVERLAPS):
                events[event._replace(id=f"{corpus}/{event.id}")] = None
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
        known, _ = read_training_set(
            self.labels, self.folds_path, self.classes, about, self.verdicts
        )
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


def choose_decodings(
    frames: Mapping[str, str | Path],
    recording_scores: Mapping[str, str | Path],
    labels: Mapping[str, str | Path],
    verdicts: Mapping[str, str | Path],
    events: Mapping[str, str | Path],
    folds_path: str | Path,
    targets_path: str | Path,
    settings: Mapping,
    output: str | Path,
) -> None:
    """Set or choose the settings of all decodings of an ensemble.

    Parameters
    ----------
    frames : mapping of corpus to path
        Frame scores of the ensemble, of all corpora that ``validation`` names where a decoding is
        tuned by events.
    recording_scores, labels : mapping of corpus to path
        Recording scores of the ensemble, and label tables; of all training corpora where a decoding
        is tuned by clips.
    verdicts, events : mapping of corpus to path
        Tables of the corpora that ``validation`` names, and their labels among ``labels``.
    folds_path, targets_path : path
        Folds of the experiment; targets of a stage of the ensemble, which name the classes.
    settings : mapping
        ``events`` (of the experiment's section ``collar``, ``validation`` and ``decodings``) and
        ``train`` (references of the training corpora).
    output : path
        JSON: ``classes``, and by ``decodings`` ``settings`` (lists in the order of the classes),
        ``chosen_on`` and ``tuned`` (null where nothing was).

    Raises
    ------
    ValueError
        Where a decoding has values that a decoder cannot have, names an unknown class or is tuned
        without what that needs, or files are of other classes or frames.
    """
    classes = targets_table.read_class_names(targets_path)
    sources = Sources(
        frames, recording_scores, labels, verdicts, events, folds_path, settings, tuple(classes)
    )
    found = {}
    for name, decoding in settings["events"]["decodings"].items():
        try:
            found[name] = decoding_content(decoding, sources)
        except ValueError as error:
            # the checks below do not know the name of the decoding
            raise ValueError(f"decoding {name!r}: {error}") from None
        if (tuned := found[name]["tuned"]) is None:
            continue
        # as `absent: skip` counts them: a class without truth says nothing, whatever was detected
        known = [figure for label, figure in tuned["figures"].items() if tuned["positives"][label]]
        LOG.info(
            "decoding %s: %s %.3f, the mean of %d classes, by %s; %d settings tried",
            name, tuned["figure"], np.mean(known) if known else np.nan, len(known),
            found[name]["chosen_on"], tuned["n_tried"],
        )  # fmt: skip
        for setting, labels in tuned["at_grid_end"].items():
            LOG.info(
                "warning: decoding %s: %s of %d classes is at the end of its grid, and a wider one may "
                "be better: %s", name, setting, len(labels), ", ".join(labels[:_NAMED]),
            )  # fmt: skip
        if not tuned["is_settled"]:
            LOG.info(
                "warning: decoding %s is not settled: a further sweep would try on; it stands as it "
                "is",
                name,
            )
    artefacts.write_json(output, {"classes": classes, "decodings": found})


def decoding_content(decoding: Mapping, sources: Sources) -> dict:
    """Return the settings of one decoding, and how they were chosen.

    Parameters
    ----------
    decoding : mapping
        `SETTINGS` (a number, or one per class), ``tune`` (one of `WAYS`), ``grids``, ``together``
        and ``per_class``.
    sources : Sources

    Returns
    -------
    dict
        ``settings`` (lists in the order of the classes), ``chosen_on`` and ``tuned``.
    """
    values = {}
    for name in SETTINGS:
        value = decoding[name]
        if isinstance(value, Mapping):
            unknown = [label for label in value if label not in sources.classes]
            missing = [label for label in sources.classes if label not in value]
            if unknown or missing:
                fault = "has values of unknown" if unknown else "has no values of"
                raise ValueError(
                    f"{name} {fault} classes {(unknown or missing)[:_NAMED]!r}; expected a number, or "
                    f"one for each of {list(sources.classes)!r}"
                )
            value = [value[label] for label in sources.classes]
        values[name] = np.full(len(sources.classes), value, dtype=float)
    _check_values(values, sources.classes)
    for name, grid in decoding["grids"].items():
        if name not in SETTINGS:
            raise ValueError(f"a grid is of {name!r}; expected some of {', '.join(SETTINGS)}")
        # now, not after hours of a search
        for value in grid:
            _check_values({name: value}, sources.classes)
    if decoding["tune"] not in WAYS:
        raise ValueError(f"tune {decoding['tune']!r}; expected one of {', '.join(WAYS)}")
    chosen_on = tuned = None
    if decoding["tune"] == "clips":
        values, chosen_on, tuned = tune_by_clips(values, decoding, sources)
    elif decoding["tune"] == "events":
        values, chosen_on, tuned = tune_by_events(values, decoding, sources)
    listed = {key: column.tolist() for key, column in values.items()}
    return {"settings": listed, "chosen_on": chosen_on, "tuned": tuned}


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
    about = _about(found, train, len(targets), targets.sum(axis=0).tolist(), sources.classes, grids)
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
    about = _about(found, section["validation"], len(recordings), positives, sources.classes, grids)
    named = ", ".join(section["validation"])
    chosen_on = f"{named} ({len(recordings)} recordings, {len(events)} events)"
    return dict(given) | found.settings, chosen_on, how | about


def _about(
    found: tuning.Tuned,
    references: Sequence[str],
    n_recordings: int,
    positives: Sequence[int],
    classes: Sequence[str],
    grids: Mapping[str, Sequence[float]],
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
        "at_grid_end": tuning.at_grid_end(found.settings, grids, classes, positives),
        "sweeps": found.sweeps,
        "n_tried": found.n_tried,
        "is_settled": bool(found.is_settled),
    }


def _check_classes(found: Sequence[str], path: str | Path, classes: Sequence[str]) -> None:
    if list(found) != list(classes):
        raise ValueError(
            f"{path} scores the classes {list(found)[:_NAMED]!r}; expected "
            f"{list(classes)[:_NAMED]!r}; predict again"
        )


def _check_values(values: Mapping[str, np.ndarray | float], classes: Sequence[str]) -> None:
    """Raise where the decoder rejects the values; it is run on one frame."""
    recording = decoder.ScoredRecording("any", 0.0, 1.0, np.zeros((1, len(classes))))
    decoder.detections(recording, classes, 1.0, **values)
