"""File locks that hold across hosts: the kernel's lock, and a heartbeat beside it.

The kernel gives a lock back when its process ends, however it ends. But not every network file system
carries locks to other hosts. So the locked file says who has it, and its holder renews the file's time
every `BEAT_S` seconds: what another host has renewed in the last `FRESH_S` seconds is held, whether or
not the kernel of this host knows.

* `take`: the lock of a file, or `Held`.
* `holder`: who has the lock of a file.
* `describe`: a holder in words.
"""

import contextlib
import fcntl
import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

BEAT_S = 10.0
FRESH_S = 60.0  # several beats: a busy server may be late with one
Owner = dict[str, Any]


class Held(Exception):
    """Another process has the lock; ``owner`` says which."""

    def __init__(self, owner: Owner):
        super().__init__(describe(owner))
        self.owner = owner


class Lock:
    """A lock that this process has, until `release` or its end.

    Parameters
    ----------
    path : path
        The locked file.
    descriptor : int
        Of the open file; the kernel's lock lives as long as it.
    """

    def __init__(self, path: Path, descriptor: int):
        self._path, self._descriptor = path, descriptor
        self._is_over = threading.Event()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def _beat(self) -> None:
        while not self._is_over.wait(BEAT_S):
            with contextlib.suppress(OSError):  # a server that is away for a moment
                os.utime(self._descriptor)

    def release(self) -> None:
        """Give the lock back and remove its file."""
        self._is_over.set()
        # while the lock is held: whoever waits for it sees that the name is gone, and begins anew
        with contextlib.suppress(OSError):
            os.unlink(self._path)
        os.close(self._descriptor)


def take(
    path: str | Path, about: Mapping[str, Any], wait: Callable[[Owner], object] | None = None
) -> Lock:
    """Return the lock of a file, which is made with its folder where it is not there.

    Parameters
    ----------
    path : path
    about : mapping
        What the file says of this process beside host, process, SLURM job and time, as JSON.
    wait : callable, optional
        Called with the holder as often as the lock is not free, before the next try: it sleeps, or
        raises. Without it a held lock is `Held`.

    Raises
    ------
    Held
    OSError
        Where the folder cannot be written or its file system has no locks.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    owner = {
        "host": platform.node(), "process": os.getpid(), "slurm_job": os.environ.get("SLURM_JOB_ID"),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"), **about,
    }  # fmt: skip
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            found = _other(descriptor, path)
            if found is None:
                text = json.dumps(owner, ensure_ascii=False).encode()
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, text, 0)
                os.fsync(descriptor)
                return Lock(path, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        if found and wait is None:
            raise Held(found)
        if found and wait is not None:
            wait(found)


def _other(descriptor: int, path: Path) -> Owner | None:
    """Return who else has the lock; None where it is ours now; {} where the file has gone meanwhile."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor)
    try:
        if os.stat(path).st_ino != os.fstat(descriptor).st_ino:
            return {}
    except FileNotFoundError:
        return {}
    owner = _read(descriptor)
    # of this host the kernel knows; of another one the time tells
    is_elsewhere = owner.get("host") not in (None, platform.node())
    return owner if is_elsewhere and _age_s(descriptor, path) < FRESH_S else None


def _read(descriptor: int) -> Owner:
    """Return what a locked file says of its holder; at least that it is unknown."""
    try:
        owner = json.loads(os.pread(descriptor, 1 << 16, 0))
    except ValueError:
        owner = None
    return owner if isinstance(owner, dict) else {"process": None}


def _age_s(descriptor: int, path: Path) -> float:
    """Return the seconds since the last beat, by the clock of the file server alone."""
    probe = path.with_name(f".{path.name[:40]}.{uuid.uuid4().hex[:12]}.tmp")
    probe.touch()
    try:
        return probe.stat().st_mtime - os.fstat(descriptor).st_mtime
    finally:
        probe.unlink()


def holder(path: str | Path) -> Owner | None:
    """Return who has the lock of a file; None where nobody has, or the file is not there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # shared: two that look do not take each other for a holder
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor)
    except OSError:
        return None
    else:
        owner = _read(descriptor)
        is_elsewhere = owner.get("host") not in (None, platform.node())
        try:
            is_fresh = is_elsewhere and _age_s(descriptor, Path(path)) < FRESH_S
        except OSError:  # a folder that only others may write to
            is_fresh = is_elsewhere and time.time() - os.fstat(descriptor).st_mtime < FRESH_S
        return owner if is_fresh else None
    finally:
        os.close(descriptor)


def describe(owner: Mapping[str, Any]) -> str:
    """Return a holder in words: ``process 12 on c1 (SLURM job 34), since 2026-11-30 10:00:00``."""
    if owner.get("process") is None:
        return "an unknown process"
    job = f" (SLURM job {owner['slurm_job']})" if owner.get("slurm_job") else ""
    return f"process {owner['process']} on {owner.get('host')}{job}, since {owner.get('since')}"
