"""What a challenge calls the recordings, and which of them it wants scores of.

* `submitted`: the recordings of a corpus that are tested, by their MediaId.
* `media_id`: what a challenge calls a recording.
* `recording_scores`: scores of these recordings, of the classes that are submitted.
* `filled`: the scores of those that have one, and the mean for the others.
* `kept_classes`: the classes that are submitted.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.corpora import tables
from dawnchorus.formats import audio_names
from dawnchorus.runtime import logs
from dawnchorus.scores import score_files
from dawnchorus.settings.references import parse_reference

_MARK = "_RN"  # of the file names of 2014 to 2018: LIFECLEF2018_BIRDS_..._RN12345.wav


def submitted(labels_path: str | Path, references: Sequence[str]) -> dict[str, str]:
    """Return the ids of the tested recordings of one corpus by their MediaId, in its order.

    The order is that of numbers where MediaIds are numbers, and these come before others.

    Parameters
    ----------
    labels_path : path
        Label table of the corpus. Recordings that were excluded later are in it too.
    references : sequence of str
        What is tested of this corpus: ``corpus`` or ``corpus:split``.

    Raises
    ------
    ValueError
        Where a split has no recordings or two recordings have one MediaId.
    """
    table = tables.read_labels(labels_path)
    splits = [parse_reference(reference)[1] for reference in references]
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
    return dict(sorted(found.items(), key=lambda item: _order(item[0])))


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
        ``test`` and ``ignored_classes``; see `dawnchorus.evaluation.submission.submit`.

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
    """Return the columns of the classes that are submitted: a challenge does not know 002's Noise."""
    return [i for i, name in enumerate(class_names) if name not in ignored_classes]


def _order(name: str) -> tuple[bool, int, str, str]:
    is_number = name.isascii() and name.isdigit()
    # not as a number, of which Python reads 4300 digits at most
    digits = name.lstrip("0") if is_number else ""
    return not is_number, len(digits), digits, name
