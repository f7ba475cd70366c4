"""Submission files: scores of a test corpus as its challenge wants them.

A format is a module of ``formats/submissions/``, found by its name: ``UNIT`` says what has scores
(``recording``, ``interval`` of a recording, or ``label``: a row of the challenge's label files),
``OPTIONS`` which settings ``write`` takes beside them.

* `submit`: the file of one corpus.
* `format_names`: the formats there are.
* `submitted`, `media_id`: the tested recordings, by what the challenge calls them.
* `recording_scores`, `interval_scores`: their scores, of recordings and of intervals of long ones.
* `filled`: the scores of those that have one, and the mean for the others.
* `kept_classes`: the classes that are submitted.
"""

import importlib
import pkgutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.corpora import bird_detection_labels, tables
from dawnchorus.formats import audio_names, intervals, submissions
from dawnchorus.runtime import logs
from dawnchorus.scores import ensemble, pooling, score_files
from dawnchorus.settings.references import parse_reference

_NAMED = 5  # classes an error names
_MARK = "_RN"  # of the file names of 2014 to 2018: LIFECLEF2018_BIRDS_..._RN12345.wav


def submit(
    scores_path: str | Path,
    window_paths: Sequence[score_files.Files],
    corpus_labels_path: str | Path,
    label_rows: Mapping | None,
    settings: Mapping,
    output: str | Path,
) -> None:
    """Write the submission of an experiment for one test corpus.

    Every tested recording is in the file: one without a score, such as one that was excluded, has
    the mean score over the others, and how many these are is logged.

    Parameters
    ----------
    scores_path : path
        Recording scores of the submitted ensemble (all formats but those by interval).
    window_paths : sequence of path, or of sequence of paths
        Window scores of the ensemble's stages (formats by interval; others may give none).
    corpus_labels_path : path
        Label table of the corpus, which has the MediaIds (all formats but bad2017).
    label_rows : mapping or None
        What is repeated of the corpus' label files: ``columns``, and ``table``, the path of that
        of their rows (bad2017; others need none).
    settings : mapping
        The ``submission`` section (``format``, ``best``, ``interval_s`` [s], ``keep_trailing``)
        and, of the experiment, ``pooling``, ``average``, ``ignored_classes`` (left out of the file)
        and ``test``: the subsets, ``corpus`` or ``corpus:split``, that are of this corpus.
    output : path
        The file.

    Raises
    ------
    ValueError
        Where the format is unknown, a recording has no name of its own in the challenge, no
        recording has a score, or a score or a name cannot stand in the file.
    """
    if settings["format"] not in format_names():
        raise ValueError(
            f"submission.format {settings['format']!r}; expected one of {', '.join(format_names())}"
        )
    written = importlib.import_module(f"dawnchorus.formats.submissions.{settings['format']}")
    options = {name: settings[name] for name in written.OPTIONS}
    if written.UNIT == "label":
        # the rows of the label files of a corpus of adapter ``bird_detection``
        scored = score_files.read_recordings(scores_path)
        header = label_rows["columns"]
        rows = [
            (name, text, *name.split("/")[:1]) if len(header) == 3 else (name, text)
            for name, text in tables.read_label_rows(label_rows["table"])
        ]
        if bird_detection_labels.CLASS not in scored.class_names:
            raise ValueError(
                f"{scores_path} has scores of {', '.join(scored.class_names[:_NAMED])}; a submission "
                f"to this challenge needs the class {bird_detection_labels.CLASS!r}"
            )
        column = scored.scores[:, scored.class_names.index(bird_detection_labels.CLASS)]
        scores = dict(zip(scored.ids, column.tolist(), strict=True))
        n_filled = written.write(output, header, rows, scores)
        logs.LOG.info(
            "%d lines; %d recordings without a score got the mean score", len(rows), n_filled
        )
        return
    if written.UNIT == "interval":
        table = interval_scores(window_paths, corpus_labels_path, settings)
    else:
        table = recording_scores(scores_path, corpus_labels_path, settings)
    written.write(output, *table, **options)


def format_names() -> tuple[str, ...]:
    """Return the names of the formats, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(submissions.__path__)))


def submitted(labels_path: str | Path, subsets: Sequence[str]) -> dict[str, str]:
    """Return the ids of the tested recordings of one corpus by their MediaId, in its order.

    The order is that of numbers where MediaIds are numbers, and these come before others.

    Parameters
    ----------
    labels_path : path
        Label table of the corpus. Recordings that were excluded later are in it too.
    subsets : sequence of str
        What is tested of this corpus: ``corpus`` or ``corpus:split``.

    Raises
    ------
    ValueError
        Where a split has no recordings or two recordings have one MediaId.
    """
    # the label table, not the scores: a challenge wants a row for recordings that were excluded too
    table = tables.read_labels(labels_path)
    splits = [parse_reference(subset)[1] for subset in subsets]
    tested = {r.id: r for split in splits for r in tables.select(table, split)}
    found: dict[str, str] = {}
    for recording in tested.values():
        name = media_id(recording)
        if name in found:
            raise ValueError(
                f"{found[name]!r} and {recording.id!r} of {labels_path} have one MediaId, {name!r}; "
                "expected one each: correct the media ids or leave one recording out"
            )
        found[name] = recording.id

    def order(item: tuple[str, str]) -> tuple[bool, int, str, str]:
        name = item[0]
        is_number = name.isascii() and name.isdigit()
        # not as a number, of which Python reads 4300 digits at most
        digits = name.lstrip("0") if is_number else ""
        return not is_number, len(digits), digits, name

    return dict(sorted(found.items(), key=order))


def media_id(recording: tables.Labelled) -> str:
    """Return what a challenge calls a recording: text, with the zeros it begins with.

    That is ``media_id`` of the label table, else what follows the last ``_RN`` of the id, without
    the extension of an audio file, else the id.
    """
    if recording.media_id:
        return recording.media_id
    after = recording.id.rpartition(_MARK)[2] if _MARK in recording.id else ""
    if audio_names.is_audio(after):
        after = after.rpartition(".")[0]
    return after or recording.id


def recording_scores(
    scores_path: str | Path, labels_path: str | Path, settings: Mapping
) -> tuple[list[str], list[str], np.ndarray]:
    """Return MediaIds (N), ClassIds (C) and scores (N, C), float64, of a submission.

    Parameters
    ----------
    scores_path : path
        Recording scores.
    labels_path : path
        Label table of the corpus.
    settings : mapping
        ``test`` and ``ignored_classes``; see `submit`.

    Raises
    ------
    ValueError
        As `submitted` and `filled` do.
    """
    scored = score_files.read_recordings(scores_path)
    ids = submitted(labels_path, settings["test"])
    scores, n_filled = filled(list(ids.values()), dict(zip(scored.ids, scored.scores, strict=True)))
    logs.LOG.info("%d recordings; %d without a score got the mean score", len(ids), n_filled)
    kept = kept_classes(scored.class_names, settings["ignored_classes"])
    return list(ids), [scored.class_names[column] for column in kept], scores[:, kept]


def filled(ids: Sequence[str], scores: Mapping[str, np.ndarray]) -> tuple[np.ndarray, int]:
    """Return scores (N, C), float64, of recordings, and how many of them have none.

    Those get the mean over the others, class by class: a challenge wants every recording.

    Parameters
    ----------
    ids : sequence of str
        N recordings.
    scores : mapping of id to array, shape (C,)
        Scores of other recordings may be among them.

    Raises
    ------
    ValueError
        Where no recording has a score.
    """
    known = np.array([scores[name] for name in ids if name in scores], np.float64)
    if not len(known):
        raise ValueError(
            f"none of the {len(ids)} recordings to submit has one of the {len(scores)} scores; "
            "expected scores of the tested corpus"
        )
    mean = known.mean(axis=0)
    return np.array([scores.get(name, mean) for name in ids], np.float64), len(ids) - len(known)


def kept_classes(class_names: Sequence[str], ignored_classes: Sequence[str]) -> list[int]:
    """Return the columns of the classes that are submitted: no challenge knows kahl2018's Noise."""
    return [i for i, name in enumerate(class_names) if name not in ignored_classes]


def interval_scores(
    window_paths: Sequence[score_files.Files], labels_path: str | Path, settings: Mapping
) -> tuple[list[str], list[tuple[float, float]], list[str], np.ndarray]:
    """Return MediaIds and spans [s] of N intervals, C ClassIds and scores (N, C), of a submission.

    Members are averaged window by window; the windows of an interval are pooled as those of a
    recording are. A recording without a window has one interval at its beginning, with the mean
    over all intervals of the others: how long it is, nobody knows.

    Parameters
    ----------
    window_paths : sequence of path, or of sequence of paths
        Window scores of the stages of the submitted ensemble.
    labels_path : path
        Label table of the corpus.
    settings : mapping
        ``interval_s``, ``keep_trailing``, ``pooling``, ``average``, ``ignored_classes`` and ``test``;
        see `submit`.
    """
    ids = submitted(labels_path, settings["test"])
    scored = _interval_scores(window_paths, set(ids.values()), settings)
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
    for name, identifier in ids.items():
        grouped, own_scores = scored.get(identifier, without)
        names += [name] * len(grouped)
        spans += [(one.start_s, one.end_s) for one in grouped]
        scores.append(own_scores)
    logs.LOG.info(
        "%d intervals of %d recordings; %d without a score got the mean score of one interval; %d "
        "have no complete interval and no line", len(spans), len(ids),
        len(set(ids.values()) - scored.keys()), sum(not grouped for grouped, _ in scored.values()),
    )  # fmt: skip
    with score_files.open_windows(window_paths[0]) as windows:
        class_names = windows.class_names
    kept = kept_classes(class_names, settings["ignored_classes"])
    return names, spans, [class_names[i] for i in kept], np.concatenate(scores)[:, kept]


def _interval_scores(
    window_paths: Sequence[score_files.Files], wanted: Collection[str], settings: Mapping
) -> dict[str, tuple[list[intervals.Interval], np.ndarray]]:
    """Return the intervals (K) and their scores (K, C) of recordings that have windows, by id."""
    ids, recording, onset, offset, scores = ensemble.chunk_scores(window_paths, settings)
    found = {}
    if not len(recording):
        return found
    grid = intervals.window_grid(recording, onset, offset)
    for number in np.unique(recording).tolist():
        if ids[number] not in wanted:
            continue
        own = slice(*np.searchsorted(recording, [number, number + 1]))
        grouped = intervals.group_windows(
            onset[own], offset[own], grid, settings["interval_s"], settings["keep_trailing"]
        )
        pooled = np.empty((0, scores.shape[1]))
        if grouped:
            index = np.repeat(np.arange(len(grouped)), [one.stop - one.first for one in grouped])
            windows = scores[own][: len(index)]
            pooled = pooling.pool(windows, index, len(grouped), settings["pooling"])
        found[ids[number]] = grouped, pooled
    return found
