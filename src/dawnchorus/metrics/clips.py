"""Clip-level metrics: the classes that are in a recording at all.

A unit is a class in a recording. Substitutions are counted in each recording: as many as there are
both missed and falsely called classes. Axes: N recordings, C classes.

* `clip_counts`: present classes; `dawnchorus.metrics.event_counts` makes figures of them.
* `present`: which classes have events in which recordings.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from dawnchorus.formats.event import Event
from dawnchorus.metrics.checks import checked_targets
from dawnchorus.metrics.event_counts import Counts
from dawnchorus.metrics.spans import numbered, spans


def clip_counts(
    targets: np.ndarray, decisions: np.ndarray, ids: Sequence[str], classes: Sequence[str]
) -> Counts:
    """Count classes that are present, that are called, and both.

    Parameters
    ----------
    targets : array, shape (N, C)
        1 where the class is in the recording, else 0: weak labels, or `present` of events.
    decisions : array, shape (N, C)
        1 where it is said to be, else 0.
    ids : sequence of str
        The N recordings.
    classes : sequence of str
        The C classes.

    Returns
    -------
    Counts

    Raises
    ------
    ValueError
        Where shapes differ, values are others than 0 and 1, or ids or classes repeat.
    """
    targets, decisions = (checked_targets(values, ndim=2) for values in (targets, decisions))
    shape = len(numbered(ids, "recording ids")), len(numbered(classes, "classes"))
    if not targets.shape == decisions.shape == shape:
        raise ValueError(
            f"targets {targets.shape} and decisions {decisions.shape}; both must be {shape}, for "
            f"{shape[0]} recordings and {shape[1]} classes"
        )
    both = targets * decisions
    missed, false = ((values - both).sum(axis=1) for values in (targets, decisions))
    rules = {"unit": "class in a recording"}
    return Counts(
        tuple(ids), tuple(classes), targets, decisions, both, np.minimum(missed, false), rules
    )


def present(events: Iterable[Event], ids: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Return 1 where a recording has an event of a class, else 0, shape (N, C), int64."""
    found = np.zeros((len(ids), len(classes)), dtype=np.int64)
    judged = spans(events, ids, classes)
    found[judged.recording, judged.label] = 1
    return found
