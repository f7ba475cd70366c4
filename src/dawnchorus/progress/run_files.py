"""Files below the results that tell another process how a run is going.

* `read_jobs`: what running and failed jobs say.
* `write_run`, `read_run`: the run as a whole.
* `forget_jobs`: remove what jobs of an earlier run have left.
* `failure_of`: why a job failed.
* `earlier_seconds`: what jobs of a rule took before.
"""

import contextlib
import json
import os
import platform
import re
import shutil
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dawnchorus.progress.run_state import Failure, Job, RunState
from dawnchorus.runtime import job_status, logs

_RUN = ".progress/run.json"
_TAIL = 1 << 16  # bytes of a log that are read for its last error
_MOST_READ = 20  # benchmarks of a rule
SILENT_S = 30.0  # a run writes every 2 s; after this time without, it is not there any more


def read_jobs(results: str | Path) -> list[dict[str, Any]]:
    """Return what the files of jobs say, without those that cannot be read."""
    found = []
    for path in sorted(Path(results, job_status.FOLDER).glob("*")):
        # a file may go while the folder is read
        with contextlib.suppress(OSError, ValueError):
            if not path.name.endswith("~"):
                found.append(json.loads(path.read_text(encoding="utf-8")))
    return found


def forget_jobs(results: str | Path) -> None:
    """Remove the files of all jobs; call this before the first job of a run."""
    shutil.rmtree(Path(results, job_status.LOGS), ignore_errors=True)
    for path in Path(results, job_status.FOLDER).glob("*"):
        with contextlib.suppress(OSError):
            path.unlink()


def write_run(state: RunState, results: str | Path) -> None:
    """Replace the file of the run; a file system that refuses it does not end the run."""
    path = Path(results, _RUN)
    about = {"pid": os.getpid(), "host": platform.node(), "updated": time.time()}
    temporary = path.with_name(f"{path.name}~")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(about | state.as_dict()), encoding="utf-8")
        os.replace(temporary, path)


class LastRun(NamedTuple):
    """A run as its file has it."""

    state: RunState
    pid: int
    host: str
    updated: float

    def is_alive(self, now: float) -> bool:
        """Return whether the process of the run is there; of another host by the age of the file."""
        if self.state.ended is not None:
            return False
        if self.host != platform.node():
            return now - self.updated < SILENT_S
        return is_process(self.pid)


def is_process(pid: int) -> bool:
    """Return whether this machine has a process of that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def read_run(results: str | Path) -> LastRun:
    """Return the last run of a results folder, with what its jobs say.

    Raises
    ------
    ValueError
        Where no run has left its file, or it cannot be read.
    """
    path = Path(results, _RUN)
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        state = RunState.from_dict(given)
        found = LastRun(state, given["pid"], given["host"], given["updated"])
    except FileNotFoundError:
        raise ValueError(
            f"{str(results)!r} has no {_RUN}: no run has been started there, or by another version; "
            "name the results folder: `dawnchorus status FOLDER`"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} cannot be read ({error}); the next run writes it anew") from None
    state.hear(read_jobs(results))
    return found


def is_unfinished(job: Job, reports: Sequence[dict[str, Any]]) -> bool:
    """Return whether the file of a job says that it began, and not that it ended well."""
    found = [r for r in reports if Job(r["rule"], r["wildcards"], 0.0).key == job.key]
    return any("failed" in report or "is_done" not in report for report in found)


def failure_of(
    job: Job, reports: Sequence[dict[str, Any]], signal: str = "", said: str | None = None
) -> Failure:
    """Return why a job failed: what its scheduler said, or itself, or that it said nothing.

    Parameters
    ----------
    job : Job
    reports : sequence of dict
        See `read_jobs`.
    signal : str, optional
        The signal that ended it, where Snakemake names one.
    said : str, optional
        Why its scheduler ended it.
    """
    name, log = job_status.name(job.rule, job.wildcards), ", ".join(job.logs)
    if said is not None:
        return Failure(name, said, log)
    for report in reports:
        if Job(report["rule"], report["wildcards"], 0.0).key == job.key and "failed" in report:
            return Failure(name, report["failed"], log, report["is_stop"])
    for path in job.logs:
        with contextlib.suppress(OSError), open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - _TAIL))
            text = file.read().decode("utf-8", "replace").rpartition(f"\n{logs.ATTEMPT}")[2]
            if errors := re.findall(r"^\d\d:\d\d:\d\d error: (.*)$", text, re.MULTILINE):
                return Failure(name, errors[-1], log)
    by = f" by {signal}" if signal else ""
    return Failure(
        name,
        f"its process ended without a message{by}: killed, as a system short of memory does, or a "
        "scheduler after the time limit; run again to go on",
        log,
    )


def earlier_seconds(rules: Sequence[str], results: str | Path) -> dict[str, float]:
    """Return the mean seconds of the jobs of rules: by benchmarks, else by what the last run kept."""
    found = {}
    with contextlib.suppress(ValueError):
        last = read_run(results).state
        found = last.earlier | {rule: last.seconds[rule] / n for rule, n in last.done.items() if n}
    for rule in rules:
        seconds = []
        for path in sorted(Path(results, "benchmarks", rule).rglob("*.tsv"))[:_MOST_READ]:
            # of Snakemake: a head, then the seconds first
            with contextlib.suppress(OSError, ValueError, IndexError):
                seconds.append(float(path.read_text(encoding="utf-8").splitlines()[1].split()[0]))
        if seconds:
            found[rule] = statistics.mean(seconds)
    return found
