"""Event-based F of many settings of a decoder, class by class.

A search over settings asks some hundred times how good they are. The answer is that of
`events.decoding.detections` and `events.event_based.event_counts`, but one class at a time, all
recordings at once and nothing twice: the figure of a class depends on its own settings alone.

The frames of all recordings stand one behind the other. Between them are frames that reach no
threshold, so many that a filter neither sees from one recording into the next nor fills the space
between them. Axes: N recordings, T frames of one, S frames of all, C classes.

* `Scored`: frame scores of one recording.
* `EventF`: from settings to figures.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from dawnchorus.events import decoding
from dawnchorus.formats.event import Event
from dawnchorus.metrics.event_pairs import Collars, agreements
from dawnchorus.metrics.spans import Spans, spans

_NEVER = -1.0  # the score of a frame between recordings


class Scored(NamedTuple):
    """Frame scores (T, C) of one recording; onset of frame 0 and duration of the recording [s]."""

    id: str
    onset_s: float
    duration_s: float
    scores: np.ndarray


class EventF:
    """Event-based F of each class, as a function of a decoder's settings.

    Parameters
    ----------
    recordings : sequence of Scored
        N; their ids differ.
    events : iterable of Event
        Of these recordings and classes.
    class_names : sequence of str
        C.
    frames_per_second : float > 0
    collars : Collars
    longest_filter_s : float >= 0
        No filter that is asked for is longer [s].

    Raises
    ------
    ValueError
        Where an event is of no such recording or class, or a name repeats.
    """

    def __init__(
        self,
        recordings: Sequence[Scored],
        events: Iterable[Event],
        class_names: Sequence[str],
        frames_per_second: float,
        collars: Collars,
        longest_filter_s: float,
    ):
        self._frames_per_second, self._collars = frames_per_second, collars
        self._onset_s = np.array([one.onset_s for one in recordings], dtype=np.float64)
        self._end_s = np.array([one.duration_s for one in recordings], dtype=np.float64)
        self._most = int(decoding.filter_frames(longest_filter_s, frames_per_second)) // 2
        self._starts, self._columns = _in_a_row(recordings, len(class_names), self._most + 1)
        found = spans(events, [one.id for one in recordings], class_names)
        self._reference = [_of_class(found, label) for label in range(len(class_names))]
        self._before: dict[int, tuple[float, np.ndarray]] = {}
        self._known: dict[tuple, float] = {}

    def __call__(self, settings: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return F of each class, shape (C,); NaN where nothing is to be found and nothing was.

        Parameters
        ----------
        settings : mapping of name to array, shape (C,)
            ``threshold``, ``filter_s``, ``gap_s`` and ``minimum_s``, as `decoding.detections` has
            them.

        Raises
        ------
        ValueError
            Where a filter is longer than was said.
        """
        halves = decoding.filter_frames(settings["filter_s"], self._frames_per_second) // 2
        if halves.max(initial=0) > self._most:
            raise ValueError(
                f"filter of {np.max(settings['filter_s']):g} s; expected none that reaches over more "
                f"than {self._most} frames to either side"
            )
        rows = zip(
            settings["threshold"], halves, settings["gap_s"], settings["minimum_s"], strict=True
        )
        return np.array([self._f(label, *row) for label, row in enumerate(rows)])

    def _f(self, label: int, threshold: float, half: int, gap_s: float, minimum_s: float) -> float:
        key = label, threshold, half, gap_s, minimum_s
        if key not in self._known:
            self._known[key] = self._measured(*key)
        return self._known[key]

    def _measured(self, label, threshold, half, gap_s, minimum_s) -> float:
        n_recordings = len(self._starts)
        recording, onset_s, offset_s = decoding.timed(
            *self._runs(label, threshold, half),
            self._frames_per_second,
            onset_s=self._onset_s,
            end_s=self._end_s,
            gap_s=np.full(n_recordings, gap_s),
            minimum_s=np.full(n_recordings, minimum_s),
        )
        reference = self._reference[label]
        detected = Spans(recording, np.full(len(recording), label), onset_s, offset_s)
        n = len(reference.label) + len(detected.label)
        return 2 * _n_matched(reference, detected, self._collars) / n if n else np.nan

    def _runs(self, label: int, threshold: float, half: int) -> tuple[np.ndarray, ...]:
        """Return recording, first frame and frame after the last of each run of active frames."""
        before = self._reaching_before(label, threshold)
        # of each frame: how many of those from ``half`` before to ``half`` behind it are active
        n_active = before[2 * half + 1 :] - before[: len(before) - 2 * half - 1]
        is_active = n_active > half
        borders = np.flatnonzero(is_active[1:] != is_active[:-1]) + 1 + half
        first, beyond = borders[::2], borders[1::2]
        recording = np.searchsorted(self._starts, first, side="right") - 1
        return recording, first - self._starts[recording], beyond - self._starts[recording]

    def _reaching_before(self, label: int, threshold: float) -> np.ndarray:
        """Return how many frames before each one reach a threshold, (S + 1,); the last is kept."""
        known, before = self._before.get(label, (None, None))
        if known != threshold:
            before = np.zeros(self._columns.shape[1] + 1, dtype=np.int32)
            np.cumsum(self._columns[label] >= threshold, out=before[1:])
            self._before[label] = threshold, before
        return before


def _in_a_row(
    recordings: Sequence[Scored], n_classes: int, n_between: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return where each recording starts (N,), and the scores of all (C, S), float64."""
    n_frames = np.array([len(one.scores) for one in recordings], dtype=np.int64)
    starts = n_between * np.arange(1, len(n_frames) + 1) + np.cumsum(n_frames) - n_frames
    columns = np.full((n_classes, n_frames.sum() + n_between * (len(n_frames) + 1)), _NEVER)
    for start, one in zip(starts, recordings, strict=True):
        columns[:, start : start + len(one.scores)] = one.scores.T
    return starts, columns


def _of_class(found: Spans, label: int) -> Spans:
    return Spans(*(field[found.label == label] for field in found))


def _n_matched(reference: Spans, detected: Spans, collars: Collars) -> int:
    """Return how many pairs of one class the best matching has."""
    rows, columns = agreements(reference, detected, collars)
    if not len(rows):
        return 0
    shape = len(reference.label), len(detected.label)
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=shape).tocsr()
    return int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())
