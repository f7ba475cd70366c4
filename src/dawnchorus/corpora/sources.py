"""What a table of sources says of clips: their fold, and what no fold may divide.

Clips that were composed of the same sources, or cut from one recording, are no strangers. The table is
a CSV with a row per clip.

* `read`: fold and group by clip.
* `linked`: clips that share a source, as groups.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from dawnchorus.formats import label_sheet, text_fields

_KEYS = ("table", "clip", "fold", "fold_pattern", "group", "group_separator")


class Origin(NamedTuple):
    """Fold and group of a clip, empty where nothing is said."""

    fold: str
    group: str


def read(settings: Mapping) -> dict[str, Origin]:
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
    missing = [key for key in _KEYS if key not in settings]
    if missing or len(settings) > len(_KEYS):
        raise ValueError(f"sources has keys {sorted(settings)}, expected {', '.join(_KEYS)}")
    sheet = label_sheet.read_sheet(settings["table"])
    names = [name.rpartition("/")[2] for name in label_sheet.column(sheet, settings["clip"])]
    ids = list(map(text_fields.id_of, names))
    folds = _folds(sheet, settings)
    groups = _column(sheet, settings["group"])

    def entry(i: int) -> label_sheet.Entry:
        return label_sheet.Entry((folds[i], groups[i]), sheet.path, sheet.lines[i])

    kept, _ = label_sheet.kept_once(ids, entry)
    if settings["group"] and settings["group_separator"] is not None:
        separator = settings["group_separator"]
        lists = {ids[i]: [one.strip() for one in groups[i].split(separator)] for i in kept}
        by_id = linked({name: filter(None, listed) for name, listed in lists.items()})
    else:
        by_id = {ids[i]: groups[i] for i in kept}
    return {ids[i]: Origin(folds[i], by_id[ids[i]]) for i in kept}


def linked(sources: Mapping[str, Iterable[str]]) -> dict[str, str]:
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


def _column(sheet: label_sheet.Sheet, name: str | None) -> list[str]:
    return label_sheet.column(sheet, name) if name else [""] * len(sheet.rows)


def _folds(sheet: label_sheet.Sheet, settings: Mapping) -> list[str]:
    values, pattern = _column(sheet, settings["fold"]), settings["fold_pattern"]
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
