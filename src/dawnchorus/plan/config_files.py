"""The complete config of each experiment, as a file beside its results.

* `write_configs`: write those that are not there or are others.
"""

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from dawnchorus.plan import paths
from dawnchorus.runtime import artefacts, provenance, run
from dawnchorus.settings.corpus_check import corpora_of


def write_configs(config: Mapping[str, Any], results: str | Path) -> None:
    """Write ``results/{experiment}/config.yaml`` for each experiment of a run.

    The file holds all settings of the experiment, defaults filled in, with the corpora, frontends and
    audio recipes that it uses. No rule reads it; it follows the config at each start.
    """
    for name in config["run"]:
        path = Path(paths.CONFIG.format(experiment=name))
        path = Path(results, path.relative_to(paths.RESULTS))
        text = yaml.safe_dump(
            config_of(config, name), sort_keys=False, allow_unicode=True, width=100
        )
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        about = {
            "rule": "start",
            "wildcards": {"experiment": name},
            "inputs": {},
            "settings": {},
            "library": {},
            "versions": provenance.versions() | {"python": platform.python_version()},
            "machine": f"{platform.system()} {platform.machine()}",
            "command": os.environ.get(run.COMMAND, ""),
        }
        with artefacts.recording_for({"results": Path(results), "about": about}):
            artefacts.write_text(path, text)


def config_of(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the part of a complete config that one experiment uses."""
    experiment = config["experiments"][name]
    frontends = {experiment["frontend"]}
    for stage in experiment["stages"].values():
        frontends |= {stage["frontend"], stage["predict_frontend"]} - {None}
    audio = {config["frontends"][frontend]["audio"] for frontend in frontends}
    used = {
        "audio": audio, "frontends": frontends, "corpora": corpora_of(experiment),
        "experiments": [name],
    }  # fmt: skip
    sections = {s: {key: config[s][key] for key in sorted(keys)} for s, keys in used.items()}
    return {"config_version": config["config_version"], "run": [name], **sections}
