"""Layouts with a table of labels: one of one's own, and those of two series of challenges.

* `label_table`: a CSV with a column of paths and one of labels.
* `bird_detection`: label files ``itemid,hasbird`` beside folders of recordings.
* `birdclef_table`: the table of the BirdCLEF competitions since 2021.
"""

import os
from typing import Any

from dawnchorus.corpora.folder_survey import Survey, join
from dawnchorus.corpora.layout_match import (
    COLUMNS,
    SPLITS,
    Head,
    Layout,
    best_folder,
    column_for,
    plain,
    stem_of,
    table_head,
)
from dawnchorus.formats.label_sheet import examples

_MOST_TABLES = 50  # that are looked into
_ENOUGH = 0.5  # share of a column's values that name a recording
_SEPARATORS = (";", "|", ",", "+", "/")


def bird_detection(survey: Survey) -> Layout | str:
    """Recognise label files of the Bird Audio Detection challenges, a folder of recordings each."""
    data_sets: dict[str, dict[str, str]] = {}
    lonely = []
    for path in survey.paths_of(".csv")[:_MOST_TABLES]:
        head = table_head(survey.place(path))
        if head is None or not {"itemid", "hasbird"} <= set(head.columns):
            continue
        name = os.path.basename(path).rpartition(".")[0]
        folder = best_folder(survey, map(stem_of, head.values("itemid")), near=name)
        if folder is None:
            lonely.append(path)
        else:
            about = {"audio": survey.place(folder), "labels": survey.place(path)}
            data_sets[name.replace("/", "-")] = about
    if not data_sets:
        missing = f"; no recordings for {examples(lonely)}" if lonely else ""
        return f"no CSV with the columns itemid and hasbird{missing}"
    said = [f"label files itemid,hasbird: {', '.join(data_sets)}"]
    if lonely:
        said.append(f"label files without recordings here are left out: {examples(lonely)}")
    settings = {"adapter": "bird_detection", "data_sets": data_sets}
    return Layout("Bird Audio Detection label files", settings, said)


def birdclef_table(survey: Survey) -> Layout | str:
    """Recognise the table of a BirdCLEF competition: ``primary_label``, ``filename``, perhaps more."""
    for path in survey.paths_of(".csv")[:_MOST_TABLES]:
        head = table_head(survey.place(path))
        if head is None or not {"primary_label", "filename"} <= set(head.columns):
            continue
        known = set(survey.audio_paths())
        names = head.values("filename")
        for folder in _roots(survey, path):
            if _share(known, folder, names) >= _ENOUGH:
                settings: dict[str, Any] = {
                    "adapter": "birdclef_csv",
                    "table": survey.place(path),
                    "audio": survey.place(folder),
                }
                if "author" not in head.columns:
                    settings["group_by"] = "recording"
                said = [f"{path}: primary_label names the class, filename the recording"]
                return Layout("BirdCLEF table", settings, said)
        return f"{path} has its columns, but no recordings are where its filename column says"
    return "no CSV with the columns primary_label and filename"


def label_table(survey: Survey) -> Layout | str:
    """Recognise a CSV of one's own: a column names recordings, another one their classes."""
    looked = []
    known = set(survey.audio_paths())
    stems = {join(path.rpartition("/")[0], stem_of(path)) for path in known}
    for path in survey.paths_of(".csv", ".tsv", ".txt")[:_MOST_TABLES]:
        head = table_head(survey.place(path))
        if head is None or len(head.columns) < 2 or not head.rows:
            for sign, said in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
                other = table_head(survey.place(path), sign)
                if other and other.columns[1:] and column_for("labels", other.columns):
                    looked.append(f"{path} is separated by {said}, save it with commas")
            continue
        place = _path_column(survey, path, head, known, stems)
        if place is None:
            if path.endswith(".csv"):
                looked.append(f"no column of {path} names recordings: {head.columns[:8]}")
            continue
        column, root = place
        others = [name for name in head.columns if name != column]
        labels = column_for("labels", others) or next(
            (
                name
                for name in others
                if plain(name).startswith(("has", "is")) and {*head.values(name)} <= {"0", "1"}
            ),
            None,
        )
        if labels is None:
            looked.append(
                f"{path} names recordings in {column!r}, and no column is called labels, species or "
                f"class: {others[:8]}"
            )
            continue
        return _layout(survey, path, head, {"path": column, "labels": labels}, root)
    return "; ".join(looked[:5]) or "no CSV file"


def _layout(survey: Survey, path: str, head: Head, columns: dict[str, str], root: str) -> Layout:
    """Return the layout of a table whose columns of recordings and labels are known."""
    settings: dict[str, Any] = {"adapter": "table", "table": survey.place(path)}
    if root != path.rpartition("/")[0]:
        settings["root"] = survey.place(root)
    said = [f"{path}: {columns['path']!r} names the recording, {columns['labels']!r} its classes"]
    others = [name for name in head.columns if name not in columns.values()]
    for meaning in ("recordist", "fold", "split"):
        column = column_for(meaning, others)
        values = head.values(column) if column else []
        # a split may be anything; only known words say what is tested
        if column and (meaning != "split" or {one.casefold() for one in values} <= set(SPLITS)):
            columns[meaning] = column
    groups = [column_for(meaning, others) for meaning in ("individual", "site", "session", "date")]
    for name in filter(None, groups):
        # a group has several recordings on average, or folds by it are folds of recordings
        if 2 <= len({*head.values(name)} - {""}) <= len(head.rows) / 1.2:
            columns.setdefault("group", name)
    known = {
        meaning: name for meaning, name in columns.items() if meaning not in ("path", "labels")
    }
    if known:
        said.append("; ".join(f"column {name!r} is the {what}" for what, name in known.items()))
    renamed = {meaning: name for meaning, name in columns.items() if meaning != name}
    if renamed:
        settings["columns"] = renamed
    values = [value for value in head.values(columns["labels"]) if value]
    if values and set(values) <= {"0", "1"}:
        stripped = plain(columns["labels"]).removeprefix("has").removeprefix("is")
        # `label` and `presence` name no thing
        names_a_thing = stripped == "bird" or stripped not in COLUMNS["labels"]
        settings["binary_class"] = stripped if names_a_thing else "present"
    elif (separator := _separator(values)) not in (None, ";"):
        settings["separator"] = separator
    return Layout("table", settings, said)


def _path_column(
    survey: Survey, path: str, head: Head, known: set[str], stems: set[str]
) -> tuple[str, str] | None:
    """Return the column that names recordings, and the folder that its paths start from."""
    best: tuple[float, str, str] | None = None
    for column in head.columns:
        names = [name.removeprefix("./") for name in head.values(column) if name][:100]
        for folder in _roots(survey, path) if names else ():
            share = max(_share(known, folder, names), 0.999 * _share(stems, folder, names))
            if share >= _ENOUGH and (best is None or share > best[0]):
                best = share, column, folder
    return best and best[1:]


def _roots(survey: Survey, table: str) -> list[str]:
    """Return folders that paths of a table may start from: its own first, then those of recordings."""
    folders = [table.rpartition("/")[0], "", *sorted(survey.audio)[:200]]
    folders += [folder.rpartition("/")[0] for folder in sorted(survey.audio)[:200]]
    return list(dict.fromkeys(folders))


def _share(known: set[str], folder: str, names: list[str]) -> float:
    return sum(join(folder, name) in known for name in names) / len(names) if names else 0.0


def _separator(values: list[str]) -> str | None:
    """Return what stands between class names: a sign whose parts stand alone elsewhere."""
    alone = set(values)
    for sign in _SEPARATORS:
        parts = [
            part.strip() for value in alone if sign in value for part in value.split(sign) if part
        ]
        if parts and any(part in alone for part in parts):
            return sign
    return None
