"""Two jobs never make the same file at once, and a new run knows the jobs of the one before.

On a cluster the jobs of a run live on when its main process is killed, and SLURM may start a job again
that Snakemake has submitted anew. So each job locks the name of its first output, in
``results/.jobs/``, for as long as it works: a second one waits. A new run waits for the jobs of
an earlier one, or cancels them, before it builds its DAG.

* `job_lock`: the lock of a job.
* `jobs_at_work`: the holders of such locks.
* `settle`: wait for them, or cancel them.
"""

import contextlib
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from dawnchorus.runtime import artefacts, file_locks, job_status, logs

FOLDER = ".jobs"
_POLL_S = 1.0
_SAY_EVERY_S = 300.0  # a job may train for hours: once in a while a sign of life


@contextlib.contextmanager
def job_lock(snakemake, results: str | Path) -> Iterator[None]:
    """Hold the lock of a job's first output in this block; wait where another job has it.

    Parameters
    ----------
    snakemake : object
        What Snakemake gives a script.
    results : path
    """
    path = Path(os.path.relpath(artefacts.record_path(snakemake.output[0], results), results))
    path = Path(results) / FOLDER / path.relative_to(artefacts.RECORDS)
    told: list[float] = []

    def wait(owner: Mapping) -> None:
        if owner and not told:
            logs.LOG.info("waiting for %s, which makes the same file", file_locks.describe(owner))
            told.append(time.monotonic())
        time.sleep(_POLL_S if owner else 0)

    wildcards = " ".join(str(value) for value in dict(snakemake.wildcards.items()).values())
    lock = file_locks.take(path, {"what": f"{snakemake.rule} {wildcards}".strip()}, wait)
    try:
        yield
    finally:
        lock.release()


def jobs_at_work(results: str | Path) -> list[file_locks.Owner]:
    """Return the holders of the locks of jobs; remove the lock files of jobs that have ended."""
    found = []
    for path in sorted(Path(results, FOLDER).rglob("*.json")):
        owner = file_locks.holder(path)
        if owner is not None:
            found.append(owner)
            continue
        with contextlib.suppress(file_locks.Held, OSError):
            file_locks.take(path, {}).release()  # by whoever has it alone
    return found


def settle(results: str | Path, is_to_cancel: bool) -> None:
    """Wait until the jobs of an earlier run have ended; cancel them before where that is asked for.

    Parameters
    ----------
    results : path
    is_to_cancel : bool
        Jobs of SLURM are cancelled by ``scancel``, those of this host by SIGTERM, upon which a training
        keeps its checkpoint. A job of another host that no scheduler knows is awaited.
    """
    said, begun = 0.0, set()
    for path in Path(results, job_status.FOLDER).glob("*"):
        told = artefacts.read_json(path) or {}
        if told.get("slurm_job") and "is_done" not in told:
            begun.add(str(told["slurm_job"]))
    numbers = _in_queue(begun)
    while (owners := jobs_at_work(results)) or _in_queue(numbers):
        numbers |= {str(o["slurm_job"]) for o in owners if o.get("slurm_job")}
        # of a submission whose jobs run one after another none may hold a lock for a moment
        owners = owners or [{"what": "SLURM job " + ", ".join(sorted(numbers))}]
        if not said:
            names = "; ".join(
                f"{o.get('what', 'a job')}: {file_locks.describe(o)}"
                if "process" in o
                else o["what"]
                for o in owners[:5]
            )
            names += f"; and {len(owners) - 5} more" if owners[5:] else ""
            doing = (
                "cancelling them" if is_to_cancel
                else "waiting for them (`--config earlier_jobs=cancel` ends them)"
            )  # fmt: skip
            print(
                f"{len(owners)} jobs of an earlier run are at work: {names}; {doing}",
                file=sys.stderr,
            )
            if is_to_cancel:
                if numbers:
                    command = ["scancel", *sorted(numbers)]
                    try:
                        subprocess.run(
                            command, check=True, capture_output=True, text=True, timeout=60
                        )
                    except (OSError, subprocess.SubprocessError) as error:
                        reason = str(getattr(error, "stderr", None) or error).strip()
                        raise ValueError(
                            f"{' '.join(command)} failed: {reason}; cancel these, and start again"
                        ) from None
                # of this host alone: a process number of another one is somebody else's here
                for owner in owners:
                    if not owner.get("slurm_job") and owner.get("host") == platform.node():
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(int(owner["process"]), signal.SIGTERM)
            said = time.monotonic()
        elif time.monotonic() - said > _SAY_EVERY_S:
            print(f"still waiting for {len(owners)} jobs of an earlier run", file=sys.stderr)
            said = time.monotonic()
        time.sleep(_POLL_S)


def _in_queue(numbers: set[str]) -> set[str]:
    """Return those jobs that SLURM still has to run or runs; none where it cannot be asked."""
    if not numbers:
        return set()
    command = ["squeue", "--noheader", "--format=%i", "--jobs", ",".join(sorted(numbers))]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return set()
    return numbers & set(done.stdout.split())
