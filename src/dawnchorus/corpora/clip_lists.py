"""Clips and their events, as strong, weak and unlabelled lists have them.

A clip is known by the file name alone: folders before it and the extension behind it do not count. It
is in the strongest list that names it: what is strong cannot be weak as well.

* `read`: all clips and events of a corpus' lists.
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

from dawnchorus.formats import annotations, audio_names, label_sheet
from dawnchorus.formats.annotation import Annotations
from dawnchorus.formats.annotations import dcase
from dawnchorus.formats.event import Event, longer_than, merged

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


def read(settings: Mapping) -> Clips:
    """Return the clips of all lists, and the events that the annotators' rules leave.

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
    events, said = _after_rules(events, settings)
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

    kept, notes = label_sheet.kept_once([clip.id for clip in clips], entry)
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
    tables = sorted(name for name in os.listdir(path) if _is_table(name))
    if not tables:
        raise ValueError(f"strong: folder {path} holds no .txt, expected {kind} files")
    files = [os.path.join(path, name) for name in tables]
    return [(file, chosen.read_labels(file, settings)) for file in files]


def _is_table(name: str) -> bool:
    return name.lower().endswith(".txt") and not name.startswith(".")


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


def _after_rules(events: list[Event], settings: Mapping) -> tuple[list[Event], list[str]]:
    """Return events merged over short gaps, then without short ones, and what became of them."""
    notes = []
    gap_s, minimum_s = settings["merge_gap_s"], settings["min_length_s"]
    if gap_s is not None:
        n_before = len(events)
        events = merged(events, gap_s)
        said = f"merge_gap_s joins {n_before} events to {len(events)}"
        notes += [said] * (len(events) < n_before)
    if minimum_s is not None:
        n_before = len(events)
        events = longer_than(events, minimum_s)
        said = f"min_length_s leaves out {n_before - len(events)} of {n_before} events"
        notes += [said] * (len(events) < n_before)
    return sorted(events), notes
