"""Matching of detected events to annotated ones (the ground truth).

Two events agree where their onsets lie within a collar and their offsets within another one, which
may grow with the length of the annotated event; a distance of just the collar agrees. Each event is
matched once at most. Of all matchings the best is taken: with the most pairs of one class, and of
those the one with the most further pairs of different classes (substitutions), so that no count
depends on the order of events. sed_eval 0.2.1 takes substitutions first come, first served from what
one of the matchings with the most pairs of one class has left, and may find fewer.

Events are numbers here, apart from `dawnchorus.formats.event`, which every start of a run reads.
Axes: E events, P pairs.

* `Spans`, `spans`, `numbered`: events as arrays; the place of each name.
* `Collars`: how far apart two times may be.
* `agreements`: pairs of events that agree.
* `best_pairs`: the best matching of them.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dawnchorus.formats.event import TOLERANCE_S, Event, checked_events

_SHOWN = 5  # offenders named in a message


class Spans(NamedTuple):
    """E events as arrays, shape (E,): whose they are and of which class (numbers), from, to [s]."""

    recording: np.ndarray
    label: np.ndarray
    onset_s: np.ndarray
    offset_s: np.ndarray


class Collars(NamedTuple):
    """How far the times of a detected event may be from those of an annotated event [s].

    ``onset_s``: of the onset; ``offset_s``: of the offset, or ``offset_share`` of the length of the
    annotated event where that is more. None: not compared. DCASE 2018 task 4 has the defaults.
    """

    onset_s: float | None = 0.2
    offset_s: float | None = 0.2
    offset_share: float = 0.2


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


def agreements(annotated: Spans, detected: Spans, collars: Collars) -> tuple[np.ndarray, ...]:
    """Return the pairs of events of one recording that agree, whatever their classes.

    Parameters
    ----------
    annotated, detected : Spans
        Of the same recordings.
    collars : Collars

    Returns
    -------
    rows, columns : array, shape (P,)
        Positions in ``annotated`` and in ``detected``.

    Raises
    ------
    ValueError
        Where collars are negative, not finite or compare nothing.
    """
    bad = [x for x in collars if x is not None and not (np.isfinite(x) and x >= 0)]
    if bad or collars.offset_share is None:
        raise ValueError(f"{collars!r}; expected finite numbers, at least 0, or None for a collar")
    if collars.onset_s is None and collars.offset_s is None:
        raise ValueError(f"{collars!r} compare neither onsets nor offsets; expected one at least")
    lengths = annotated.offset_s - annotated.onset_s
    onset_s, offset_s, share = collars
    if onset_s is None:
        return _near(annotated, detected, "offset_s", np.maximum(offset_s, share * lengths))
    rows, columns = _near(annotated, detected, "onset_s", np.full(len(lengths), onset_s))
    if offset_s is not None:
        apart = np.abs(annotated.offset_s[rows] - detected.offset_s[columns])
        is_near = apart <= np.maximum(offset_s, share * lengths[rows]) + TOLERANCE_S
        rows, columns = rows[is_near], columns[is_near]
    return rows, columns


def best_pairs(
    rows: np.ndarray, columns: np.ndarray, is_same: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the best matching among pairs that agree.

    Parameters
    ----------
    rows, columns : array, shape (P,)
        What `agreements` returned.
    is_same : array, shape (P,)
        Whether the two are of one class.

    Returns
    -------
    rows, columns : array
        The chosen pairs; no position stands in either twice.
    """
    chosen = np.zeros(len(rows), dtype=bool)
    if not len(rows):
        return rows, columns
    # pairs that hang together through shared events are assigned together, others need no choice:
    # one assignment over all events would take memory for events x events
    n = int(rows.max()) + 1
    size = n + int(columns.max()) + 1
    graph = coo_array((np.ones(len(rows)), (rows, n + columns)), shape=(size, size))
    component = connected_components(graph, directed=False)[1][rows]
    order = np.argsort(component, kind="stable")
    for pairs in np.split(order, np.flatnonzero(np.diff(component[order])) + 1):
        if len(pairs) == 1:
            chosen[pairs] = True
            continue
        row, row_number = np.unique(rows[pairs], return_inverse=True)
        column, column_number = np.unique(columns[pairs], return_inverse=True)
        position = np.full((len(row), len(column)), -1)
        position[row_number, column_number] = pairs
        # one pair of one class outweighs all pairs of different classes there can be
        most = min(position.shape) + 1
        gain = np.zeros(position.shape)
        gain[row_number, column_number] = np.where(is_same[pairs], most, 1)
        found = position[linear_sum_assignment(gain, maximize=True)]
        chosen[found[found >= 0]] = True  # -1: a pair that does not agree
    return rows[chosen], columns[chosen]


def _near(
    annotated: Spans, detected: Spans, field: str, radius_s: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of one recording whose times ``field`` are at most ``radius_s`` (E,) apart."""
    times, others = getattr(annotated, field), getattr(detected, field)
    # times become ranks, so that recording and time make one whole number to search for
    known = np.unique(others)
    base = len(known) + 1
    keys = detected.recording * base + np.searchsorted(known, others)
    order = np.argsort(keys, kind="stable")
    # a distance of just the collar agrees, however times were rounded
    radius_s = radius_s + TOLERANCE_S
    lowest = np.searchsorted(known, times - radius_s, side="left") + annotated.recording * base
    beyond = np.searchsorted(known, times + radius_s, side="right") + annotated.recording * base
    first = np.searchsorted(keys[order], lowest)
    n_near = np.searchsorted(keys[order], beyond) - first
    rows = np.repeat(np.arange(len(times)), n_near)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(n_near) - n_near, n_near)
    return rows, order[np.repeat(first, n_near) + within]
