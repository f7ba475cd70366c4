"""How far a prediction has come: on one line of a terminal, or a dated line now and then.

* `PredictionProgress`: files, hours of sound, times real time, time left.
"""

import sys
import time
from datetime import datetime

_TERMINAL_S = 0.2  # between two lines on a terminal
_PLAIN_S = 30.0  # and where there is none


class PredictionProgress:
    """Counts files and seconds, and says them on standard error.

    Parameters
    ----------
    n_files, n_bytes : int
        To be scored.
    """

    def __init__(self, n_files: int, n_bytes: int):
        self._n_files, self._n_bytes = n_files, n_bytes
        self._files = self._bytes = 0
        self._seconds = 0.0
        self._started = self._said = time.monotonic()
        self._is_terminal = sys.stderr.isatty()

    def heard(self, seconds: float) -> None:
        """Take note of so many more seconds of sound."""
        self._seconds += seconds
        self._say_in_time()

    def done(self, n_bytes: int) -> None:
        """Take note of one more file, of so many bytes."""
        self._files, self._bytes = self._files + 1, self._bytes + n_bytes
        self._say_in_time()

    def say(self, text: str) -> None:
        """Say a line that stays."""
        now = "" if self._is_terminal else f"{datetime.now():%Y-%m-%d %H:%M:%S} "
        print(f"{_cleared(self._is_terminal)}{now}{text}", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Say how it went."""
        self.say(self._text(time.monotonic()))

    def _say_in_time(self) -> None:
        now = time.monotonic()
        if now - self._said < (_TERMINAL_S if self._is_terminal else _PLAIN_S):
            return
        self._said = now
        text = self._text(now)
        # by the bytes of the files that are done, as lengths are not known before they are decoded
        if self._bytes:
            left_s = (self._n_bytes - self._bytes) * (now - self._started) / self._bytes
            hours, rest = divmod(round(left_s), 3600)
            text += f", {hours}:{rest // 60:02d}:{rest % 60:02d} left"
        if self._is_terminal:
            print(f"{_cleared(True)}{text}", end="", file=sys.stderr, flush=True)
        else:
            self.say(text)

    def _text(self, now: float) -> str:
        taken_s = max(now - self._started, 1e-3)
        return (
            f"{self._files} of {self._n_files} files, {self._seconds / 3600:.2f} h of sound, "
            f"{self._seconds / taken_s:.0f} times real time"
        )


def _cleared(is_terminal: bool) -> str:
    return "\r\x1b[K" if is_terminal else ""
