"""Event-based F of many settings of a decoder, class by class.

A search over settings measures some hundred of them. The result is that of
`events.decoding.detections` and `dawnchorus.metrics.events.event_counts`, but one class at a time,
all recordings at once and nothing twice: the F of a class depends on its own settings alone.

The frames of all recordings stand one behind the other. Between them are frames that reach no
threshold, so many that a filter neither sees from one recording into the next nor fills the space
between them. Axes: N recordings, T frames of one, S frames of all, C classes.

* `EventF`: from settings to F.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from dawnchorus.events import decoding
from dawnchorus.events.decoding import ScoredRecording
from dawnchorus.formats.event import Event
from dawnchorus.metrics.event_pairs import Collars, Spans, agreements, spans

_NEVER = -1.0  # the score of a frame between recordings


class EventF:
    """Event-based F of each class, as a function of a decoder's settings.

    Parameters
    ----------
    recordings : sequence of ScoredRecording
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
        recordings: Sequence[ScoredRecording],
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
        n_frames = np.array([len(one.scores) for one in recordings], dtype=np.int64)
        n_between = self._most + 1  # frames between recordings, and at both ends
        # the first frame of each recording (N,), and the scores of all (C, S), float64
        self._starts = n_between * np.arange(1, len(n_frames) + 1) + np.cumsum(n_frames) - n_frames
        n_all = n_frames.sum() + n_between * (len(n_frames) + 1)
        self._columns = np.full((len(class_names), n_all), _NEVER)
        for start, one in zip(self._starts, recordings, strict=True):
            self._columns[:, start : start + len(one.scores)] = one.scores.T
        found = spans(events, [one.id for one in recordings], class_names)
        self._ground_truth = [
            Spans(*(field[found.label == label] for field in found))
            for label in range(len(class_names))
        ]
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
        columns = settings["threshold"], halves, settings["gap_s"], settings["minimum_s"]
        keys = [(label, *row) for label, row in enumerate(zip(*columns, strict=True))]
        for key in keys:
            if key not in self._known:
                self._known[key] = self._class_f(*key)
        return np.array([self._known[key] for key in keys])

    def _class_f(
        self, label: int, threshold: float, half: int, gap_s: float, minimum_s: float
    ) -> float:
        # how many frames before each one reach the threshold, (S + 1,); the last is kept, for a
        # search tries filters under one threshold after another
        n_recordings = len(self._starts)
        reached, before = self._before.get(label, (None, None))
        if reached != threshold:
            before = np.zeros(self._columns.shape[1] + 1, dtype=np.int32)
            np.cumsum(self._columns[label] >= threshold, out=before[1:])
            self._before[label] = threshold, before
        # of each frame: how many of those from ``half`` before to ``half`` behind it are active
        n_active = before[2 * half + 1 :] - before[: len(before) - 2 * half - 1]
        is_active = n_active > half
        # no recording begins or ends in a run, so borders are pairs: first frame, the one beyond
        borders = np.flatnonzero(is_active[1:] != is_active[:-1]) + 1 + half
        first, beyond = borders[::2], borders[1::2]
        recording = np.searchsorted(self._starts, first, side="right") - 1
        recording, onset_s, offset_s = decoding.events_of_runs(
            recording,
            first - self._starts[recording],
            beyond - self._starts[recording],
            self._frames_per_second,
            onset_s=self._onset_s,
            end_s=self._end_s,
            gap_s=np.full(n_recordings, gap_s),
            minimum_s=np.full(n_recordings, minimum_s),
        )
        known = self._ground_truth[label]
        detected = Spans(recording, np.full(len(recording), label), onset_s, offset_s)
        if not (n := len(known.label) + len(detected.label)):
            return np.nan
        rows, columns = agreements(known, detected, self._collars)
        if not len(rows):
            return 0.0
        # an event may agree with several: the largest set of pairs without a common event counts
        graph = coo_array(
            (np.ones(len(rows), dtype=np.int8), (rows, columns)),
            shape=(len(known.label), len(detected.label)),
        ).tocsr()
        n_matched = int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())
        return 2 * n_matched / n
