"""The GPU that a job uses.

* `lease_gpu`: a GPU of its own for the length of a block, or none.

Under a cluster's scheduler its choice stands. Locally each job that asks for a GPU gets one by an
OS lock, which the kernel gives back when the process ends, however it ends. Without a GPU the job
runs on the CPU. The backend reads ``CUDA_VISIBLE_DEVICES`` when it is first imported, so the lease
comes before that.
"""

import contextlib
import fcntl
import itertools
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from dawnchorus.runtime import logs

VARIABLE = "CUDA_VISIBLE_DEVICES"
_WAIT_S = 1.0


@contextlib.contextmanager
def lease_gpu(n_gpus: int) -> Iterator[None]:
    """Hold ``n_gpus`` GPUs (0 or 1) of this machine while the block runs.

    ``CUDA_VISIBLE_DEVICES`` names the GPU in the block, is empty where none is asked for, and is
    what it was after it.
    """
    if n_gpus < 1:
        with _shown(""):
            yield
        return
    # SLURM has chosen already: its variable names the cards of this job
    names = [] if os.environ.get("SLURM_JOB_ID") else visible_gpus()
    if not names:
        yield
        return
    name, lock = _first_free(names)
    logs.LOG.info("on GPU %s", name)
    try:
        with _shown(name):
            yield
    finally:
        os.close(lock)


def visible_gpus() -> list[str]:
    """Return the GPUs that jobs of this machine may use: ``CUDA_VISIBLE_DEVICES``, or all."""
    given = os.environ.get(VARIABLE)
    if given is not None:
        names = [name.strip() for name in given.split(",") if name.strip()]
        # as CUDA reads it: a negative number ends the list
        return list(itertools.takewhile(lambda name: not name.startswith("-"), names))
    try:
        listing = subprocess.run(
            # by UUID: numbers change where CUDA_VISIBLE_DEVICES is set already
            ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return []
    return listing.stdout.split()


@contextlib.contextmanager
def _shown(names: str) -> Iterator[None]:
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = names
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def _first_free(names: list[str]) -> tuple[str, int]:
    folder = Path(tempfile.gettempdir()) / f"dawnchorus-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    is_told = False
    while True:
        for name in names:
            # the names of parts of a GPU hold slashes
            file = folder / name.replace("/", "_")
            lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return name, lock
            except BlockingIOError:
                os.close(lock)
        if not is_told:
            logs.LOG.info("waiting for one of %d GPUs", len(names))
            is_told = True
        time.sleep(_WAIT_S)
