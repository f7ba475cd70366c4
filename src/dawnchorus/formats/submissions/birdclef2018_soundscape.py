"""BirdCLEF 2018 by interval, in the form of kahl2018 (Kahl et al.): the best classes of each.

No header; ``MediaId;hh:mm:ss-hh:mm:ss;ClassId;score``, recordings in the order of their MediaIds,
classes with the highest score first, scores with 16 decimals.

* `write`, `read`: the file.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dawnchorus.formats import semicolon_lines

UNIT = "interval"  # what has scores
OPTIONS = ("best",)
_CLOCK = re.compile(r"(\d{2,}):([0-5]\d):([0-5]\d)-(\d{2,}):([0-5]\d):([0-5]\d)")
_TICK_S = 1e-3  # a time so little before a whole second is that second


class Detected(NamedTuple):
    """One line on an interval of a recording, ``(start, end)`` in whole seconds."""

    media_id: str
    interval_s: tuple[int, int]
    class_id: str
    score: float


def write(
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
    texts = []
    for span in spans:
        seconds = [int(time_s + _TICK_S) for time_s in span]
        texts.append("-".join(f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in seconds))
    named = list(zip(media_ids, texts, strict=True))
    empty = [pair for pair in named if len(set(pair[1].split("-"))) == 1]
    if empty or len(set(named)) < len(named):
        raise ValueError(
            f"intervals of MediaId {(empty or named)[0][0]!r} are too short for a file of whole "
            "seconds; expected an interval_s of 1 or more, and windows less close together"
        )
    semicolon_lines.write_lines(
        path,
        (
            (media_id, text, class_names[column], semicolon_lines.score_text(row[column]))
            for media_id, text, row in zip(media_ids, texts, scores, strict=True)
            for column in semicolon_lines.best_classes(row, best)
        ),
    )


def read(path: str | Path) -> list[Detected]:
    """Read the file; see `dawnchorus.formats.semicolon_lines.read_lines` for what is rejected."""
    return [
        Detected(*fields) for fields in semicolon_lines.read_lines(path, str, _seconds, str, float)
    ]


def _seconds(text: str) -> tuple[int, int]:
    """Return the two times of ``hh:mm:ss-hh:mm:ss`` in seconds."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not hh:mm:ss-hh:mm:ss")
    h, m, s, end_h, end_m, end_s = map(int, match.groups())
    return 3600 * h + 60 * m + s, 3600 * end_h + 60 * end_m + end_s
