"""The files that rule ``all`` asks for.

* `result_files`: their paths.
* `show_summaries`: print the summaries of a run's experiments.
"""

import sys
from pathlib import Path

from dawnchorus.plan import paths
from dawnchorus.plan.workflow_run import Run, corpora_in


def result_files(run: Run) -> list[str]:
    """Return the files that the experiments of a run are built for."""
    found = []
    for name in run.config["run"]:
        chosen, corpora = run.settings_of(name), corpora_in(run.settings_of(name)["test"])
        found += [paths.METRICS.format(experiment=name)]
        found += [
            paths.SEGMENTS_PICTURE.format(experiment=name, stage=stage) for stage in chosen["drawn"]
        ]
        found += [
            paths.AUDIT.format(experiment=name, stage=stage)
            for stage, about in chosen["stages"].items()
            if about["targets"]["from"] == "predictions"
        ]
        if chosen["events"]:
            found += [paths.EVENT_METRICS.format(experiment=name)]
            found += [
                paths.CHALLENGE_EVENTS.format(experiment=name, ensemble=e, decoding=d, corpus=c)
                for e in chosen["ensembles"]
                for d in chosen["events"]["decodings"]
                for c in corpora
            ]
            found += [
                paths.EXPORT_FOLDER.format(experiment=name, ensemble=e, decoding=d, corpus=c)
                for e, d in chosen["events"]["exports"]
                for c in corpora
            ]
        found += [
            paths.SUBMISSION.format(experiment=name, corpus=corpus)
            for corpus in corpora
            if run.submission_format(name, corpus) != "none"
        ]
    return found


def show_summaries(run: Run) -> None:
    """Print the summaries of the experiments of a run, those that are there."""
    for name in run.config["run"]:
        for pattern in (paths.SUMMARY, paths.EVENT_SUMMARY):
            path = Path(pattern.format(experiment=name))
            if path.exists():
                print(f"\n{path.read_text()}", file=sys.stderr)
