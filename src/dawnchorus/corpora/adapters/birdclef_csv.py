"""Adapter ``birdclef_csv``: the BirdCLEF competitions since 2021, one CSV for all recordings.

Columns: ``primary_label``, ``filename`` and, optional, ``secondary_labels`` (a list as Python or
JSON writes it, such as ``['abc', 'def']``), ``author`` and ``rating``; others are left alone. The
primary label is the class, the secondary ones are background species. The id of a recording is its
``filename`` without the extension.

* `recordings`: what the table and the files it names hold.
* `listed_names`: the names of a list of secondary labels.
"""

import ast
import functools
import os
import warnings
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from dawnchorus.corpora import audio_files, class_names, selection
from dawnchorus.corpora.tables import SEPARATOR, Found, Recording
from dawnchorus.formats import audio_names, label_sheet
from dawnchorus.settings.corpus import ClassSelection, CorpusSettings
from dawnchorus.settings.section import Unit

GROUPINGS = ("recording", "author")
_MOST_CHARACTERS = 10_000  # of a list of secondary labels


class Settings(CorpusSettings, ClassSelection):
    """The BirdCLEF competitions since 2021: one CSV for all recordings."""

    adapter: Literal["birdclef_csv"] = "birdclef_csv"
    """The layout of the data on disk."""
    table: str
    """The CSV file."""
    audio: str
    """Folder of the recordings."""
    group_by: Literal["author", "recording"] = "author"
    """What no fold divides."""
    min_rating: Annotated[float, Unit("rating")] | None = None
    """Leave out recordings with a lower rating."""


class _Row(NamedTuple):
    id: str
    file: str
    primary: str
    secondary: tuple[str, ...]
    author: str
    rating: float
    line: int


def recordings(settings: Mapping) -> Found:
    """Return the recordings of the table that the settings leave, in its order.

    Parameters
    ----------
    settings : mapping
        As the head of this module says.

    Returns
    -------
    Found
        Rows without a file (where ``missing_files`` is "exclude") and names that cannot be handled
        are excluded with a code. What the settings leave out is told in a note.

    Raises
    ------
    ValueError
        Where the table cannot be read, a value is not what it should be, a file name leads out of
        the folder, rows of one id differ, ids collide, or rows have no file and ``missing_files``
        is "error".
    """
    if settings["group_by"] not in GROUPINGS:
        raise ValueError(f"group_by={settings['group_by']!r}, expected {' or '.join(GROUPINGS)}")
    path = str(settings["table"])
    rows, notes = _rows(path, settings)
    audio_files.reject_collisions([row.id for row in rows], [row.id for row in rows], path)
    found, excluded, missing = [], [], []
    for row in rows:
        if not audio_names.is_supported(row.file):
            detail = "control characters in the name"
            excluded.append((audio_names.escaped(row.id), "NAME_UNSUPPORTED", detail))
            continue
        # as unzipped, or all files in one folder
        places = [os.path.join(str(settings["audio"]), row.file)]
        if "/" not in row.file and row.primary not in (".", "..") and "/" not in row.primary:
            places.append(os.path.join(str(settings["audio"]), row.primary, row.file))
        for place in places:
            state = audio_files.state_of(place)
            # a link that leads nowhere is there: the step that decodes says what is wrong with it
            if state or os.path.lexists(place):
                break
        else:
            missing.append(row)
            continue
        found.append(
            Recording(
                id=row.id,
                path=place,
                group=row.author if settings["group_by"] == "author" else "",
                labelled=True,
                labels=row.primary,
                state=state,
                recordist=row.author,
                background=SEPARATOR.join(row.secondary),
            )
        )
    if missing and settings.get("missing_files", "error") == "error":
        raise ValueError(
            f"MISSING_FILE: {len(missing)} rows of {path} name no file: "
            f"{label_sheet.examples([row.file for row in missing])}; the first is line "
            f"{missing[0].line}, looked for below {settings['audio']}; correct audio or set "
            "missing_files: exclude"
        )
    gone, kept = (row.primary for row in missing), (one.labels for one in found)
    class_names.check_losses(gone, kept, "that are there")
    excluded += [(row.id, "MISSING_FILE", f"line {row.line} of the table") for row in missing]
    ids, classes = [one.id for one in found], [one.labels for one in found]
    kept, said = selection.select_recordings(ids, classes, settings)
    found = [found[i] for i in kept]
    notes += said
    n_alone = sum(not one.group for one in found)
    if n_alone and settings["group_by"] != "recording":
        notes.append(
            f"{n_alone} recordings have no {settings['group_by']} and are groups of their own"
        )
    return Found(found, excluded, notes)


def _rows(path: str, settings: Mapping) -> tuple[list[_Row], list[str]]:
    """Return the rows with every id once that are rated well enough, and the notes."""
    sheet = label_sheet.read_sheet(path)
    files, primaries = (label_sheet.column(sheet, x) for x in ("filename", "primary_label"))
    further, authors = (
        label_sheet.optional_column(sheet, x) for x in ("secondary_labels", "author")
    )
    ratings = [0.0] * len(sheet.rows)
    if settings.get("min_rating") is not None:
        for i, text in enumerate(label_sheet.column(sheet, "rating")):
            try:
                ratings[i] = float(text or 0)
            except ValueError:
                ratings[i] = float("nan")
            # written so that NaN fails too
            if not 0 <= ratings[i] <= 5:
                where = f"{sheet.path}, line {sheet.lines[i]}"
                raise ValueError(f"{where}: rating is {text!r}, expected a number from 0 to 5")
    columns = zip(files, primaries, further, authors, ratings, sheet.lines, strict=True)
    rows = []
    for file, primary, secondary, author, rating, line in columns:
        where = f"{path}, line {line}"
        # a stranger's table must not lead out of the folder
        if "\\" in file or any(part in ("", ".", "..") for part in file.split("/")):
            raise ValueError(
                f"{where}: filename is {file!r}, expected the path of a file below the audio folder"
            )
        if len(secondary) > _MOST_CHARACTERS:
            raise ValueError(
                f"{where}: secondary_labels has {len(secondary)} characters, at most "
                f"{_MOST_CHARACTERS} are read"
            )
        others = listed_names(secondary) if secondary else ()
        if others is None:
            raise ValueError(
                f"{where}: secondary_labels is {secondary[:60]!r}, expected a list of names such as "
                "['abc', 'def']"
            )
        for name in (primary, *others):
            if not name or SEPARATOR in name or not audio_names.is_supported(name):
                raise ValueError(
                    f"{where}: label {name!r}, expected a class name without {SEPARATOR!r} and "
                    "control characters"
                )
        stem = file.rpartition(".")[0] if audio_names.is_audio(file) else file
        behind = tuple(name for name in others if name != primary)
        rows.append(_Row(stem, file, primary, behind, author, rating, line))
    kept, said = label_sheet.unique_entries(
        [row.id for row in rows],
        lambda i: label_sheet.Entry(tuple(map(str, rows[i][:-1])), path, rows[i].line),
    )
    rows, notes = [rows[i] for i in kept], sheet.notes + said
    if settings.get("min_rating") is None:
        return rows, notes
    rated = [row for row in rows if row.rating >= settings["min_rating"]]
    n_left = len(rows) - len(rated)
    text = f"min_rating {settings['min_rating']} leaves out {n_left} recordings"
    return rated, notes + [text] * (n_left > 0)


@functools.lru_cache(maxsize=4096)
def listed_names(text: str) -> tuple[str, ...] | None:
    """Return the names of a list as Python or JSON writes it, or None for anything else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes inside a name
            names = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
