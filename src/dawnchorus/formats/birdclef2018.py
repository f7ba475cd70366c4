"""BirdCLEF 2018, as Kahl et al. wrote it: the best classes of recordings and of intervals.

No header; recordings in the order of their MediaIds, classes with the highest score first, scores
with 16 decimals.

* `submit_monophone`, `submit_soundscape`: scores of a corpus.
* `write_birdclef2018_monophone`, `read_birdclef2018_monophone`: ``MediaId;ClassId;score;rank``,
  ranks from 1.
* `write_birdclef2018_soundscape`, `read_birdclef2018_soundscape`:
  ``MediaId;hh:mm:ss-hh:mm:ss;ClassId;score``, by interval.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dawnchorus.formats import intervals, semicolon_lines
from dawnchorus.formats import media_ids as media
from dawnchorus.runtime import logs
from dawnchorus.scores import ensemble, pooling, score_files

_CLOCK = re.compile(r"(\d{2,}):([0-5]\d):([0-5]\d)-(\d{2,}):([0-5]\d):([0-5]\d)")
_TICK_S = 1e-3  # a time so little before a whole second is that second


class Ranked(NamedTuple):
    """One line on a recording: a class, its score in [0, 1] and its rank from 1."""

    media_id: str
    class_id: str
    score: float
    rank: int


class Heard(NamedTuple):
    """One line on an interval of a recording, ``(start, end)`` in whole seconds."""

    media_id: str
    interval_s: tuple[int, int]
    class_id: str
    score: float


def submit_monophone(
    scores_path: str | Path, labels_path: str | Path, settings: Mapping, output: str | Path
) -> None:
    """Write the submission of one test corpus, by recording.

    Parameters
    ----------
    scores_path : path
        Recording scores of the submitted ensemble.
    labels_path : path
        Label table of the corpus.
    settings : mapping
        ``best``, ``test`` and ``ignored_classes``; see `dawnchorus.evaluation.submission.submit`.
    output : path
    """
    table = media.recording_scores(scores_path, labels_path, settings)
    write_birdclef2018_monophone(output, *table, settings["best"])


def submit_soundscape(
    window_paths: Sequence[str | Path],
    labels_path: str | Path,
    settings: Mapping,
    output: str | Path,
) -> None:
    """Write the submission of one test corpus, by interval.

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
        ``best``, ``interval_s``, ``keep_trailing``, ``pooling``, ``average``, ``ignored_classes``
        and ``test``; see `dawnchorus.evaluation.submission.submit`.
    output : path
    """
    ids = media.submitted(labels_path, settings["test"])
    scored = _scored(window_paths, set(ids.values()), settings)
    media_ids, spans, scores = _rows(ids, scored)
    n_filled = len(set(ids.values()) - scored.keys())
    n_without = sum(not grouped for grouped, _ in scored.values())
    logs.LOG.info(
        "%d intervals of %d recordings; %d without a score got the mean score of one interval; %d "
        "have no complete interval and no line", len(spans), len(ids), n_filled, n_without,
    )  # fmt: skip
    with score_files.open_windows(window_paths[0]) as windows:
        class_names = windows.class_names
    kept = media.kept_classes(class_names, settings["ignored_classes"])
    write_birdclef2018_soundscape(
        output, media_ids, spans, [class_names[i] for i in kept], scores[:, kept], settings["best"]
    )


def write_birdclef2018_monophone(
    path: str | Path,
    media_ids: Sequence[str],
    class_names: Sequence[str],
    scores: np.ndarray,
    best: int,
) -> None:
    """Write the file, at most ``best`` lines for each recording.

    Parameters
    ----------
    path : path
    media_ids : sequence of str
        N recordings, in the order of the lines.
    class_names : sequence of str
        C ClassIds; of equal scores the first comes first.
    scores : array, shape (N, C)
        In [0, 1].
    best : int
        1 or more.

    Raises
    ------
    ValueError
        Where a name cannot stand in the file or stands there twice, or a score is not in [0, 1].
    """
    semicolon_lines.check_table(media_ids, class_names, scores)
    semicolon_lines.refuse_repeats("MediaIds", media_ids)
    semicolon_lines.write_lines(
        path,
        (
            (media_id, class_names[column], semicolon_lines.number(row[column]), str(rank))
            for media_id, row in zip(media_ids, scores, strict=True)
            for rank, column in enumerate(semicolon_lines.best_classes(row, best), 1)
        ),
    )


def read_birdclef2018_monophone(path: str | Path) -> list[Ranked]:
    """Read the file; see `dawnchorus.formats.semicolon_lines.read_lines` for what is refused."""
    return [Ranked(*fields) for fields in semicolon_lines.read_lines(path, str, str, float, int)]


def write_birdclef2018_soundscape(
    path: str | Path,
    media_ids: Sequence[str],
    spans: Sequence[tuple[float, float]],
    class_names: Sequence[str],
    scores: np.ndarray,
    best: int,
) -> None:
    """Write the file, at most ``best`` lines for each interval.

    Parameters
    ----------
    path : path
    media_ids : sequence of str
        The recording of each of N intervals, in the order of the lines.
    spans : sequence of (float, float)
        Start and end of the N intervals in seconds; fractions are cut off, as a clock does.
    class_names : sequence of str
        C ClassIds; of equal scores the first comes first.
    scores : array, shape (N, C)
        In [0, 1].
    best : int
        1 or more.

    Raises
    ------
    ValueError
        Where a name cannot stand in the file, a score is not in [0, 1], or whole seconds cannot
        tell the intervals of a recording apart.
    """
    semicolon_lines.check_table(media_ids, class_names, scores)
    texts = [_clocks(start_s, end_s) for start_s, end_s in spans]
    _check_intervals(media_ids, texts)
    semicolon_lines.write_lines(
        path,
        (
            (media_id, text, class_names[column], semicolon_lines.number(row[column]))
            for media_id, text, row in zip(media_ids, texts, scores, strict=True)
            for column in semicolon_lines.best_classes(row, best)
        ),
    )


def read_birdclef2018_soundscape(path: str | Path) -> list[Heard]:
    """Read the file; see `dawnchorus.formats.semicolon_lines.read_lines` for what is refused."""
    return [
        Heard(*fields) for fields in semicolon_lines.read_lines(path, str, _seconds, str, float)
    ]


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
    media_ids, spans, scores = [], [], []
    for media_id, identifier in ids.items():
        grouped, own_scores = scored.get(identifier, without)
        media_ids += [media_id] * len(grouped)
        spans += [(one.start_s, one.end_s) for one in grouped]
        scores.append(own_scores)
    return media_ids, spans, np.concatenate(scores)


def _clocks(*times_s: float) -> str:
    """Return times as ``hh:mm:ss-hh:mm:ss``."""
    seconds = [int(time_s + _TICK_S) for time_s in times_s]
    return "-".join(f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in seconds)


def _seconds(text: str) -> tuple[int, int]:
    """Return the two times of ``hh:mm:ss-hh:mm:ss`` in seconds."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not hh:mm:ss-hh:mm:ss")
    h, m, s, end_h, end_m, end_s = map(int, match.groups())
    return 3600 * h + 60 * m + s, 3600 * end_h + 60 * end_m + end_s


def _check_intervals(media_ids: Sequence[str], texts: Sequence[str]) -> None:
    named = list(zip(media_ids, texts, strict=True))
    empty = [pair for pair in named if len(set(pair[1].split("-"))) == 1]
    if empty or len(set(named)) < len(named):
        raise ValueError(
            f"intervals of MediaId {(empty or named)[0][0]!r} are too short for a file of whole "
            "seconds; expected an interval_s of 1 or more, and windows less close together"
        )
