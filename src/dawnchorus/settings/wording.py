"""What errors say of names and values.

* `nearest`: the names there are, and the one that was probably meant.
* `check_known`: a ValueError where a name is not among those there are.
* `shown`: a refused value, short.
"""

import difflib
from collections.abc import Iterable
from typing import Any

_SHOWN = 80  # characters of a refused value


def nearest(name: Any, known: Iterable[Any]) -> str:
    """Return what to add to an error about an unknown name."""
    names = sorted(map(str, known))
    near = difflib.get_close_matches(str(name), names, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    expected = f"{', '.join(names[:12])}{', ...' if len(names) > 12 else ''}"
    return f"; expected {expected or 'none, there are none'}{meant}"


def check_known(said: str, name: str, known: Iterable[str]) -> None:
    """Raise a ValueError where a name is not among those there are."""
    if name not in known:
        raise ValueError(f"{said}{nearest(name, known)}")


def shown(value: Any) -> str:
    """Return a refused value as an error shows it: short."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
