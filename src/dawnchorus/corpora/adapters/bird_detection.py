"""Adapter ``bird_detection``: the layout of the Bird Audio Detection challenges.

One folder of recordings and one label file per data set. 2017: ``itemid,hasbird``; 2018:
``itemid,datasetid,hasbird``, where the second names the data set
(http://machine-listening.eecs.qmul.ac.uk/bird-audio-detection-challenge/,
https://dcase.community/challenge2018/task-bird-audio-detection). ``itemid`` has no extension; with
one, or as ``<data set>/<item>.wav``, it means the same recording. ``hasbird`` is 0 or 1; what is
not a number, and a file without that column, is a test set whose truth is unknown.

* `recordings`: what the folders and label files hold.

The label files themselves are read by `dawnchorus.corpora.bird_detection_labels`.
"""

import os
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from dawnchorus.corpora import audio_files
from dawnchorus.corpora.bird_detection_labels import (
    CLASS,
    folder_path,
    has_one_header,
    label_rows,
    submission_rows,
)
from dawnchorus.corpora.tables import Found, Recording
from dawnchorus.formats import audio_names, label_sheet
from dawnchorus.settings.corpus import CorpusSettings
from dawnchorus.settings.section import Settings as Section


class DataSet(Section):
    """A folder of recordings with a label file."""

    audio: str
    """Folder of the recordings."""
    labels: str | None
    """Label file (CSV with itemid and hasbird, perhaps datasetid); null: labels are unknown."""


class Settings(CorpusSettings):
    """The layout of the Bird Audio Detection challenges."""

    adapter: Literal["bird_detection"] = "bird_detection"
    """The layout of the data on disk."""
    groups: str | None = None
    """CSV with id and group; null: recordings have no groups."""
    data_sets: Annotated[dict[str, DataSet], Field(min_length=1)]
    """Data sets by name."""


class _Indexed(NamedTuple):
    """A scanned folder: its files by composed stem, and those that a row has named."""

    folder: audio_files.Folder
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
    parts, notes = label_rows(settings)
    groups = _groups(settings)
    folders: dict[str, _Indexed] = {}
    found, excluded, missing = [], [], []
    for rows in parts:
        indexed = {name: _indexed(rows.audio, name, folders) for name in set(rows.data_sets)}
        for i, data_set in enumerate(rows.data_sets):
            at = indexed[data_set]
            name = at.by_stem.get(audio_names.composed(rows.items[i]))
            if name is None:  # an itemid such as a.wav may be a stem as it is
                name = at.by_stem.get(audio_names.composed(rows.texts[i]))
            if name is None:
                missing.append((rows, i))
            elif audio_names.is_supported(name):
                at.named.add(name)
                path, truth = at.prefix + name, rows.truths[i]
                found.append(
                    Recording(
                        rows.ids[i],
                        path,
                        data_set,
                        groups.get(rows.ids[i], ""),
                        labelled=truth != "",
                        labels=CLASS if truth == "1" else "",
                        state=audio_files.state_of(path),
                    )
                )
            else:
                at.named.add(name)
                excluded.append(_unsupported(data_set, name))
    if missing and settings.get("missing_files", "error") == "error":
        rows, i = missing[0]
        raise ValueError(
            f"MISSING_FILE: {len(missing)} label rows have no recording: "
            f"{label_sheet.examples([rows.ids[i] for rows, i in missing])}; the first is "
            f"{rows.path}, line {rows.lines[i]}, looked for in "
            f"{folder_path(rows.audio, rows.data_sets[i])}; put the files there, correct the rows "
            "or set missing_files: exclude"
        )
    for rows, i in missing:
        detail = f"line {rows.lines[i]} of the label file"
        excluded.append((audio_names.escaped(rows.ids[i]), "MISSING_FILE", detail))
    without, said = _without_row(folders)
    tables = [rows.path for rows in parts if rows.path] + [str(settings.get("groups") or "")]
    for path in sorted(folders):
        notes += audio_files.ignored_notes(path, [folders[path].folder], list(filter(None, tables)))
    notes += said
    if settings.get("groups"):
        notes += _group_notes(groups, str(settings["groups"]), found)
    if n_unknown := sum(not recording.labelled for recording in found):
        notes.append(
            f"{n_unknown} recordings have no label that is a number: their truth is unknown"
        )
    # label files of different years have no header in common: nothing can repeat them
    repeated = submission_rows(parts) if has_one_header(parts) else None
    return Found(found, excluded + without, notes, label_rows=repeated)


def _indexed(audio: str, data_set: str, folders: dict[str, _Indexed]) -> _Indexed:
    """Return the folder of a data set, scanned once even where several data sets share it."""
    path = folder_path(audio, data_set)
    if path not in folders:
        folder = audio_files.scan(path)
        stems = [name.rpartition(".")[0] for name in folder.audio]
        audio_files.reject_collisions(stems, folder.audio, path)
        by_stem = dict(zip(map(audio_names.composed, stems), folder.audio, strict=True))
        folders[path] = _Indexed(folder, os.path.join(path, ""), data_set, by_stem, set())
    return folders[path]


def _unsupported(data_set: str, name: str) -> tuple[str, str, str]:
    identifier = audio_names.escaped(f"{data_set}/{name}")
    return identifier, "NAME_UNSUPPORTED", "control characters or bytes that are not UTF-8"


def _without_row(folders: Mapping[str, _Indexed]) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Return the files that no row names, as exclusions, and a note on each folder of them."""
    excluded, notes = [], []
    for indexed in folders.values():
        names = [name for name in indexed.folder.audio if name not in indexed.named]
        supported = [name for name in names if audio_names.is_supported(name)]
        for name in names:
            if not audio_names.is_supported(name):
                excluded.append(_unsupported(indexed.data_set, name))
        for name in supported:
            item = name.rpartition(".")[0]
            excluded.append((f"{indexed.data_set}/{item}", "NO_LABEL", "no row in a label file"))
        if supported:
            notes.append(
                f"{indexed.data_set}: {len(supported)} recordings have no label row and are left "
                f"out: {label_sheet.examples(supported)}"
            )
    return excluded, notes


def _groups(settings: Mapping) -> dict[str, str]:
    path = settings.get("groups")
    if not path:
        return {}
    sheet = label_sheet.read_sheet(path)
    ids, groups = label_sheet.column(sheet, "id"), label_sheet.column(sheet, "group")
    label_sheet.unique_entries(
        ids, lambda i: label_sheet.Entry((groups[i],), str(path), sheet.lines[i])
    )
    return dict(zip(ids, groups, strict=True))


def _group_notes(groups: Mapping, path: str, found: list[Recording]) -> list[str]:
    n_without = sum(not recording.group for recording in found)
    if not n_without:
        return []
    if n_without == len(found):
        raise ValueError(
            f"no id of {path} is a recording of the corpus: the first is {next(iter(groups))!r}, "
            f"expected ids such as {found[0].id!r}"
        )
    named = os.path.basename(path)
    return [f"{n_without} recordings have no group in {named} and are groups of their own"]
