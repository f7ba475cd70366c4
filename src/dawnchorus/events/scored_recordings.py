"""Recordings of a corpus that are tested, and what of them is scored.

* `tested`: which recordings test references name.
* `shown`: which of them have frame scores.
* `read_durations`: how long each used recording of a corpus is.
* `STRONG`: the data set of recordings with known events.
"""

from collections.abc import Sequence
from pathlib import Path

from dawnchorus.audio.verdicts import USED
from dawnchorus.corpora import tables
from dawnchorus.runtime import artefacts
from dawnchorus.runtime.logs import LOG
from dawnchorus.scores.frame_files import Frames
from dawnchorus.settings.references import parse_reference

STRONG = "strong"  # the data set of recordings with known events, see adapter ``dcase_sed``


def tested(labels_path: str | Path, references: Sequence[str]) -> set[str]:
    """Return the ids that references to one corpus name; without any, those of all of it."""
    labels = tables.read_labels(labels_path)
    splits = [parse_reference(reference)[1] for reference in references] or [None]
    return {recording.id for split in splits for recording in tables.select(labels, split)}


def shown(frames: Frames, labels_path: str | Path, references: Sequence[str]) -> list[str]:
    """Return the scored recordings that test references to a corpus name, and log what has no score.

    Parameters
    ----------
    frames : Frames
    labels_path : path
        Labels of the corpus.
    references : sequence of str
        Without any, all of the corpus.

    Raises
    ------
    ValueError
        Where a reference names a split that is not there.
    """
    wanted = tested(labels_path, references)
    found = [name for name in frames.scored if name in wanted]
    if n_without := len(wanted) - len(found):
        LOG.info(
            "%d of %d recordings have no scores, such as excluded ones: they have no row",
            n_without, len(wanted),
        )  # fmt: skip
    return found


def read_durations(verdicts_path: str | Path) -> dict[str, float]:
    """Return the duration [s] of each used recording of a corpus, by id."""
    rows = artefacts.read_table(verdicts_path)
    return {row["id"]: float(row["duration_s"]) for row in rows if row["verdict"] == USED}
