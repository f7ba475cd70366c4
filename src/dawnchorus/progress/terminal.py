"""A live display: lines at the bottom of a terminal, and what is printed above them.

* `LiveTerminal`: captures standard error (and output) of this process and of its children, prints
  what they say above the live lines, and gives all back when it is closed.
* `is_fit`: whether standard error is a terminal on which lines can be drawn.

Jobs inherit the pipe that stands for standard error here, so nothing they print, of libraries in C as
well, falls into the middle of the lines. A killed process leaves the terminal as it was: no mode of it
is changed, the cursor stays visible.
"""

import contextlib
import os
import select
import sys
import threading
from collections.abc import Callable, Mapping, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from dawnchorus.runtime import logs

_READ = 1 << 16  # bytes
_PATIENCE_S = 0.3  # until a line without its end is printed


def is_fit(environment: Mapping[str, str]) -> bool:
    """Return whether standard error is a terminal that understands where to draw; none in CI."""
    is_dumb = environment.get("TERM", "dumb") == "dumb" or bool(environment.get("CI"))
    return os.isatty(2) and not is_dumb


class LiveTerminal:
    """Lines that are drawn again and again, below all that is printed.

    Parameters
    ----------
    has_colour : bool
    """

    def __init__(self, has_colour: bool = True):
        self._lock = threading.RLock()
        self._live: Live | None = None
        self._lines: list[str] = []
        self._rest = b""
        sys.stdout.flush()
        sys.stderr.flush()
        captured = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]
        self._saved = {descriptor: os.dup(descriptor) for descriptor in captured}
        self._source, sink = os.pipe()
        for descriptor in captured:
            os.dup2(sink, descriptor)
        os.close(sink)
        os.environ[logs.DISPLAY] = logs.pipe_name(2)
        self._screen = os.fdopen(os.dup(self._saved[2]), "w", encoding="utf-8", errors="replace")
        self._console = Console(
            file=self._screen, force_terminal=True, no_color=not has_colour or None, highlight=False,
            emoji=False, markup=False,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True, name="captured output")
        self._reader.start()

    def size(self) -> tuple[int, int]:
        """Return cells and lines of the terminal, as it is now."""
        with contextlib.suppress(OSError):
            found = os.get_terminal_size(self._screen.fileno())
            if found.columns and found.lines:
                return found.columns, found.lines
        return 80, 24

    def draw(self, compose: Callable[[int, int], Sequence[Text]]) -> None:
        """Draw live lines, where they differ from those that are there.

        Parameters
        ----------
        compose : callable
            Returns the lines for cells and lines of the terminal; none may be wider.
        """
        with self._lock:
            width, height = self.size()
            lines = compose(width - 1, height)
            # the line below them, where a shell goes on after a kill
            plain = [*(line.markup for line in lines), f"{width}"]
            if not self._saved or plain == self._lines or not (lines or self._live):
                return
            self._lines = plain
            self._console.size = (width, height)
            for line in lines:
                line.no_wrap, line.overflow = True, "crop"
            drawn = Group(*lines, Text(""))
            if self._live is None:
                self._live = Live(
                    drawn, console=self._console, auto_refresh=False, transient=True,
                    redirect_stdout=False, redirect_stderr=False, vertical_overflow="crop",
                )  # fmt: skip
                self._live.start()
                self._console.show_cursor(True)
            self._live.update(drawn, refresh=True)

    def say(self, text: str) -> None:
        """Print text above the live lines."""
        with self._lock:
            self._console.size = self.size()
            # a terminal breaks long lines itself, and knows them as one when it is copied
            self._console.print(Text.from_ansi(text), soft_wrap=True)

    def close(self) -> None:
        """Remove the live lines, print what is still to come, and give the terminal back."""
        with self._lock:
            if not self._saved:
                return
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, saved in self._saved.items():
                os.dup2(saved, descriptor)
                os.close(saved)
            self._saved = {}
        os.environ.pop(logs.DISPLAY, None)
        # the pipe ends with its last writer; a child that lives on does not hold us up
        self._reader.join(1.0)
        with self._lock:
            if self._live is not None:
                self._live.stop()
                self._live = None
            self._screen.flush()

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select([self._source], [], [], _PATIENCE_S)
            if ready:
                content = os.read(self._source, _READ)
                *lines, self._rest = (self._rest + content).split(b"\n")
                self._print(lines)
            if self._rest and (not ready or not content):
                self._print([self._rest])
                self._rest = b""
            if ready and not content:
                os.close(self._source)
                return

    def _print(self, lines: Sequence[bytes]) -> None:
        # what a line was before it went back to its beginning has been written over
        texts = [line.rstrip(b"\r").rpartition(b"\r")[2] for line in lines]
        if texts:
            self.say(b"\n".join(texts).decode("utf-8", "replace"))
