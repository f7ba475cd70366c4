"""Thresholds that can matter to a polyphonic sound detection score, so that replicates cost little.

The score looks at rates of false positives up to e_max. Most thresholds lie so low that no weighting
in hand comes down to that rate, and a false positive less or more there decides nothing. Axes: N
recordings, R weightings, K changes, B blocks of changes.

* `trimmed`: what was judged, without what those weightings cannot reach.
"""

import dataclasses

import numpy as np

from dawnchorus.metrics.intersections import Changes
from dawnchorus.metrics.psds import Judged, OfClass

_BLOCKS = 256  # of changes, each kept or left as a whole
_ROUNDING = 1e-9
_HOUR_S = 3600.0


def trimmed(found: Judged, weights: np.ndarray) -> Judged:
    """Return what was judged, with the changes that these weightings cannot reach summed up.

    Parameters
    ----------
    found : Judged
    weights : array, shape (R, N)
        Whole numbers, at least 0.

    Returns
    -------
    Judged
        `dawnchorus.metrics.psds.psds_replicates` returns the same of it for these weightings, but
        for rounding; for others it may not.
    """
    most = found.scenario.e_max * (weights @ found.duration_s) / _HOUR_S
    most = most * (1 + _ROUNDING) + _ROUNDING
    return dataclasses.replace(
        found, of_class=tuple(_trimmed(own, weights, most) for own in found.of_class)
    )


def _trimmed(own: OfClass, weights: np.ndarray, most: np.ndarray) -> OfClass:
    """Return the changes of one class; ``most`` (R,): false positives up to which is looked."""
    if not len(own.last):
        return own
    # blocks end at distinct scores: changes at one score are never told apart
    size = -(-len(own.last) // _BLOCKS)
    ends = own.last[np.append(np.arange(size - 1, len(own.last) - 1, size), len(own.last) - 1)]
    block = np.searchsorted(ends, np.arange(len(own.recording)))
    least = weights @ _least(own, block, (weights.shape[1], len(ends)))
    is_near = (least <= most[:, None]).any(axis=0)
    if is_near.all():
        return own
    return _kept(own, is_near[block], np.cumsum(is_near)[block])


def _least(own: OfClass, block: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the least number of false positives of each recording in each block, shape (N, B)."""
    cell = own.recording * shape[1] + block
    change = np.zeros(shape[0] * shape[1], dtype=np.int64)
    np.add.at(change, cell, own.changes.false)
    change = change.reshape(shape)
    order = np.argsort(own.recording, kind="stable")
    false = np.cumsum(own.changes.false[order])
    before = np.cumsum(change.sum(axis=1)) - change.sum(axis=1)
    least = np.cumsum(change, axis=1) - change  # as a block begins
    np.minimum.at(least.reshape(-1), cell[order], false - before[own.recording[order]])
    return least


def _kept(own: OfClass, is_near: np.ndarray, far_run: np.ndarray) -> OfClass:
    """Return the near changes and, between them, one change per recording in place of the far."""
    rows = np.flatnonzero(~is_near)
    # far changes behind the last near one are followed by nothing that they could change
    rows = rows[rows < np.flatnonzero(is_near)[-1]] if is_near.any() else rows[:0]
    keys = far_run[rows] * (int(own.recording.max()) + 1) + own.recording[rows]
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    position = np.concatenate((np.flatnonzero(is_near), rows[first]))
    order = np.argsort(position, kind="stable")
    fields = [field[position] for field in own.changes]
    n_near = len(position) - len(first)
    for field, values in zip(fields[1:], own.changes[1:], strict=True):
        field[n_near:] = 0
        np.add.at(field, n_near + place, values[rows])
    is_last = np.zeros(len(own.recording), dtype=bool)
    is_last[own.last] = True
    last = np.flatnonzero((is_last & is_near)[position[order]])
    return OfClass(
        Changes(*(field[order] for field in fields)), own.recording[position[order]], last
    )
