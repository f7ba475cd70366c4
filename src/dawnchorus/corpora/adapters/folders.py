"""Adapter ``folders``: labels and origin of a recording from its path, by a template.

The template stands for the path below ``root`` without its extension. ``{class}``, ``{fold}``,
``{group}``, ``{split}``, ``{data_set}`` and ``{recordist}`` are kept, ``{}`` is anything. A field
is one character at least, none of them ``/``, and as few as can be; all other text is meant as it
stands. Blanks around a class name are stripped. The id of a recording is its path without the
extension.

=============  ================================
ESC-10         ``{} - {class}/{fold}-{group}-{}``
ESC-50         ``{fold}-{group}-{}-{class}``
UrbanSound8K   ``fold{fold}/{group}-{class}-{}-{}``
plain          ``{class}/{}``
=============  ================================

* `recordings`: the recordings below the folder.
* `fields`: what a path says.
"""

import collections
import os
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from dawnchorus.corpora import audio_files, class_names
from dawnchorus.corpora.tables import SEPARATOR, Found, Recording
from dawnchorus.formats import audio_names, label_sheet
from dawnchorus.settings.corpus import CorpusSettings

FIELDS = ("class", "fold", "group", "split", "data_set", "recordist")
_FIELD = re.compile(r"\{([^{}/]*)\}")


class Settings(CorpusSettings):
    """What the path of a recording says of it, as a template reads it."""

    adapter: Literal["folders"] = "folders"
    """The layout of the data on disk."""
    root: str
    """The folder."""
    pattern: Annotated[str, Field(min_length=2)] = "{class}/{}"
    """The path below root: {class} {fold} {group} {split} {data_set} {recordist}, {} for anything."""
    classes: dict[str, str | None] | None = None
    """From the text that is found to the class name."""
    unmatched: Literal["error", "exclude"] = "error"
    """What to do with paths that do not fit."""


class _Part(NamedTuple):
    """One part of a template between slashes: literals around and between its fields."""

    literals: tuple[str, ...]
    names: tuple[str, ...]


def recordings(settings: Mapping) -> Found:
    """Return the recordings below a folder.

    Parameters
    ----------
    settings : mapping
        As the head of this module says.

    Returns
    -------
    Found
        Recordings whose path does not fit (where ``unmatched`` is "exclude") and names that cannot
        be handled are excluded with a code.

    Raises
    ------
    ValueError
        Where a folder cannot be read, the template is none, names collide, a class is not one of
        ``classes``, none of the files of a class is a recording, or paths do not fit and
        ``unmatched`` is "error".
    """
    root, pattern = str(settings["root"]), settings["pattern"]
    template = _template(pattern)
    walked = audio_files.walk(root)
    notes = audio_files.ignored_notes(root, list(walked.folders.values())) + walked.linked
    paths = walked.paths
    supported = [path for path in paths if audio_names.is_supported(path)]
    detail = "control characters or bytes that are not UTF-8"
    odd = [path for path in paths if not audio_names.is_supported(path)]
    excluded = [(audio_names.escaped(path), "NAME_UNSUPPORTED", detail) for path in odd]
    stems = [path.rpartition(".")[0] for path in supported]
    audio_files.reject_collisions(stems, supported, root)
    said = {path: fields(stem, template) for path, stem in zip(supported, stems, strict=True)}
    unmatched = [path for path in supported if said[path] is None]
    if unmatched and (
        settings.get("unmatched", "error") == "error" or len(unmatched) == len(supported)
    ):
        raise ValueError(
            f"{len(unmatched)} of {len(supported)} recordings below {settings['root']} do not fit "
            f"the pattern {pattern!r}: {label_sheet.examples(unmatched)}; correct the pattern, "
            "move them or set unmatched: exclude"
        )
    detail = f"does not fit the pattern {pattern}"
    excluded += [(path.rpartition(".")[0], "LABEL_UNREADABLE", detail) for path in unmatched]
    classes = settings.get("classes")
    if classes is not None:
        # YAML reads the numbers of ESC-50 as numbers
        classes = {
            audio_names.composed(str(text)): "" if name is None else str(name)
            for text, name in classes.items()
        }
    matched = {path: told for path, told in said.items() if told is not None}
    found = [_recording(root, path, told, classes) for path, told in matched.items()]
    if "{class}" not in pattern:
        notes.append("the pattern has no {class}: no truth is known")
        return Found(found, excluded, notes)
    names = {told["class"] for told in matched.values()}
    # a class whose files are all of another format would vanish without a word
    depth = 1 + next(i for i, part in enumerate(template) if "class" in part.names)
    others = collections.Counter[str]()
    for below, folder in walked.folders.items() if depth < len(template) else ():
        parts = below.split("/")[:depth]
        told = fields("/".join(parts), template[:depth]) if len(parts) == depth else None
        if told and audio_names.is_supported(below) and told["class"] not in names:
            others[told["class"]] += len(folder.others)
    class_names.check_losses(others.elements(), (), "by their extensions")
    if empty := sorted(others):
        shown = label_sheet.examples(empty)
        notes.append(f"{len(empty)} folders of classes hold no recording: {shown}")
    if blanks := sorted(name for name in names if name != name.strip()):
        named = label_sheet.examples(blanks)
        notes.append(f"blanks around {len(blanks)} class names were stripped: {named}")
    return Found(found, excluded, notes)


def fields(stem: str, template: str | Sequence[_Part]) -> dict[str, str] | None:
    """Return what a path without its extension says by field, or None where it does not fit.

    Parameters
    ----------
    stem : str
        The path, with slashes.
    template : str
        As the head of this module says.

    Raises
    ------
    ValueError
        Where the template is none.
    """
    parts = _template(template) if isinstance(template, str) else template
    texts = stem.split("/")
    if len(texts) != len(parts):
        return None
    found: dict[str, str] = {}
    for text, part in zip(texts, parts, strict=True):
        first, *between = part.literals
        if not part.names:
            if text != first:
                return None
            continue
        last = between.pop()
        end = len(text) - len(last)
        if not text.startswith(first) or not text.endswith(last):
            return None
        # a field ends where the text behind it comes first: if anything fits, that does, so nothing
        # has to be tried twice, whatever a stranger's file is called
        values, start = [], len(first)
        for literal in between:
            stop = text.find(literal, start + 1, end)
            if stop < 0:
                return None
            values.append(text[start:stop])
            start = stop + len(literal)
        if start >= end:
            return None
        found.update(zip(part.names, [*values, text[start:end]], strict=True))
    found.pop("", None)
    return found


def _template(pattern: str) -> list[_Part]:
    parts = []
    for text in pattern.split("/"):
        pieces = _FIELD.split(text)
        parts.append(_Part(tuple(pieces[::2]), tuple(pieces[1::2])))
    names = [name for part in parts for name in part.names if name]
    unknown = [name for name in names if name not in FIELDS]
    if unknown:
        raise ValueError(f"pattern {pattern!r} has field {unknown[0]!r}, expected one of {FIELDS}")
    if len(set(names)) < len(names):
        raise ValueError(f"pattern {pattern!r} has a field twice; write {{}} for one of them")
    for part in parts:
        if "" in part.literals[1:-1] or any(c in text for text in part.literals for c in "{}"):
            raise ValueError(
                f"pattern {pattern!r}: expected fields such as {{class}} or {{}} with text between "
                "two of them"
            )
    return parts


def _recording(root: str, path: str, said: Mapping, classes: Mapping | None) -> Recording:
    place = os.path.join(root, *path.split("/"))
    name = audio_names.composed(said.get("class", "").strip())
    if "class" in said and not name:
        raise ValueError(f"class {said['class']!r} of {path!r} is blank, expected a name")
    if name and classes is not None:
        if name not in classes:
            raise ValueError(
                f"class {name!r} of {path!r} is not among the {len(classes)} of classes; add it, "
                "with null for none of the classes"
            )
        name = classes[name]
    if SEPARATOR in name:
        raise ValueError(f"class {name!r} of {path!r} holds {SEPARATOR!r}, which no class name may")
    return Recording(
        id=path.rpartition(".")[0],
        path=place,
        data_set=said.get("data_set", ""),
        group=said.get("group", ""),
        fold=said.get("fold", ""),
        split=said.get("split", ""),
        labelled="class" in said,
        labels=name,
        state=audio_files.state_of(place),
        recordist=said.get("recordist", ""),
    )
