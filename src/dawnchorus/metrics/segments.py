"""Segment-based metrics: the seconds in which a class is heard.

A unit is a class in a segment of fixed length, counted from the start of the recording; a class is
active in every segment that one of its events reaches into. Substitutions are counted in each
segment: as many as there are both missed and falsely called classes. Overlapping events of one class
are one activity. Axes: N recordings, C classes. Mesaros, Heittola and Virtanen (2016),
https://doi.org/10.3390/app6060162.

* `segment_counts`: active segments per recording and class; `dawnchorus.metrics.event_counts` makes
  figures of them.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from dawnchorus.formats.event import TOLERANCE_S, Event
from dawnchorus.metrics.event_counts import Counts
from dawnchorus.metrics.spans import Spans, spans


def segment_counts(
    reference: Iterable[Event],
    detected: Iterable[Event],
    ids: Sequence[str],
    classes: Sequence[str],
    segment_s: float = 1.0,
) -> Counts:
    """Count active segments and those that are active in both.

    Parameters
    ----------
    reference, detected : iterable of Event
    ids : sequence of str
        All N recordings that are judged, with events or without.
    classes : sequence of str
        All C classes.
    segment_s : float > 0
        Length of a segment [s].

    Returns
    -------
    Counts

    Raises
    ------
    ValueError
        Where an event is of no such recording or class, ids or classes repeat, or the length is no
        positive number.
    """
    if not (np.isfinite(segment_s) and segment_s > 0):
        raise ValueError(f"segment_s={segment_s!r}; expected a finite number of seconds above 0")
    judged = [spans(events, ids, classes) for events in (reference, detected)]
    n_segments = 1 + max(
        (int(x.offset_s.max() / segment_s) for x in judged if len(x[0])), default=0
    )
    shape = len(ids), n_segments + 1, len(classes)
    active = [_active(events, segment_s, shape) for events in judged]
    both = np.intersect1d(*active)
    missed, false = (
        np.bincount(np.setdiff1d(units, both) // shape[2], minlength=shape[0] * shape[1])
        for units in active
    )
    found = (_per_class(units, shape) for units in (*active, both))
    substituted = np.minimum(missed, false).reshape(shape[:2]).sum(axis=1)
    rules = {"unit": "class in a segment", "segment_s": segment_s, "overlaps": "union"}
    return Counts(tuple(ids), tuple(classes), *found, substituted, rules)


def _active(events: Spans, segment_s: float, shape: tuple[int, int, int]) -> np.ndarray:
    """Return the numbers of the active cells of an array of that shape, each once."""
    first = np.floor((events.onset_s + TOLERANCE_S) / segment_s).astype(np.int64)
    last = np.ceil((events.offset_s - TOLERANCE_S) / segment_s).astype(np.int64)
    n_active = np.maximum(last - first, 1)  # also where an event is shorter than the tolerance
    within = np.arange(n_active.sum()) - np.repeat(np.cumsum(n_active) - n_active, n_active)
    recording, label = (np.repeat(x, n_active) for x in (events.recording, events.label))
    segment = np.repeat(first, n_active) + within
    return np.unique((recording * shape[1] + segment) * shape[2] + label)


def _per_class(units: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Return how many cells are active per recording and class, shape (N, C)."""
    cell = units // (shape[1] * shape[2]) * shape[2] + units % shape[2]
    return np.bincount(cell, minlength=shape[0] * shape[2]).reshape(shape[0], shape[2])
