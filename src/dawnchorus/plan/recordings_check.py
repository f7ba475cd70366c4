"""Whether the listed recordings can serve the experiments of a run.

* `check_experiments`: subsets have recordings, folds have groups, decodings have events.
"""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dawnchorus.corpora import bird_detection_labels, tables
from dawnchorus.settings.evaluation import format_of
from dawnchorus.settings.references import parse_reference

Settings = Mapping[str, Any]
ReadLabels = Callable[[str], list[tables.Labelled]]  # of a corpus, by its name


def check_experiments(config: Settings, indexes: Settings, results: str | Path) -> None:
    """Raise where the listed recordings cannot serve an experiment of the run.

    Raises
    ------
    ValueError
        Naming a subset without a recording, folds that the groups or the fold column do not give,
        recordings that should choose decodings and have no events, or label files that a submission
        should repeat and that have different columns.
    """

    @functools.cache
    def read(corpus: str) -> list[tables.Labelled]:
        path = tables.labels_path(results, corpus, indexes[corpus]["labels"])
        return tables.read_labels(path)

    for name in config["run"]:
        here, experiment = f"experiments.{name}", config["experiments"][name]
        validation = (experiment["events"] or {}).get("validation", [])
        for reference in [*_references(experiment), *validation]:
            if ":" in reference:
                _selected(here, reference, read)
        for reference in validation:
            _check_events(f"{here}.events.validation", reference, indexes, read)
        if experiment["folds"]["kind"] in ("grouped", "given"):
            _check_folds(here, experiment, read)
        for corpus in sorted({parse_reference(r)[0] for r in experiment["test"]}):
            repeats = format_of(experiment["submission"], corpus) == "bad2017"
            if repeats and "label_rows" not in indexes[corpus]:
                _refuse_label_files(f"{here}.submission", corpus, config)


def _references(experiment: Settings) -> list[str]:
    stages = experiment["stages"].values()
    unlabelled = [r for stage in stages for r in stage["targets"].get("unlabelled", [])]
    return [*experiment["train"], *experiment["test"], *unlabelled]


def _selected(path: str, reference: str, read: ReadLabels) -> list[tables.Labelled]:
    corpus, subset = parse_reference(reference)
    try:
        return tables.select(read(corpus), subset)
    except ValueError as error:
        raise ValueError(f"{path}: {reference!r}: {error}") from None


def _check_events(path: str, reference: str, indexes: Settings, read: ReadLabels) -> None:
    corpus, _ = parse_reference(reference)
    has_table = "events" in indexes[corpus]
    if not has_table or not any(r.data_set == "strong" for r in _selected(path, reference, read)):
        raise ValueError(
            f"{path}: {reference!r} has no recording with known events; expected one whose strong "
            "labels choose the decodings"
        )


def _refuse_label_files(path: str, corpus: str, config: Settings) -> None:
    """Raise for label files that no submission can repeat."""
    try:
        parts, _ = bird_detection_labels.label_rows(config["corpora"][corpus])
        bird_detection_labels.submission_rows(parts)
    except ValueError as error:
        raise ValueError(f"{path}: corpus {corpus!r}: {error}") from None


def _check_folds(path: str, experiment: Settings, read: ReadLabels) -> None:
    folds = experiment["folds"]
    found = [
        (parse_reference(reference)[0], recording)
        for reference in experiment["train"]
        for recording in _selected(path, reference, read)
        if recording.labelled
    ]
    if folds["kind"] == "given":
        _check_fold_column(path, folds["count"], {recording.fold for _, recording in found})
        return
    # a recording without a group is its own
    groups = {(corpus, getattr(r, folds["by"]) or f"id {r.id}") for corpus, r in found}
    if len(groups) < folds["count"]:
        raise ValueError(
            f"{path}.folds.count: {folds['count']}; the {len(found)} labelled training recordings "
            f"have {len(groups)} groups, and no fold may split one: expected at most {len(groups)}"
        )


def _check_fold_column(path: str, count: int, found: set[str]) -> None:
    if "" in found or len(found) != count:
        raise ValueError(
            f"{path}.folds.count: {count}; the fold column has {len(found - {''})} folds"
            f"{', and is empty for some recordings' if '' in found else ''}"
        )
