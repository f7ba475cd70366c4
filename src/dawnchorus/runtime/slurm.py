"""What a run on SLURM is told of its site.

``site.yaml`` beside the profile holds account and partitions. They reach the executor plugin and
``sbatch`` by their own environment variables, so that no table of resources in a profile is needed,
which one ``--set-resources`` on the command line would replace as a whole.

* `announce_site`: read the file, and set the variables.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import yaml

SITE = "site.yaml"
PARTITIONS = "SNAKEMAKE_SLURM_PARTITIONS"  # environment variable of the plugin: a file
ACCOUNT = "SBATCH_ACCOUNT"  # environment variable of sbatch
_PROFILE = re.compile(r"--(?:workflow-)?profile(?:=(.+))?")


def announce_site(arguments: Sequence[str]) -> None:
    """Tell SLURM's plugin and clients what ``site.yaml`` of the run's profile says, if there is one.

    Variables that are set already stand.

    Parameters
    ----------
    arguments : sequence of str
        The command line of Snakemake, without its name.

    Raises
    ------
    ValueError
        Where the file is no mapping with ``partitions``, or has another key than ``account`` beside it.
    """
    for index, argument in enumerate(arguments):
        match = _PROFILE.fullmatch(argument)
        if match is None:
            continue
        folder = match[1] or next(iter(arguments[index + 1 :]), "")
        path = Path(folder) / SITE
        if not path.is_file():
            continue
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not isinstance(found.get("partitions"), dict):
            raise ValueError(
                f"{path} names no partitions; expected `partitions: {{name: {{max_gpu: 1}}}}` with the "
                "names that `sinfo -s` lists"
            )
        if unknown := sorted(set(found) - {"account", "partitions"}):
            raise ValueError(f"{path}: {unknown[0]}: unknown key; expected account, partitions")
        os.environ.setdefault(PARTITIONS, str(path.resolve()))
        if found.get("account"):
            os.environ.setdefault(ACCOUNT, str(found["account"]))
