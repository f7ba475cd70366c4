"""The lock file of downloaded recordings, and who is to be named for them.

A folder of downloads has ``lock.csv``, a row for each recording with its content hash, recordist, licence
and address; ``ATTRIBUTION.csv``, the same for a person who passes something on that was made of them; and
``audio/`` with the files, whose names are made of the number of a recording alone.

* `LockedRecording`: a row of the lock file.
* `read_lock`, `lock_rows`: the lock file.
* `attribution_rows`: rows for a person, safe to open in a spreadsheet.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

LOCK, ATTRIBUTION, AUDIO = "lock.csv", "ATTRIBUTION.csv", "audio"
ATTRIBUTED = ("recording", "class", "recordist", "licence", "url")
_NUMBER = re.compile(r"[0-9]{1,9}")
_FILE = re.compile(r"XC[0-9]{1,9}\.(wav|mp3|ogg|flac|m4a)")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would compute what begins so


class LockedRecording(NamedTuple):
    """A recording that was downloaded and decoded.

    ``number`` is its number at the source, ``file`` its name below ``audio/``, ``label`` the class,
    ``background`` classes heard behind it, joined by a semicolon.
    """

    number: str
    file: str
    sha256: str
    bytes: str
    label: str
    background: str
    recordist: str
    licence: str
    url: str


def read_lock(path: str | Path) -> list[LockedRecording]:
    """Return the rows of a lock file, in the order of their numbers.

    Raises
    ------
    ValueError
        Where the file is none, or a number, name or hash is not one.
    """
    try:
        text = Path(path).read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 ({error.reason}); expected a lock file") from None
    header, *rows = list(csv.reader(io.StringIO(text))) or [[]]
    if tuple(header) != LockedRecording._fields:
        raise ValueError(
            f"{path} has columns {header[:5]!r}; expected {', '.join(LockedRecording._fields)}, as rule "
            "download writes them"
        )
    found = []
    for line, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise ValueError(f"{path}, line {line}: {len(row)} fields; expected {len(header)}")
        one = LockedRecording(*row)
        # a name leads to a file, so none is taken that was not made of a number
        is_sound = _NUMBER.fullmatch(one.number) and _FILE.fullmatch(one.file)
        if not is_sound or not _DIGEST.fullmatch(one.sha256) or not one.bytes.isdecimal():
            raise ValueError(
                f"{path}, line {line}: {row[:4]!r}; expected a number, a name such as XC123.mp3, 64 "
                "hexadecimal digits and a size"
            )
        found.append(one)
    return sorted(found, key=lambda one: int(one.number))


def table_text(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as CSV: LF, with a header."""
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerows([columns, *rows])
    return file.getvalue()


def lock_text(rows: Iterable[LockedRecording]) -> str:
    """Return a lock file, its rows in the order of their numbers."""
    ordered = sorted(rows, key=lambda one: int(one.number))
    return table_text(LockedRecording._fields, ordered)


def attribution_rows(rows: Iterable[LockedRecording]) -> list[tuple[str, ...]]:
    """Return what is to be passed on of each recording, as `ATTRIBUTED` names it.

    A text that a spreadsheet would compute has an apostrophe in front.
    """
    found = []
    for one in rows:
        row = (f"XC{one.number}", one.label, one.recordist, one.licence, one.url)
        found.append(tuple(f"'{text}" if text.startswith(_FORMULA) else text for text in row))
    return found
