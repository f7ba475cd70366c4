"""Whether the listed recordings can serve the experiments of a run.

* `check_experiments`: refuse experiments that want what the recordings do not have.
"""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path

from dawnchorus.corpora import bird_detection_labels, tables
from dawnchorus.settings.evaluation import format_of
from dawnchorus.settings.references import parse_reference


def check_experiments(config: Mapping, indexes: Mapping, results: str | Path) -> None:
    """Raise where the listed recordings cannot serve an experiment of the run as it wants them.

    Raises
    ------
    ValueError
        Naming a split without a recording, folds that its groups or fold column do not give, or
        recordings that should choose decodings and have no events, or label files that a
        submission should repeat and that have different columns.
    """
    read = functools.cache(
        lambda corpus: tables.read_labels(
            tables.labels_path(results, corpus, indexes[corpus]["labels"])
        )
    )
    for name in config["run"]:
        experiment = config["experiments"][name]
        pseudo = [
            r for s in experiment["stages"].values() for r in s["targets"].get("unlabelled", [])
        ]
        chosen_by = (experiment["events"] or {}).get("validation", [])
        for reference in [*experiment["train"], *experiment["test"], *pseudo, *chosen_by]:
            if ":" in reference:
                _selected(f"experiments.{name}", reference, read)
        for reference in chosen_by:
            _check_events(f"experiments.{name}.events.validation", reference, indexes, read)
        if experiment["folds"]["kind"] in ("grouped", "given"):
            _check_folds(f"experiments.{name}", experiment, read)
        for reference in experiment["test"]:
            _check_label_rows(f"experiments.{name}", reference, experiment, config, indexes)


def _selected(path: str, reference: str, read: Callable) -> list:
    corpus, split = parse_reference(reference)
    try:
        return tables.select(read(corpus), split)
    except ValueError as error:
        raise ValueError(f"{path}: {reference!r}: {error}") from None


def _check_events(path: str, reference: str, indexes: Mapping, read: Callable) -> None:
    corpus, _ = parse_reference(reference)
    has_table = "events" in indexes[corpus]
    if not has_table or not any(r.data_set == "strong" for r in _selected(path, reference, read)):
        raise ValueError(
            f"{path}: {reference!r} has no recording with known events; expected one whose strong "
            "labels choose the decodings"
        )


def _check_label_rows(
    path: str, reference: str, experiment: Mapping, config: Mapping, indexes: Mapping
) -> None:
    """Raise where a submission repeats label files that do not fit one another."""
    corpus, _ = parse_reference(reference)
    repeats = format_of(experiment["submission"], corpus) == "bad2017"
    if repeats and "label_rows" not in indexes[corpus]:
        try:
            parts, _ = bird_detection_labels.label_rows(config["corpora"][corpus])
            bird_detection_labels.submission_rows(parts)
        except ValueError as error:
            raise ValueError(f"{path}.submission: {reference!r}: {error}") from None


def _check_folds(path: str, experiment: Mapping, read: Callable) -> None:
    kind, count = experiment["folds"]["kind"], experiment["folds"]["count"]
    found = [
        (corpus, recording)
        for corpus, reference in ((parse_reference(r)[0], r) for r in experiment["train"])
        for recording in _selected(path, reference, read)
        if recording.labelled
    ]
    if kind == "given":
        keys = {recording.fold for _, recording in found}
        if "" in keys or len(keys) != count:
            raise ValueError(
                f"{path}.folds.count: {count}; the fold column has {len(keys - {''})} folds"
                f"{', and is empty for some recordings' if '' in keys else ''}"
            )
        return
    # one without a group is its own
    by = experiment["folds"]["by"]
    groups = {
        (corpus, getattr(recording, by) or f"id {recording.id}") for corpus, recording in found
    }
    if len(groups) < count:
        raise ValueError(
            f"{path}.folds.count: {count}; the {len(found)} labelled training recordings have "
            f"{len(groups)} groups, and no fold may split one: expected at most {len(groups)}"
        )
