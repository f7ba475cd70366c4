"""Layouts that files of labels tell: tables, lists of clips, annotated events, metadata.

* `label_table`: a table with a column of paths, and one of labels or several of 0 and 1.
* `bird_detection`: label files ``itemid,hasbird`` beside folders of recordings.
* `birdclef_table`: the table of the BirdCLEF competitions since 2021.
* `birdclef_xml`: the BirdCLEF challenges of 2014 to 2018, a file of metadata per recording.
* `dcase_lists`: weak, strong and unlabelled lists of DCASE task 4.
* `birdsong_xml`: ``Annotation.xml`` of BirdsongRecognition (Koumura and Okanoya 2016).
* `annotation_files`: selection tables of Raven, or label tracks of Audacity.
"""

import os
import re
from typing import Any

from dawnchorus.corpora.folder_survey import Survey, first_bytes, join
from dawnchorus.corpora.layout_match import (
    COLUMNS,
    SPLITS,
    Head,
    Layout,
    best_folder,
    column_for,
    folders_with,
    plain,
    stem_of,
    table_head,
)
from dawnchorus.formats.annotation import annotated_recording
from dawnchorus.formats.label_sheet import DELIMITERS, examples

NO_TABLE = "no CSV file"
_MOST_TABLES = 50  # that are looked into
_ENOUGH = 0.5  # share of a column's values that name a recording
_SEPARATORS = (";", "|", ",", "+", "/")
_FLAGS = ({"0", "1"}, {"", "1"}, {"", "0", "1"})  # what a column of a class may hold
PARTS = {"shares": {"train": 0.6, "validation": 0.15, "test": 0.25}, "seed": 1}
TESTED = {"shares": {"validation": 0.4, "test": 0.6}, "seed": 1}
_MOST_READ = 300  # annotation files that are looked into
_LABEL_TRACK = re.compile(r"\s*-?[0-9]+(\.[0-9]+)?\t-?[0-9]+(\.[0-9]+)?(\t|\r?\n|$)")
# columns of a selection table that Raven makes, plain
_OF_RAVEN = frozenset({
    "selection", "view", "channel", "begintimes", "endtimes", "lowfreqhz", "highfreqhz", "beginfile",
    "beginpath", "endfile", "endpath", "fileoffsets", "occupancy", "inband", "confidence", "score",
    "notes", "comments", "deltatimes", "deltafreqhz", "begindate", "beginclocktime",
})  # fmt: skip


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
    """Recognise a table of one's own: a column names recordings, others their classes."""
    looked = []
    known = set(survey.audio_paths())
    stems = {join(path.rpartition("/")[0], stem_of(path)) for path in known}
    for path in survey.paths_of(".csv", ".tsv", ".txt")[:_MOST_TABLES]:
        heads = ((sign, table_head(survey.place(path), sign)) for sign in DELIMITERS)
        # of signs that all make columns the one that makes most of them: a path may hold a comma
        tables = [(len(head.columns), sign, head) for sign, head in heads if head and head.rows]
        n_columns, sign, head = max(tables, key=lambda one: one[0], default=(0, "", None))
        # rows of a selection table are events, several of a recording
        if n_columns < 2 or {"begintimes", "endtimes"} <= set(map(plain, head.columns)):
            continue
        best: tuple[float, str, str] | None = None
        for column in head.columns:
            # a table that another system wrote may have its own signs between folders
            names = [name.replace("\\", "/") for name in head.values(column) if name][:100]
            names = [name.removeprefix("./") for name in names]
            for folder in _roots(survey, path) if names else ():
                # of equals the column with extensions: a stem may be that of several files
                share = max(_share(known, folder, names), 0.999 * _share(stems, folder, names))
                if share >= _ENOUGH and (best is None or share > best[0]):
                    best = share, column, folder
        if best is None:
            if path.endswith(".csv"):
                looked.append(f"no column of {path} names recordings: {head.columns[:8]}")
            continue
        _, column, root = best
        others = [name for name in head.columns if name != column]
        labels = column_for("labels", others)
        flags: list[str] = []
        if not labels:
            # columns of 1, and 0 or nothing, may be a class each; one that is all 1 is none
            meant = {
                name for meaning in COLUMNS if meaning != "labels" for name in COLUMNS[meaning]
            }
            free = [name for name in others if name and plain(name) not in meant]
            flags = [name for name in free if {*head.values(name)} in _FLAGS]
            # one alone may be anything, such as whether somebody has listened
            if len(flags) == 1 and not plain(flags[0]).startswith(("has", "is")):
                flags = []
        if not labels and not flags:
            looked.append(
                f"{path} names recordings in {column!r}, and no column is called labels, species or "
                f"class, none holds 0 and 1 alone: {others[:8]}"
            )
            continue
        columns = {"path": column} | ({"labels": labels or flags[0]} if len(flags) < 2 else {})
        return _layout(survey, path, head, columns, root, sign, flags if len(flags) > 1 else [])
    return "; ".join(looked[:5]) or NO_TABLE


def _layout(
    survey: Survey,
    path: str,
    head: Head,
    columns: dict[str, str],
    root: str,
    sign: str,
    flags: list[str],
) -> Layout:
    """Return the layout of a table whose columns of recordings and labels, or of flags, are known."""
    settings: dict[str, Any] = {"adapter": "table", "table": survey.place(path)}
    if root != path.rpartition("/")[0]:
        settings["root"] = survey.place(root)
    if sign != ",":
        settings["delimiter"] = sign
    if flags:
        settings["label_columns"] = flags
        named = f"columns of 0 and 1 are a class each: {examples(flags)}"
    else:
        named = f"{columns['labels']!r} its classes"
    said = [f"{path}: {columns['path']!r} names the recording, {named}"]
    others = [name for name in head.columns if name not in (*columns.values(), *flags)]
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
    values = [value for value in head.values(columns["labels"]) if value] if not flags else []
    if values and set(values) <= {"0", "1"}:
        stripped = plain(columns["labels"]).removeprefix("has").removeprefix("is")
        # `label` and `presence` name no thing
        names_a_thing = stripped == "bird" or stripped not in COLUMNS["labels"]
        settings["binary_class"] = stripped if names_a_thing else "present"
        return Layout("table", settings, said)
    alone = set(values)
    for mark in _SEPARATORS:
        texts = [value for value in alone if mark in value]
        parts = [one.strip() for text in texts for one in text.split(mark) if one]
        # a comma may stand in a name: one that separates leaves parts that stand alone elsewhere
        if any(part in alone for part in parts):
            if mark != ";":
                settings["separator"] = mark
            break
    return Layout("table", settings, said)


def _roots(survey: Survey, table: str) -> list[str]:
    """Return folders that paths of a table may start from: its own first, then those of recordings."""
    folders = [table.rpartition("/")[0], "", *sorted(survey.audio)[:200]]
    folders += [folder.rpartition("/")[0] for folder in sorted(survey.audio)[:200]]
    return list(dict.fromkeys(folders))


def _share(known: set[str], folder: str, names: list[str]) -> float:
    return sum(join(folder, name) in known for name in names) / len(names) if names else 0.0


def dcase_lists(survey: Survey) -> Layout | str:
    """Recognise lists of clips with classes (weak), with events (strong) or with neither."""
    lists: dict[str, dict[str, str]] = {"weak": {}, "strong": {}, "unlabelled": {}}
    stems: list[str] = []
    for path in survey.paths_of(".tsv", ".csv", ".txt")[:_MOST_READ]:
        head = table_head(survey.place(path), "\t")
        columns = set(head.columns) if head else set()
        if head is None or "filename" not in columns:
            continue
        kind = (
            "strong" if {"onset", "offset", "event_label"} <= columns
            else "weak" if "event_labels" in columns
            else "unlabelled" if columns == {"filename"}
            else ""
        )  # fmt: skip
        named = {stem_of(name) for name in head.values("filename")}
        if kind and folders_with(survey, named):
            # a subset is called as its file, with its folder where there are two of one name
            parts = re.sub(r"\.\w+$", "", path).split("/")
            name = parts[-1] if parts[-1] not in lists[kind] else "-".join(parts[-2:])
            lists[kind][name] = survey.place(path)
            stems += named
    if not lists["weak"] and not lists["strong"]:
        return (
            "no file between tabs with the columns filename and event_labels, or onset and offset"
        )
    folders = sorted(folders_with(survey, stems))
    settings: dict[str, Any] = {
        "adapter": "dcase_sed",
        "audio": [survey.place(folder) for folder in folders],
    }
    for kind, found in lists.items():
        if found:
            settings[kind] = found if len(found) > 1 else next(iter(found.values()))
    if len(lists["strong"]) == 1:
        # with a weak list to learn from, the strong one has to tune and to test
        settings["parts"] = TESTED if lists["weak"] else PARTS
        settings["strong"] = next(iter(lists["strong"].values()))
    said = [f"{kind} lists: {', '.join(found)}" for kind, found in lists.items() if found]
    return Layout("DCASE lists", settings, said)


def birdsong_xml(survey: Survey) -> Layout | str:
    """Recognise a file of sequences of notes, whose recordings lie in one folder."""
    for path in survey.paths_of(".xml")[:_MOST_READ]:
        head = first_bytes(survey.place(path))
        if "<Sequences" not in head[:2000]:
            continue
        folder = best_folder(survey, map(stem_of, re.findall(r"<WaveFileName>([^<]+)<", head)))
        if folder is None:
            return f"{path} is one, but names no recordings of this folder"
        settings = {
            "adapter": "dcase_sed",
            "audio": survey.place(folder),
            "strong": survey.place(path),
            "strong_format": "birdsong_xml",
            "parts": PARTS,
        }
        said = [f"{path}: notes with position and length in samples"]
        return Layout("BirdsongRecognition's Annotation.xml", settings, said)
    return "no XML with <Sequences>"


def annotation_files(survey: Survey) -> Layout | str:
    """Recognise a file of events for each recording, beside it or in folders of their own."""
    folders: dict[str, dict[str, list[str]]] = {"raven": {}, "audacity": {}}
    columns: dict[str, None] = {}
    for path in survey.paths_of(".txt")[:_MOST_READ]:
        text = first_bytes(survey.place(path), 4000)
        header = text.split("\n")[0]
        kind = (
            "raven" if "begin time (s)" in header.casefold()
            else "audacity" if _LABEL_TRACK.match(text)
            else ""
        )  # fmt: skip
        if kind:
            folders[kind].setdefault(path.rpartition("/")[0], []).append(path)
            columns |= dict.fromkeys(name.strip() for name in header.split("\t"))
    if not folders["raven"] and not folders["audacity"]:
        return "no .txt with 'Begin Time (s)' or with onset, offset and label between tabs"
    kind = max(folders, key=lambda one: sum(map(len, folders[one].values())))
    tables = folders[kind]
    paths = [path for found in tables.values() for path in found]
    audio = sorted(folders_with(survey, map(annotated_recording, paths)))
    if not audio:
        # a table of several recordings names them in its rows
        if kind != "raven" or {"beginfile", "beginpath"}.isdisjoint(map(plain, columns)):
            return (
                f"{kind.capitalize()} file {paths[0]!r} would be of recording "
                f"{annotated_recording(paths[0])!r}, and none is called so: expected files called as the "
                f"recordings, such as {stem_of(survey.audio_paths()[0])}.txt"
                + (", or a column Begin File" if kind == "raven" else "")
            )
        audio = sorted(survey.audio)
    settings: dict[str, Any] = {
        "adapter": "dcase_sed",
        "audio": [survey.place(folder) for folder in audio]
        if audio[1:]
        else survey.place(audio[0]),
        "strong": survey.place(next(iter(tables))),
        "strong_format": kind,
    }
    said = [f"{len(paths)} {kind.capitalize()} files: {examples(paths)}"]
    if len(tables) > 1:
        # a folder is a site or a day: whole folders are trained on, tune, or are tested
        settings["strong"] = {
            folder.replace("/", "-") or "top": survey.place(folder) for folder in sorted(tables)
        }
    else:
        settings["parts"] = PARTS
    if kind == "raven":
        by_plain = {plain(name): name for name in reversed(columns)}
        known = [by_plain[one] for one in ("annotation", *COLUMNS["labels"]) if one in by_plain]
        # else the one column that is none of Raven's; a measurement has its unit in brackets
        rest = [n for n in columns if n and plain(n) not in _OF_RAVEN and "(" not in n]
        label = known[0] if known else rest[0] if len(rest) == 1 else None
        if label is None:
            return f"Raven tables have no column of classes among {list(columns)[:12]}"
        if label != "Annotation":
            settings["label_column"] = label
        said.append(f"column {label!r} holds the classes")
    return Layout(f"{kind.capitalize()} files", settings, said)


def birdclef_xml(survey: Survey) -> Layout | str:
    """Recognise a file of metadata per recording, in one folder."""
    folders: dict[str, list[str]] = {}
    has_author = False
    for path in survey.paths_of(".xml")[:_MOST_READ]:
        text = first_bytes(survey.place(path), 4000)
        if "<ClassId" in text or "<MediaId" in text:
            folders.setdefault(path.rpartition("/")[0], []).append(path)
            has_author = has_author or bool(re.search(r"<Author>[^<]+<", text))
    if not folders:
        return "no XML with <MediaId>"
    folder, paths = max(folders.items(), key=lambda item: len(item[1]))
    stems = [path.rpartition("/")[2].rpartition(".")[0] for path in paths]
    audio = best_folder(survey, stems)
    if audio is None:
        return f"no recordings are called as the XML files of {folder or survey.root}"
    settings = {
        "adapter": "birdclef", "audio": survey.place(audio), "xml": survey.place(folder),
        "group_by": "author" if has_author else "recording",
    }  # fmt: skip
    return Layout(
        "BirdCLEF XML", settings, [f"{folder}: one XML per recording, ClassId is the class"]
    )
