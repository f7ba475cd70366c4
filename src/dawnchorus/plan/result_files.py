"""What a run is for: the files that rule ``all`` asks for.

* `result_files`: their paths.
* `show_summaries`: print the summaries of a run's experiments.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dawnchorus.plan import paths
from dawnchorus.plan.workflow_run import Run, names_of


def result_files(run: Run) -> list[str]:
    """Return the files that the experiments of a run are built for."""
    return [path for name in run.config["run"] for path in _of_experiment(run, name)]


def show_summaries(run: Run) -> None:
    """Print the summaries of the experiments of a run, those that are there."""
    for name in run.config["run"]:
        for pattern in (paths.SUMMARY, paths.EVENT_SUMMARY):
            path = Path(pattern.format(experiment=name))
            if path.exists():
                print(f"\n{path.read_text()}", file=sys.stderr)


def _of_experiment(run: Run, name: str) -> list[str]:
    chosen = run.settings_of(name)
    found = [paths.METRICS.format(experiment=name)]
    found += [paths.SEGMENTS_PICTURE.format(experiment=name, stage=s) for s in chosen["drawn"]]
    found += [
        paths.AUDIT.format(experiment=name, stage=stage)
        for stage, about in chosen["stages"].items()
        if about["targets"]["from"] == "predictions"
    ]
    if chosen["events"]:
        found += _of_events(name, chosen)
    found += [
        paths.SUBMISSION.format(experiment=name, corpus=corpus)
        for corpus in names_of(chosen["test"])
        if run.submission_format(name, corpus) != "none"
    ]
    return found


def _of_events(name: str, chosen: Mapping[str, Any]) -> list[str]:
    corpora, decodings = names_of(chosen["test"]), chosen["events"]["decodings"]
    challenge = [
        paths.CHALLENGE_EVENTS.format(experiment=name, ensemble=e, decoding=d, corpus=c)
        for e in chosen["ensembles"]
        for d in decodings
        for c in corpora
    ]
    folders = [
        paths.EXPORT_FOLDER.format(experiment=name, ensemble=e, decoding=d, corpus=c)
        for e, d in chosen["events"]["exports"]
        for c in corpora
    ]
    return [paths.EVENT_METRICS.format(experiment=name), *challenge, *folders]
