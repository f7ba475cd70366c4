"""What ``dawnchorus doctor --slurm`` looks at: whether the cluster and the profile fit each other.

* `findings`: one line per thing looked at.
"""

import importlib.metadata
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from dawnchorus.runtime.slurm import SITE

PLUGIN = "snakemake-executor-plugin-slurm"
_LEAST_AGE_S = 120  # squeue must still know a job three polls of 40 s after its end
_PROFILE = "profile.yaml"


class Line(NamedTuple):
    """What was looked at: ``state`` is ``ok``, ``note`` (worth knowing) or ``bad``."""

    state: str
    what: str
    text: str


def findings(profile: str | Path) -> Iterator[Line]:
    """Look at SLURM's clients, its configuration and the profile that a run would have.

    Parameters
    ----------
    profile : path
        Folder of ``profile.yaml`` and ``site.yaml``.
    """
    try:
        yield Line("ok", "SLURM plugin", importlib.metadata.version(PLUGIN))
    except importlib.metadata.PackageNotFoundError:
        yield Line("bad", "SLURM plugin", "not installed; `uv sync --extra slurm`")
    configuration = _said("scontrol", "show", "config")
    if configuration is None:
        text = "scontrol does not answer; run this on a login node of the cluster"
        yield Line("bad", "SLURM", text)
        return
    version = _value(configuration, "SLURM_VERSION")
    yield Line("ok", "SLURM", f"{version} ({_value(configuration, 'ClusterName')})")
    folder = Path(profile)
    chosen = yaml.safe_load((folder / _PROFILE).read_text(encoding="utf-8"))
    # how Snakemake would ask what became of a job
    command = chosen.get("slurm-status-command")
    age = int(re.sub(r"\D.*", "", _value(configuration, "MinJobAge")) or 0)
    has_accounting = not _value(configuration, "AccountingStorageType").endswith("none")
    if command == "squeue" and age < _LEAST_AGE_S:
        remedy = (
            "set slurm-status-command: sacct"
            if has_accounting
            else f"ask for MinJobAge of {_LEAST_AGE_S} s, as there is no accounting either"
        )
        text = f"squeue forgets a job {age} s after its end, before it is asked; {remedy}"
        yield Line("bad", "status of jobs", text)
    elif command != "squeue" and not has_accounting:
        text = (
            "sacct has no database here: the run would never end; set slurm-status-command: squeue"
        )
        yield Line("bad", "status of jobs", text)
    else:
        text = f"{command or 'sacct'} (finished jobs stay visible {age} s; accounting "
        yield Line("ok", "status of jobs", f"{text}{'on' if has_accounting else 'off'})")
    site = yaml.safe_load((folder / SITE).read_text(encoding="utf-8")) or {}
    there = (_said("sinfo", "-h", "-o", "%R") or "").split()
    named = site.get("partitions") or {}
    if missing := sorted(set(named) - set(there)):
        text = (
            f"{folder / SITE} names {', '.join(missing)}, which sinfo does not list; it lists "
            f"{', '.join(there)}"
        )
        yield Line("bad", "partitions", text)
    else:
        yield Line("ok", "partitions", ", ".join(named))
    if not any((about or {}).get("max_gpu") for about in named.values()):
        text = f"none in {folder / SITE} has max_gpu: trainings, which ask for a GPU, find no partition"
        yield Line("bad", "GPU partition", text)
    limit = _value(configuration, "MaxJobCount")
    yield Line(
        "ok", "limits", f"--jobs {chosen.get('jobs')}; the cluster takes {limit} jobs in all"
    )


def _said(*command: str) -> str | None:
    """Return what a client of SLURM prints, or None where it is not there or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _value(configuration: str, key: str) -> str:
    match = re.search(rf"^{key}\s*=\s*(.*?)\s*$", configuration, re.M)
    return match[1] if match else "unknown"
