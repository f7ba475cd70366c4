"""A run: the main process of the workflow, one per results folder, and signals to stop.

* `restart_in_utf8`: read names of files as UTF-8, whatever the locale says.
* `hold_lock`, `has_lock`: take the lock of a results folder for as long as this process lives.
* `lock_fault`: why a folder cannot be locked.
* `announce`: tell the jobs how the run was started; `environment`: that and more, for records.
* `is_head_gone`: whether the main process has ended.
* `clear_stale_locks`: remove the locks that a killed run of Snakemake has left.
* `is_only_looking`, `is_forced`: whether a command line starts no job, or makes again what is there.
* `digest_of_file`: of a file that no run changes.
* `refuse_containers`: of a deployment that no rule has.
* `lost_metadata`: say so where Snakemake's own records are gone.
* `catch_signals`: SIGTERM (a scheduler takes the machine back) and SIGINT (a person) set a flag only.
* `Stopped`: raised by work that saw the flag and has kept what it needs to go on later.
"""

import codecs
import contextlib
import fcntl
import functools
import hashlib
import itertools
import os
import platform
import re
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dawnchorus.runtime import file_locks, provenance

LOCK = ".run.lock"
COMMAND = "DAWNCHORUS_COMMAND"  # environment variable: how the main process was started
HEAD = "DAWNCHORUS_HEAD"  # environment variable: which process it is, on which host
_kept: list[file_locks.Lock] = []  # for as long as this process lives


def restart_in_utf8() -> None:
    """Start this process again in Python's UTF-8 mode, where it reads names in another encoding.

    Under a locale of Latin-1 or ASCII a name in UTF-8 would be other letters than in a label file, or
    none. The mode cannot be changed in a process that has begun.

    Raises
    ------
    ValueError
        Where the mode has been asked for and is not there.
    """
    found = codecs.lookup(sys.getfilesystemencoding()).name
    if found == "utf-8":
        return
    if os.environ.get("PYTHONUTF8") == "1":
        raise ValueError(
            f"names of files are read as {found}, although PYTHONUTF8 is 1; expected UTF-8: start "
            "Python without -E and -I, or set LC_ALL to a locale of UTF-8"
        )
    os.environ["PYTHONUTF8"] = "1"
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def hold_lock(results: str | Path) -> None:
    """Take the lock of a results folder until this process ends, however it ends.

    Raises
    ------
    ValueError
        Where another run has it: who, where, since when; or where its file system has no locks.
    """
    try:
        _kept.append(file_locks.take(Path(results) / LOCK, {}))
    except file_locks.Held as held:
        raise ValueError(
            f"{results} is in use by {held}; wait until that run has ended, or end it (what has ended "
            f"on another host is known to have after {file_locks.FRESH_S:.0f} s)"
        ) from None
    except OSError as error:
        raise ValueError(_no_locks(results, error)) from None


def lock_fault(folder: str | Path) -> str | None:
    """Return a sentence where the file system of a folder has no file locks, or None."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return _no_locks(folder, error)
    return None


def _no_locks(folder: str | Path, error: OSError) -> str:
    return (
        f"{os.path.abspath(folder)} cannot be locked ({error.strerror}): its file system has no file "
        "locks, which keep a second run out; work in a folder on a local disk, or make results a link "
        "to one, or mount this one with locks (NFS: without nolock; Lustre: with flock)"
    )


def has_lock() -> bool:
    """Return whether this process has the lock of its results folder."""
    return bool(_kept)


def announce(arguments: Iterable[str]) -> None:
    """Tell the jobs of this run, for their records, how it was started."""
    os.environ[COMMAND] = shlex.join(["snakemake", *arguments])
    os.environ[HEAD] = f"{os.getpid()}@{platform.node()}"


def is_head_gone() -> bool:
    """Return whether the main process of this job's run, on this host, has ended.

    A job of a cluster outlives it on purpose, so that a later run finds what it has made.
    """
    process, _, host = os.environ.get(HEAD, "").partition("@")
    if not process or host != platform.node() or os.environ.get("SLURM_JOB_ID"):
        return False
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return True
    # the state follows the name, which may hold blanks and brackets: Z and X have ended
    return stat.rpartition(")")[2].split()[0] in "ZX"


def environment(command: str = "") -> dict[str, Any]:
    """Return what every record holds of packages, their lock, machine and command line.

    Parameters
    ----------
    command : str, optional
        Of a process that no run has started.
    """
    # of a clone, whose environment is made from it; installed by pip there is none
    lock = Path(__file__).parents[3] / "uv.lock"
    return {
        **({"lock": digest_of_file(str(lock))} if lock.is_file() else {}),
        "versions": provenance.versions() | {"python": platform.python_version()},
        "machine": f"{platform.system()} {platform.machine()}",
        "command": os.environ.get(COMMAND, command),
    }


def clear_stale_locks(persistence: str | Path = ".snakemake") -> None:
    """Remove the locks that a killed Snakemake has left; call this with the run's lock held.

    Snakemake's lock is a file, which outlives a killed process. Ours does not: who holds it knows
    that no other run works on these results, so Snakemake's is stale.
    """
    shutil.rmtree(Path(persistence) / "locks", ignore_errors=True)


@functools.cache
def digest_of_file(path: str) -> str:
    """Return the SHA-256 of a file that no run changes, such as a model; of one path once in a run."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lost_metadata(results: str | Path, persistence: str | Path = ".snakemake") -> str | None:
    """Return a sentence where results are there and Snakemake's records of them are not."""
    made = any(Path(results).glob("*/folds.csv"))
    records = Path(persistence) / "metadata"
    if not made or (records.is_dir() and any(records.iterdir())):
        return None
    return (
        f"warning: {records} is gone, so changed settings cannot be seen; `dawnchorus verify {results}` "
        "checks that the files are whole, and `snakemake --forceall` makes everything again"
    )


# of Snakemake 9; --touch is here because it starts no job, though it writes records
_LOOKING = (
    "--dry-run", "--dryrun", "--lint", "--unlock", "--summary", "--detailed-summary", "--dag",
    "--rulegraph", "--filegraph", "--d3dag", "--list", "--list-rules", "--list-target-rules",
    "--list-untracked", "--list-params-changes", "--list-input-changes", "--report", "--touch",
    "--cleanup-metadata", "--conda-create-envs-only",
)  # fmt: skip


def is_only_looking(arguments: Iterable[str]) -> bool:
    """Return whether a command line of Snakemake starts no job, and so needs no lock."""
    # -n may stand among other flags without a value: -np, -qn
    return any(
        argument.split("=")[0] in _LOOKING or re.fullmatch(r"-[npqkFft]*n[npqkFft]*", argument)
        for argument in arguments
    )


_FORCING = ("--force", "--forceall", "--forcerun")


def is_forced(arguments: Iterable[str]) -> bool:
    """Return whether a command line of Snakemake makes again what is there and not stale."""
    return any(
        argument.split("=")[0] in _FORCING or re.fullmatch(r"-[npqkt]*[FfR].*", argument)
        for argument in arguments
    )


def refuse_containers(arguments: Sequence[str]) -> None:
    """Refuse software deployment in containers: no rule names one, and jobs would run without a word.

    Raises
    ------
    ValueError
    """
    for index, argument in enumerate(arguments):
        option, _, value = argument.partition("=")
        if option not in ("--sdm", "--software-deployment-method", "--deployment-method"):
            continue
        # several methods may follow
        given = [
            value,
            *itertools.takewhile(lambda v: not v.startswith("-"), arguments[index + 1 :]),
        ]
        if found := [one for one in given if one in ("apptainer", "singularity")]:
            raise ValueError(
                f"{option} {found[0]}: no rule names a container, so jobs would run outside of any; run "
                "the whole command in an image instead (envs/Dockerfile, docs/cluster.md), or use conda"
            )


_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(Exception):
    """The work was told to stop and can be taken up again."""


@contextlib.contextmanager
def catch_signals() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether a signal to stop has come since the block began."""
    told = []
    before = {number: signal.signal(number, lambda *_: told.append(True)) for number in _SIGNALS}
    try:
        yield lambda: bool(told)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
