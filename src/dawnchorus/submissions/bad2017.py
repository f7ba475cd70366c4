"""Bird Audio Detection 2017, and DCASE 2018 task 3 with its three columns.

* `submit`: recording scores of a corpus of adapter ``bird_detection``.
* `write_bad2017`: scores in the order of a label file, under its header.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from dawnchorus import artefacts, corpora, logs, predictions
from dawnchorus.corpora import bird_detection

_NAMED = 5  # offenders an error names


def submit(scores_path: str | Path, label_rows: Mapping, output: str | Path) -> None:
    """Write the submission of one test corpus of adapter ``bird_detection``.

    Parameters
    ----------
    scores_path : path
        Recording scores of the submitted ensemble.
    label_rows : mapping
        What is repeated of its label files: ``columns``, and the ``table`` of their rows.
    output : path
        The CSV file.

    Raises
    ------
    ValueError
        Where there are no scores of the class that the challenge asks for; see also
        `write_bad2017`.
    """
    scored = predictions.read_recordings(scores_path)
    header = label_rows["columns"]
    rows = [
        (name, text, *name.split("/")[:1]) if len(header) == 3 else (name, text)
        for name, text in corpora.read_label_rows(label_rows["table"])
    ]
    if bird_detection.CLASS not in scored.class_names:
        raise ValueError(
            f"{scores_path} has scores of {', '.join(scored.class_names[:_NAMED])}; a submission to "
            f"this challenge needs the class {bird_detection.CLASS!r}"
        )
    column = scored.scores[:, scored.class_names.index(bird_detection.CLASS)]
    scores = dict(zip(scored.ids, column.tolist(), strict=True))
    filled = write_bad2017(output, header, rows, scores)
    logs.LOG.info("%d lines; %d recordings without a score got the mean score", len(rows), filled)


def write_bad2017(
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
            f"{len(bad)} scores are no probabilities: {dict(list(bad.items())[:_NAMED])!r}; "
            "expected 0 to 1"
        )
