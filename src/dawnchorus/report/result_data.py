"""What a report is made of, read once.

Axes: N recordings, C classes.

* `ResultData`: settings, scores and truth of an experiment; `read_results` reads them.
* `TRAINING`: the key of training recordings, whose scores are out of fold.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dawnchorus.report.job_records import Jobs, read_jobs
from dawnchorus.runtime import artefacts
from dawnchorus.scores import score_files
from dawnchorus.targets.ground_truth import (
    GroundTruth,
    aligned_scores,
    read_test_set,
    read_training_set,
)

TRAINING = ""


@dataclass(frozen=True)
class ResultData:
    """Results of an experiment.

    ``asked``: what the plan says (see `read_results`); ``metrics`` and ``events``: the content of
    ``metrics.json`` and ``events.json`` (None where no events are detected); ``audits`` by stage;
    ``histories`` by stage and member, rows of text; ``truths`` by test subset of which recordings are
    scored, and of `TRAINING`; ``scores`` (N, C) by ensemble and the same; ``jobs`` behind all of it.
    """

    asked: Mapping[str, Any]
    metrics: Mapping[str, Any]
    events: Mapping[str, Any] | None
    audits: Mapping[str, Any]
    histories: Mapping[str, Mapping[str, list[dict[str, str]]]]
    truths: Mapping[str, GroundTruth]
    scores: Mapping[str, Mapping[str, np.ndarray]]
    jobs: Jobs

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings of the experiment."""
        found: Mapping[str, Any] = self.asked["settings"]
        return found

    @property
    def shown_ensemble(self) -> str | None:
        """The ensemble whose recordings are shown: that of the submission, else the first, if any."""
        names = list(self.scores)
        chosen = self.settings["submission"]["ensemble"]
        return chosen if chosen in names else next(iter(names), None)

    @property
    def shown_test(self) -> str:
        """Whose recordings are shown: the first test's with scores, else the training's."""
        return next((name for name in self.truths if name != TRAINING), TRAINING)


def place(test: str) -> str:
    """Return what a test subset, or the training recordings, are called in the report."""
    return "out of fold" if test == TRAINING else test


def read_results(asked: Mapping[str, Any], results: str = artefacts.RESULTS) -> ResultData:
    """Read the results of an experiment.

    Parameters
    ----------
    asked : mapping
        ``name`` and ``settings`` of the experiment; paths ``metrics``, ``folds``, ``events`` (None where
        none are detected), ``audits`` by stage, ``histories`` by stage and member, ``ensembles`` by
        ensemble and corpus, ``labels`` and ``verdicts`` by corpus.
    results : str, optional
        The results folder, below which records are.

    Raises
    ------
    ValueError
        Where files disagree, see `aligned_scores` and `read_test_set`.
    """
    metrics = _json(asked["metrics"])
    settings, class_names = asked["settings"], metrics["classes"]
    for kind in ("stages", "ensembles"):  # in the order of the config: the file has sorted names
        metrics[kind] = {
            name: metrics[kind][name] for name in settings[kind] if name in metrics[kind]
        }
    truths: dict[str, GroundTruth] = {}
    for test in settings["test"]:
        if metrics["test"][test]["scored"]:
            truths[test], _ = read_test_set(
                test, asked["labels"], asked["verdicts"], class_names, settings["folds"]["by"]
            )
    trained, _ = read_training_set(
        asked["labels"], asked["folds"], class_names, settings["folds"], asked["verdicts"]
    )
    if trained.recordings:
        truths[TRAINING] = trained
    scores = {}
    for ensemble in metrics["ensembles"]:
        by_corpus = {}
        for corpus in {corpus for truth in truths.values() for corpus, _ in truth.recordings}:
            found = score_files.read_recordings(asked["ensembles"][ensemble][corpus])
            by_corpus[corpus] = (found.ids, found.scores)
        scores[ensemble] = {
            test: aligned_scores(truth, by_corpus, f"ensemble {ensemble}")
            for test, truth in truths.items()
        }
    return ResultData(
        asked,
        metrics,
        None if asked["events"] is None else _json(asked["events"]),
        {stage: _json(path) for stage, path in asked["audits"].items()},
        {
            stage: {member: artefacts.read_table(path) for member, path in members.items()}
            for stage, members in asked["histories"].items()
        },
        truths,
        scores,
        read_jobs([asked["metrics"], *([asked["events"]] if asked["events"] else [])], results),
    )


def _json(path: str) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))
