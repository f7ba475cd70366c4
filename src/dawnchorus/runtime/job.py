"""Running a rule's script: its log, its GPU, its records, and its end when the run ends.

Importing this module binds the process to the one that started it: when that one is gone, the
kernel ends this one too. Snakemake's jobs outlive a killed head otherwise, and would overwrite what
a later run has made. A script imports this module first and does its work inside `running`.

* `running`: status, log, records, device and clear errors for a script's work.
* `bind_to_parent`: end this process when its parent ends.
"""

import contextlib
import ctypes
import functools
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from dawnchorus.runtime import (
    artefacts,
    devices,
    earlier_jobs,
    energy,
    finished,
    job_status,
    logs,
    run,
)

# of <sys/prctl.h>; Python has no name for it
_PR_SET_PDEATHSIG = 1
STOPPED = 143  # exit status of a job that was told to stop: 128 + SIGTERM


def bind_to_parent() -> None:
    """Ask the kernel to kill this process when its parent dies; end at once if it has already.

    Elsewhere than on Linux nothing is asked: there a killed run must be ended by hand.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid()
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        error = ctypes.get_errno()
        raise OSError(error, f"prctl(PR_SET_PDEATHSIG): {os.strerror(error)}")
    # it died between the two calls, or the run before the first: then the kernel has told us nothing
    if os.getppid() != parent or run.is_head_gone():
        os._exit(STOPPED)


bind_to_parent()


@contextlib.contextmanager
def running(snakemake, keeps: bool = False) -> Iterator[None]:
    """Run a script's work: its status, its log, its lock, its device, and a record behind each artefact.

    Parameters
    ----------
    snakemake : object
        What Snakemake gives a script; ``params.library`` and every other param is recorded.
    keeps : bool, optional
        Whether finished outputs keep a second name, from which the same job, repeated, takes them up
        again: for work of minutes. See `dawnchorus.runtime.finished`.

    Raises
    ------
    SystemExit
        With status 0 where the outputs of the same job were there already; with status 1 and one line
        on the terminal where the work fails (the traceback is in the log); with status 143 where the
        job was told to stop.
    """
    results = Path(artefacts.RESULTS)
    rule, wildcards = snakemake.rule, dict(snakemake.wildcards.items())
    with (
        job_status.reporting(rule, wildcards, results),
        logs.log_to(snakemake.log[0], results / job_status.LOGS / snakemake.log[0]),
    ):
        try:
            with earlier_jobs.job_lock(snakemake, results):
                # kept apart in a record: settings are a person's, digests are the code's
                params = dict(snakemake.params.items())
                about = {
                    "rule": rule,
                    "wildcards": wildcards,
                    "inputs": {str(path): _input_hash(path, results) for path in snakemake.input},
                    "library": dict(params.pop("library")),
                    "settings": params,
                    **run.environment(f"(no workflow) {snakemake.output[0]}"),
                }
                digest = finished.job_digest(about)
                if keeps and finished.restore(snakemake.output, digest, results):
                    logs.LOG.info("made before by the same job: taken up again, not made again")
                    sys.exit(0)
                keep = functools.partial(finished.keep, digest=digest, results=results)
                given = {"results": results, "about": about, **({"keep": keep} if keeps else {})}
                with (
                    devices.lease_gpu(snakemake.resources.get("gpu", 0)),
                    energy.counting(about),
                    artefacts.record_job(given),
                ):
                    yield
        except run.Stopped as stop:
            job_status.fail(str(stop), is_stop=True)
            logs.LOG.info("%s", stop)
            sys.exit(STOPPED)
        except Exception as error:
            logs.log_error(error, snakemake.log[0])
            sys.exit(1)


def _input_hash(path: str, results: Path) -> str:
    """Return the digest of an input; refuse one that is no longer what its job has written.

    Reading an input once more costs little beside the work on it, and a flipped bit would go on
    unseen into everything that follows.
    """
    found = artefacts.sha256(path)
    try:
        record = artefacts.read_record(path, results)
    except ValueError:  # an input from outside the results folder has no record
        record = None
    if record is not None and record.get("sha256") != found:
        raise ValueError(
            f"{path} is not what was written: sha256 {found[:12]}, {record.get('sha256', '')[:12]} in "
            "its record; `dawnchorus verify results` says how to make it again; where it was changed "
            f"on purpose, delete {artefacts.record_path(path, results)}"
        )
    return found
