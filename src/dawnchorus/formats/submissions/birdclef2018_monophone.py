"""BirdCLEF 2018 by recording, in the form of kahl2018 (Kahl et al.): the best classes of each.

No header; ``MediaId;ClassId;score;rank``, recordings in the order of their MediaIds, classes with
the highest score first, scores with 16 decimals, ranks from 1.

* `write`, `read`: the file.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dawnchorus.formats import semicolon_lines

UNIT = "recording"  # what has scores
OPTIONS = ("best",)


class Ranked(NamedTuple):
    """One line on a recording: a class, its score in [0, 1] and its rank from 1."""

    media_id: str
    class_id: str
    score: float
    rank: int


def write(
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
        Where a name cannot stand in the file or occurs twice, or a score is not in [0, 1].
    """
    semicolon_lines.check_table(media_ids, class_names, scores)
    semicolon_lines.check_unique("MediaIds", media_ids)
    semicolon_lines.write_lines(
        path,
        (
            (media_id, class_names[column], semicolon_lines.score_text(row[column]), str(rank))
            for media_id, row in zip(media_ids, scores, strict=True)
            for rank, column in enumerate(semicolon_lines.best_classes(row, best), 1)
        ),
    )


def read(path: str | Path) -> list[Ranked]:
    """Read the file; see `dawnchorus.formats.semicolon_lines.read_lines` for what is rejected."""
    return [Ranked(*fields) for fields in semicolon_lines.read_lines(path, str, str, float, int)]
