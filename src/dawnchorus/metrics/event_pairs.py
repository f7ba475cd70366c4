"""Which detected event stands for which reference event.

Two events agree where their onsets lie within a collar and their offsets within another one, which
may grow with the length of the reference event; a distance of just the collar agrees. Each event is
matched once at most. Of all matchings the best is taken: with the most pairs of one class, and of
those the one with the most further pairs of different classes (substitutions), so that no count
depends on the order of events. sed_eval 0.2.1 takes substitutions first come, first served from what
one of the matchings with the most pairs of one class has left, and may find fewer.

* `Collars`: how far apart is near.
* `agreements`: pairs of events that agree.
* `best_pairs`: the best matching of them.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dawnchorus.formats.event import TOLERANCE_S
from dawnchorus.metrics.spans import Spans


class Collars(NamedTuple):
    """How far the times of a detected event may be from those of a reference event [s].

    ``onset_s``: of the onset; ``offset_s``: of the offset, or ``offset_share`` of the length of the
    reference event where that is more. None: not compared. DCASE 2018 task 4 has the defaults.
    """

    onset_s: float | None = 0.2
    offset_s: float | None = 0.2
    offset_share: float = 0.2


def checked_collars(collars: Collars) -> Collars:
    """Return collars, or raise where they are negative, not finite or compare nothing."""
    bad = [x for x in collars if x is not None and not (np.isfinite(x) and x >= 0)]
    if bad or collars.offset_share is None:
        raise ValueError(f"{collars!r}; expected finite numbers, at least 0, or None for a collar")
    if collars.onset_s is None and collars.offset_s is None:
        raise ValueError(f"{collars!r} compare neither onsets nor offsets; expected one at least")
    return collars


def agreements(reference: Spans, detected: Spans, collars: Collars) -> tuple[np.ndarray, ...]:
    """Return the pairs of events of one recording that agree, whatever their classes.

    Parameters
    ----------
    reference, detected : Spans
        Of the same recordings.
    collars : Collars

    Returns
    -------
    rows, columns : array, shape (P,)
        Positions in ``reference`` and in ``detected``.
    """
    lengths = reference.offset_s - reference.onset_s
    onset_s, offset_s, share = checked_collars(collars)
    if onset_s is None:
        return _near(reference, detected, "offset_s", np.maximum(offset_s, share * lengths))
    rows, columns = _near(reference, detected, "onset_s", np.full(len(lengths), onset_s))
    if offset_s is not None:
        apart = np.abs(reference.offset_s[rows] - detected.offset_s[columns])
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
    for pairs in _components(rows, columns):
        if len(pairs) == 1:
            chosen[pairs] = True
        else:
            chosen[pairs[_assigned(rows[pairs], columns[pairs], is_same[pairs])]] = True
    return rows[chosen], columns[chosen]


def _near(
    reference: Spans, detected: Spans, field: str, radius_s: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of one recording whose times ``field`` are at most ``radius_s`` (E,) apart."""
    times, others = getattr(reference, field), getattr(detected, field)
    # times become ranks, so that recording and time make one whole number to search for
    known = np.unique(others)
    base = len(known) + 1
    keys = detected.recording * base + np.searchsorted(known, others)
    order = np.argsort(keys, kind="stable")
    radius_s = radius_s + TOLERANCE_S
    lowest = np.searchsorted(known, times - radius_s, side="left") + reference.recording * base
    beyond = np.searchsorted(known, times + radius_s, side="right") + reference.recording * base
    first = np.searchsorted(keys[order], lowest)
    n_near = np.searchsorted(keys[order], beyond) - first
    rows = np.repeat(np.arange(len(times)), n_near)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(n_near) - n_near, n_near)
    return rows, order[np.repeat(first, n_near) + within]


def _components(rows: np.ndarray, columns: np.ndarray) -> list[np.ndarray]:
    """Return the positions of pairs that hang together through shared events, one array for each."""
    if not len(rows):
        return []
    n = int(rows.max()) + 1
    size = n + int(columns.max()) + 1
    graph = coo_array((np.ones(len(rows)), (rows, n + columns)), shape=(size, size))
    component = connected_components(graph, directed=False)[1][rows]
    order = np.argsort(component, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(component[order])) + 1)


def _assigned(rows: np.ndarray, columns: np.ndarray, is_same: np.ndarray) -> np.ndarray:
    """Return the positions of the chosen among pairs that hang together."""
    row, row_number = np.unique(rows, return_inverse=True)
    column, column_number = np.unique(columns, return_inverse=True)
    position = np.full((len(row), len(column)), -1)
    position[row_number, column_number] = np.arange(len(rows))
    # one pair of one class outweighs all pairs of different classes there can be
    most = min(position.shape) + 1
    gain = np.zeros(position.shape)
    gain[row_number, column_number] = np.where(is_same, most, 1)
    found = position[linear_sum_assignment(gain, maximize=True)]
    return found[found >= 0]
