"""Frame scores to events, and events to frame targets.

Axes: T frames, C classes. Frame t covers [onset_s + t / frames_per_second, onset_s + (t + 1) /
frames_per_second), in seconds. A class is active where its score is at or above its threshold; a
median filter removes short runs; each run of active frames is an event; events closer than a
gap are joined, then those shorter than a minimum are left out. All settings are one number, or one
per class.

* `ScoredRecording`: frame scores of one recording.
* `detections`: its events.
* `activity`: which frames are active, after threshold and filter (hard).
* `events_of_runs`: runs of active frames as events in seconds.
* `mean_score`: the mean of the scores over the frames of an event.
* `filtered_scores`: scores after the same filter (soft): they reach a threshold in the same frames.
* `filter_frames`: the length of a filter in frames.
* `frame_targets`: events as one target per frame and class, the inverse.
* `SETTINGS`: the names of all settings.
* `PRESETS`: settings of published systems, by name.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from dawnchorus.formats import event

SETTINGS = ("threshold", "filter_s", "gap_s", "minimum_s")  # of `detections`
EDGES = ("any", "soft")  # targets of frames that an event covers in part
PRESETS = {
    # serizel2018, the baseline of DCASE 2018 task 4: 51 frames at 50 per second
    "dcase2018": {"threshold": 0.5, "filter_s": 1.02, "gap_s": 0.0, "minimum_s": 0.0},
}

_SAME_FRAME = 1e-6  # frames by which an event may reach into one without touching it

PerClass = float | Sequence[float] | np.ndarray


class ScoredRecording(NamedTuple):
    """Frame scores of one recording.

    ``scores`` (T, C) are in [0, 1]. ``onset_s`` [s] is that of frame 0 and may lie before the
    recording's start, where no event begins; events end at ``duration_s`` [s], or where it is
    infinite with the last frame.
    """

    id: str
    onset_s: float
    duration_s: float
    scores: np.ndarray


def detections(
    recording: ScoredRecording,
    class_names: Sequence[str],
    frames_per_second: float,
    *,
    threshold: PerClass = 0.5,
    filter_s: PerClass = 0.0,
    gap_s: PerClass = 0.0,
    minimum_s: PerClass = 0.0,
) -> list[event.Event]:
    """Return the events in the frame scores of one recording.

    Parameters
    ----------
    recording : ScoredRecording
    class_names : sequence of str
        C.
    frames_per_second : float > 0
    threshold, filter_s : float, or C of them
        See `activity`.
    gap_s : float >= 0, or C of them
        Events of a class with less than this between them are joined [s].
    minimum_s : float >= 0, or C of them
        Events shorter than this, once joined, are left out [s].

    Returns
    -------
    list of Event
        By onset.

    Raises
    ------
    ValueError
        Where shapes do not fit, or a number is out of its range.
    """
    scores = _checked_scores(recording.scores, len(class_names))
    active = activity(scores, frames_per_second, threshold=threshold, filter_s=filter_s)
    # by class and time; a run may begin with the first frame and end with the last
    change = np.diff(np.pad(active, ((1, 1), (0, 0))).T.astype(np.int8), axis=1)  # (C, T + 1)
    label, first = np.nonzero(change == 1)
    beyond = np.nonzero(change == -1)[1]
    label, onset_s, offset_s = events_of_runs(
        label,
        first,
        beyond,
        frames_per_second,
        onset_s=np.full(len(class_names), recording.onset_s),
        end_s=np.full(len(class_names), recording.duration_s),
        gap_s=_seconds("gap_s", gap_s, scores),
        minimum_s=_seconds("minimum_s", minimum_s, scores),
    )
    rows = zip(label, onset_s, offset_s, strict=True)
    return sorted(
        event.Event(recording.id, float(onset_s), float(offset_s), class_names[label])
        for label, onset_s, offset_s in rows
    )


def activity(
    scores: np.ndarray,
    frames_per_second: float,
    *,
    threshold: PerClass = 0.5,
    filter_s: PerClass = 0.0,
) -> np.ndarray:
    """Return which frames are active: a median filter on scores at or above a threshold.

    Parameters
    ----------
    scores : array, shape (T, C)
        In [0, 1].
    frames_per_second : float > 0
    threshold : float, or C of them
        In [0, 1]; NaN is never reached.
    filter_s : float >= 0, or C of them
        Length of the filter [s], see `filter_frames`. Beyond the edges nothing is active. Of an odd
        number of frames n, it takes out runs and pauses of less than (n + 1) / 2 frames.

    Returns
    -------
    array, shape (T, C), bool
    """
    scores = _checked_scores(scores)
    # NaN passes both comparisons, and is reached by no score
    threshold = _per_class("threshold", threshold, scores)
    if bad := threshold[(threshold < 0) | (threshold > 1)].tolist():
        raise ValueError(f"threshold {bad[0]!r}; expected numbers from 0 to 1, or NaN for never")
    half = filter_frames(_seconds("filter_s", filter_s, scores), frames_per_second) // 2
    # a median of zeros and ones is a majority: counts before each frame give it for any length
    n_before = np.zeros((len(scores) + 1, scores.shape[1]), dtype=np.int64)
    np.cumsum(scores >= threshold, axis=0, out=n_before[1:])
    frame = np.arange(len(scores))[:, None]
    first, last = np.maximum(frame - half, 0), np.minimum(frame + half + 1, len(scores))
    n_active = np.take_along_axis(n_before, last, 0) - np.take_along_axis(n_before, first, 0)
    return n_active > half


def events_of_runs(
    label: np.ndarray,
    first: np.ndarray,
    beyond: np.ndarray,
    frames_per_second: float,
    *,
    onset_s: np.ndarray,
    end_s: np.ndarray,
    gap_s: np.ndarray,
    minimum_s: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return runs of active frames as events in seconds: cut, joined, without short ones.

    Of one recording the labels are classes; of one class in many recordings they are recordings.

    Parameters
    ----------
    label, first, beyond : array, shape (R,)
        Label, first frame and frame after the last of each run, in order of label and time.
    frames_per_second : float > 0
    onset_s, end_s, gap_s, minimum_s : array, one per label
        Onset of frame 0, where events end at the latest, gap and minimum of `detections` [s].

    Returns
    -------
    label, onset_s, offset_s : array, shape (E,)
        In the same order.
    """
    span_s = onset_s[label] + np.stack([first, beyond]) / frames_per_second
    span_s = np.clip(span_s, 0, end_s[label])
    is_inside = span_s[1] > span_s[0]
    label = label[is_inside]
    start_s, stop_s = span_s[:, is_inside]
    # joined before short ones are left out: two halves of a call may each be too short
    is_close = start_s[1:] - stop_s[:-1] < gap_s[label][1:] - event.TOLERANCE_S
    is_first = np.ones(len(label), dtype=bool)
    is_first[1:] = (label[1:] != label[:-1]) | ~is_close
    is_last = np.append(is_first[1:], True)[: len(label)]
    label, start_s, stop_s = label[is_first], start_s[is_first], stop_s[is_last]
    is_kept = stop_s - start_s >= minimum_s[label] - event.TOLERANCE_S
    return label[is_kept], start_s[is_kept], stop_s[is_kept]


def mean_score(
    scores: np.ndarray, onset_s: float, offset_s: float, frames_per_second: float
) -> float | None:
    """Return the mean of a class' scores over the frames that an event touches; None of no frame.

    Parameters
    ----------
    scores : array, shape (T,)
    onset_s, offset_s : float
        Of the event, from the onset of frame 0 [s].
    frames_per_second : float > 0
    """
    first = max(math.floor(onset_s * frames_per_second + _SAME_FRAME), 0)
    stop = max(math.ceil(offset_s * frames_per_second - _SAME_FRAME), 0)
    own = scores[first:stop]
    return float(own.mean(dtype=np.float64)) if own.size else None


def filtered_scores(scores: np.ndarray, frames_per_second: float, filter_s: PerClass) -> np.ndarray:
    """Return the median of the scores around each frame, for measures without a threshold.

    At any threshold above 0, these scores reach it in the frames of `activity`.

    Parameters
    ----------
    scores : array, shape (T, C)
        In [0, 1].
    frames_per_second : float > 0
    filter_s : float >= 0, or C of them
        Length of the filter [s], see `filter_frames`. Beyond the edges all scores are 0.

    Returns
    -------
    array, shape (T, C), of the scores' type
    """
    # imported here: SciPy takes longer to import than decoding without a threshold is asked for
    from scipy import ndimage

    scores = _checked_scores(scores)
    n_frames = filter_frames(_seconds("filter_s", filter_s, scores), frames_per_second)
    filtered = scores.copy()
    for n in np.unique(n_frames[n_frames > 1]):
        own = n_frames == n
        filtered[:, own] = ndimage.median_filter(scores[:, own], (n, 1), mode="constant", cval=0)
    return filtered


def filter_frames(filter_s: PerClass, frames_per_second: float) -> np.ndarray:
    """Return the odd number of frames next to a length in seconds; 1, no filter, for 0 s.

    An even number of frames lies between two odd ones and takes the longer.
    """
    if not (np.isfinite(frames_per_second) and frames_per_second > 0):
        raise ValueError(f"frames_per_second={frames_per_second!r}; expected a number above 0")
    n = (np.asarray(filter_s) + event.TOLERANCE_S) * frames_per_second
    return 2 * np.floor(n / 2).astype(np.int64) + 1


def frame_targets(
    events: Iterable[event.Event],
    n_frames: int,
    frames_per_second: float,
    class_names: Sequence[str],
    *,
    edges: str = "any",
    onset_s: float = 0.0,
) -> np.ndarray:
    """Return the events of one recording as targets per frame.

    Parameters
    ----------
    events : iterable of Event
        Of one recording; those of one class may overlap. What lies outside the frames is cut off.
    n_frames : int >= 0
        T.
    frames_per_second : float > 0
    class_names : sequence of str
        C.
    edges : {"any", "soft"}
        Target of a frame that events of a class cover in part: 1, or the share that is covered.
    onset_s : float
        Of frame 0 [s].

    Returns
    -------
    array, shape (T, C), float32
        In [0, 1].

    Raises
    ------
    ValueError
        Where events are of several recordings or of an unknown class, or ``edges`` is unknown.
    """
    # what several events of a class cover is covered once
    events = event.resolve_overlaps(events, "union")
    if len(found := sorted({event.id for event in events})) > 1:
        raise ValueError(f"events are of {len(found)} recordings, {found[:5]}; expected one")
    if unknown := sorted({event.label for event in events} - set(class_names)):
        raise ValueError(
            f"events of classes {unknown[:5]} are not among the {len(class_names)} classes "
            f"{list(class_names)[:5]}"
        )
    if edges not in EDGES:
        raise ValueError(f"edges {edges!r}; expected one of {', '.join(EDGES)}")
    borders_s = onset_s + np.arange(n_frames + 1) / frames_per_second
    shares = np.zeros((n_frames, len(class_names)))
    for column, name in enumerate(class_names):
        own = np.array([(one.onset_s, one.offset_s) for one in events if one.label == name])
        if len(own):
            # how long events have lasted at each border; between borders is what a frame covers
            lasted_s = np.repeat(np.cumsum(own[:, 1] - own[:, 0]), 2)
            covered_s = np.interp(borders_s, own.ravel(), np.append(0, lasted_s[:-1]))
            shares[:, column] = np.diff(covered_s) * frames_per_second
    # borders that should coincide with those of a frame may miss them by rounding
    rounding = event.TOLERANCE_S * frames_per_second
    shares[shares < rounding] = 0
    shares[shares > 1 - rounding] = 1
    return (shares if edges == "soft" else shares > 0).astype(np.float32)


def _checked_scores(scores, n_classes: int | None = None) -> np.ndarray:
    scores = np.asarray(scores)
    if scores.ndim != 2 or (n_classes is not None and scores.shape[1] != n_classes):
        raise ValueError(
            f"frame scores have shape {scores.shape}; expected (T, {n_classes or 'C'}), frames by "
            "classes"
        )
    if bad := int((~((scores >= 0) & (scores <= 1))).sum()):
        raise ValueError(f"{bad} of {scores.size} frame scores are not numbers from 0 to 1")
    return scores


def _per_class(name: str, value: PerClass, scores: np.ndarray) -> np.ndarray:
    values, n_classes = np.asarray(value, dtype=float), scores.shape[1]
    if values.shape not in ((), (n_classes,)):
        raise ValueError(
            f"{name} has shape {values.shape}; expected one number or {n_classes}, one per class"
        )
    return np.broadcast_to(values, n_classes)


def _seconds(name: str, value: PerClass, scores: np.ndarray) -> np.ndarray:
    values = _per_class(name, value, scores)
    if bad := values[~(np.isfinite(values) & (values >= 0))].tolist():
        raise ValueError(f"{name} {bad[0]!r}; expected seconds, at least 0")
    return values
