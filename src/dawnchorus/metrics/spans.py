"""Events as arrays, apart from `dawnchorus.formats.event`, which every start of a run reads.

* `Spans`, `spans`: events as numbers.
* `numbered`: the place of each name.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from dawnchorus.formats.event import Event, checked_events

_SHOWN = 5  # offenders named in a message


class Spans(NamedTuple):
    """E events as arrays, shape (E,): whose they are and of which class (numbers), from, to [s]."""

    recording: np.ndarray
    label: np.ndarray
    onset_s: np.ndarray
    offset_s: np.ndarray


def spans(events: Iterable[Event], ids: Sequence[str], classes: Sequence[str]) -> Spans:
    """Return events as arrays, in order of recording, onset, offset and class.

    Parameters
    ----------
    events : iterable of Event
    ids : sequence of str
        All N recordings; those without events as well.
    classes : sequence of str
        All C classes.

    Returns
    -------
    Spans
        ``recording`` from 0 to N - 1 and ``label`` from 0 to C - 1.

    Raises
    ------
    ValueError
        Where ids or classes repeat, an event is of no such recording or class, or `checked_events`
        refuses one.
    """
    events = checked_events(events)
    numbers = numbered(ids, "recording ids"), numbered(classes, "classes")
    for known, field, what in zip(numbers, (0, 3), ("recordings", "classes"), strict=True):
        if unknown := sorted({event[field] for event in events} - set(known)):
            raise ValueError(
                f"{len(unknown)} {what} of events are not among the {len(known)} given: "
                f"{unknown[:_SHOWN]}"
            )
    rows = [(numbers[0][one], numbers[1][label]) for one, _, _, label in events]
    codes = np.array(rows, dtype=np.int64).reshape(-1, 2)
    times = np.array([event[1:3] for event in events], dtype=np.float64).reshape(-1, 2)
    return Spans(codes[:, 0], codes[:, 1], times[:, 0], times[:, 1])


def numbered(names: Sequence[str], what: str) -> dict[str, int]:
    """Return the place of each name, or raise where one repeats; ``what`` they are, for the error."""
    found = {name: number for number, name in enumerate(names)}
    if len(found) != len(names):
        repeated = sorted({name for name in names if list(names).count(name) > 1})
        raise ValueError(f"{what} repeat: {repeated[:_SHOWN]}; expected each once")
    return found
