"""Clips and events of strong, weak and unlabelled lists, and tables of their sources.

A clip is known by its file name without the extension; folders before it count only where several
recordings have the name (`dawnchorus.corpora.named_recordings`). It is in the strongest list that names
it: what is strong cannot be weak as well. Of a folder of strong labels, with a file for each recording or
several, the files of one recording are joined.

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
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from dawnchorus.corpora import audio_files, event_times
from dawnchorus.formats import annotation, annotations, audio_names, label_sheet
from dawnchorus.formats.annotation import Annotations, Mark, Marked, NoTable
from dawnchorus.formats.annotations import dcase
from dawnchorus.formats.event import Event, longer_than, merge_events

_SOURCES = ("table", "clip", "fold", "fold_pattern", "group", "group_separator")  # keys
KINDS = ("strong", "weak", "unlabelled")  # what is known of a clip, the most first
IdOf = Callable[[str], str]  # the id of the recording that a list gives this name


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
    marks: list[Mark] = []


def stem_of(name: str) -> str:
    """Return the name of a recording without folders."""
    return re.split(r"[/\\]", name)[-1]


def read_clips(settings: Mapping, id_of: IdOf = stem_of) -> Clips:
    """Return the clips of all lists, and their events after merging and the minimum length.

    Parameters
    ----------
    settings : mapping
        Those of `dawnchorus.corpora.adapters.dcase_sed`.
    id_of : callable, optional
        From the name in a list, without its extension, to the id of the recording.

    Raises
    ------
    ValueError
        Where a list cannot be read, a clip is in two lists of one kind, or twice in one with
        other classes, or events cannot be, see `event_times.usable`.
    """
    found: dict[str, Clip] = {}
    marks, notes = [], []
    for kind in KINDS:
        for split, path in paths_of(settings[kind], kind).items():
            if kind == "strong":
                clips, own, said = _strong(path, split, settings, id_of)
                marks += own
            else:
                clips, said = _rows(path, kind, split, id_of)
            notes += said
            held: collections.Counter = collections.Counter()
            for clip in clips:
                known = found.setdefault(clip.id, clip)
                if known is clip:
                    continue
                if known.kind == kind:
                    raise ValueError(
                        f"LABEL_CONFLICT: clip {clip.id!r} is in {known.path}, line {known.line}, and "
                        f"in {clip.path}, line {clip.line}; keep one of them"
                    )
                # the lists that say more come first: what they say of a clip stays
                held[clip.path, known.kind] += 1
            notes += [
                f"{os.path.basename(file)}: {n} clips are in a {stronger} list too and count there"
                for (file, stronger), n in held.items()
            ]
    marks, said = event_times.usable(marks, settings)
    events = [mark.event for mark in marks]
    gap_s, minimum_s = settings["merge_gap_s"], settings["min_length_s"]
    n_before = len(events)
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
    return Clips(found, events, notes + said, marks)


def paths_of(setting: str | Mapping[str, str] | None, kind: str) -> dict[str, str]:
    """Return the lists of a kind by split: a path alone is of the split with the kind's name."""
    if setting is None:
        return {}
    if isinstance(setting, Mapping):
        return {str(split): str(path) for split, path in setting.items()}
    return {kind: str(setting)}


def _rows(path: str, kind: str, split: str, id_of: IdOf) -> tuple[list[Clip], list[str]]:
    rows = (dcase.read_weak if kind == "weak" else dcase.read_list)(path)
    bare = _ids((row.id for row in rows), path, id_of)
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


def _strong(
    path: str, split: str, settings: Mapping, id_of: IdOf
) -> tuple[list[Clip], list[Mark], list[str]]:
    clips: dict[str, Clip] = {}
    marks: dict[Event, Mark] = {}
    n_events, joined, named = 0, set(), os.path.basename(os.path.normpath(path))
    read, notes = _annotations(path, settings)
    for file, found in read:
        ids = _ids(found.recordings, file, id_of)
        for name, line in found.recordings.items():
            clip = Clip(ids[name], "strong", split, file, line)
            # two observers, or calls and songs in tables of their own
            if clips.setdefault(clip.id, clip).path != file:
                joined.add(clip.id)
        n_events += len(found.marks)
        for mark in found.marks:
            event = mark.event._replace(id=ids[mark.event.id])
            marks.setdefault(event, mark._replace(event=event))
    if joined:
        shown = label_sheet.examples(sorted(joined))
        notes.append(f"{named}: {len(joined)} recordings have several tables, joined: {shown}")
    if n_repeated := n_events - len(marks):
        notes.append(f"{named}: {n_repeated} events stand there again and count once")
    return list(clips.values()), list(marks.values()), notes


def format_names() -> tuple[str, ...]:
    """Return the names of the formats that strong labels may have, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(annotations.__path__)))


def _annotations(path: str, settings: Mapping) -> tuple[list[tuple[str, Marked]], list[str]]:
    """Return the annotation files at a path, each with what it says, and notes."""
    kind = settings["strong_format"]
    if kind not in format_names():
        raise ValueError(f"strong_format={kind!r}, expected one of {', '.join(format_names())}")
    chosen = importlib.import_module(f"dawnchorus.formats.annotations.{kind}")
    if not os.path.isdir(path):
        return [(path, _marked(chosen.read_labels(path, settings), path))], []
    if not chosen.ONE_EACH:
        raise ValueError(f"strong: {path} is a folder, expected a file of format {kind}")
    below = sorted(f"{name}/" if name else "" for name in audio_files.walk(path).folders)
    names = [
        place + name
        for place in below
        for name in sorted(os.listdir(os.path.join(path, place)))
        if not name.startswith(".") and not os.path.isdir(os.path.join(path, place, name))
    ]
    tables = [name for name in names if name.lower().endswith(".txt")]
    others = [name for name in names if name not in set(tables) and not audio_names.is_audio(name)]
    found, refused = [], label_sheet.Refusals()
    for name in tables:
        file = os.path.join(path, name)
        with refused.collect():
            try:
                read = _marked(chosen.read_labels(file, settings), file)
            except NoTable:
                others.append(name)
                continue
            folder = os.path.dirname(name)
            # the folder of a table says where its recordings lie, unless it says so itself
            placed = {
                one: f"{folder}/{one}" if folder and stem_of(one) == one else one
                for one in (*read.recordings, *(mark.event.id for mark in read.marks))
            }
            own = [m._replace(event=m.event._replace(id=placed[m.event.id])) for m in read.marks]
            lines = {placed[one]: line for one, line in read.recordings.items()}
            found.append((file, Marked(lines, own)))
    refused.check()
    if not found:
        raise ValueError(f"strong: folder {path} holds no .txt, expected {kind} files")
    if not others:
        return found, []
    named = os.path.basename(os.path.normpath(path))
    shown = label_sheet.examples(sorted(others))
    return found, [f"{named}: {len(others)} files that are no {kind} tables are ignored: {shown}"]


def _marked(found: Marked | Annotations, file: str) -> Marked:
    """Return what a format says in the form that keeps places."""
    if isinstance(found, Marked):
        return found
    pairs = zip(found.events, found.bands, strict=True)
    return Marked(found.recordings, [Mark(event, band, file) for event, band in pairs])


def _ids(names: Iterable[str], path: str, id_of: IdOf) -> dict[str, str]:
    """Return the ids of the recordings that a file names, by these names."""
    refused = label_sheet.Refusals()
    found: dict[str, str] = {}
    first: dict[str, str] = {}
    for name in names:
        with refused.collect():
            found[name] = identifier = id_of(name)
            known = first.setdefault(identifier, name)
            folders = (one[: len(one) - len(stem_of(one))] for one in (known, name))
            if len(set(map(str.casefold, folders))) > 1:
                raise ValueError(
                    f"NAME_COLLISION: {path} has clips {known!r} and {name!r}, which differ in their "
                    "folder alone; rename one"
                )
    refused.check()
    return found


class Origin(NamedTuple):
    """Fold and group of a clip, empty where nothing is said."""

    fold: str
    group: str


def read_origins(settings: Mapping, id_of: IdOf = stem_of) -> dict[str, Origin]:
    """Return fold and group by id of the clip.

    Parameters
    ----------
    settings : mapping
        ``table`` (path), ``clip`` (column of file names), ``fold`` and ``group`` (columns, or None);
        ``fold_pattern``: a regular expression that finds the fold in its column, as what its one
        group holds (None: all of it is the fold); ``group_separator``: None where a value is the
        name of a group; else values are lists of sources with this between them, and clips that
        share one, be it through others, are a group.
    id_of : callable, optional
        As `read_clips` has it.

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
    names = label_sheet.column(sheet, settings["clip"])
    ids = [id_of(annotation.recording_id(name)) for name in names]
    folds, pattern = _column_or_blank(sheet, settings["fold"]), settings["fold_pattern"]
    if settings["fold"] and pattern is not None:
        try:
            expression = re.compile(pattern)
        except re.error as error:
            raise ValueError(
                f"sources.fold_pattern {pattern!r} is no expression ({error})"
            ) from None
        if expression.groups != 1:
            raise ValueError(
                f"sources.fold_pattern {pattern!r} has {expression.groups} groups, expected 1"
            )
        for i, value in enumerate(folds):
            found = expression.search(value)
            # a clip without a fold would be trained on in all of them
            if not found or not found[1]:
                raise ValueError(
                    f"{sheet.path}, line {sheet.lines[i]}: {settings['fold']} is {value!r}, which "
                    f"fold_pattern {pattern!r} does not fit"
                )
            folds[i] = found[1]
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
