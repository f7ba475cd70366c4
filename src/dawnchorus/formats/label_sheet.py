"""Strict reading of label files that people make: nothing is guessed, no value changes.

CSV as RFC 4180 has it: commas (or what a table of one's own has instead), UTF-8 with or without a byte
order mark, any line ends, also inside quotes, a header.
Every field is text and stays text (``007``, ``1e3``, ``NA``, ``null``). Typical damage by spreadsheets
and typing errors is rejected in one sentence that names the file and the line: pandas would fill short
rows and could not name the line of a repeated id.

* `read_sheet`: a label file as columns and rows.
* `column`, `optional_column`: one column of it by name.
* `unique_entries`: repeated ids, kept once where they agree and rejected where they do not.
* `Refusals`, `RefusedRows`: the faults of several rows as one error.
* `decode_text`: UTF-8 as text, also of other files.
* `examples`: some names for a message.
"""

import contextlib
import csv
import difflib
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SHOWN = 5  # offenders that a message names
_BLANK = re.compile(r"[^\S\r\n]")  # white space that may stand at the end of a field


class Sheet(NamedTuple):
    """A label file: ``lines[i]`` is the line of the file (from 1) that ``rows[i]`` is on."""

    path: str
    columns: list[str]
    rows: list[list[str]]
    lines: Sequence[int]
    notes: list[str]


class RefusedRows(ValueError):
    """Rows that cannot be used: the message has the faults of five of them, and their number.

    Parameters
    ----------
    faults : iterable of str
        A sentence for each row, which says where it stands.
    remedy : str, optional
        Ends the message.
    """

    def __init__(self, faults: Iterable[str], remedy: str = ""):
        self.faults = list(faults)
        shown = "; ".join(self.faults[:_SHOWN])
        if (n := len(self.faults)) > 1:
            more = f"; and {n - _SHOWN} more" if n > _SHOWN else ""
            shown = f"{n} rows cannot be used: {shown}{more}"
        super().__init__(shown + remedy)


class Refusals:
    """Faults of rows, collected: somebody who mends a file is to see more than the first."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    @contextlib.contextmanager
    def collect(self) -> Iterator[None]:
        """Keep the error of a block and go on behind it."""
        try:
            yield
        except RefusedRows as error:
            self.faults += error.faults
        except ValueError as error:
            self.faults.append(str(error))

    def check(self, remedy: str = "") -> None:
        """Raise `RefusedRows` where there was an error."""
        if self.faults:
            raise RefusedRows(self.faults, remedy)


class Entry(NamedTuple):
    """What one line of a label file says of one recording."""

    truth: tuple[str, ...]
    path: str
    line: int


def read_sheet(path: str, verbatim: Sequence[str] = (), delimiter: str = ",") -> Sheet:
    """Read a label file.

    Parameters
    ----------
    path : str
        A CSV file with a header.
    verbatim : sequence of str
        Columns whose fields keep blanks at their ends; elsewhere they are stripped, with a note.
    delimiter : str, optional
        What stands between fields, one of `DELIMITERS`.

    Returns
    -------
    Sheet
        Rows with as many fields as there are columns; empty lines are left out.

    Raises
    ------
    ValueError
        Where the file is missing, not UTF-8, holds a NUL, is separated by something else,
        has a broken quote, ragged rows, two columns of one name or no rows.
    """
    path = str(path)
    try:
        with open(path, "rb") as file:
            text = decode_text(path, file.read())
    except OSError as error:
        raise ValueError(f"label file {path} cannot be read ({error.strerror})") from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    parsed: list[list[str]] = []
    try:
        parsed.extend(reader)
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}, expected CSV") from None
    lines: Sequence[int] = range(1, len(parsed) + 1)
    if reader.line_num != len(parsed):
        # read again, only where a quoted field holds a line break: to note each line takes time
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        lines = [1, *(reader.line_num + 1 for _ in reader)][:-1]
    if [] in parsed:
        lines = [line for line, row in zip(lines, parsed, strict=True) if row]
        parsed = [row for row in parsed if row]
    if not parsed:
        raise ValueError(f"{path} is empty, expected a header and one row per recording")
    columns = [name.strip() for name in parsed[0]]
    for separator, name in DELIMITERS.items():
        if len(columns) == 1 and separator in columns[0]:
            raise ValueError(
                f"CSV_DIALECT: {path}, line {lines[0]} is separated by {name}, expected "
                f"{DELIMITERS[delimiter]}; export it as comma-separated CSV, or set delimiter where the "
                "adapter is table"
            )
    if repeated := sorted({name for name in columns if columns.count(name) > 1}):
        raise ValueError(
            f"{path}, line {lines[0]}: column {repeated[0]!r} occurs twice; rename or remove one"
        )
    rows, lines = parsed[1:], lines[1:]
    if not rows:
        raise ValueError(f"{path} has a header but no rows, expected one row per recording")
    if ragged := [
        f"CSV_RAGGED: {path}, line {line} has {len(row)} fields, expected {len(columns)} as in the header"
        for line, row in zip(lines, rows, strict=True)
        if len(row) != len(columns)
    ]:
        raise RefusedRows(ragged, f"; quote fields that hold {DELIMITERS[delimiter]}")
    notes = []
    # the search is much faster than to strip every field, and most files have no blanks
    for index, name in enumerate(columns if _BLANK.search(text) else ()):
        if name in verbatim:
            continue
        blank = [row for row in rows if row[index] != row[index].strip()]
        for row in blank:
            row[index] = row[index].strip()
        if blank:
            named = path.replace("\\", "/").rpartition("/")[2]
            notes.append(f"{named}: blanks around {len(blank)} values of {name!r} were stripped")
    return Sheet(path, columns, rows, lines, notes)


def decode_text(path: str | os.PathLike, content: bytes) -> str:
    """Return the text of a file that a person or a program wrote as UTF-8.

    Parameters
    ----------
    path : path
        Of the file, for messages.
    content : bytes
        All of it, with or without a byte order mark.

    Raises
    ------
    ValueError
        Where it is not UTF-8 or holds a NUL, naming the first such byte.
    """
    if content.startswith(_UTF16):
        raise ValueError(f"{path} is UTF-16 (byte 0), expected UTF-8; save it as UTF-8")
    offset = len(_BOM) if content.startswith(_BOM) else 0
    if (nul := content.find(b"\0")) >= 0:
        line = content.count(b"\n", 0, nul) + 1
        raise ValueError(
            f"{path}, line {line}: a NUL character (byte {nul}), expected text; save it as UTF-8"
        )
    try:
        return content[offset:].decode()
    except UnicodeDecodeError as error:
        byte = offset + error.start
        line = content.count(b"\n", 0, byte) + 1
        raise ValueError(
            f"{path}, line {line}: byte {byte} is not UTF-8; save it as UTF-8"
        ) from None


def column(sheet: Sheet, name: str) -> list[str]:
    """Return the fields of one column.

    Raises
    ------
    ValueError
        Where there is no such column, naming the nearest that there is.
    """
    if name not in sheet.columns:
        by_folded = {known.casefold(): known for known in sheet.columns}
        near = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.5)
        hint = f"; did you mean {by_folded[near[0]]!r}, which is there?" if near else ""
        raise ValueError(
            f"{sheet.path}, line 1: no column {name!r}, the columns are {sheet.columns}{hint}"
        )
    index = sheet.columns.index(name)
    return [row[index] for row in sheet.rows]


def optional_column(sheet: Sheet, name: str) -> list[str]:
    """Return the fields of one column, which are empty where there is no such column."""
    return column(sheet, name) if name in sheet.columns else [""] * len(sheet.rows)


def unique_entries(
    ids: Sequence[str], entry: Callable[[int], Entry]
) -> tuple[list[int], list[str]]:
    """Return the position at which each id occurs first, and a note on repeated ids.

    Parameters
    ----------
    ids : sequence of str
        Ids in the order of their lines.
    entry : callable
        What the line at a position says; asked for repeated ids only.

    Raises
    ------
    ValueError
        Where two lines of one id differ, naming both.
    """
    if len(set(ids)) == len(ids):
        return list(range(len(ids))), []
    first: dict[str, int] = {}
    repeated = []
    for position, name in enumerate(ids):
        known = first.setdefault(name, position)
        if known == position:
            continue
        earlier, later = entry(known), entry(position)
        if earlier.truth != later.truth:
            raise ValueError(
                f"LABEL_CONFLICT: {later.path}, line {later.line} says {_shown(later)} of {name!r}, "
                f"but {earlier.path}, line {earlier.line} says {_shown(earlier)}; keep one of them"
            )
        repeated.append(name)
    return list(first.values()), [
        f"{len(repeated)} repeated label rows agree with an earlier row and count once: "
        f"{examples(repeated)}"
    ]


def examples(names: Sequence[str]) -> str:
    """Return at most five names for a message, and how many more there are."""
    shown = ", ".join(repr(name) for name in names[:_SHOWN])
    more = len(names) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _shown(entry: Entry) -> str:
    return repr(entry.truth[0] if len(entry.truth) == 1 else entry.truth)
