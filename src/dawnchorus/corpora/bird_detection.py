"""Adapter ``bird_detection``: the layout of the Bird Audio Detection challenges.

One folder of recordings and one label file per data set. 2017: ``itemid,hasbird``; 2018:
``itemid,datasetid,hasbird``, where the second names the data set
(http://machine-listening.eecs.qmul.ac.uk/bird-audio-detection-challenge/,
https://dcase.community/challenge2018/task-bird-audio-detection). ``itemid`` has no extension; with
one, or as ``<data set>/<item>.wav``, it means the same recording. ``hasbird`` is 0 or 1; what is
not a number, and a file without that column, is a test set whose truth is unknown.

Settings
--------
data_sets : mapping of name to {audio, labels}
    ``audio`` is the folder, or the folder above one named as the data set; ``labels`` the CSV
    file, null where there is none.
groups : path or null
    CSV ``id,group``, where ``id`` is ``<data set>/<itemid>``: what no split may divide.
missing_files : "error" or "exclude"
    What becomes of a label without a recording.

* `recordings`: what the folders and label files hold.
* `label_rows`: what a submission repeats of the label files.
"""

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dawnchorus.corpora import files, labels
from dawnchorus.corpora.contents import Found, LabelRows, Recording

CLASS = "bird"
_HEADER = ["itemid", "hasbird"]


class _Rows(NamedTuple):
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


class _Indexed(NamedTuple):
    """A scanned folder: its files by composed stem, and those that a row has named."""

    folder: files.Folder
    prefix: str  # of the paths of its files
    data_set: str
    by_stem: dict[str, str]
    named: set[str]


def recordings(settings: Mapping) -> Found:
    """Return the recordings that have both a file and a row in a label file.

    Parameters
    ----------
    settings : mapping
        As the head of this module says.

    Returns
    -------
    Found
        Ids are ``<data set>/<itemid>``. Files without a row, rows without a file (where
        ``missing_files`` is "exclude") and names that cannot be handled are excluded with a code.

    Raises
    ------
    ValueError
        Where a label file or folder cannot be read, labels conflict, names collide, or rows have
        no file and ``missing_files`` is "error".
    """
    parts, notes = _parts(settings)
    groups = _groups(settings)
    folders: dict[str, _Indexed] = {}
    found, excluded, missing = [], [], []
    for rows in parts:
        indexed = {name: _indexed(rows.audio, name, folders) for name in set(rows.data_sets)}
        for i, data_set in enumerate(rows.data_sets):
            at = indexed[data_set]
            name = _file_of(rows, i, at)
            if name is None:
                missing.append((rows, i))
            elif files.is_supported(name):
                at.named.add(name)
                found.append(_recording(rows, i, at, name, groups))
            else:
                at.named.add(name)
                excluded.append(_unsupported(data_set, name))
    excluded += _missing(missing, settings.get("missing_files", "error"))
    without, said = _without_row(folders)
    notes += [note for path in sorted(folders) for note in folders[path].folder.notes()] + said
    notes += _group_notes(groups, settings.get("groups"), found) + _truth_notes(found)
    has_one_header = len({tuple(rows.header) for rows in parts if rows.path}) <= 1
    repeated = _label_rows(parts) if has_one_header else None
    return Found(found, excluded + without, notes, label_rows=repeated)


def label_rows(settings: Mapping) -> LabelRows:
    """Return the columns of the label files and their rows, as a submission repeats them.

    Data sets come in the order of their names; rows without a recording are there too, and rows
    that repeat one are not.

    Raises
    ------
    ValueError
        Where two label files of the corpus have different columns.
    """
    return _label_rows(_parts(settings)[0])


def _label_rows(parts: Sequence[_Rows]) -> LabelRows:
    files_read = [rows for rows in parts if rows.path]
    for rows in files_read:
        first = files_read[0]
        if rows.header != first.header:
            raise ValueError(
                f"{rows.path} has columns {rows.header} and {first.path} has {first.header}; a "
                "submission has one header, so give each a corpus of its own"
            )
    header = files_read[0].header if files_read else list(_HEADER)
    order = [pair for rows in parts for pair in zip(rows.ids, rows.texts, strict=True)]
    return LabelRows(header, order)


def _parts(settings: Mapping) -> tuple[list[_Rows], list[str]]:
    """Return the label rows of every data set, each id once, and the notes on them."""
    parts, notes = [], []
    for data_set, source in sorted(settings["data_sets"].items()):
        audio = str(source["audio"])
        if source.get("labels"):
            rows, said = _read(str(source["labels"]), data_set, audio)
        else:
            rows, said = _unlabelled(data_set, audio), []
        parts.append(rows)
        notes += said
    ids = [name for rows in parts for name in rows.ids]
    if len(set(ids)) == len(ids):
        return parts, notes
    places = [(rows, i) for rows in parts for i in range(len(rows.ids))]

    def entry(position: int) -> labels.Entry:
        rows, i = places[position]
        return labels.Entry((rows.truths[i],), rows.path, rows.lines[i])

    kept, said = labels.kept_once(ids, entry)
    chosen = [places[position] for position in kept]
    return [_part(rows, [i for one, i in chosen if one is rows]) for rows in parts], notes + said


def _part(rows: _Rows, kept: list[int]) -> _Rows:
    columns = ([column[i] for i in kept] for column in rows[3:])
    return _Rows(rows.audio, rows.path, rows.header, *columns)


def _read(path: str, data_set: str, audio: str) -> tuple[_Rows, list[str]]:
    sheet = labels.read_sheet(path)
    if sheet.columns[0] != "itemid":
        raise ValueError(
            f"{path}, line 1 starts with {sheet.columns[0]!r}, expected 'itemid': the columns are "
            "itemid,hasbird or itemid,datasetid,hasbird"
        )
    texts = labels.column(sheet, "itemid")
    has_sets = "datasetid" in sheet.columns
    data_sets = labels.column(sheet, "datasetid") if has_sets else [data_set] * len(texts)
    prefixes = {name: f"{name}/" for name in set(data_sets)}
    _check_names(path, texts, data_sets, sheet.lines)
    items = [_item(text, prefixes[name]) for text, name in zip(texts, data_sets, strict=True)]
    ids = [prefixes[name] + item for item, name in zip(items, data_sets, strict=True)]
    truths = [""] * len(texts)
    if len(sheet.columns) > 1 + has_sets:
        told = zip(labels.column(sheet, "hasbird"), sheet.lines, strict=True)
        truths = [text if text in ("0", "1") else _truth(text, path, line) for text, line in told]
    rows = _Rows(audio, path, sheet.columns, data_sets, ids, items, texts, truths, sheet.lines)
    return rows, sheet.notes


def _check_names(path: str, texts: list[str], data_sets: list[str], lines: Sequence[int]) -> None:
    if "" in texts:
        line = lines[texts.index("")]
        raise ValueError(f"{path}, line {line}: itemid is empty, expected a name")
    for name in sorted(set(data_sets)):
        if not name or "/" in name or name in (os.curdir, os.pardir):
            line = lines[data_sets.index(name)]
            raise ValueError(f"{path}, line {line}: datasetid is {name!r}, expected a plain name")


def _unlabelled(data_set: str, audio: str) -> _Rows:
    path = _folder_path(audio, data_set)
    items = sorted({name.rpartition(".")[0] for name in files.scan(path).audio})
    ids = [f"{data_set}/{item}" for item in items]
    truths = [""] * len(items)
    lines = range(len(items))
    return _Rows(audio, "", [], [data_set] * len(items), ids, items, items, truths, lines)


def _truth(text: str, path: str, line: int) -> str:
    """Return "0" or "1", or "" for what is not a number."""
    try:
        number = float(text)
    except ValueError:
        return ""
    if number != number:
        return ""
    if number not in (0.0, 1.0):
        raise ValueError(f"{path}, line {line}: hasbird is {text!r}, expected 0 or 1")
    return str(int(number))


def _item(text: str, prefix: str) -> str:
    """Return an itemid without the data set before it and the audio extension behind it."""
    item = text.removeprefix(prefix)
    return item.rpartition(".")[0] if files.is_audio(item) else item


def _folder_path(audio: str, data_set: str) -> str:
    below = os.path.join(audio, data_set)
    return below if os.path.isdir(below) else audio


def _indexed(audio: str, data_set: str, folders: dict[str, _Indexed]) -> _Indexed:
    """Return the folder of a data set, scanned once even where several data sets share it."""
    path = _folder_path(audio, data_set)
    if path not in folders:
        folder = files.scan(path)
        stems = [name.rpartition(".")[0] for name in folder.audio]
        files.refuse_collisions(stems, folder.audio, path)
        by_stem = dict(zip(map(files.composed, stems), folder.audio, strict=True))
        folders[path] = _Indexed(folder, os.path.join(path, ""), data_set, by_stem, set())
    return folders[path]


def _file_of(rows: _Rows, i: int, indexed: _Indexed) -> str | None:
    """Return the name of a row's file, or None; an id such as ``a.wav`` may be a stem as it is."""
    name = indexed.by_stem.get(files.composed(rows.items[i]))
    if name is None:
        name = indexed.by_stem.get(files.composed(rows.texts[i]))
    return name


def _recording(rows: _Rows, i: int, indexed: _Indexed, name: str, groups: Mapping) -> Recording:
    path = indexed.prefix + name
    truth = rows.truths[i]
    return Recording(
        rows.ids[i],
        path,
        rows.data_sets[i],
        groups.get(rows.ids[i], ""),
        labelled=truth != "",
        labels=CLASS if truth == "1" else "",
        state=files.state_of(path),
    )


def _unsupported(data_set: str, name: str) -> tuple[str, str, str]:
    identifier = files.escaped(f"{data_set}/{name}")
    return identifier, "NAME_UNSUPPORTED", "control characters or bytes that are not UTF-8"


def _missing(missing: list[tuple[_Rows, int]], policy: str) -> list[tuple[str, str, str]]:
    if missing and policy == "error":
        rows, i = missing[0]
        raise ValueError(
            f"MISSING_FILE: {len(missing)} label rows have no recording: "
            f"{labels.listed([rows.ids[i] for rows, i in missing])}; the first is {rows.path}, "
            f"line {rows.lines[i]}, looked for in {_folder_path(rows.audio, rows.data_sets[i])}; "
            "put the files there, correct the rows or set missing_files: exclude"
        )
    return [
        (files.escaped(rows.ids[i]), "MISSING_FILE", f"line {rows.lines[i]} of the label file")
        for rows, i in missing
    ]


def _without_row(folders: Mapping[str, _Indexed]) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Return the files that no row names, as exclusions, and a note on each folder of them."""
    excluded, notes = [], []
    for indexed in folders.values():
        names = [name for name in indexed.folder.audio if name not in indexed.named]
        supported = [name for name in names if files.is_supported(name)]
        for name in names:
            if not files.is_supported(name):
                excluded.append(_unsupported(indexed.data_set, name))
        for name in supported:
            item = name.rpartition(".")[0]
            excluded.append((f"{indexed.data_set}/{item}", "NO_LABEL", "no row in a label file"))
        if supported:
            notes.append(
                f"{indexed.data_set}: {len(supported)} recordings have no label row and are left "
                f"out: {labels.listed(supported)}"
            )
    return excluded, notes


def _groups(settings: Mapping) -> dict[str, str]:
    path = settings.get("groups")
    if not path:
        return {}
    sheet = labels.read_sheet(path)
    ids, groups = labels.column(sheet, "id"), labels.column(sheet, "group")
    labels.kept_once(ids, lambda i: labels.Entry((groups[i],), str(path), sheet.lines[i]))
    return dict(zip(ids, groups, strict=True))


def _group_notes(groups: Mapping, path: str | None, found: list[Recording]) -> list[str]:
    n_without = sum(not recording.group for recording in found)
    if path is None or not n_without:
        return []
    if n_without == len(found):
        raise ValueError(
            f"no id of {path} is a recording of the corpus: the first is {next(iter(groups))!r}, "
            f"expected ids such as {found[0].id!r}"
        )
    named = os.path.basename(str(path))
    return [f"{n_without} recordings have no group in {named} and are groups of their own"]


def _truth_notes(found: list[Recording]) -> list[str]:
    n_unknown = sum(not recording.labelled for recording in found)
    if not n_unknown:
        return []
    return [f"{n_unknown} recordings have no label that is a number: their truth is unknown"]
