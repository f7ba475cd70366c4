"""Label files of the Bird Audio Detection challenges, as the adapter and submissions read them.

* `label_rows`: the rows of every data set of a corpus, as `Rows`.
* `has_one_header`, `submission_rows`: whether a submission can repeat them, and what of them.
* `check_columns`: whether these columns are those of a challenge.
* `folder_path`: where the recordings of a data set are.
"""

import math
import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dawnchorus.corpora import audio_files
from dawnchorus.corpora.tables import LabelRows
from dawnchorus.formats import audio_names, label_sheet

CLASS = "bird"
_HEADER = ["itemid", "hasbird"]
_HEADERS = (_HEADER, ["itemid", "datasetid", "hasbird"])  # of 2017 and 2018


class Rows(NamedTuple):
    """The rows of one data set's label file, column by column and in their order.

    ``items`` are the itemids without data set and extension; a truth is "1", "0" or "" where it is
    unknown. Columns rather than rows: a corpus may have 100,000 of them on every start.
    """

    audio: str
    path: str
    header: list[str]
    data_sets: list[str]
    ids: list[str]
    items: list[str]
    texts: list[str]
    truths: list[str]
    lines: Sequence[int]


def has_one_header(parts: Sequence[Rows]) -> bool:
    """Return whether all label files of a corpus have the same columns."""
    return len({tuple(rows.header) for rows in parts if rows.path}) <= 1


def submission_rows(parts: Sequence[Rows]) -> LabelRows:
    """Return the columns of the label files and their rows, as a submission repeats them.

    Rows without a recording are there too, and rows that repeat one are not.

    Parameters
    ----------
    parts : sequence of Rows
        As `label_rows` returns them.

    Raises
    ------
    ValueError
        Where two label files have different columns.
    """
    read = [rows for rows in parts if rows.path]
    if not has_one_header(read):
        other = next(rows for rows in read if rows.header != read[0].header)
        raise ValueError(
            f"{other.path} has columns {other.header} and {read[0].path} has {read[0].header}; a "
            "submission has one header, so give each a corpus of its own"
        )
    order = [pair for rows in parts for pair in zip(rows.ids, rows.texts, strict=True)]
    return LabelRows(read[0].header if read else list(_HEADER), order)


def check_columns(columns: Sequence[str]) -> None:
    """Refuse columns that a submission cannot repeat: it puts scores in the place of the label.

    Raises
    ------
    ValueError
        Where they are others than those of a challenge.
    """
    if list(columns) not in _HEADERS:
        raise ValueError(
            f"label files have the columns {', '.join(columns)}, which a submission cannot repeat with "
            f"a score as the last; expected {' or '.join(map(', '.join, _HEADERS))}, where hasbird may "
            "be empty"
        )


def label_rows(settings: Mapping) -> tuple[list[Rows], list[str]]:
    """Return the label rows of every data set, each id once, and the notes on them."""
    parts, notes = [], []
    for data_set, source in sorted(settings["data_sets"].items()):
        audio = str(source["audio"])
        if source.get("labels"):
            rows, said = _read(str(source["labels"]), data_set, audio)
        else:
            # without a label file the folder says what there is, and nothing what is heard
            names = audio_files.scan(folder_path(audio, data_set)).audio
            items = sorted({name.rpartition(".")[0] for name in names})
            ids, n_items = [f"{data_set}/{item}" for item in items], len(items)
            columns = ([data_set] * n_items, ids, items, items, [""] * n_items, range(n_items))
            rows, said = Rows(audio, "", [], *columns), []
        parts.append(rows)
        notes += said
    ids = [name for rows in parts for name in rows.ids]
    if len(set(ids)) == len(ids):
        return parts, notes
    # rows of one recording, in one file or in two: once where they agree, else an error
    places = [(rows, i) for rows in parts for i in range(len(rows.ids))]

    def entry(position: int) -> label_sheet.Entry:
        rows, i = places[position]
        return label_sheet.Entry((rows.truths[i],), rows.path, rows.lines[i])

    kept, said = label_sheet.unique_entries(ids, entry)
    chosen = [places[position] for position in kept]
    once = []
    for rows in parts:
        own = [i for one, i in chosen if one is rows]
        columns = ([column[i] for i in own] for column in rows[3:])
        once.append(Rows(rows.audio, rows.path, rows.header, *columns))
    return once, notes + said


def _read(path: str, data_set: str, audio: str) -> tuple[Rows, list[str]]:
    sheet = label_sheet.read_sheet(path)
    if sheet.columns[0] != "itemid":
        raise ValueError(
            f"{path}, line 1 starts with {sheet.columns[0]!r}, expected 'itemid': the columns are "
            "itemid,hasbird or itemid,datasetid,hasbird"
        )
    texts = label_sheet.column(sheet, "itemid")
    has_sets = "datasetid" in sheet.columns
    data_sets = label_sheet.column(sheet, "datasetid") if has_sets else [data_set] * len(texts)
    prefixes = {name: f"{name}/" for name in set(data_sets)}
    if "" in texts:
        line = sheet.lines[texts.index("")]
        raise ValueError(f"{path}, line {line}: itemid is empty, expected a name")
    # a data set names a folder, and a stranger's file must not lead out of that of the recordings
    for name in sorted(set(data_sets)):
        if not name or "/" in name or name in (os.curdir, os.pardir):
            line = sheet.lines[data_sets.index(name)]
            raise ValueError(f"{path}, line {line}: datasetid is {name!r}, expected a plain name")
    # years and mirrors differ in whether an itemid has the data set and the extension
    bare = [text.removeprefix(prefixes[name]) for text, name in zip(texts, data_sets, strict=True)]
    items = [name.rpartition(".")[0] if audio_names.is_audio(name) else name for name in bare]
    ids = [prefixes[name] + item for item, name in zip(items, data_sets, strict=True)]
    truths = [""] * len(texts)
    if len(sheet.columns) > 1 + has_sets:
        truths = label_sheet.column(sheet, "hasbird")
        for i, text in enumerate(truths):
            if text in ("0", "1"):
                continue
            try:
                number = float(text)
            except ValueError:
                number = math.nan  # as spreadsheets may write an empty cell
            if number not in (0.0, 1.0) and not math.isnan(number):
                raise ValueError(
                    f"{path}, line {sheet.lines[i]}: hasbird is {text!r}, expected 0 or 1"
                )
            truths[i] = "" if math.isnan(number) else str(int(number))
    rows = Rows(audio, path, sheet.columns, data_sets, ids, items, texts, truths, sheet.lines)
    return rows, sheet.notes


def folder_path(audio: str, data_set: str) -> str:
    """Return the folder of a data set: the one of its name below ``audio``, or that itself."""
    below = os.path.join(audio, data_set)
    return below if os.path.isdir(below) else audio
