"""Layouts with annotated events or with a file of metadata for each recording.

* `dcase_lists`: weak, strong and unlabelled lists of DCASE task 4.
* `birdsong_xml`: ``Annotation.xml`` of BirdsongRecognition (Koumura and Okanoya 2016).
* `annotation_files`: selection tables of Raven, or label tracks of Audacity.
* `birdclef_xml`: the BirdCLEF challenges of 2014 to 2018.
"""

import re
from typing import Any

from dawnchorus.corpora.folder_survey import Survey, first_bytes
from dawnchorus.corpora.layout_match import (
    COLUMNS,
    Layout,
    best_folder,
    folders_with,
    plain,
    stem_of,
    table_head,
)
from dawnchorus.formats.annotation import annotated_recording
from dawnchorus.formats.label_sheet import examples

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
    if not audio:  # one table of many recordings, which its rows name
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
        label = _label_column(list(columns))
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


def _label_column(columns: list[str]) -> str | None:
    """Return the column of a selection table that holds the classes, or None."""
    by_plain = {plain(name): name for name in reversed(columns)}
    if "annotation" in by_plain:
        return by_plain["annotation"]
    if known := [by_plain[name] for name in COLUMNS["labels"] if name in by_plain]:
        return known[0]
    # a measurement has its unit in brackets
    rest = [n for n in columns if n and plain(n) not in _OF_RAVEN and "(" not in n]
    return rest[0] if len(rest) == 1 else None
