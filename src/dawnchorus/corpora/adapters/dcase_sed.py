r"""Adapter ``dcase_sed``: clips with weak, strong or no labels, as DCASE task 4 has them.

The id of a recording is its file name without the extension, or, where several folders below ``audio``
hold one of that name, its path from there; see `dawnchorus.corpora.named_recordings`. Its ``data_set``
says what is known of it: "strong" (classes with onset and offset; one without events holds none), "weak"
(classes) or "unlabelled" (nothing: the truth is unknown). Its ``split`` is the name under which its list
is given, or the part it is dealt to, or else the same. A clip in two lists counts in the stronger one.

* `recordings`: what the lists and the folders hold.
"""

import collections
import os
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from dawnchorus.corpora import audio_files, class_names, clip_lists, selection
from dawnchorus.corpora.clip_lists import Clip, Clips
from dawnchorus.corpora.named_recordings import Recordings
from dawnchorus.corpora.tables import SEPARATOR, Found, Recording
from dawnchorus.formats import audio_names, label_sheet
from dawnchorus.settings.corpus import CorpusSettings, Paths
from dawnchorus.settings.section import SampleRate, Seconds, SomeNames, Unit
from dawnchorus.settings.section import Settings as Section


def _known_format(name: str) -> str:
    known = clip_lists.format_names()
    if name not in known:
        raise PydanticCustomError("format_unknown", "{known}", {"known": ", ".join(known)})
    return name


class Parts(Section):
    """A split of a strong list that has none."""

    shares: Annotated[
        dict[str, Annotated[float, Field(gt=0, le=1), Unit("share")]], Field(min_length=1)
    ]
    """Share of the recordings by subset, such as train, validation and test."""
    seed: Annotated[int, Unit("1")]
    """Seed of the deal."""


class Settings(CorpusSettings):
    """Clips with weak, strong or no labels, as DCASE task 4 has them."""

    adapter: Literal["dcase_sed"] = "dcase_sed"
    """The layout of the data on disk."""
    audio: str | SomeNames
    """Folder of the clips and of folders with clips, or several."""
    weak: Paths = None
    """List of clips with their classes (TSV): a path, or subset: path."""
    strong: Paths = None
    """List of events with onset and offset: a path, or subset: path; of raven and audacity a folder."""
    unlabelled: Paths = None
    """List of clips without labels: a path, or subset: path."""
    strong_format: Annotated[str, AfterValidator(_known_format)] = "dcase"
    """Format of the strong lists: a module of formats/annotations."""
    label_column: Annotated[str, Field(min_length=1)] = "Annotation"
    """Of a Raven table: the column of the classes."""
    sample_rate: SampleRate = 32000
    """Rate that the positions of a birdsong_xml count in."""
    merge_gap_s: Seconds | None = None
    """Events of a class with less between them become one; null: none do."""
    min_length_s: Seconds | None = None
    """Shorter events are left out, after merging; null: none are."""
    blank_classes: Annotated[str, Field(min_length=1)] = "error"
    """Events without a class: error, drop, or the class that they are of."""
    sources: dict[str, Any] | None = None
    """{table, clip, fold, fold_pattern, group, group_separator}: folds and groups of the clips."""
    parts: Parts | None = None
    """A split of a strong list that has none."""


def recordings(settings: Mapping) -> Found:
    """Return the clips that have a recording, with their events.

    Parameters
    ----------
    settings : mapping
        As the head of this module says.

    Returns
    -------
    Found
        Clips without a file (where ``missing_files`` is "exclude"), recordings that no list names and
        names that cannot be handled are excluded with a code. There are events where there is a strong
        list.

    Raises
    ------
    ValueError
        Where there is no list, a list or a folder cannot be read, lists contradict each other,
        names collide, parts cannot be dealt, clips have no file and ``missing_files`` is "error",
        or all clips of a class have none.
    """
    if all(settings[kind] is None for kind in clip_lists.KINDS):
        raise ValueError("weak, strong and unlabelled are null; expected one list at least")
    folders = [settings["audio"]] if isinstance(settings["audio"], str) else settings["audio"]
    lists = [
        path for k in clip_lists.KINDS for path in clip_lists.paths_of(settings[k], k).values()
    ]
    if settings.get("sources"):
        lists.append(str(settings["sources"]["table"]))
    files = Recordings(list(map(str, folders)), lists)
    paths, excluded, notes = files.paths, list(files.excluded), list(files.notes)
    read = clip_lists.read_clips(settings, files.id_of)
    origins = {}
    if settings.get("sources"):
        origins = clip_lists.read_origins(settings["sources"], files.id_of)
    notes += files.case_notes()
    missing = [clip for clip in read.clips.values() if clip.id not in paths]
    if missing and settings.get("missing_files", "error") == "error":
        raise ValueError(
            f"MISSING_FILE: {len(missing)} clips have no recording in {', '.join(folders)}: "
            f"{label_sheet.examples([clip.id for clip in missing])}; the first is "
            f"{missing[0].path}, line {missing[0].line}; put the files there or set "
            "missing_files: exclude"
        )
    for clip in missing:
        detail = f"line {clip.line} of the {_named(clip.kind, clip.split)} list"
        excluded.append((audio_names.escaped(clip.id), "MISSING_FILE", detail))
    kept = (name for clip in read.clips.values() if clip.id in paths for name in clip.classes)
    gone = (name for clip in missing for name in clip.classes)
    class_names.check_losses(gone, kept, "that are there")
    found = []
    for clip in read.clips.values():
        if clip.id not in paths:
            continue
        path = files.path_of(clip.id)
        origin = origins.get(clip.id, clip_lists.Origin("", ""))
        found.append(
            Recording(
                id=clip.id,
                path=path,
                data_set=clip.kind,
                group=origin.group,
                fold=origin.fold,
                split=clip.split,
                labelled=clip.kind != "unlabelled",
                labels=SEPARATOR.join(clip.classes),
                state=audio_files.state_of(path),
            )
        )
    notes += read.notes + _missing_notes(missing, read)
    if unlisted := sorted(name for name in paths if name not in read.clips):
        excluded += [(name, "NO_LABEL", "in no list") for name in unlisted]
        named = label_sheet.examples(unlisted)
        notes.append(f"{len(unlisted)} recordings are in no list and are left out: {named}")
    if origins:
        notes += _origin_notes(found, origins, settings["sources"])
    if settings.get("parts"):
        found, said = _deal_parts(found, settings)
        notes += said
    has_events = settings["strong"] is not None
    events = [event for event in read.events if event.id in paths] if has_events else None
    return Found(found, excluded, notes, events, marks=read.marks)


def _deal_parts(found: Sequence[Recording], settings: Mapping) -> tuple[list[Recording], list[str]]:
    """Return the recordings, those of the strong list with the part they are dealt to as split."""
    if settings["strong"] is None or isinstance(settings["strong"], Mapping):
        raise ValueError(
            f"strong is {settings['strong']!r} and parts deals a strong list that has no split; "
            "expected one path, or parts: null"
        )
    strong = [one for one in found if one.data_set == "strong"]
    names = selection.deal_subsets(
        [one.id for one in strong], [one.group for one in strong], settings["parts"]
    )
    taken = {one.split for one in found if one.data_set != "strong"} & set(names)
    if taken:
        raise ValueError(
            f"parts.shares has {label_sheet.examples(sorted(taken))}, which another list has "
            "for its split; choose another name"
        )
    splits = {one.id: name for one, name in zip(strong, names, strict=True)}
    counts = ", ".join(f"{names.count(part)} {part}" for part in settings["parts"]["shares"])
    dealt = [one._replace(split=splits.get(one.id, one.split)) for one in found]
    return dealt, [f"parts deals {len(strong)} recordings: {counts}"]


def _missing_notes(missing: Sequence[Clip], read: Clips) -> list[str]:
    n_missing = collections.Counter((clip.kind, clip.split) for clip in missing)
    n_all = collections.Counter((clip.kind, clip.split) for clip in read.clips.values())
    return [
        f"{n} of {n_all[key]} clips of {_named(*key)} have no recording and are left out"
        for key, n in n_missing.items()
    ]


def _named(kind: str, split: str) -> str:
    return kind if kind == split else f"{kind} {split}"


def _origin_notes(found: Sequence[Recording], origins: Mapping, settings: Mapping) -> list[str]:
    n_without = sum(recording.id not in origins for recording in found)
    if n_without == len(found) > 0:
        raise ValueError(
            f"no clip of {settings['table']} is a recording of the corpus: the first is "
            f"{next(iter(origins))!r}, expected ids such as {found[0].id!r}"
        )
    named = os.path.basename(str(settings["table"]))
    said = f"{n_without} recordings are not in {named}: they have no fold and are their own group"
    return [said] * (n_without > 0)
