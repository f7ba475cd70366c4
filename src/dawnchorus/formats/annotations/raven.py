"""Selection tables of Raven: tabs, a header, a row per selection and view.

Only ``Begin Time (s)``, ``End Time (s)`` and the column of the class are required, and the latter not of
a table without selections, which may be saved before the column is added. ``Begin Path`` (with its
folders) or ``Begin File`` names the recording; without them the table is of one, which the caller
names. Where
several files were opened as one sequence, begin and end count from the start of the first file, and
``File Offset (s)`` from that of the selection's own file: it takes precedence, and a table of several
files must have it. A selection has a row per view (``Waveform 1``, ``Spectrogram 1``) and counts once.
Column names are matched in any case; further columns are ignored.

https://www.ravensoundsoftware.com/knowledge-base/selection-tables

* `read`, `write`: a selection table; `table_text`: its text.
"""

import collections
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from dawnchorus.formats import annotation
from dawnchorus.formats.annotation import (
    Annotations,
    Band,
    Mark,
    Marked,
    NoTable,
    annotated_recording,
    pair_bands,
)
from dawnchorus.formats.event import Event, checked_events
from dawnchorus.formats.label_sheet import Refusals
from dawnchorus.runtime import artefacts

ONE_EACH = True  # whether there may be a folder with a file for each recording

LABEL = "Annotation"  # the usual name of the column that holds classes
_BEGIN, _END = "Begin Time (s)", "End Time (s)"
_LOW, _HIGH = "Low Freq (Hz)", "High Freq (Hz)"
_FILE, _PATH, _OFFSET = "Begin File", "Begin Path", "File Offset (s)"


class _Selection(NamedTuple):
    """One row; ``key`` is what the rows of one selection have in common."""

    key: tuple
    view: str
    mark: Mark
    line: int


def read_labels(path: str | os.PathLike, settings: Mapping) -> Marked:
    """Read a file of strong labels, by the settings of the corpus that it is of."""
    return _read(path, annotated_recording(path), settings["label_column"])


def read(
    path: str | os.PathLike, recording: str | None = None, label_column: str = LABEL
) -> Annotations:
    """Read a selection table.

    Parameters
    ----------
    path : path
    recording : str, optional
        Id of the recording of a table that names none, such as one without selections.
    label_column : str
        The column that holds the classes.

    Raises
    ------
    ValueError
        Where the file cannot be read, a column is missing, a row is no selection, the recording of
        a selection or its times are not known, or two views of one selection differ.
    """
    return annotation.checked(_read(path, recording, label_column))


def _read(path: str | os.PathLike, recording: str | None, label_column: str) -> Marked:
    lines = [
        (line, annotation.split_fields(content)) for line, content in annotation.read_lines(path)
    ]
    if not lines:
        raise ValueError(f"{path} is empty, expected the header of a selection table")
    first, titles = lines[0]
    header = [title.casefold() for title in titles]
    faults = [
        f"{path}, line {first}: {header.count(name.casefold())} columns {name!r} among {titles}, "
        "expected one between tabs"
        for name in (_BEGIN, _END, label_column)
        if header.count(name.casefold()) != 1
    ]
    if not {_BEGIN.casefold(), _END.casefold(), "selection"} & set(header):
        raise NoTable(faults[0])
    # saved before the column of the class was added: nothing was heard in the recording
    is_empty = len(lines) == 1 and label_column.casefold() not in header
    if faults and not (is_empty and len(faults) == 1):
        raise ValueError(faults[0])
    rows, names, refused = [], [], Refusals()
    for line, fields in lines[1:]:
        with refused.collect():
            if any(fields[len(header) :]):
                raise ValueError(
                    f"{path}, line {line} has {len(fields)} fields, expected {len(header)}"
                )
            # editors cut empty fields from the end, and some add them
            padded = fields + [""] * (len(header) - len(fields))
            row = dict(zip(header, padded, strict=False))
            # a path tells files of one name apart, unless the file was renamed since
            file, place = row.get(_FILE.casefold(), ""), row.get(_PATH.casefold(), "")
            if place and (not file or re.split(r"[/\\]", place)[-1].casefold() == file.casefold()):
                names.append(annotation.recording_id(place.replace("\\", "/")))
            elif file:
                names.append(annotation.recording_id(file))
            elif recording is not None and not _names_files(row):
                names.append(recording)
            else:
                raise ValueError(
                    f"{path}, line {line}: no {_FILE!r} says which recording the selection is of"
                )
            rows.append((line, row))
    refused.check()
    if len(set(names)) > 1 and _OFFSET.casefold() not in header:
        raise ValueError(
            f"{path}, line 1: {len(set(names))} files and no column {_OFFSET!r}, so times may count "
            "from the start of the first; add the column in Raven and save the table again"
        )
    selections = []
    for name, (line, row) in zip(names, rows, strict=True):
        with refused.collect():
            where = f"{path}, line {line}"
            selections.append(_selection(name, row, label_column.casefold(), where, line))
    refused.check()
    kept = _merge_views(path, selections)
    is_named = bool(rows) and _names_files(header)
    found = {} if is_named or recording is None else {recording: 1}
    for selection in kept:
        found.setdefault(selection.mark.event.id, selection.line)
    return Marked(found, [selection.mark for selection in kept])


def write(
    path: str | os.PathLike,
    events: Iterable[Event],
    bands: Iterable[Band | None] | None = None,
    label_column: str = LABEL,
    extension: str | None = None,
    decimals: int | None = None,
    further: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write events as a selection table, in the order given.

    Parameters
    ----------
    path : path
    events : iterable of Event
    bands : iterable, optional
        For each event (low, high) [Hz] or None; one without a band is a selection of the waveform.
    label_column : str
        The column that holds the classes.
    extension : str, optional
        What file names have behind the id in ``Begin File``; None: no such column, and all events
        are of one recording, which Raven opens beside the table.
    decimals : int, optional
        Digits behind the point of times; None: all that they have.
    further : mapping, optional
        Columns to append, by name: a text for each event, which may be empty.

    Raises
    ------
    ValueError
        Where an event cannot be used, bands or further columns do not fit, or events are of
        several recordings and there is no extension.
    """
    found = list(events)
    text = table_text(path, found, bands, label_column, extension, decimals, further)
    artefacts.write_text(path, text, rows=len(found))


def table_text(
    where: str | os.PathLike,
    events: Iterable[Event],
    bands: Iterable[Band | None] | None = None,
    label_column: str = LABEL,
    extension: str | None = None,
    decimals: int | None = None,
    further: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """Return the text of a selection table; as `write`, but that ``where`` only names it in errors."""
    found = list(events)
    checked_events(found)
    ids = {one.id for one in found}
    if extension is None and len(ids) > 1:
        raise ValueError(
            f"{where}: events of several recordings; expected a table for each, or an extension"
        )
    annotation.checked_names(
        [label_column, *sorted(ids), *sorted({one.label for one in found})], "name"
    )
    with_bands = pair_bands(found, bands)
    has_bands = any(band is not None for _, band in with_bands)
    columns = ["Selection", "View", "Channel", _BEGIN, _END, *([_LOW, _HIGH] * has_bands)]
    columns += [*([_FILE, _OFFSET] if extension is not None else []), label_column]
    added = annotation.checked_names(further or {}, "column")
    for name in added:
        texts = further[name]
        if name.casefold() in {column.casefold() for column in columns}:
            raise ValueError(
                f"{where}: a further column {name!r}, but a selection table has its own"
            )
        if len(texts) != len(found):
            raise ValueError(
                f"{where}: column {name!r} has {len(texts)} texts for {len(found)} events; expected "
                "one for each"
            )
        annotation.checked_names([one for one in texts if one], f"text of column {name!r}")
    rows = []
    for selection, (one, band) in enumerate(with_bands, 1):
        onset, offset = annotation.interval_text(one, decimals)
        view = "Waveform 1" if band is None else "Spectrogram 1"
        place = [] if extension is None else [one.id + extension, onset]
        known = (band or (None, None)) if has_bands else ()
        bounds = ["" if bound is None else annotation.number_text(bound) for bound in known]
        own = [further[name][selection - 1] for name in added]
        rows.append([str(selection), view, "1", onset, offset, *bounds, *place, one.label, *own])
    table = ["\t".join(row) for row in ([*columns, *added], *rows)]
    return "\n".join([*table, ""])


def _names_files(header: Iterable[str]) -> bool:
    return not {_FILE.casefold(), _PATH.casefold()}.isdisjoint(header)


def _selection(name: str, row: Mapping, label_column: str, where: str, line: int) -> _Selection:
    begin, end = (
        annotation.parse_number(row[key.casefold()], key, where) for key in (_BEGIN, _END)
    )
    onset = begin
    if offset := row.get(_OFFSET.casefold(), ""):
        onset = annotation.parse_number(offset, _OFFSET, where)
    elif _OFFSET.casefold() in row:
        raise ValueError(f"{where}: {_OFFSET} is empty, expected a number as in other rows")
    found = annotation.parse_event(name, onset, onset + (end - begin), row[label_column], where)
    fields = [(key, row.get(key.casefold(), "")) for key in (_LOW, _HIGH)]
    band = tuple(
        float(annotation.parse_number(field, key, where)) if field else None
        for key, field in fields
    )
    # without a number nothing says that two rows are one selection
    number = row.get("selection") or f"line {line}"
    key = (name, number, row.get("channel", ""), found.onset_s, found.offset_s)
    mark = Mark(found, None if band == (None, None) else band, where)
    return _Selection(key, row.get("view", ""), mark, line)


def _merge_views(path, selections: Sequence[_Selection]) -> list[_Selection]:
    """Return each selection once, with the frequencies of its view of the spectrogram."""
    first: dict[tuple, _Selection] = {}
    n_seen: collections.Counter = collections.Counter()
    for one in selections:
        # the same view again is another selection: tables put one below the other count anew
        copy = n_seen[one.key, one.view]
        n_seen[one.key, one.view] += 1
        known = first.setdefault((one.key, copy), one)
        label, other = known.mark.event.label, one.mark.event.label
        if label != other:
            raise ValueError(
                f"{path}, line {one.line}: class {other!r}, but line {known.line}, another view of the "
                f"same selection, has {label!r}"
            )
        if one.mark.band is not None and one.view.casefold().startswith("spectrogram"):
            first[one.key, copy] = known._replace(mark=known.mark._replace(band=one.mark.band))
    return list(first.values())
