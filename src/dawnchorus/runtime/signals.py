"""Being told to stop: SIGTERM from a scheduler that takes a machine back, SIGINT from a person.

* `heeded`: in this block both only set a flag.
* `Stopped`: raised by work that saw the flag and has kept what it needs to go on later.
"""

import contextlib
import signal
from collections.abc import Callable, Iterator

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(Exception):
    """The work was told to stop and can be taken up again."""


@contextlib.contextmanager
def heeded() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether a signal to stop has come since the block began."""
    told = []
    before = {number: signal.signal(number, lambda *_: told.append(True)) for number in _SIGNALS}
    try:
        yield lambda: bool(told)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
