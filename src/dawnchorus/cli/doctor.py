"""``dawnchorus doctor``: whether machine, environment and results are fit for a run.

* `findings`: one line per thing looked at.
* `cost_lines`: what a run takes, before it begins.

Nothing heavy is imported: the backend is started only where it is asked for, in a process of its
own, which a crash of it cannot outlive.
"""

import argparse
import contextlib
import importlib.metadata
import importlib.util
import itertools
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from dawnchorus.cli import slurm_findings
from dawnchorus.cli.slurm_findings import Line
from dawnchorus.runtime import devices, file_locks
from dawnchorus.runtime.run import LOCK, lock_fault, lost_metadata

_LITTLE_DISK = 5e9  # bytes; a run of tens of thousands of recordings writes more
_LITTLE_MEMORY = 4e9  # bytes; one training of the zoo's largest model
# of `dawnchorus.runtime.artefacts`: what a killed job leaves of a file that it was writing
_HALF_WRITTEN = re.compile(r"\.(.*\.)?[0-9a-f]{12}\.tmp(\..*)?")
_CUDA = (
    "nvidia-cudnn-cu12"  # of extra `gpu`; what `uv sync` of another extra takes away with the rest
)
_START = """
from dawnchorus.runtime import backend
backend.start({{"name": {name!r}, "threads": 1, "deterministic": False}})
import keras
assert float(keras.ops.sum(keras.ops.ones((3, 3)))) == 9
print("Keras", keras.version(), "on", *keras.distribution.list_devices())
"""


def add_to(commands) -> None:
    """Add the command to the parsers of the command line."""
    parser = commands.add_parser("doctor", help="is this machine fit for a run?")
    parser.add_argument(
        "results", nargs="?", metavar="RESULTS or CONFIG.yaml", default="results",
        help="a results folder, or a config: then what its run takes is told, step by step",
    )  # fmt: skip
    parser.add_argument("--deep", action="store_true", help="start the backend too (slow)")
    parser.add_argument(
        "--slurm", nargs="?", metavar="PROFILE", const="profiles/slurm",
        help="look at the cluster and a profile (profiles/slurm) too",
    )  # fmt: skip
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what was looked at; return the exit status."""
    if arguments.results.endswith((".yaml", ".yml")):
        print("\n".join(cost_lines(arguments.results)))
        return 0
    is_fit = True
    lines = findings(arguments.results, arguments.deep)
    if arguments.slurm:
        lines = itertools.chain(lines, slurm_findings.findings(arguments.slurm))
    for line in lines:
        print(f"{line.state:<5} {line.what:<18} {line.text}", flush=True)
        is_fit = is_fit and line.state != "bad"
    print("fit for a run" if is_fit else "not fit for a run: see the lines that begin with 'bad'")
    return 0 if is_fit else 1


def cost_lines(path: str) -> Iterator[str]:
    """Yield a table of what a run with a config takes: jobs, files, bytes and hours of each step.

    Parameters
    ----------
    path : path
        A config, whose corpora a dry run has listed.

    Raises
    ------
    ValueError
        Where the config does not hold, or a corpus has not been listed yet.
    """
    # imported here: the other commands do without them
    from dawnchorus.cli.launch import workflow_folder
    from dawnchorus.corpora import tables
    from dawnchorus.plan.cost_estimate import MEASURED_ON
    from dawnchorus.plan.run_costs import audio_seconds, run_costs
    from dawnchorus.plan.workflow_run import Run
    from dawnchorus.settings.corpus_check import corpora_of_run
    from dawnchorus.settings.load import load

    if not os.path.isfile(path):
        raise ValueError(f"config {path!r} is not there; expected a YAML file")
    base = workflow_folder()
    config = load(base / "config.yaml", [path], {})
    index = {name: tables.read_index(name, "results") for name in corpora_of_run(config)}
    planned = Run(config, index, base)
    seconds = audio_seconds(planned, "results")
    yield f"{sum(seconds.values()) / 3600:.1f} h of audio in {len(seconds)} corpora"
    yield f"{'step':<14}{'jobs':>8}{'files':>9}{'GB':>10}{'core h':>10}{'GPU h at most':>15}"
    costs = run_costs(planned, seconds)
    rows = [(*one[:3], one.bytes / 1e9, *one[4:]) for one in costs]
    for step, *figures in [*rows, ("all", *map(sum, zip(*(row[1:] for row in rows), strict=True)))]:
        n, files, size, core_h, gpu_h = figures
        yield f"{step:<14}{n:>8}{files:>9}{size:>10.2f}{core_h:>10.2f}{gpu_h:>15.2f}"
    yield f"hours: {MEASURED_ON}; trainings and predictions by that of the default network"


def findings(results: str | Path = "results", is_deep: bool = False) -> Iterator[Line]:
    """Look at the environment, the machine and a results folder.

    Parameters
    ----------
    results : path, optional
        The results folder of a run, there or not; Snakemake's own records lie beside it.
    is_deep : bool, optional
        Start the backends that are installed, too.
    """
    results = Path(results)
    # imported here: the other commands do without them
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    wanted = importlib.metadata.metadata("dawnchorus")["Requires-Python"] or ""
    state = "ok" if SpecifierSet(wanted).contains(platform.python_version()) else "bad"
    yield Line(state, "python", f"{platform.python_version()} (wanted: {wanted})")
    for text in importlib.metadata.requires("dawnchorus") or ():
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": "workflow"}):
            continue
        try:
            version = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            yield Line("bad", wanted.name, f"not installed (wanted: {wanted.specifier}); `uv sync`")
            continue
        is_new = wanted.specifier.contains(version, prereleases=True)
        advice = "" if is_new else "; `uv sync` installs what the lock file names"
        state = "ok" if is_new else "bad"
        yield Line(state, wanted.name, f"{version} (wanted: {wanted.specifier}){advice}")
    yield from _machine(results)
    if is_deep:
        for name in filter(importlib.util.find_spec, ("tensorflow", "jax", "torch")):
            try:
                # a process of its own: a backend may end it, and its memory is given back
                done = subprocess.run(
                    [sys.executable, "-c", _START.format(name=name)],
                    capture_output=True, text=True, timeout=300,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                yield Line("bad", f"{name} start", "not there after 300 s")
                continue
            lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
            text = lines[-1] if lines else f"ended with {done.returncode}"
            yield Line("bad" if done.returncode else "ok", f"{name} start", text)
    owner = holder(results)
    yield Line("note" if owner else "ok", "run", f"held by {owner}" if owner else "none at work")
    if not results.is_dir():
        yield Line("note", "results", f"{results} is not there yet")
        return
    lost = lost_metadata(results, results.absolute().parent / ".snakemake")
    text = lost.removeprefix("warning: ") if lost else "there, or not needed yet"
    yield Line("note" if lost else "ok", "metadata", text)
    left = [
        Path(here, name)
        for here, _, files in os.walk(results)
        for name in files
        if _HALF_WRITTEN.fullmatch(name)
    ]
    # a run at work has such files of its own
    if left and not owner:
        size = sum(path.stat().st_size for path in left)
        text = f"{len(left)} left by killed jobs, {size / 1e9:.2f} GB; delete them: {left[0]}"
        yield Line("note", "half-written files", text + (" ..." if left[1:] else ""))


def _machine(results: Path) -> Iterator[Line]:
    """Look at system, cores, memory, disk, GPUs and the kernels of TensorFlow on the CPU."""
    yield Line("ok", "system", f"{platform.system()} {platform.machine()}")
    # a cluster's scheduler may give a process fewer cores than there are
    has_affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    yield Line("ok", "cores", f"{cores} for this process")
    try:
        # what is free counts, with what the kernel would give back; sysconf knows all memory only
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
        memory = int(found[1]) * 1024 if found else None
    except OSError:  # elsewhere than on Linux
        memory = None
    if memory is None:
        with contextlib.suppress(ValueError, OSError):
            memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    state = "note" if memory is None or memory < _LITTLE_MEMORY else "ok"
    yield Line(state, "memory", "unknown" if memory is None else f"{memory / 1e9:.1f} GB available")
    folder = next(f for f in (results.absolute(), *results.absolute().parents) if f.is_dir())
    free = shutil.disk_usage(folder).free
    yield Line("ok" if free > _LITTLE_DISK else "note", "disk", f"{free / 1e9:.1f} GB free")
    fault = lock_fault(folder)
    yield Line("bad" if fault else "ok", "file locks", fault or f"of {folder}")
    names = devices.visible_gpus()
    text = ", ".join(names) if names else "none visible: trainings run on the CPU"
    yield Line("ok", "GPUs", text)
    if names and importlib.util.find_spec("tensorflow"):
        try:
            version = importlib.metadata.version(_CUDA)
            yield Line("ok", "CUDA", f"{_CUDA} {version}")
        except importlib.metadata.PackageNotFoundError:
            text = (
                f"{_CUDA} is not installed: trainings run on the CPU unless the system has CUDA for "
                "TensorFlow (`--deep` shows it); one call names all extras: `uv sync --extra gpu`"
            )
            yield Line("note", "CUDA", text)
    given = os.environ.get("TF_ENABLE_ONEDNN_OPTS")
    try:
        has_avx512 = "avx512f" in Path("/proc/cpuinfo").read_text()
    except OSError:  # elsewhere than on Linux
        has_avx512 = False
    if given not in (None, "1"):
        text = f"TF_ENABLE_ONEDNN_OPTS={given}: trainings give other bits than with the default, 1"
        yield Line("note", "oneDNN", text)
    elif has_avx512 and "ONEDNN_MAX_CPU_ISA" not in os.environ:
        text = (
            "on; with AVX-512, as here, it can crash in strided 1x1 convolutions of 4, 8 or 12 "
            "channels: set ONEDNN_MAX_CPU_ISA=AVX2 if a model of yours has one"
        )
        yield Line("note", "oneDNN", text)
    else:
        yield Line("ok", "oneDNN", "on in every training on the CPU")


def holder(results: str | Path) -> str | None:
    """Return who holds the lock of a results folder, or None where no run is at work."""
    owner = file_locks.holder(Path(results) / LOCK)
    return None if owner is None else file_locks.describe(owner)
