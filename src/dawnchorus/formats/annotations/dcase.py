"""The TSVs of DCASE task 4: which file holds which class, and from when to when.

Strong: ``filename onset offset event_label``, times in seconds; a row with a file name alone is a
clip without events. Weak: ``filename event_labels``, class names between commas or semicolons. List:
``filename``. Fields stand between tabs. A header may be there or not; with one, columns may be in
any order (dcase_util sorts them by name) and other columns are ignored. File names may have
their extension or not: ids have none.

https://dcase.community/challenge2018/task-large-scale-weakly-labeled-semi-supervised-sound-event-detection

* `read_strong`, `read_weak`, `read_list`: the three kinds.
* `write_strong`, `write_weak`, `write_list`: the same, to be read back.
* `Row`: one line of a weak TSV or of a list.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dawnchorus.formats import annotation
from dawnchorus.formats.annotation import Annotations, Mark, Marked
from dawnchorus.formats.event import Event, checked_events
from dawnchorus.formats.label_sheet import Refusals
from dawnchorus.runtime import artefacts

ONE_EACH = False  # whether there may be a folder with a file for each recording

STRONG = ("filename", "onset", "offset", "event_label")
WEAK = ("filename", "event_labels")
LIST = ("filename",)
_CLASSES = re.compile("[,;]")
_OTHER_DIALECT = re.compile(r"filename\s*[,;| ]")


class Row(NamedTuple):
    """One clip: ``classes`` as they are written; ``line`` is counted from 1.

    A class may occur twice, as it does in three clips of DCASE 2018's weak list.
    """

    id: str
    classes: tuple[str, ...]
    line: int


def read_labels(path: str | os.PathLike, settings: Mapping) -> Marked:
    """Read a file of strong labels, by the settings of the corpus that it is of."""
    recordings: dict[str, int] = {}
    marks = []
    refused = Refusals()
    for line, (name, onset, offset, label) in _rows(path, STRONG):
        identifier, where = annotation.recording_id(name), f"{path}, line {line}"
        recordings.setdefault(identifier, line)
        if not (onset or offset or label):
            continue
        with refused.collect():
            onset_s = annotation.parse_number(onset, "onset", where)
            offset_s = annotation.parse_number(offset, "offset", where)
            event = annotation.parse_event(identifier, onset_s, offset_s, label, where)
            marks.append(Mark(event, None, where))
    refused.check()
    return Marked(recordings, marks)


def read_strong(path: str | os.PathLike) -> Annotations:
    """Read a TSV of events.

    Raises
    ------
    ValueError
        Where the file cannot be read, a column is missing, a row has a part of an event, a time is
        no number, or not 0 <= onset < offset.
    """
    return annotation.checked(read_labels(path, {}))


def read_weak(path: str | os.PathLike) -> list[Row]:
    """Read a TSV of clips and their classes, a `Row` per line; a clip may have no class.

    Raises
    ------
    ValueError
        Where the file cannot be read or a column is missing.
    """
    rows = []
    for line, (name, labels) in _rows(path, WEAK):
        classes = (label.strip() for label in _CLASSES.split(labels))
        rows.append(Row(annotation.recording_id(name), tuple(filter(None, classes)), line))
    return rows


def read_list(path: str | os.PathLike) -> list[Row]:
    """Read a TSV of unlabelled clips, a `Row` without classes per line.

    Raises
    ------
    ValueError
        Where the file cannot be read or has no column of file names.
    """
    return [Row(annotation.recording_id(name), (), line) for line, (name,) in _rows(path, LIST)]


def write_strong(
    path: str | os.PathLike,
    events: Iterable[Event],
    recordings: Iterable[str] = (),
    extension: str = ".wav",
    decimals: int | None = None,
) -> None:
    """Write events in the format of the challenge: in order, with a header.

    Parameters
    ----------
    path : path
    events : iterable of Event
    recordings : iterable of str
        Ids; those without an event get a row without one, after the others.
    extension : str
        What file names have behind the id.
    decimals : int, optional
        Digits behind the point of times; None: all that they have. The challenge has 3.

    Raises
    ------
    ValueError
        Where an event cannot be used or an id cannot stand in a TSV.
    """
    found = checked_events(events)
    with_events = {one.id for one in found}
    without = sorted(set(recordings) - with_events)
    annotation.checked_names([*sorted(with_events), *without], "id")
    rows = [
        (one.id + extension, *annotation.interval_text(one, decimals), one.label) for one in found
    ]
    _write(path, STRONG, [*rows, *((name + extension, "", "", "") for name in without)])


def write_weak(
    path: str | os.PathLike,
    classes: Mapping[str, Iterable[str]],
    extension: str = ".wav",
    separator: str = ",",
) -> None:
    """Write the classes of clips, by id, with a header; ``separator`` is a comma or a semicolon.

    Raises
    ------
    ValueError
        Where an id or a class cannot stand in a TSV, or a class holds a separator.
    """
    if separator not in (",", ";"):
        raise ValueError(f"separator {separator!r}; expected ',' or ';'")
    rows = []
    for name, labels in classes.items():
        found = annotation.checked_names(labels, "class")
        if wrong := [label for label in found if _CLASSES.search(label)]:
            raise ValueError(f"class {wrong[0]!r} holds ',' or ';', which stand between classes")
        rows.append((*_file_names([name], extension), separator.join(found)))
    _write(path, WEAK, rows)


def write_list(path: str | os.PathLike, ids: Iterable[str], extension: str = ".wav") -> None:
    """Write a list of clips with a header.

    Raises
    ------
    ValueError
        Where an id cannot stand in a TSV.
    """
    _write(path, LIST, [(name,) for name in _file_names(ids, extension)])


def _file_names(ids: Iterable[str], extension: str) -> list[str]:
    return [name + extension for name in annotation.checked_names(ids, "id")]


def _write(path: str | os.PathLike, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = ["\t".join(row) for row in (columns, *rows)]
    artefacts.write_text(path, "\n".join([*lines, ""]), rows=len(rows))


def _rows(path, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield line and fields, in the order of ``columns``, of each row."""
    lines = [
        (line, annotation.split_fields(content)) for line, content in annotation.read_lines(path)
    ]
    if not lines:
        raise ValueError(f"{path} is empty, expected rows of {', '.join(columns)}")
    first = [field.casefold() for field in lines[0][1]]
    if columns[0] in first:
        for name in columns:
            if first.count(name) != 1:
                raise ValueError(
                    f"{path}, line 1: {first.count(name)} columns {name!r} among {first}, "
                    "expected one"
                )
        places, width = [first.index(name) for name in columns], len(first)
        lines = lines[1:]
    else:
        places, width = list(range(len(columns))), len(columns)
        # rows without tabs are rejected: each of them would pass for a clip without events
        line, fields = lines[0]
        if _OTHER_DIALECT.match(fields[0].casefold()):
            raise ValueError(f"{path}, line {line} is not separated by tabs, expected a TSV")
        if len(columns) > 1 and all(len(found) == 1 for _, found in lines):
            raise ValueError(
                f"{path}, line {line} has one field and so has every row, expected "
                f"{', '.join(columns)} between tabs"
            )
    for line, fields in lines:
        if any(fields[width:]):
            raise ValueError(f"{path}, line {line} has {len(fields)} fields, expected {width}")
        padded = fields + [""] * (width - len(fields))
        if not padded[places[0]]:
            raise ValueError(f"{path}, line {line}: filename is empty, expected a name")
        yield line, [padded[place] for place in places]
