"""Labels as the truth of recordings.

* `known_truth`, `learnt_classes`: labels of the recordings that have a fold, and their classes.
* `recordings`, `labelled`: those of some references that are used, and of them the labelled.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dawnchorus.corpora import tables
from dawnchorus.runtime import artefacts
from dawnchorus.settings.references import parse_reference

_NAMED = 12  # classes an error names


def recordings(
    references: Sequence[str], labels: Mapping[str, str], verdicts: Mapping[str, str]
) -> Iterator[tuple[str, tables.Labelled]]:
    """Yield (corpus, recording); where a corpus has verdicts, of those that are used alone."""
    for reference in references:
        corpus, split = parse_reference(reference)
        used = None
        if corpus in verdicts:
            rows = artefacts.read_table(verdicts[corpus])
            used = {row["id"] for row in rows if row["verdict"] == "used"}
        for recording in tables.select(tables.read_labels(labels[corpus]), split):
            if used is None or recording.id in used:
                yield corpus, recording


def labelled(
    references: Sequence[str], labels: Mapping[str, str], verdicts: Mapping[str, str]
) -> Iterator[tuple[str, tables.Labelled]]:
    """Yield (corpus, recording) for recordings with known truth that are used."""
    for corpus, recording in recordings(references, labels, verdicts):
        if recording.labelled:
            yield corpus, recording


def known_truth(
    references: Sequence[str], labels: Mapping[str, str], folds_path: str | Path
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
    """
    fold = {
        (row["corpus"], row["id"]): int(row["fold"]) for row in artefacts.read_table(folds_path)
    }
    truth = {
        (corpus, recording.id): recording.labels
        for corpus, recording in labelled(references, labels, {})
        if (corpus, recording.id) in fold
    }
    return fold, truth


def learnt_classes(
    truth: Mapping[tuple[str, str], Sequence[str]], classes: Sequence[str] | None
) -> list[str]:
    """Return the classes of an experiment: those given, or all of its labels in order.

    Raises
    ------
    ValueError
        Where there is no class, or one that is given has no positive.
    """
    found = {name for names in truth.values() for name in names}
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
