"""Event-based metrics: events found with onset and offset.

A unit is an event, matched where a detected event of its class agrees with it within collars; what
is matched is decided by `dawnchorus.metrics.event_pairs`. Every recording is named, so that a false
alarm counts where there is no event. Axes: N recordings, C classes. Mesaros, Heittola and Virtanen
(2016), https://doi.org/10.3390/app6060162; DCASE 2018 task 4:
https://dcase.community/challenge2018/task-large-scale-weakly-labeled-semi-supervised-sound-event-detection

* `event_counts`: events per recording and class; `dawnchorus.metrics.event_counts` makes figures of them.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from dawnchorus.formats.event import Event, overlapping
from dawnchorus.metrics.event_counts import Counts
from dawnchorus.metrics.event_pairs import Collars, agreements, best_pairs
from dawnchorus.metrics.spans import Spans, spans


def event_counts(
    reference: Iterable[Event],
    detected: Iterable[Event],
    ids: Sequence[str],
    classes: Sequence[str],
    collars: Collars | None = None,
    overlaps: str = "keep",
) -> Counts:
    """Count events and their matches.

    Parameters
    ----------
    reference, detected : iterable of Event
    ids : sequence of str
        All N recordings that are judged, with events or without.
    classes : sequence of str
        All C classes.
    collars : Collars, optional
        By default those of DCASE 2018 task 4: 0.2 s, and 20 % of the length for the offset.
    overlaps : {"keep", "union"}
        What overlapping events of one recording and class are, in the reference and in the
        detections: ``keep``: each an event of its own, as sed_eval has it; ``union``: one event.

    Returns
    -------
    Counts

    Raises
    ------
    ValueError
        Where an event is of no such recording or class, ids or classes repeat, or a collar or
        policy is unknown.
    """
    collars = Collars() if collars is None else collars
    judged = [
        spans(overlapping(events, overlaps), ids, classes) for events in (reference, detected)
    ]
    rows, columns = agreements(*judged, collars)
    rows, columns = best_pairs(rows, columns, judged[0].label[rows] == judged[1].label[columns])
    is_same = judged[0].label[rows] == judged[1].label[columns]
    of_pair = judged[0].recording[rows]
    shape = len(ids), len(classes)
    return Counts(
        tuple(ids),
        tuple(classes),
        _per_class(judged[0], shape),
        _per_class(judged[1], shape),
        _tallied(of_pair[is_same], judged[0].label[rows[is_same]], shape),
        np.bincount(of_pair[~is_same], minlength=len(ids)),
        {"unit": "event", "overlaps": overlaps, "collars": collars._asdict(), "matching": "best"},
    )


def _per_class(events: Spans, shape: tuple[int, int]) -> np.ndarray:
    return _tallied(events.recording, events.label, shape)


def _tallied(recording: np.ndarray, label: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return how often each recording and class stands in a list, shape (N, C)."""
    return np.bincount(recording * shape[1] + label, minlength=shape[0] * shape[1]).reshape(shape)
