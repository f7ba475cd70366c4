"""Scores of the intervals of recordings, for challenges that ask about long ones.

* `interval_scores`: window scores of some stages, averaged and pooled by interval.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.evaluation import media_ids
from dawnchorus.formats import intervals
from dawnchorus.runtime import logs
from dawnchorus.scores import ensemble, pooling, score_files


def interval_scores(
    window_paths: Sequence[str | Path], labels_path: str | Path, settings: Mapping
) -> tuple[list[str], list[tuple[float, float]], list[str], np.ndarray]:
    """Return MediaIds and spans [s] of N intervals, C ClassIds and scores (N, C), of a submission.

    Members are averaged window by window; the windows of an interval are pooled as those of a
    recording are. A recording without a window has one interval at its beginning, with the mean
    over all intervals of the others: how long it is, nobody knows.

    Parameters
    ----------
    window_paths : paths
        Window scores of the stages of the submitted ensemble.
    labels_path : path
        Label table of the corpus.
    settings : mapping
        ``interval_s``, ``keep_trailing``, ``pooling``, ``average``, ``ignored_classes`` and ``test``;
        see `dawnchorus.evaluation.submission.submit`.
    """
    ids = media_ids.submitted(labels_path, settings["test"])
    scored = _scored(window_paths, set(ids.values()), settings)
    names, spans, scores = _rows(ids, scored)
    n_filled = len(set(ids.values()) - scored.keys())
    n_without = sum(not grouped for grouped, _ in scored.values())
    logs.LOG.info(
        "%d intervals of %d recordings; %d without a score got the mean score of one interval; %d "
        "have no complete interval and no line", len(spans), len(ids), n_filled, n_without,
    )  # fmt: skip
    with score_files.open_windows(window_paths[0]) as windows:
        class_names = windows.class_names
    kept = media_ids.kept_classes(class_names, settings["ignored_classes"])
    return names, spans, [class_names[i] for i in kept], scores[:, kept]


def _scored(
    window_paths: Sequence[str | Path], wanted: Collection[str], settings: Mapping
) -> dict[str, tuple[list[intervals.Interval], np.ndarray]]:
    """Return the intervals (K) and their scores (K, C) of recordings that have windows, by id."""
    ids, recording, onset, offset, scores = ensemble.chunk_scores(window_paths, settings)
    found = {}
    if not len(recording):
        return found
    grid = intervals.grid(recording, onset, offset)
    for index in np.unique(recording).tolist():
        if ids[index] in wanted:
            own = slice(*np.searchsorted(recording, [index, index + 1]))
            grouped = intervals.group(
                onset[own], offset[own], grid, settings["interval_s"], settings["keep_trailing"]
            )
            found[ids[index]] = grouped, _pooled(scores[own], grouped, settings["pooling"])
    return found


def _pooled(scores: np.ndarray, grouped: Sequence[intervals.Interval], how: str) -> np.ndarray:
    """Pool windows (W, C) of a recording to its K intervals, (K, C)."""
    if not grouped:
        return np.empty((0, scores.shape[1]))
    index = np.repeat(np.arange(len(grouped)), [one.stop - one.first for one in grouped])
    return pooling.pool(scores[: len(index)], index, len(grouped), how)


def _rows(
    ids: Mapping[str, str], scored: Mapping[str, tuple[list[intervals.Interval], np.ndarray]]
) -> tuple[list[str], list[tuple[float, float]], np.ndarray]:
    """Return MediaId, span and scores of all intervals, recordings in the order of ``ids``."""
    known = [scores for grouped, scores in scored.values() if grouped]
    if not known:
        raise ValueError(
            f"none of the {len(ids)} recordings to submit has a scored interval; expected window "
            "scores of the tested corpus, and intervals no longer than its recordings"
        )
    width_s = next(g[0].end_s - g[0].start_s for g, _ in scored.values() if g)
    mean = np.concatenate(known).mean(axis=0, dtype=np.float64)[None]
    without = [intervals.Interval(0.0, width_s, 0, 0)], mean
    names, spans, scores = [], [], []
    for media_id, identifier in ids.items():
        grouped, own_scores = scored.get(identifier, without)
        names += [media_id] * len(grouped)
        spans += [(one.start_s, one.end_s) for one in grouped]
        scores.append(own_scores)
    return names, spans, np.concatenate(scores)
