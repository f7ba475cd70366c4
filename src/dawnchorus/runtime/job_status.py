"""Status of a running job, as a small file that other processes read.

* `reporting`: keep the file of a job for the length of a block.
* `report`, `note`: what the job does now: a count, or its last message.
* `fail`: why it failed; this file stays, until the next run begins.
* `remove`: remove the file of a job that has ended.
* `name`: of a job, for a person; `remove`: the file of one.
* `FOLDER`, `LOGS`: where the files are, and second names of logs, below the results.

The files are no outputs: nothing depends on them, they are replaced as a whole and not synchronised with
the disk, and a job goes on where they cannot be written. They lie with the results because that folder is
the one that the nodes of a cluster share.
"""

import contextlib
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

FOLDER = ".progress/jobs"
LOGS = ".progress/logs"  # second names of the logs of this run's jobs
READ = (
    "DAWNCHORUS_STATUS_READ"  # environment variable: a display reads the last count, and removes it
)
_EVERY_S = 1.0  # between two counts
_NOTES_S = 0.1  # between two messages, which are rare
_current: "JobStatus | None" = None


class JobStatus:
    """The file of one job.

    Parameters
    ----------
    rule : str
    wildcards : mapping of str to str
    results : path
        The results folder.
    """

    def __init__(self, rule: str, wildcards: Mapping[str, str], results: str | Path):
        self._path = _path(rule, wildcards, results)
        self.about = {
            "rule": rule, "wildcards": dict(wildcards), "pid": os.getpid(), "host": platform.node(),
            "slurm_job": os.environ.get("SLURM_JOB_ID"), "started": time.time(),
        }  # fmt: skip
        self.is_counting = False
        self._written_s = -_EVERY_S

    def is_due(self, every_s: float) -> bool:
        """Return whether the last writing is that long ago."""
        return time.monotonic() - self._written_s >= every_s

    def write(self, **told) -> None:
        """Replace the file; a file system that refuses it does not end the job."""
        self.about |= {"updated": time.time(), **told}
        self._written_s = time.monotonic()
        temporary = self._path.with_name(f"{self._path.name}~")
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(self.about), encoding="utf-8")
            os.replace(temporary, self._path)


def _path(rule: str, wildcards: Mapping[str, str], results: str | Path) -> Path:
    parts = [rule, *(str(value) for value in wildcards.values())]
    return Path(results, FOLDER, ",".join(quote(part, safe="") for part in parts))


def remove(rule: str, wildcards: Mapping[str, str], results: str | Path) -> None:
    """Remove the file of a job."""
    with contextlib.suppress(OSError):
        _path(rule, wildcards, results).unlink(missing_ok=True)


@contextlib.contextmanager
def reporting(
    rule: str, wildcards: Mapping[str, str], results: str | Path, stays: bool = True
) -> Iterator[None]:
    """Keep the status of this process' job while the block runs.

    That of a failed job stays, unless ``stays`` is false, and where a display reads the status, that of
    a finished one, until the display has read its last count.
    """
    global _current
    _current = JobStatus(rule, wildcards, results)
    _current.write()
    try:
        yield
    finally:
        if not stays or ("failed" not in _current.about and not os.environ.get(READ)):
            remove(rule, wildcards, results)
        elif "failed" not in _current.about:
            _current.write(is_done=True)
        _current = None


def report(
    composed: Callable[[], tuple[Sequence[str], float | None]], is_last: bool = False
) -> None:
    """Put a count into the status, at most once a second, or where it is the last.

    Parameters
    ----------
    composed : callable
        Is called when it is time, and returns parts of a line, the most important first, and the
        seconds that are left, or None.
    """
    if _current is not None and (is_last or _current.is_due(_EVERY_S)):
        _current.is_counting = True
        parts, left_s = composed()
        _current.write(parts=list(parts), left_s=left_s)


def note(text: str) -> None:
    """Put a message into the status, unless that has a count."""
    if _current is not None and not _current.is_counting and _current.is_due(_NOTES_S):
        _current.write(parts=[text], left_s=None)


def fail(sentence: str, is_stop: bool = False) -> None:
    """Put into the status, which stays, why the job ends: by a fault, or because it was told to stop."""
    if _current is not None:
        _current.write(failed=sentence, is_stop=is_stop)


def current_name() -> str | None:
    """Return the name of the job of this process, or None."""
    return _current and name(_current.about["rule"], _current.about["wildcards"])


def name(rule: str, wildcards: Mapping[str, str], is_short: bool = False) -> str:
    """Return the name of a job: ``train demo first f2p0s1``, or short ``first f2p0s1``.

    The short one is for a run of one experiment. The member keeps the name that its files have.
    """
    parts = [rule, *(str(value) for value in wildcards.values())]
    if is_short and "experiment" in wildcards:
        parts = [str(value) for key, value in wildcards.items() if key != "experiment"]
        if rule != "train":
            parts.insert(0, rule)
    return " ".join(parts)
