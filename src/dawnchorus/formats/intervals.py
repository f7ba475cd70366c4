"""Windows of long recordings, grouped into the intervals of a challenge.

* `window_grid`: how the windows of a corpus follow each other.
* `group_windows`: the intervals of one recording.

There are two rules, depending on whether windows overlap (except the last one of a recording, which
may be aligned to the recording's end):

* without overlap, interval k is ``[k * interval_s, (k + 1) * interval_s)`` of the recording, and
  holds the windows that begin in it. An interval in which no window begins is omitted.
* with overlap, as in kahl2018, the BirdCLEF 2018 baseline: groups of ``n`` windows in their order, as
  many as fit: ``length + (n - 1) * hop <= interval_s``, at least one. An interval begins with
  its first window, at ``start``, and ends at ``start + length + (n - 1) * hop``; so the next one
  begins ``length - hop``, the overlap, before that end. (The baseline sets n, 5 windows of 1 s:
  with an overlap of 0.25 s that is an ``interval_s`` of 4 s.)

A trailing interval, the last of a recording, is incomplete where the windows in it end before it
does (first rule) or are fewer than ``n`` (second). The baseline drops it; here that is a setting.
"""

import itertools
from typing import NamedTuple

import numpy as np

_SAME_S = 1e-3  # [s] by which equal times may differ


class Grid(NamedTuple):
    """How windows follow each other: ``length_s`` and ``hop_s`` (medians), and ``overlaps``."""

    length_s: float
    hop_s: float
    overlaps: bool


class Interval(NamedTuple):
    """An interval of a recording, in seconds, and its windows: ``first`` to before ``stop``."""

    start_s: float
    end_s: float
    first: int
    stop: int


def window_grid(recording: np.ndarray, onset: np.ndarray, offset: np.ndarray) -> Grid:
    """Return how the windows of a corpus follow each other.

    Parameters
    ----------
    recording : array, shape (W,)
        Index of each window's recording, not falling; W of 1 or more.
    onset, offset : arrays, shape (W,)
        Seconds; onsets do not fall within a recording.
    """
    length = float(np.median(offset - onset))
    before = np.flatnonzero(np.diff(recording) == 0)  # windows with a next one ...
    inner = before[np.diff(recording, append=-1)[before + 1] == 0]  # ... that is not the last
    if not len(inner):
        return Grid(length, length, overlaps=False)
    hops = onset[inner + 1] - onset[inner]
    overlaps = bool((onset[inner + 1] < offset[inner] - _SAME_S).any())
    return Grid(length, float(np.median(hops)), overlaps)


def group_windows(
    onset: np.ndarray, offset: np.ndarray, found: Grid, interval_s: float, keep_trailing: bool
) -> list[Interval]:
    """Return the intervals of one recording, in order; see the module for the rules.

    Parameters
    ----------
    onset, offset : arrays, shape (W,)
        Windows of the recording in seconds; onsets do not fall.
    found : Grid
        Of the whole corpus, so that a short recording is grouped as the others are.
    interval_s : float > 0
    keep_trailing : bool
        Whether a trailing interval that is incomplete stays.

    Raises
    ------
    ValueError
        Where windows are longer than intervals: one score cannot be divided among several.
    """
    if found.length_s > interval_s + _SAME_S:
        raise ValueError(
            f"windows of {found.length_s:g} s do not fit into intervals of {interval_s:g} s; "
            "expected an interval_s that is no shorter than the model's windows"
        )
    if found.overlaps:
        # a tolerance: an interval_s of exactly n windows must not lose one to rounding
        n_hops = max(0, int((interval_s - found.length_s + _SAME_S) / found.hop_s))
        span_s, n = found.length_s + n_hops * found.hop_s, n_hops + 1
        intervals = [
            Interval(
                float(onset[first]), float(onset[first]) + span_s, first, min(first + n, len(onset))
            )
            for first in range(0, len(onset), n)
        ]
        is_complete = len(onset) % n == 0
    else:
        # a tolerance: onsets such as 3 * 1.6666 are a little off
        number = np.floor((onset + _SAME_S) / interval_s).astype(int)
        borders = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(onset)]
        intervals = [
            Interval(float(number[first] * interval_s), float((number[first] + 1) * interval_s),
                     first, stop)
            for first, stop in itertools.pairwise(borders)
        ]  # fmt: skip
        last = intervals[-1]
        is_complete = bool(offset[last.first :].max() >= last.end_s - _SAME_S)
    return intervals if keep_trailing or is_complete else intervals[:-1]
