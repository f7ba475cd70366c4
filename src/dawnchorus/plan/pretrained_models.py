"""Models that trainings start from: copies below the results, named by their content.

A training reads the copy. A model that is moved then repeats nothing, and one that is replaced while
a run goes on changes nothing that a job reads.

* `keep_models`: copy the models of a run (main process).
* `model_path`: where the copy of a model lies.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from dawnchorus.runtime import artefacts, run


def model_path(results: str | Path, digest: str) -> Path:
    """Return where the copy of a model with this SHA-256 lies."""
    return Path(results) / "pretrained" / f"{digest[:16]}.keras"


def keep_models(config: Mapping, results: str | Path) -> None:
    """Copy the models that trainings of the run start from, where they are not copied yet.

    Raises
    ------
    ValueError
        Where a model changes while it is copied.
    """
    for name in config["run"]:
        for stage in config["experiments"][name]["stages"].values():
            if pretrained := stage["training"]["pretrained"]:
                _keep_model(pretrained, Path(results))


def _keep_model(pretrained: Mapping, results: Path) -> None:
    path, digest = pretrained["path"], run.digest_of_file(pretrained)
    copy = model_path(results, digest)
    if copy.exists():
        return

    def check(temporary: Path) -> None:
        if artefacts.sha256(temporary) != digest:
            raise ValueError(f"{path} changes while it is copied; start again once it is whole")

    # the record is what tells a damaged copy, and where it came from
    about = {"rule": "(a copy of the main process)", "inputs": {}, "settings": {"from": path}}
    with (
        artefacts.recording_for({"results": results, "about": about}),
        artefacts.writing(copy, check=check) as temporary,
    ):
        shutil.copyfile(path, temporary)
