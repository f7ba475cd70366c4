"""Adapter ``table``: a CSV of your own, one row per recording.

Columns: ``path`` and, all optional, ``labels``, ``id``, ``group``, ``recordist``, ``fold``,
``split``, ``data_set``, ``labelled``, ``background`` and ``media_id``; others are left alone.
A path may lack its extension where one audio file has that name.
``labels`` holds class names joined by the separator; an empty field means none of the classes.
Without the column, and where ``labelled`` is 0, the truth is unknown. ``background`` holds the
names of classes heard behind them, joined alike. Instead of ``labels`` each of ``label_columns`` may be a
class, with 1 where it is there.

* `recordings`: what the table and the files it names hold.
"""

import difflib
import os
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from dawnchorus.corpora import audio_files, class_names
from dawnchorus.corpora.tables import SEPARATOR, Found, Recording
from dawnchorus.formats import audio_names, label_sheet
from dawnchorus.settings.corpus import CorpusSettings
from dawnchorus.settings.section import Unique

_ORIGIN = ("group", "fold", "split", "data_set", "recordist", "media_id")
_COLUMNS = ("path", "id", "labels", "labelled", "background", *_ORIGIN)
_NEAR = 0.85  # similarity from which a column's name is taken for a misspelt one


class Settings(CorpusSettings):
    """A CSV of your own, one row per recording."""

    adapter: Literal["table"] = "table"
    """The layout of the data on disk."""
    table: str
    """The CSV file."""
    root: str | None = None
    """Folder that the paths start from; null: that of the table."""
    columns: dict[str, str] = {}
    """What the file calls a column, such as {labels: species}."""
    ids: Literal["path", "stem"] = "path"
    """What names a recording where there is no column id."""
    separator: Annotated[str, Field(min_length=1)] = ";"
    """Between class names."""
    delimiter: Literal[",", ";", "\t", "|"] = ","
    """Between the fields of a row; spreadsheets write semicolons where a comma is the decimal point."""
    label_columns: Annotated[list[str], Unique] = []
    """Columns of 1, and 0 or nothing, which are a class each; instead of a column labels."""
    binary_class: str | None = None
    """The class that labels 0 and 1 speak of."""


class _Row(NamedTuple):
    id: str
    path: str
    origin: tuple[str, ...]  # as `_ORIGIN`
    labelled: bool
    labels: str
    background: str
    line: int


def recordings(settings: Mapping) -> Found:
    """Return the recordings of a table.

    Parameters
    ----------
    settings : mapping
        As the head of this module says.

    Returns
    -------
    Found
        In the order of the table; rows without a file (where ``missing_files`` is "exclude") and
        names that cannot be handled are excluded with a code.

    Raises
    ------
    ValueError
        Where the table cannot be read, rows of one id differ, ids collide, a label is not what
        the settings allow, rows have no file and ``missing_files`` is "error", or all rows of a
        class have none.
    """
    path = str(settings["table"])
    root = str(settings.get("root") or os.path.dirname(path))
    prefix = os.path.join(root, "")
    rows, notes = _rows(path, settings)
    audio_files.reject_collisions([row.id for row in rows], [row.id for row in rows], path)
    found, excluded, missing = [], [], []
    by_stem: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        if not (audio_names.is_supported(row.path) and audio_names.is_supported(row.id)):
            detail = "control characters in the name"
            excluded.append((audio_names.escaped(row.id), "NAME_UNSUPPORTED", detail))
            continue
        place = row.path if os.path.isabs(row.path) else prefix + row.path
        state = audio_files.state_of(place)
        if not state and not os.path.lexists(place):
            # blanks, and accents as another system writes them
            forms = (unicodedata.normalize(form, row.path) for form in ("NFC", "NFD"))
            others = (row.path.strip(), *forms)
            others = (os.path.join(prefix, one) for one in others if one != row.path)
            place = next(filter(os.path.lexists, others), "") or _with_extension(place, by_stem)
            state = audio_files.state_of(place)
        if place:
            found.append(
                Recording(
                    id=row.id,
                    path=place,
                    labelled=row.labelled,
                    labels=row.labels,
                    background=row.background,
                    state=state,
                    **dict(zip(_ORIGIN, row.origin, strict=True)),
                )
            )
        else:
            missing.append(row)
    if missing and settings.get("missing_files", "error") == "error":
        raise ValueError(
            f"MISSING_FILE: {len(missing)} rows of {path} name no file: "
            f"{label_sheet.examples([row.path for row in missing])}; the first is line "
            f"{missing[0].line}, looked for below {root or '.'}; correct the paths, set root, or "
            "set missing_files: exclude"
        )
    gone, kept = (
        (name for one in rows for name in one.labels.split(SEPARATOR)) for rows in (missing, found)
    )
    class_names.check_losses(gone, kept, "that are there")
    excluded += [(row.id, "MISSING_FILE", f"line {row.line} of the table") for row in missing]
    return Found(found, excluded, notes + _beside(found))


def _with_slashes(place: str, settings: Mapping) -> str:
    """Return a path as Windows writes it with slashes, unless a file here has backslashes in its name."""
    if "\\" not in place:
        return place
    root = str(settings.get("root") or os.path.dirname(str(settings["table"])))
    return place if os.path.lexists(os.path.join(root, place)) else place.replace("\\", "/")


def _with_extension(place: str, by_stem: dict[str, dict[str, list[str]]]) -> str:
    """Return the one audio file of a path without extension, or nothing; folders are read once."""
    folder, stem = os.path.split(place)
    if folder not in by_stem:
        by_stem[folder] = {}
        for name in audio_files.scan(folder).audio if os.path.isdir(folder) else ():
            by_stem[folder].setdefault(name.rpartition(".")[0], []).append(name)
    names = by_stem[folder].get(stem, ())
    return os.path.join(folder, names[0]) if len(names) == 1 else ""


def _rows(path: str, settings: Mapping) -> tuple[list[_Row], list[str]]:
    """Return the rows with every id once, and the notes."""
    renamed = settings.get("columns") or {}
    if unknown := [name for name in renamed if name not in _COLUMNS]:
        raise ValueError(f"columns has {unknown[0]!r}, expected one of {', '.join(_COLUMNS)}")
    verbatim, delimiter = (renamed.get("path", "path"),), settings.get("delimiter", ",")
    sheet = label_sheet.read_sheet(path, verbatim, delimiter)
    if settings.get("label_columns"):
        sheet = _with_labels(sheet, settings)
    if renamed:
        theirs = {name: label_sheet.column(sheet, other) for name, other in renamed.items()}
        # one column may serve two names, such as a recordist who is the group as well
        own = {n: label_sheet.column(sheet, n) for n in sheet.columns if n not in renamed}
        rows = [list(row) for row in zip(*own.values(), *theirs.values(), strict=True)]
        sheet = sheet._replace(columns=[*own, *theirs], rows=rows)
    places = [_with_slashes(place, settings) for place in label_sheet.column(sheet, "path")]
    # a column that all but bears a name with a meaning: unread, it would change folds
    expected = [name for name in _COLUMNS if name not in sheet.columns]
    for column in sheet.columns:
        near = difflib.get_close_matches(column.casefold(), expected, n=1, cutoff=_NEAR)
        if column not in _COLUMNS and near:
            raise ValueError(
                f"{sheet.path}, line 1: column {column!r} is not read; rename it to {near[0]!r} "
                "if that is meant, or to something else"
            )
    if "id" in sheet.columns:
        ids = label_sheet.column(sheet, "id")
    elif settings.get("ids", "path") == "path":
        ids = places
    else:
        names = [place.rpartition("/")[2] for place in places]
        stems = [name.rpartition(".")[0] if audio_names.is_audio(name) else name for name in names]
        ids = list(map(audio_names.composed, stems))
    origins = zip(*(label_sheet.optional_column(sheet, name) for name in _ORIGIN), strict=True)
    truths, notes = _truths(sheet, settings)
    separator = settings.get("separator") or SEPARATOR
    backgrounds = label_sheet.optional_column(sheet, "background")
    read: dict[str, str] = {}  # 100,000 rows have few different texts
    for text, line in zip(backgrounds, sheet.lines, strict=True):
        if text not in read:
            read[text] = _classes(text, separator, f"{path}, line {line}")[1]
    backgrounds = [read[text] for text in backgrounds]
    columns = zip(ids, places, origins, truths, backgrounds, sheet.lines, strict=True)
    rows = [
        _Row(name, place, origin, *truth, background, line)
        for name, place, origin, truth, background, line in columns
    ]
    for name, column in (("path", places), ("id", ids)):
        if not all(map(str.strip, column)):
            line = next(
                line for line, text in zip(sheet.lines, column, strict=True) if not text.strip()
            )
            raise ValueError(f"{path}, line {line}: {name} is empty, expected a name")

    def entry(i: int) -> label_sheet.Entry:
        row = rows[i]
        truth = row.labels if row.labelled else "unknown"
        said = (truth, row.path, *row.origin, row.background)
        return label_sheet.Entry(said, path, row.line)

    kept, said = label_sheet.unique_entries(ids, entry)
    return [rows[i] for i in kept], sheet.notes + notes + said


def _with_labels(sheet: label_sheet.Sheet, settings: Mapping) -> label_sheet.Sheet:
    """Return a table whose columns of 0 and 1 have become one of class names."""
    names, separator = settings["label_columns"], settings.get("separator") or SEPARATOR
    if "labels" in sheet.columns or "labels" in (settings.get("columns") or {}):
        raise ValueError(
            f"{sheet.path}: label_columns {names[:3]!r} and a column of labels; expected one of both"
        )
    if wrong := [name for name in names if separator in name]:
        raise ValueError(
            f"label_columns: {wrong[0]!r} holds {separator!r}, which separates classes; set separator to "
            "a sign that is in no column's name"
        )
    columns = [label_sheet.column(sheet, name) for name in names]
    refused = label_sheet.Refusals()
    for name, fields in zip(names, columns, strict=True):
        refused.faults += [
            f"{sheet.path}, line {line}: {name} is {text!r}, expected 1, 0 or nothing"
            for text, line in zip(fields, sheet.lines, strict=True)
            if text not in ("", "0", "1")
        ]
    refused.check()
    joined = [
        separator.join(name for name, text in zip(names, row, strict=True) if text == "1")
        for row in zip(*columns, strict=True)
    ]
    rows = [[*row, text] for row, text in zip(sheet.rows, joined, strict=True)]
    return sheet._replace(columns=[*sheet.columns, "labels"], rows=rows)


def _truths(
    sheet: label_sheet.Sheet, settings: Mapping
) -> tuple[list[tuple[bool, str]], list[str]]:
    """Return per row whether the truth is known, and the classes joined as listings have them."""
    n_rows = len(sheet.rows)
    if "labels" not in sheet.columns:
        note = f"{os.path.basename(sheet.path)}: no column 'labels', so no truth is known"
        return [(False, "")] * n_rows, [note]
    positive, separator = settings.get("binary_class"), settings.get("separator") or SEPARATOR
    texts, known = (
        label_sheet.column(sheet, "labels"),
        label_sheet.optional_column(sheet, "labelled"),
    )
    refused = label_sheet.Refusals()
    if "labelled" in sheet.columns:
        refused.faults += [
            f"{sheet.path}, line {line}: labelled is {told!r}, expected 0 or 1"
            for told, line in zip(known, sheet.lines, strict=True)
            if told not in ("0", "1")
        ]
    seen: dict[str, tuple[bool, str]] = {}  # 100,000 rows have few different texts
    for text, line in zip(texts, sheet.lines, strict=True):
        if text in seen:
            continue
        where = f"{sheet.path}, line {line}"
        seen[text] = (text != "", positive if positive and text == "1" else "")
        with refused.collect():
            if positive and text not in ("", "0", "1"):
                raise ValueError(
                    f"{where}: labels is {text!r}, expected 1 ({positive!r}), 0 or nothing, since "
                    "binary_class is set"
                )
            if not positive:
                seen[text] = _classes(text, separator, where)
    refused.check()
    if not positive and "0" in seen and set(seen) <= {"", "0", "1"}:
        raise ValueError(
            f"{sheet.path}: labels are 0 and 1, which would be two classes of these names; set "
            "binary_class to the class that they speak of, such as bird"
        )
    unknown = (False, "")
    pairs = zip(texts, known, strict=True)
    return [unknown if told == "0" else seen[text] for text, told in pairs], []


def _classes(text: str, separator: str, where: str) -> tuple[bool, str]:
    names = list(dict.fromkeys(name.strip() for name in text.split(separator)))
    wrong = [name for name in names if SEPARATOR in name or not audio_names.is_supported(name)]
    if wrong:
        raise ValueError(
            f"{where}: class {wrong[0]!r} holds {SEPARATOR!r} or a control character, which no "
            "class name may"
        )
    return True, SEPARATOR.join(name for name in names if name)


def _beside(found: list[Recording]) -> list[str]:
    """Return a note on the audio files that lie beside those of the table."""
    in_table: dict[str, set[str]] = {}
    for recording in found:
        folder, _, name = recording.path.rpartition(os.sep)
        in_table.setdefault(folder, set()).add(name)
    beside = []
    for folder, names in sorted(in_table.items()):
        audio = audio_files.scan(folder or os.curdir).audio
        beside += [name for name in audio if name not in names]
    if not beside:
        return []
    return [
        f"{len(beside)} audio files beside those of the table are not in it and are left out: "
        f"{label_sheet.examples([audio_names.escaped(name) for name in beside])}"
    ]
