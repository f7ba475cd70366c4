"""The GPU that a job uses.

* `lease_gpu`: a GPU, or a share of one, for the length of a block, or none.
* `limit_jobs`: tell Snakemake how many trainings the GPUs of this machine take at once.
* `visible_gpus`: the GPUs that jobs may use.

Under a cluster's scheduler its choice stands. Locally each job that asks for a GPU gets one by an
OS lock, which the kernel gives back when the process ends, however it ends. Without a GPU the job
runs on the CPU. The backend reads ``CUDA_VISIBLE_DEVICES`` when it is first imported, so the lease
comes before that.
"""

import contextlib
import fcntl
import itertools
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from dawnchorus.runtime import logs

VARIABLE = "CUDA_VISIBLE_DEVICES"
IN_TURN = "in_turn"  # resource of profiles/slurm: one job of a submission at a time
SHARE = "DAWNCHORUS_GPU_SHARE"  # environment variable: trainings that share a GPU
_WAIT_S = 1.0
# What CUDA, XLA and PyTorch say of a card that is broken, not of one that is full. After the last
# three the driver refuses the card until it is reset.
_BROKEN = re.compile(
    r"CUDA_ERROR_(?:ECC_UNCORRECTABLE|UNKNOWN|NO_DEVICE|DEVICE_UNAVAILABLE|NOT_INITIALIZED|HARDWARE\w*)"
    r"|uncorrectable ECC|CUDA-capable device\(s\) is/are busy or unavailable|GPU is lost"
    r"|CUDA_ERROR_(?:ILLEGAL_ADDRESS|LAUNCH_FAILED|ILLEGAL_INSTRUCTION)"
)


@contextlib.contextmanager
def lease_gpu(n_gpus: int) -> Iterator[None]:
    """Hold ``n_gpus`` GPUs (0 or 1) of this machine while the block runs.

    ``CUDA_VISIBLE_DEVICES`` names the GPU in the block, is empty where none is asked for, and is
    what it was after it. A GPU that fails in the block is not given to later jobs of the run.

    Raises
    ------
    ValueError
        Where every GPU has failed.
    """
    if n_gpus < 1:
        with _shown(""):
            yield
        return
    # SLURM has chosen already: its variable names the cards of this job
    if os.environ.get("SLURM_JOB_ID"):
        chosen = os.environ.get(VARIABLE)
        logs.LOG.info("on %s", f"GPU {chosen}" if chosen else "the CPU")
        yield
        return
    names = visible_gpus()
    if not names:
        logs.LOG.info("on the CPU: no GPU is visible")
        yield
        return
    name, lock = _first_free(names)
    logs.LOG.info("on GPU %s", name)
    try:
        with _shown(name):
            yield
    except Exception as error:
        if found := _BROKEN.search(str(error)):
            _file(name, "failed").touch()
            logs.LOG.info("GPU %s fails (%s): later jobs of this run do without it", name, found[0])
        raise
    finally:
        os.close(lock)


def limit_jobs(workflow, share: int) -> None:
    """Tell Snakemake how many jobs with a GPU may run at once on this machine, where nobody has.

    Without it `--cores 8` on one card starts eight trainings, of which seven wait and hold cores. And the
    jobs that are one submission to a cluster run one after another: the node that works them off has to
    count as the main process does, which has that from its profile (`IN_TURN`).

    Parameters
    ----------
    workflow : object
        Snakemake's workflow; nothing is said where jobs go to a cluster, where ``--resources gpu=``
        is given, or where there is no GPU: trainings on the CPU are limited by ``--cores``.
    share : int
        Trainings that share a GPU.
    """
    os.environ[SHARE] = str(share)
    if not workflow.is_main_process:
        workflow.register_resource(IN_TURN, 1)
    names = visible_gpus()
    for name in names:  # a card that failed in an earlier run may be mended
        _file(name, "failed").unlink(missing_ok=True)
    given = workflow.global_resources
    if names and "gpu" not in given and given["_nodes"].value is None:
        workflow.register_resource("gpu", len(names) * share)


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


def _file(name: str, use: str) -> Path:
    folder = Path(tempfile.gettempdir()) / f"dawnchorus-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    # the names of parts of a GPU hold slashes
    return folder / f"{name.replace('/', '_')}.{use}"


def _first_free(names: list[str]) -> tuple[str, int]:
    """Return a GPU with a free place, and the lock of the place; wait until there is one."""
    share = int(os.environ.get(SHARE, "1"))
    is_told = False
    while True:
        fit = [name for name in names if not _file(name, "failed").exists()]
        if not fit:
            raise ValueError(
                f"all GPUs have failed ({', '.join(names)}); the logs of the jobs before say how; start "
                "again, with CUDA_VISIBLE_DEVICES naming those that are sound, or empty for the CPU"
            )
        # a place on each card before a second one on any
        for place, name in itertools.product(range(share), fit):
            lock = os.open(_file(name, str(place)), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return name, lock
            except BlockingIOError:
                os.close(lock)
        if not is_told:
            logs.LOG.info("waiting for one of %d GPUs", len(fit))
            is_told = True
        time.sleep(_WAIT_S)
