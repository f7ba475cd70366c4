"""Labels of recordings as their ground truth.

* `training_labels`, `training_classes`: labels of the recordings that have a fold, and their classes.
* `used_recordings`, `labelled_recordings`: those of some references.
* `check_losses`: refuse classes that lose all of their recordings.
* `indicator`: names of classes as an array; `without_classes`: a recording with fewer labels.
"""

import dataclasses
import difflib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.audio.verdicts import USED, lost_classes_of, read_verdicts
from dawnchorus.corpora import tables
from dawnchorus.runtime import artefacts
from dawnchorus.settings.references import parse_reference

_NAMED = 12  # classes an error names


def used_recordings(
    references: Sequence[str], labels: Mapping[str, str], verdicts: Mapping[str, str]
) -> Iterator[tuple[str, tables.Labelled]]:
    """Yield (corpus, recording); where a corpus has verdicts, of those that are used alone.

    Classes that a recording has lost with its events are none of its labels.
    """
    for reference in references:
        corpus, split = parse_reference(reference)
        used, lost = None, {}
        if corpus in verdicts:
            frame = read_verdicts(verdicts[corpus])
            used, lost = set(frame.loc[frame["verdict"] == USED, "id"]), lost_classes_of(frame)
        for recording in tables.select(tables.read_labels(labels[corpus]), split):
            if used is None or recording.id in used:
                yield corpus, without_classes(recording, lost.get(recording.id, ()))


def without_classes(recording: tables.Labelled, names: Collection[str]) -> tables.Labelled:
    """Return a recording without some of its labels."""
    if not names:
        return recording
    kept = tuple(name for name in recording.labels if name not in names)
    return dataclasses.replace(recording, labels=kept)


def labelled_recordings(
    references: Sequence[str], labels: Mapping[str, str], verdicts: Mapping[str, str]
) -> Iterator[tuple[str, tables.Labelled]]:
    """Yield (corpus, recording) for recordings with known truth that are used."""
    for corpus, recording in used_recordings(references, labels, verdicts):
        if recording.labelled:
            yield corpus, recording


def check_losses(references: Sequence[str], labels: Mapping[str, str], kept: Iterable[str]) -> None:
    """Refuse classes all of whose recordings are excluded: nobody misses what no model scores.

    Parameters
    ----------
    references, labels
        As `used_recordings` has them.
    kept : iterable of str
        Classes of the recordings that are used.

    Raises
    ------
    ValueError
        Where there is such a class, with its number of recordings.
    """
    listed = labelled_recordings(references, labels, {})
    lost = Counter(name for _, recording in listed for name in recording.labels)
    if left := lost.keys() - set(kept):
        named = ", ".join(f"{name!r} ({lost[name]})" for name in sorted(left)[:_NAMED])
        raise ValueError(
            f"{len(left)} classes lose all of their recordings: {named}, as verdicts.csv of "
            f"{', '.join(references)} says; mend them, or leave these classes out of the corpus"
        )


def training_labels(
    references: Sequence[str],
    labels: Mapping[str, str],
    folds_path: str | Path,
    verdicts: Mapping[str, str] | None = None,
) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], tuple[str, ...]]]:
    """Return folds and labels of the recordings that have a fold, by (corpus, id).

    Parameters
    ----------
    references : sequence of str
        Training corpora of the experiment.
    labels : mapping of corpus to path
        Label tables.
    folds_path : path
        Folds of the experiment.
    verdicts : mapping of corpus to path, optional
        Verdict tables of corpora whose recordings may have lost classes with their events.
    """
    fold = {
        (row["corpus"], row["id"]): int(row["fold"]) for row in artefacts.read_table(folds_path)
    }
    # of others without verdicts: a recording that has a fold was used when folds were dealt
    truth = {
        (corpus, recording.id): recording.labels
        for corpus, recording in labelled_recordings(references, labels, verdicts or {})
        if (corpus, recording.id) in fold
    }
    return fold, truth


def training_classes(
    truth: Mapping[tuple[str, str], Sequence[str]], classes: Sequence[str] | None
) -> list[str]:
    """Return the classes of an experiment: those given, or all of its labels in order.

    Raises
    ------
    ValueError
        Where there is no class, or one that is given has no positive.
    """
    found = {name for names in truth.values() for name in names}
    # in alphabetical order, so that equal labels give models with equal outputs
    chosen = list(classes or sorted(found))
    if not chosen:
        raise ValueError(f"none of {len(truth)} training recordings has a class; nothing to learn")
    for name in chosen:
        if name not in found:
            near = difflib.get_close_matches(name, found, n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"class {name!r} has no positive among {len(truth)} training recordings, whose "
                f"classes are {', '.join(sorted(found)[:_NAMED])}{meant}"
            )
    return chosen


def indicator(
    names: Sequence[Sequence[str]], class_names: Sequence[str], dtype: type = np.int64
) -> np.ndarray:
    """Return which of the classes each of N recordings names, shape (N, C) of 0 and 1."""
    column = {name: index for index, name in enumerate(class_names)}
    found = np.zeros((len(names), len(class_names)), dtype)
    for row, own in enumerate(names):
        found[row, [column[name] for name in own if name in column]] = 1
    return found
