"""What a person said of a sample of detections: precision, thresholds, and labels to train on.

The table is that of `dawnchorus.exported.detection_sample`, filled in. ``correct`` is 1 (or yes, y,
true), 0 (no, n, false) or ? (unsure, or nothing: not answered). An answer in a selection table, in its
column ``Correct``, counts like one in the table. Answers are weighted by the strata that they were drawn
from: with 10 of 500 in one band and 10 of 20 in another, one of the former stands for 50 detections.

* `read_answers`: the filled table.
* `precision_rows`: precision by class and band, and by class, with intervals.
* `suggested_threshold`: the lowest score from which on a class has a wanted precision.
* `write_corpus`: the answers as labels of a corpus for adapter ``table``.
"""

import math
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dawnchorus.exported.detection_sample import CLIPS, CORRECT, RAVEN, TABLE, cut_out
from dawnchorus.formats import annotation, label_sheet
from dawnchorus.metrics.proportions import stratified_proportion, wilson_interval
from dawnchorus.runtime import artefacts

_ANSWERS = {
    **dict.fromkeys(("1", "yes", "y", "true"), True),
    **dict.fromkeys(("0", "no", "n", "false"), False),
    **dict.fromkeys(("?", "unsure", ""), None),
}
_NEEDED = ("clip", "file", "onset", "offset", "class", "score", "clip_onset", "band", "in_band")
_NONE = "none"  # in ``others``: nothing else is in the detection
LABELS = ("path", "labels", "labelled", "group", "score", "detected")
SEPARATOR = ";"


class Answer(NamedTuple):
    """A row of the table; ``is_correct`` is None where it is not known, and so is ``others``."""

    clip: str
    file: str
    onset_s: float
    offset_s: float
    label: str
    score: float
    clip_onset_s: float
    band: str
    in_band: int
    is_correct: bool | None
    others: tuple[str, ...] | None


class Precision(NamedTuple):
    """Of a class in a band, or in all of them (``all``): counts, and the precision with its interval."""

    label: str
    band: str
    detections: int
    drawn: int
    unsure: int
    correct: int
    precision: float
    low: float
    high: float


def read_answers(path: str | os.PathLike) -> tuple[Path, list[Answer]]:
    """Read a filled table.

    Parameters
    ----------
    path : path
        The table, or the folder of the sample.

    Returns
    -------
    folder : Path
        That of the table.
    answers : list of Answer
        In the order of the table.

    Raises
    ------
    ValueError
        Where a column is missing, a field is not what it should be, table and selection table differ, or
        nothing is answered.
    """
    table = Path(path, TABLE) if os.path.isdir(path) else Path(path)
    sheet = label_sheet.read_sheet(str(table))
    columns = {name: label_sheet.column(sheet, name) for name in (*_NEEDED, "correct")}
    columns["others"] = label_sheet.optional_column(sheet, "others")
    # a person may answer in Raven instead, in the column Correct of the selection table of a clip
    in_raven: dict[str, bool] = {}
    for selections in sorted((table.parent / RAVEN).glob("*.txt")):
        lines = [
            (n, annotation.split_fields(line)) for n, line in annotation.read_lines(selections)
        ]
        titles = lines[0][1] if lines else []
        if CORRECT not in titles or "Begin File" not in titles:
            continue
        for n, fields in lines[1:]:
            own = dict(zip(titles, fields, strict=False))  # editors cut empty fields from the end
            told = _answer(own.get(CORRECT, ""), f"{selections}, line {n}")
            if told is not None:
                in_raven[own["Begin File"]] = told
    found = []
    for number, line in enumerate(sheet.lines):
        row = {name: values[number] for name, values in columns.items()}
        where = f"{table}, line {line}"
        numbers = {
            name: float(annotation.parse_number(row[name], name, where))
            for name in ("onset", "offset", "score", "clip_onset", "in_band")
        }
        is_correct = _answer(row["correct"], where)
        told = in_raven.get(os.path.basename(row["clip"]))
        if None not in (told, is_correct) and told != is_correct:
            raise ValueError(
                f"{where}: correct is {row['correct']!r}, but the selection table of "
                f"{row['clip']} says the opposite; keep one of them"
            )
        others = [name.strip() for name in row["others"].split(SEPARATOR) if name.strip()]
        found.append(
            Answer(
                clip=row["clip"],
                file=row["file"],
                onset_s=numbers["onset"],
                offset_s=numbers["offset"],
                label=row["class"],
                score=numbers["score"],
                clip_onset_s=numbers["clip_onset"],
                band=row["band"],
                in_band=int(numbers["in_band"]),
                is_correct=told if is_correct is None else is_correct,
                others=tuple(one for one in others if one != _NONE) if others else None,
            )
        )
    if all(answer.is_correct is None for answer in found):
        raise ValueError(
            f"{table} has no answer in column 'correct' nor in the selection tables beside it; fill in "
            "1 where the detection is right, 0 where it is not, ? where you are not sure"
        )
    return table.parent, found


def precision_rows(answers: Sequence[Answer], confidence: float = 0.95) -> list[Precision]:
    """Return the precision of each class and band, and of each class over its bands.

    A band has Wilson's interval, a class that of `dawnchorus.metrics.proportions.stratified_proportion`.

    Parameters
    ----------
    answers : sequence of Answer
    confidence : float
        In (0, 1).

    Returns
    -------
    list of Precision
        By class, and within it by band; the class as a whole is last, with band ``all``. Its
        ``detections`` are those of bands with an answer, of which alone something is known.
    """
    strata: dict[tuple[str, str], list[Answer]] = defaultdict(list)
    for answer in answers:
        strata[answer.label, answer.band].append(answer)
    by_class: dict[str, list[Precision]] = defaultdict(list)
    for (label, band), own in sorted(strata.items()):
        known = [one.is_correct for one in own if one.is_correct is not None]
        share = sum(known) / len(known) if known else math.nan
        by_class[label].append(
            Precision(
                label,
                band,
                own[0].in_band,
                len(own),
                len(own) - len(known),
                sum(known),
                share,
                *wilson_interval(share, len(known), confidence),
            )
        )
    found = []
    for label, bands in by_class.items():
        known = [one for one in bands if one.drawn > one.unsure]
        estimate = stratified_proportion(
            [one.correct for one in known],
            [one.drawn - one.unsure for one in known],
            [one.detections for one in known],
            confidence,
        )
        counts = [sum(one.detections for one in known)]
        counts += [
            sum(getattr(one, key) for one in bands) for key in ("drawn", "unsure", "correct")
        ]
        found += [*bands, Precision(label, "all", *counts, *estimate)]
    return found


def suggested_threshold(
    answers: Sequence[Answer], label: str, wanted: float, confidence: float = 0.95
) -> tuple[float, float, float, float]:
    """Return the lowest checked score from which on a class has a wanted precision.

    Parameters
    ----------
    answers : sequence of Answer
    label : str
        The class.
    wanted : float
        Precision in (0, 1].
    confidence : float
        In (0, 1).

    Returns
    -------
    threshold, precision, low, high : float
        The precision is that of the detections at or above the threshold, each answer weighted by its
        stratum; the interval is Wilson's with the effective number of answers (Kish 1965).

    Raises
    ------
    ValueError
        Where no threshold reaches it: what the best one reaches.
    """
    if not 0 < wanted <= 1:
        raise ValueError(f"precision {wanted!r}; expected more than 0 and at most 1")
    known = [one for one in answers if one.label == label and one.is_correct is not None]
    if not known:
        raise ValueError(
            f"class {label!r}: no detection is checked, so no threshold can be suggested"
        )
    n_known: dict[str, int] = defaultdict(int)
    for one in known:
        n_known[one.band] += 1
    known.sort(key=lambda one: -one.score)
    scores = np.array([one.score for one in known])
    weights = np.array([one.in_band / n_known[one.band] for one in known])
    hits = np.cumsum(weights * [one.is_correct for one in known])
    sums, squares = np.cumsum(weights), np.cumsum(weights**2)
    last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))  # equal scores go together
    shares = hits[last] / sums[last]
    # rounding must not cost a class in which everything is right
    reached = np.flatnonzero(shares >= wanted - 1e-12)
    if not len(reached):
        best = int(np.argmax(shares))
        raise ValueError(
            f"class {label!r}: no threshold gives a precision of {wanted:g}; the most is "
            f"{shares[best]:.2f}, from a score of {scores[last][best]:.3g} on, by "
            f"{last[best] + 1} checked detections"
        )
    place = reached[-1]
    n = sums[last][place] ** 2 / squares[last][place]
    share = min(1.0, float(shares[place]))
    return float(scores[last][place]), share, *wilson_interval(share, n, confidence)


def write_corpus(
    folder: Path, answers: Sequence[Answer], output: str | os.PathLike
) -> tuple[int, int]:
    """Write the answers as a corpus: ``labels.csv`` for adapter ``table``, and ``audio/``.

    A recording of the corpus is a detection without its context, because the answer is on that alone,
    and its group is the recording that it was cut from, so that no fold divides one. Where a detection
    is right its labels are its class and the ``others``. Where it is wrong they are the others; without
    a word on these nothing is known of further classes, so its truth counts as unknown, but for a
    sample of one class, where a wrong detection is one without it.

    Parameters
    ----------
    folder : path
        That of the sample.
    answers : sequence of Answer
    output : path

    Returns
    -------
    n_labelled, n_unknown : int
        Recordings whose truth is known, and those whose truth is not. Detections that nobody was sure
        of are left out.
    """
    n_classes = len({one.label for one in answers})
    rows = []
    for one in answers:
        if one.is_correct is None:
            continue
        name = os.path.basename(one.clip)
        begin, end = one.onset_s - one.clip_onset_s, one.offset_s - one.clip_onset_s
        cut_out(folder / CLIPS / name, Path(output, "audio", name), begin, end, begin)
        labels = dict.fromkeys([one.label] * one.is_correct + list(one.others or ()))
        is_known = one.is_correct or one.others is not None or n_classes == 1
        rows.append(
            (
                f"audio/{name}",
                SEPARATOR.join(labels),
                int(is_known),
                one.file,
                f"{one.score:.9g}",
                one.label,
            )
        )
    artefacts.write_table(Path(output, "labels.csv"), LABELS, rows)
    n_labelled = sum(row[2] for row in rows)
    return n_labelled, len(rows) - n_labelled


def _answer(text: str, where: str) -> bool | None:
    if text.casefold() not in _ANSWERS:
        raise ValueError(
            f"{where}: correct is {text!r}; expected 1, 0, or ? where you are not sure"
        )
    return _ANSWERS[text.casefold()]
