"""Messages of jobs and commands, in the log file and on the terminal.

* `log_to`: log file and terminal for a block.
* `log_error`: an error as one line, in the log above its traceback.
* `progress`: one line about long work, at most every few seconds.
* `terminal_progress`: the same for a command, on one line of the terminal.
"""

import contextlib
import errno
import logging
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

LOG = logging.getLogger("dawnchorus")


@contextlib.contextmanager
def log_to(path: str | Path) -> Iterator[None]:
    """Send what is logged in this block to a file, made anew, and to the terminal."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(b"")
    # appending: `log_error` writes to the same file, and neither may write over the other
    file = logging.FileHandler(path, mode="a", encoding="utf-8")
    handlers = [file, logging.StreamHandler(sys.stderr)]
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
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


def log_error(error: BaseException, path: str | Path) -> None:
    """Log an error: one line for the terminal, and in the log its traceback below that line."""
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
        self.done, self.started = 0, time.monotonic()
        self.said = self.started

    def step(self, n: int = 1) -> None:
        """Count ``n`` more units, and log that when it is time."""
        self.done += n
        now = time.monotonic()
        if self.done and now - self.said >= self.every_s:
            self.said = now
            rate = self.done / max(now - self.started, 1e-3)
            left_s = (self.total - self.done) / rate
            how_far = f"{self.done} of {self.total} {self.what}"
            LOG.info("%s, %.1f/s, %.0f s left", how_far, rate, left_s)
