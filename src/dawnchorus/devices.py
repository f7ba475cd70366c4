"""Which GPU a job may use.

* `leased`: a GPU of its own for the length of a block, or none.

Under a cluster's scheduler its choice stands. Locally each job that asks for a GPU gets one by an OS
lock, which the kernel gives back when the process ends, however it ends. Without a GPU the job runs
on the CPU. The backend reads ``CUDA_VISIBLE_DEVICES`` when it is first imported, so the lease comes
before that.
"""

import contextlib
import fcntl
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from dawnchorus import logs

_WAIT_S = 1.0


@contextlib.contextmanager
def leased(n_gpus: int) -> Iterator[None]:
    """Hold ``n_gpus`` GPUs (0 or 1) of this machine while the block runs."""
    if n_gpus < 1 or os.environ.get("SLURM_JOB_ID"):
        if n_gpus < 1:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        yield
        return
    names = visible()
    if not names:
        yield
        return
    name, lock = _first_free(names)
    os.environ["CUDA_VISIBLE_DEVICES"] = name
    logs.LOG.info("on GPU %s", name)
    try:
        yield
    finally:
        os.close(lock)


def visible() -> list[str]:
    """Return the GPUs that jobs of this machine may use: ``CUDA_VISIBLE_DEVICES``, or all."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [name for name in given.split(",") if name.strip()]
    try:
        listing = subprocess.run(
            ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return []
    return listing.stdout.split()


def _first_free(names: list[str]) -> tuple[str, int]:
    folder = Path(tempfile.gettempdir()) / f"dawnchorus-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    while True:
        for name in names:
            lock = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return name, lock
            except BlockingIOError:
                os.close(lock)
        time.sleep(_WAIT_S)
