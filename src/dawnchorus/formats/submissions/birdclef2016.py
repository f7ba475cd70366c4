"""BirdCLEF 2016, in the form of toth2016 (Toth and Czeba): every class of every recording.

No header; a line ``MediaId;ClassId;probability`` with 16 decimals for each recording and class,
recordings in the order of their MediaIds, classes in theirs.

* `write`, `read`: the file.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dawnchorus.formats import semicolon_lines

UNIT = "recording"  # what has scores
OPTIONS = ()


class Probability(NamedTuple):
    """One line: a recording, a class, and the class' probability in [0, 1]."""

    media_id: str
    class_id: str
    probability: float


def write(
    path: str | Path, media_ids: Sequence[str], class_names: Sequence[str], scores: np.ndarray
) -> None:
    """Write the file.

    Parameters
    ----------
    path : path
    media_ids : sequence of str
        N recordings, in the order of the lines.
    class_names : sequence of str
        C ClassIds, in the order of the lines of a recording.
    scores : array, shape (N, C)
        Probabilities in [0, 1].

    Raises
    ------
    ValueError
        Where a name cannot stand in the file or occurs twice, or a score is no probability.
    """
    semicolon_lines.check_table(media_ids, class_names, scores)
    semicolon_lines.check_unique("MediaIds", media_ids)
    semicolon_lines.write_lines(
        path,
        (
            (media_id, class_name, semicolon_lines.score_text(score))
            for media_id, row in zip(media_ids, scores, strict=True)
            for class_name, score in zip(class_names, row.tolist(), strict=True)
        ),
    )


def read(path: str | Path) -> list[Probability]:
    """Read the file; see `dawnchorus.formats.semicolon_lines.read_lines` for what is rejected."""
    return [Probability(*fields) for fields in semicolon_lines.read_lines(path, str, str, float)]
