"""Models that trainings start from: copies below the results, named by their content.

A training reads the copy. A model that is moved then repeats nothing, and one that is replaced while
a run goes on changes nothing that a job reads.

* `keep_models`: copy the models of a run (main process).
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dawnchorus.plan import paths
from dawnchorus.runtime import artefacts, run


def keep_models(config: Mapping[str, Any]) -> None:
    """Copy the models that trainings of the run start from, where they are not copied yet.

    Raises
    ------
    ValueError
        Where a model changes while it is copied.
    """
    for name in config["run"]:
        for stage in config["experiments"][name]["stages"].values():
            chosen = stage["training"]["pretrained"]
            if digest := run.digest_of_file(chosen):
                _keep_model(chosen["path"], digest)


def _keep_model(path: str, digest: str) -> None:
    copy = Path(paths.PRETRAINED.format(digest=digest[:16]))
    if copy.exists():
        return

    def check(temporary: Path) -> None:
        if artefacts.sha256(temporary) != digest:
            raise ValueError(f"{path} changes while it is copied; start again once it is whole")

    # the record is what tells a damaged copy, and where it came from
    about = {"rule": "(a copy of the main process)", "inputs": {}, "settings": {"from": path}}
    with (
        artefacts.recording_for({"results": Path(paths.RESULTS), "about": about}),
        artefacts.writing(copy, check=check) as temporary,
    ):
        shutil.copyfile(path, temporary)
