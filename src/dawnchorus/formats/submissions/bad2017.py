"""Bird Audio Detection 2017, and DCASE 2018 task 3 with its three columns.

* `write`: scores in the order of a label file, under its header.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from dawnchorus.runtime import artefacts

UNIT = "label"  # what has scores: a row of the label files
OPTIONS = ()
_SHOWN = 5  # offenders that a message names


def write(
    path: str | Path,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    scores: Mapping[str, float],
    fill: float | None = None,
) -> int:
    """Write scores in the order of a label file, under its header.

    http://machine-listening.eecs.qmul.ac.uk/bird-audio-detection-challenge/: a line
    ``itemid,probability`` for each item, no blanks, six decimals. A label file of DCASE 2018 has
    the columns ``itemid,datasetid,hasbird``: its other columns are kept and the last one becomes
    the probability. Fields with a comma or a quote are quoted as CSV is.

    Parameters
    ----------
    path : path
        The file to write (UTF-8, LF).
    header : sequence of str
        Columns of the label file; the label comes last.
    rows : sequence of sequences of str
        For each line of the label file, in its order: the id of the recording, then the text of
        every column but the last.
    scores : mapping
        Id to probability in [0, 1]; ids that are not in the label file are left out.
    fill : float, optional
        Probability of recordings without a score; by default the mean over those with one.

    Returns
    -------
    int
        How many lines had to be filled.

    Raises
    ------
    ValueError
        Where a probability is NaN or outside [0, 1], a row does not fit the header, or no row has a
        score.
    """
    for row in rows:
        if len(row) != len(header):
            raise ValueError(
                f"row {tuple(row)!r} has {len(row)} fields; expected {len(header)}: the id, then "
                f"the columns {list(header[:-1])!r}"
            )
    known = [float(scores[row[0]]) for row in rows if row[0] in scores]
    if not known:
        raise ValueError(f"none of the {len(rows)} rows has one of the {len(scores)} scores")
    _check_probabilities({row[0]: scores[row[0]] for row in rows if row[0] in scores})
    fill = math.fsum(known) / len(known) if fill is None else fill
    _check_probabilities({"(fill)": fill})
    lines = [(*row[1:], f"{float(scores.get(row[0], fill)):.6f}") for row in rows]
    artefacts.write_table(path, header, lines)
    return len(rows) - len(known)


def _check_probabilities(scores: Mapping[str, float]) -> None:
    # written so that NaN fails too
    bad = {name: float(score) for name, score in scores.items() if not 0 <= score <= 1}
    if bad:
        raise ValueError(
            f"{len(bad)} scores are no probabilities: {dict(list(bad.items())[:_SHOWN])!r}; "
            "expected 0 to 1"
        )
