"""Clips and events of strong, weak and unlabelled lists, and tables of their sources.

A clip is known by the file name alone: folders before it and the extension behind it do not count. It
is in the strongest list that names it: what is strong cannot be weak as well.

* `read_clips`: all clips and events of a corpus' lists.
* `read_origins`: fold and group of clips, from a table of the sources that they are made of.
* `linked_groups`: clips that share a source, as groups.
* `Clip`, `Clips`: what it returns.
* `KINDS`, `format_names`: kinds of lists, and formats of strong ones.
"""

import collections
import importlib
import os
import pkgutil
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from dawnchorus.formats import annotation, annotations, audio_names, label_sheet
from dawnchorus.formats.annotation import Annotations
from dawnchorus.formats.annotations import dcase
from dawnchorus.formats.event import Event, longer_than, merge_events

_SOURCES = ("table", "clip", "fold", "fold_pattern", "group", "group_separator")  # keys
KINDS = ("strong", "weak", "unlabelled")  # what is known of a clip, the most first


class Clip(NamedTuple):
    """One clip: ``line`` is that of the file ``path`` which names it first."""

    id: str
    kind: str
    split: str
    path: str
    line: int
    classes: tuple[str, ...] = ()


class Clips(NamedTuple):
    """Clips by id, in the order of the lists; events of the strong ones; one-line notes."""

    clips: dict[str, Clip]
    events: list[Event]
    notes: list[str]


def read_clips(settings: Mapping) -> Clips:
    """Return the clips of all lists, and their events after merging and the minimum length.

    Parameters
    ----------
    settings : mapping
        Those of `dawnchorus.corpora.adapters.dcase_sed`.

    Raises
    ------
    ValueError
        Where a list cannot be read, or a clip is in two lists of one kind, or twice in one with
        other classes.
    """
    found: dict[str, Clip] = {}
    events, notes = [], []
    for kind in KINDS:
        for split, path in paths_of(settings[kind], kind).items():
            if kind == "strong":
                clips, own, said = _strong(path, split, settings)
                events += own
            else:
                clips, said = _rows(path, kind, split)
            notes += said + _add(found, clips)
    gap_s, minimum_s = settings["merge_gap_s"], settings["min_length_s"]
    said, n_before = [], len(events)
    if gap_s is not None:
        events = merge_events(events, gap_s)
        if len(events) < n_before:
            said.append(f"merge_gap_s joins {n_before} events to {len(events)}")
    n_before = len(events)
    if minimum_s is not None:
        # after merging, which may make short events long enough
        events = longer_than(events, minimum_s)
        if n_short := n_before - len(events):
            said.append(f"min_length_s leaves out {n_short} of {n_before} events")
    events = sorted(events)
    # a strong clip is of the classes whose events are left: one with short events only has none
    classes = collections.defaultdict(set)
    for event in events:
        classes[event.id].add(event.label)
    for name in classes:
        found[name] = found[name]._replace(classes=tuple(sorted(classes[name])))
    return Clips(found, events, notes + said)


def paths_of(setting: str | Mapping[str, str] | None, kind: str) -> dict[str, str]:
    """Return the lists of a kind by split: a path alone is of the split with the kind's name."""
    if setting is None:
        return {}
    if isinstance(setting, Mapping):
        return {str(split): str(path) for split, path in setting.items()}
    return {kind: str(setting)}


def _rows(path: str, kind: str, split: str) -> tuple[list[Clip], list[str]]:
    rows = (dcase.read_weak if kind == "weak" else dcase.read_list)(path)
    bare = _bare((row.id for row in rows), path)
    clips = [
        Clip(bare[row.id], kind, split, path, row.line, tuple(sorted(set(row.classes))))
        for row in rows
    ]
    for clip in clips:
        if not all(map(audio_names.is_supported, clip.classes)):
            raise ValueError(f"{path}, line {clip.line}: a class name holds control characters")

    def entry(i: int) -> label_sheet.Entry:
        return label_sheet.Entry(("; ".join(clips[i].classes),), path, clips[i].line)

    kept, notes = label_sheet.unique_entries([clip.id for clip in clips], entry)
    n_repeated = sum(len(set(row.classes)) < len(row.classes) for row in rows)
    said = f"{os.path.basename(path)}: {n_repeated} clips name a class twice, which counts once"
    return [clips[i] for i in kept], notes + [said] * (n_repeated > 0)


def _strong(path: str, split: str, settings: Mapping) -> tuple[list[Clip], list[Event], list[str]]:
    clips: dict[str, Clip] = {}
    events = []
    for file, found in _annotations(path, settings):
        bare = _bare(found.recordings, file)
        own = [Clip(bare[name], "strong", split, file, n) for name, n in found.recordings.items()]
        _add(clips, own)
        events += [event._replace(id=bare[event.id]) for event in found.events]
    once = list(dict.fromkeys(events))
    n_repeated = len(events) - len(once)
    said = f"{os.path.basename(path)}: {n_repeated} events stand there again and count once"
    return list(clips.values()), once, [said] * (n_repeated > 0)


def format_names() -> tuple[str, ...]:
    """Return the names of the formats that strong labels may have, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(annotations.__path__)))


def _annotations(path: str, settings: Mapping) -> list[tuple[str, Annotations]]:
    """Return the annotation files at a path, each with what it says."""
    kind = settings["strong_format"]
    if kind not in format_names():
        raise ValueError(f"strong_format={kind!r}, expected one of {', '.join(format_names())}")
    chosen = importlib.import_module(f"dawnchorus.formats.annotations.{kind}")
    if not os.path.isdir(path):
        return [(path, chosen.read_labels(path, settings))]
    if not chosen.ONE_EACH:
        raise ValueError(f"strong: {path} is a folder, expected a file of format {kind}")
    names = (name for name in os.listdir(path) if not name.startswith("."))
    tables = sorted(name for name in names if name.lower().endswith(".txt"))
    if not tables:
        raise ValueError(f"strong: folder {path} holds no .txt, expected {kind} files")
    files = [os.path.join(path, name) for name in tables]
    return [(file, chosen.read_labels(file, settings)) for file in files]


def _bare(ids: Iterable[str], path: str) -> dict[str, str]:
    """Return the ids of a file without folders, by what they are with them."""
    bare = {name: re.split(r"[/\\]", name)[-1] for name in ids}
    first: dict[str, str] = {}
    for name, short in bare.items():
        if first.setdefault(short, name) != name:
            raise ValueError(
                f"NAME_COLLISION: {path} has clips {first[short]!r} and {name!r}, which differ in "
                "their folder alone; rename one"
            )
    return bare


def _add(found: dict[str, Clip], clips: Iterable[Clip]) -> list[str]:
    """Add clips that no stronger list has, and return a note on those that one has."""
    held = []
    for clip in clips:
        known = found.setdefault(clip.id, clip)
        if known is clip:
            continue
        if known.kind == clip.kind:
            raise ValueError(
                f"LABEL_CONFLICT: clip {clip.id!r} is in {known.path}, line {known.line}, and in "
                f"{clip.path}, line {clip.line}; keep one of them"
            )
        held.append(clip)
    return [
        f"{os.path.basename(path)}: {n} clips are in a {kind} list too and count there"
        for (path, kind), n in collections.Counter(
            (clip.path, found[clip.id].kind) for clip in held
        ).items()
    ]


class Origin(NamedTuple):
    """Fold and group of a clip, empty where nothing is said."""

    fold: str
    group: str


def read_origins(settings: Mapping) -> dict[str, Origin]:
    """Return fold and group by id of the clip, its file name without the extension.

    Parameters
    ----------
    settings : mapping
        ``table`` (path), ``clip`` (column of file names), ``fold`` and ``group`` (columns, or None);
        ``fold_pattern``: a regular expression that finds the fold in its column, as what its one
        group holds (None: all of it is the fold); ``group_separator``: None where a value is the
        name of a group; else values are lists of sources with this between them, and clips that
        share one, be it through others, are a group.

    Raises
    ------
    ValueError
        Where the table cannot be read, a column is missing, two rows of a clip differ, or the
        pattern is none or does not fit.
    """
    missing = [key for key in _SOURCES if key not in settings]
    if missing or len(settings) > len(_SOURCES):
        raise ValueError(f"sources has keys {sorted(settings)}, expected {', '.join(_SOURCES)}")
    sheet = label_sheet.read_sheet(settings["table"])
    names = [name.rpartition("/")[2] for name in label_sheet.column(sheet, settings["clip"])]
    ids = list(map(annotation.recording_id, names))
    folds = _folds(sheet, settings)
    groups = _column_or_blank(sheet, settings["group"])

    def entry(i: int) -> label_sheet.Entry:
        return label_sheet.Entry((folds[i], groups[i]), sheet.path, sheet.lines[i])

    kept, _ = label_sheet.unique_entries(ids, entry)
    if settings["group"] and settings["group_separator"] is not None:
        separator = settings["group_separator"]
        lists = {ids[i]: [one.strip() for one in groups[i].split(separator)] for i in kept}
        by_id = linked_groups({name: filter(None, listed) for name, listed in lists.items()})
    else:
        by_id = {ids[i]: groups[i] for i in kept}
    return {ids[i]: Origin(folds[i], by_id[ids[i]]) for i in kept}


def linked_groups(sources: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return the group of each clip: those that share a source, directly or through others.

    A group has the name of its first clip in order; one that shares nothing has none, an empty text.
    """
    leader = {name: name for name in sources}

    def first_of(name: str) -> str:
        while leader[name] != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    user: dict[str, str] = {}
    for name, listed in sources.items():
        for source in listed:
            low, high = sorted((first_of(name), first_of(user.setdefault(source, name))))
            leader[high] = low
    groups = {name: first_of(name) for name in sources}
    sizes: dict[str, int] = {}
    for group in groups.values():
        sizes[group] = sizes.get(group, 0) + 1
    return {name: group if sizes[group] > 1 else "" for name, group in groups.items()}


def _column_or_blank(sheet: label_sheet.Sheet, name: str | None) -> list[str]:
    return label_sheet.column(sheet, name) if name else [""] * len(sheet.rows)


def _folds(sheet: label_sheet.Sheet, settings: Mapping) -> list[str]:
    values, pattern = _column_or_blank(sheet, settings["fold"]), settings["fold_pattern"]
    if not settings["fold"] or pattern is None:
        return values
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"sources.fold_pattern {pattern!r} is no expression ({error})") from None
    if expression.groups != 1:
        raise ValueError(
            f"sources.fold_pattern {pattern!r} has {expression.groups} groups, expected 1"
        )
    folds = []
    for value, line in zip(values, sheet.lines, strict=True):
        found = expression.search(value)
        if not found or not found[1]:
            raise ValueError(
                f"{sheet.path}, line {line}: {settings['fold']} is {value!r}, which fold_pattern "
                f"{pattern!r} does not fit"
            )
        folds.append(found[1])
    return folds
