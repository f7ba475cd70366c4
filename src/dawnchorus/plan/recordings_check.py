"""Checks of the listed recordings against the experiments of a run.

* `check_experiments`: subsets have recordings, folds have groups, decodings have events.
* `experiment_notes`: what is odd about a run and can be meant.
* `ceiling_notes`: frames that are too coarse for the events of an experiment.
* `check_corpora`: both, and the notes on corpora, with nothing written.
"""

import functools
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dawnchorus.corpora import bird_detection_labels, catalog, tables
from dawnchorus.formats.event import Event
from dawnchorus.formats.label_sheet import examples
from dawnchorus.settings.architecture import frames_per_score
from dawnchorus.settings.corpus_check import (
    corpora_of_run,
    experiments_of_run,
    references_of,
    strange_corpora,
)
from dawnchorus.settings.experiment import format_of
from dawnchorus.settings.frontend import frame_s
from dawnchorus.settings.references import parse_reference

Settings = Mapping[str, Any]
ReadLabels = Callable[[str], list[tables.Labelled]]  # of a corpus, by its name


def check_experiments(
    config: Settings,
    indexes: Settings,
    results: str | Path,
    read_labels: ReadLabels | None = None,
) -> None:
    """Raise where the listed recordings cannot serve an experiment of the run.

    ``read_labels`` gives the recordings of corpora that are not listed.

    Raises
    ------
    ValueError
        Naming a subset without a recording, folds that the groups or the fold column do not give,
        recordings that should choose decodings and have no events, or label files that a submission
        should repeat and that have different columns.
    """

    @functools.cache
    def read(corpus: str) -> list[tables.Labelled]:
        return tables.read_labels(tables.labels_path(results, corpus, indexes[corpus]["labels"]))

    for name in experiments_of_run(config):
        here, experiment = f"experiments.{name}", config["experiments"][name]
        for _, reference in references_of(experiment):
            if ":" in reference:
                _counts(here, reference, indexes)  # raises for a subset that is not there
        for reference in (experiment["events"] or {}).get("validation", []):
            corpus, _ = parse_reference(reference)
            if "events" not in indexes[corpus] or not _counts(here, reference, indexes)["strong"]:
                raise ValueError(
                    f"{here}.events.validation: {reference!r} has no recording with known events; "
                    "expected one whose strong labels choose the decodings"
                )
        if experiment["folds"]["kind"] in ("grouped", "given"):
            _check_folds(here, experiment, indexes, read_labels or read)
        for corpus in sorted({parse_reference(r)[0] for r in experiment["test"]}):
            if format_of(experiment["submission"], corpus) == "bad2017":
                where = f"experiments.{name}.submission: corpus {corpus!r}"
                _check_label_rows(where, config["corpora"][corpus], indexes[corpus])


def _check_label_rows(path: str, corpus: Settings, index: Settings) -> None:
    """Raise where the label files of a corpus cannot be those of one submission."""
    try:
        if "label_rows" in index:
            bird_detection_labels.check_columns(index["label_rows"]["columns"])
        else:  # again, for the reason why listing left them aside
            parts, _ = bird_detection_labels.label_rows(corpus)
            bird_detection_labels.submission_rows(parts)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def experiment_notes(config: Settings, indexes: Settings) -> list[str]:
    """Return notes on classes with fewer recordings than folds, and on corpora of other experiments."""
    notes = strange_corpora(config)
    for name in experiments_of_run(config):
        experiment = config["experiments"][name]
        n_folds = experiment["folds"].get("count") or 1
        counts: Counter[str] = Counter()
        for reference in experiment["train"]:
            counts.update(_counts(f"experiments.{name}", reference, indexes)["classes"])
        wanted = set(experiment.get("classes") or counts)
        rare = sorted(label for label, n in counts.items() if label in wanted and n < n_folds)
        if rare:
            named = examples([f"{label} ({counts[label]})" for label in rare])
            notes.append(
                f"experiments.{name}: {len(rare)} of {len(wanted)} classes have fewer recordings than "
                f"the {n_folds} folds: {named}; in some folds they are not scored, or not trained"
            )
    return notes


def ceiling_notes(
    config: Settings, read_events: Callable[[str], list[Event]], is_new: Callable[[str], bool]
) -> list[str]:
    """Return a note on each ensemble whose frames and decoder cannot find the annotated events.

    ``read_events`` gives the events of a corpus, none of one without; ``is_new`` says of an experiment
    whether it is looked at.
    """
    notes = []
    for name in experiments_of_run(config):
        experiment = config["experiments"][name]
        events = experiment["events"]
        if not events or not is_new(name):
            continue
        # imported here: SciPy, and few starts have events that were never evaluated
        from dawnchorus.evaluation.ceiling import ceiling_sentence

        corpora = {parse_reference(one)[0] for one in [*events["validation"], *experiment["test"]]}
        # ids of two corpora may be equal
        annotated = [
            event._replace(id=f"{corpus}/{event.id}")
            for corpus in sorted(corpora)
            for event in read_events(corpus)
        ]
        rates: dict[tuple[float, int], None] = {}
        for stages in experiment["ensembles"].values():
            stage = experiment["stages"][stages[0]]
            frontend = config["frontends"][stage["predict_frontend"] or stage["frontend"]]
            seconds = frame_s(frontend, config["audio"][frontend["audio"]]["sample_rate"])
            rates[seconds, frames_per_score(stage["model"])] = None
        for seconds, n_pooled in rates:
            rate = 1 / (seconds * n_pooled)
            if said := ceiling_sentence(annotated, rate, events, n_pooled):
                notes.append(f"experiments.{name}: {said}")
    return notes


def check_corpora(config: Settings) -> list[str]:
    """Return all notes on a run and its corpora; nothing is decoded, hashed or written.

    Raises
    ------
    ValueError
        As the start of a run does.
    """
    notes, indexes, labels, events = [], {}, {}, {}
    for name in corpora_of_run(config):
        found = catalog.find_recordings(name, config["corpora"][name])
        notes += [f"corpus {name}: {note}" for note in found.notes]
        index = tables.subset_counts(found.recordings)
        events[name] = [Event(*one) for one in found.events or ()]
        if found.events is not None:
            index["events"] = ""
        if found.label_rows is not None:
            index["label_rows"] = {"columns": found.label_rows.columns}
        indexes[name] = index
        labels[name] = [
            tables.Labelled(
                one.id, one.data_set, one.group, one.fold, one.split, one.labelled,
                tuple(filter(None, one.labels.split(tables.SEPARATOR))), one.recordist,
            )
            for one in found.recordings
        ]  # fmt: skip
    check_experiments(config, indexes, "", labels.__getitem__)
    ceilings = ceiling_notes(config, events.__getitem__, lambda name: True)
    return notes + experiment_notes(config, indexes) + ceilings


def _counts(path: str, reference: str, indexes: Settings) -> Settings:
    """Return the counts of a corpus or a subset of it, from its index."""
    corpus, subset = parse_reference(reference)
    try:
        return tables.counts_of(indexes[corpus], subset)
    except ValueError as error:
        raise ValueError(f"{path}: {reference!r}: {error}") from None


def _check_folds(path: str, experiment: Settings, indexes: Settings, read: ReadLabels) -> None:
    folds = experiment["folds"]
    counts = [_counts(path, reference, indexes) for reference in experiment["train"]]
    if folds["kind"] == "given":
        names = {name for one in counts for name in one["folds"]}
        if "" in names or len(names) != folds["count"]:
            raise ValueError(
                f"{path}.folds.count: {folds['count']}; the fold column has {len(names - {''})} folds"
                f"{', and is empty for some recordings' if '' in names else ''}"
            )
        return
    # Two subsets may share groups. Their labels are read only where that decides: it takes longer
    # than all else that the start of a run does.
    if max(one[f"{folds['by']}s"] for one in counts) >= folds["count"]:
        return
    found = [
        (corpus, recording)
        for corpus, subset in map(parse_reference, experiment["train"])
        for recording in tables.select(read(corpus), subset)
        if recording.labelled
    ]
    # a recording without a group is its own
    groups = {(corpus, getattr(r, folds["by"]) or f"id {r.id}") for corpus, r in found}
    if len(groups) < folds["count"]:
        raise ValueError(
            f"{path}.folds.count: {folds['count']}; the {len(found)} labelled training recordings "
            f"have {len(groups)} groups, and no fold may split one: expected at most {len(groups)}"
        )
