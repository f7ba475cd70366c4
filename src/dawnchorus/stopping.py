"""Being told to stop: SIGTERM, as a scheduler sends it before it takes a machine back.

* `heeded`: in this block SIGTERM only sets a flag.
* `Stopped`: raised by work that saw the flag and has kept what it needs to go on later.
"""

import contextlib
import signal
from collections.abc import Callable, Iterator


class Stopped(Exception):
    """The work was told to stop and can be taken up again."""


@contextlib.contextmanager
def heeded() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether SIGTERM has come since the block began."""
    told = []
    before = signal.signal(signal.SIGTERM, lambda *_: told.append(True))
    try:
        yield lambda: bool(told)
    finally:
        signal.signal(signal.SIGTERM, before)
