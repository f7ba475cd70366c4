"""A terminal for tests: a process runs on it, and what it draws is kept as lines of text."""

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

_SEQUENCE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])")


class Screen:
    """What is seen on a terminal, and what has scrolled out of it.

    Attributes
    ----------
    lines : list of str
        From the first line that was ever printed to the last.
    widest : int
        Cells of the longest line that was drawn.
    has_cursor : bool
        Whether the cursor is visible.
    unknown : set of str
        Sequences that are not understood.
    """

    def __init__(self, width: int):
        self.width, self.lines, self.row, self.column = width, [""], 0, 0
        self.widest, self.has_cursor, self.unknown = 0, True, set()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, content: bytes) -> None:
        text = self._rest + self._decoder.decode(content)
        at = 0
        while at < len(text):
            character = text[at]
            if character == "\x1b":
                found = _SEQUENCE.match(text, at)
                if found is None and len(text) - at < 16:
                    break  # the end of the sequence is still to come
                self._move(*(found.groups() if found else ("", "?")))
                at = found.end() if found else at + 1
                continue
            at += 1
            if character == "\r":
                self.column = 0
            elif character == "\n":
                self._go_down()
            else:
                self._put(character)
        self._rest = text[at:]

    def _go_down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")

    def _put(self, character: str) -> None:
        if self.column == self.width:  # as a terminal breaks a line
            self.column = 0
            self._go_down()
        line = self.lines[self.row].ljust(self.column)
        self.lines[self.row] = line[: self.column] + character + line[self.column + 1 :]
        self.column += 1
        self.widest = max(self.widest, self.column)

    def _move(self, numbers: str, what: str) -> None:
        n = int(numbers) if numbers.isdigit() else 1
        if what == "A":
            self.row = max(0, self.row - n)
        elif what == "K" and numbers in ("2", ""):
            self.lines[self.row] = "" if numbers else self.lines[self.row][: self.column]
        elif what in "hl" and numbers == "?25":
            self.has_cursor = what == "h"
        elif what != "m":
            self.unknown.add(numbers + what)

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines)


class OnScreen:
    """A process on a pseudo-terminal of some width."""

    def __init__(self, command, width: int, height: int = 24, **options):
        self.screen = Screen(width)
        self._pty, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        # a session of its own: signals to it reach nobody else
        self.process = subprocess.Popen(
            command, stdin=inner, stdout=inner, stderr=inner, start_new_session=True, **options
        )
        os.close(inner)

    def until(self, is_reached, timeout_s: float = 60.0) -> bool:
        """Draw until ``is_reached(text)``, or the end of the process; return whether it came."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if not self.draw():
                break
            if is_reached(self.screen.text()):
                return True
        return is_reached(self.screen.text())

    def draw(self) -> bool:
        """Draw what comes within a tenth of a second; return whether more may come."""
        if not select.select([self._pty], [], [], 0.1)[0]:
            return True
        try:
            content = os.read(self._pty, 65536)
        except OSError:  # the last writer has gone
            return False
        self.screen.feed(content)
        return bool(content)

    def wait(self, timeout_s: float = 60.0) -> int:
        """Draw to the end and return the exit status."""
        self.until(lambda text: False, timeout_s)
        return self.process.wait(5)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._pty)
