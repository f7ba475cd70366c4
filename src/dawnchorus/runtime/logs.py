"""Messages of jobs and commands, in the log file and on the terminal.

* `log_to`: log file and terminal for a block.
* `log_error`: an error as one line, in the log above its traceback.
* `progress`, `TrainingProgress`: how far long work has come, in the job's status, and as a line now and
  then.
* `DISPLAY`: how a job knows that a live display shows its standard error.
* `terminal_progress`: the same for a command, on one line of the terminal.
"""

import contextlib
import errno
import logging
import math
import os
import platform
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from dawnchorus.runtime import job_status, run

DISPLAY = "DAWNCHORUS_DISPLAY"  # environment variable: the pipe that a live display reads
ATTEMPT = "# again"  # begins the line above a further attempt of a job in its log
LOG = logging.getLogger("dawnchorus")


@contextlib.contextmanager
def log_to(path: str | Path, kept: str | Path | None = None) -> Iterator[None]:
    """Send what is logged in this block to a file and to the terminal.

    The file is made anew; a further attempt of the same run, whose main process `run.HEAD` names, is
    appended to it.

    Parameters
    ----------
    path : path
    kept : path, optional
        A second name of the file, from which it comes back: Snakemake removes the log of a job before it
        repeats the job.
    """
    _begin(Path(path), None if kept is None else Path(kept))
    # appending: `log_error` writes to the same file, and neither may write over the other
    file = logging.FileHandler(path, mode="a", encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    # the terminal gets all with date and job, or what a live display has no line for
    terminal, name = logging.StreamHandler(sys.stderr), job_status.current_name()
    text, date = "%(asctime)s %(message)s", "%H:%M:%S"
    if name is not None:
        name = name.replace("%", "%%")
        text, date = f"%(asctime)s {name}: %(message)s", "%Y-%m-%d %H:%M:%S"
    if is_displayed():
        text = f"{name}: %(message)s"
        # warnings of trainings are INFO with this word before them; errors come at the end of the run
        terminal.addFilter(
            lambda record: (
                record.levelno == logging.WARNING or record.getMessage().startswith("warning:")
            )
        )
    terminal.setFormatter(logging.Formatter(text, date))
    handlers = [file, terminal, _Notes()]
    for handler in handlers:
        LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    # a library that sets up the root logger would print each line again
    LOG.propagate = False
    try:
        yield
    finally:
        for handler in handlers:
            LOG.removeHandler(handler)
            handler.close()


def _begin(path: Path, kept: Path | None) -> None:
    """Make a log, with a line that names the run, or begin a further attempt in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head, number = os.environ.get(run.HEAD), os.environ.get("SLURM_JOB_ID")
    first = f"# run of {head}\n" if head else ""
    if kept is not None and not path.exists():
        with contextlib.suppress(OSError):
            os.link(kept, path)
    with open(path, "a+b") as file:
        file.seek(0)
        if first and file.readline() == first.encode():
            where = f"{platform.node()}, process {os.getpid()}"
            where += f", SLURM job {number}" if number else ""
            file.write(f"{ATTEMPT} {time.strftime('%Y-%m-%d %H:%M:%S')} on {where}\n".encode())
        else:
            file.truncate(0)
            file.write(first.encode())
    if kept is not None:
        # a file system without hard links keeps the last attempt alone
        with contextlib.suppress(OSError):
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.unlink(missing_ok=True)
            os.link(path, kept)


class _Notes(logging.Handler):
    """Messages in the status of the job, for as long as it counts nothing."""

    def emit(self, record: logging.LogRecord) -> None:
        """Note a message below a warning as what the job does; see `logging.Handler.emit`."""
        if record.levelno < logging.WARNING:
            job_status.note(record.getMessage())


def is_displayed() -> bool:
    """Return whether standard error is the pipe that a live display of this machine reads."""
    try:
        return os.environ.get(DISPLAY) == pipe_name(sys.stderr.fileno())
    except (OSError, ValueError):  # closed, or no file
        return False


def pipe_name(descriptor: int) -> str:
    """Return what tells one open pipe of this machine from another."""
    found = os.fstat(descriptor)
    return f"{found.st_dev}:{found.st_ino}"


def log_error(error: BaseException, path: str | Path) -> None:
    """Log an error: one line for the terminal, and in the log its traceback below that line."""
    job_status.fail(one_line(error))
    LOG.error("error: %s", one_line(error))
    with open(path, "a", encoding="utf-8") as file:
        file.write("".join(traceback.format_exception(error)))


def one_line(error: BaseException) -> str:
    """Return an error as one line: its message, or its type where it has none."""
    text = " ".join(str(error).split())
    if failed := re.search(r"errno = \d+, error message = '([^']+)'", text):  # HDF5's own words
        return f"a file cannot be written: {failed[1]}; make room and run again"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" ({error.filename})" if error.filename else ""
        return f"a file cannot be written: {error.strerror}{where}; make room and run again"
    named = isinstance(error, (ValueError, OSError)) and text
    return text if named else f"{type(error).__name__}: {text}".rstrip(": ")


def terminal_progress() -> Callable[[int, int], None] | None:
    """Return what shows on a terminal how many of all files are done; None where there is none."""
    if not sys.stderr.isatty():
        return None
    last_s = [0.0]

    def said(done: int, total: int) -> None:
        if done == total:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - last_s[0] > 0.2:
            last_s[0] = time.monotonic()
            print(f"\r{done} of {total} files", end="", file=sys.stderr, flush=True)

    return said


class progress:  # noqa: N801  reads like a function where it is used
    """Log how far long work has come, at most every ``every_s`` seconds.

    Parameters
    ----------
    what : str
        Unit of the work, in the plural: ``recordings``.
    total : int
        Number of units.
    """

    def __init__(self, what: str, total: int, every_s: float = 10.0):
        self.what, self.total, self.every_s = what, total, every_s
        self.done, self.audio_s, self.started = 0, 0.0, time.monotonic()
        self.said = self.started

    def step(self, n: int = 1, audio_s: float = 0.0) -> None:
        """Count ``n`` more units, and seconds of sound; log that when it is time."""
        self.done += n
        self.audio_s += audio_s
        job_status.report(self._status, is_last=self.done == self.total)
        now = time.monotonic()
        if self.done and now - self.said >= self.every_s:
            self.said = now
            how_far = f"{self.done} of {self.total} {self.what}"
            LOG.info("%s, %.1f/s, %.0f s left", how_far, self._rate(), self._left_s())

    def _rate(self) -> float:
        return self.done / max(time.monotonic() - self.started, 1e-3)

    def _left_s(self) -> float:
        return (self.total - self.done) / max(self._rate(), 1e-9)

    def _status(self) -> tuple[list[str], float | None]:
        rate = self._rate()
        parts = [f"{self.done}/{self.total} {self.what}", f"{rate:.{0 if rate >= 10 else 1}f}/s"]
        if self.audio_s:
            sizes = (
                (3600.0, f"{self.audio_s / 3600:.1f} h"),
                (60.0, f"{self.audio_s / 60:.0f} min"),
            )
            said = [text for least, text in sizes if self.audio_s >= least]
            parts.append(f"{(said or [f'{self.audio_s:.0f} s'])[0]} of audio")
        return parts, self._left_s() if self.done else None


_TIMED_S = 2.0  # of steps, before the time that is left is told
# which of what an epoch measures is shown, the first that is a number
_SHOWN = {"val_map_macro": "val mAP", "val_accuracy": "val accuracy", "val_loss": "val loss"}


class TrainingProgress:
    """Report how far a training has come.

    Parameters
    ----------
    epochs, steps : int
        Epochs, and steps of each.
    training : object
        Has ``epoch`` and ``step`` (of those that are done), ``loss_sum`` of the epoch and ``history``.
    """

    def __init__(self, epochs: int, steps: int, training):
        self._epochs, self._steps, self._training = epochs, steps, training
        self._started, self._first = 0.0, -1  # time and number of the first step that is timed
        self._epoch, self._epoch_started, self._windows = training.epoch, 0.0, 0

    def step(self, n_windows: int) -> None:
        """Count a step of so many windows."""
        if self._first < 0:
            # the step before it has built the network's program, which takes many times as long
            self._started, self._first = time.monotonic(), self._taken()
        if self._training.epoch != self._epoch or not self._epoch_started:
            self._epoch, self._windows = self._training.epoch, 0
            self._epoch_started = time.monotonic()
            return  # windows count from the step after this one
        self._windows += n_windows
        job_status.report(self._status)

    def end_epoch(self) -> None:
        """Report what an epoch has measured."""
        job_status.report(self._status, is_last=True)

    def _taken(self) -> int:
        return self._training.epoch * self._steps + self._training.step

    def _status(self) -> tuple[list[str], float | None]:
        training, now = self._training, time.monotonic()
        row = training.history[-1] if training.history else {}
        # between two epochs nothing of the next is known
        loss = float(training.loss_sum) / training.step if training.step else row.get("loss")
        parts = [f"epoch {training.epoch + bool(training.step)}/{self._epochs}"]
        parts += [] if loss is None else [f"loss {loss:.3g}"]
        for key, shown in _SHOWN.items():
            if not math.isnan(row.get(key, math.nan)):
                parts.append(f"{shown} {row[key]:.2f}")
                break
        if self._windows:
            rate = self._windows / max(now - self._epoch_started, 1e-3)
            parts.append(f"{rate:.0f} windows/s")
        n, left = self._taken() - self._first, self._epochs * self._steps - self._taken()
        is_timed = self._first >= 0 and n > 0 and now - self._started >= _TIMED_S
        return parts, left * (now - self._started) / n if is_timed else None
