"""Which recordings of a corpus are used, by their classes, and which of them validate.

Every choice follows from ids, class names and a seed: the order in which recordings come in does
not count, and one more recording changes as little as can be. A recording without a class is one
of unknown truth: no choice by class takes it away, and it is on neither side of a split.

Settings
--------
whitelist : list of class names or null
    Other classes are left out.
min_per_class : int or null
    Classes with fewer recordings are left out.
top_classes : int or null
    Only so many classes, those with most recordings; of equals the first by name.
max_per_class : int or null
    So many recordings of each class at most, those whose ids have the least SHA-256.

* `chosen`: the recordings that these settings leave, in the order given here.
* `held_out`: a share of each class for validation, as system 002 sorts its files.
"""

import collections
import difflib
import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction

from dawnchorus.formats.label_sheet import listed

TRAINING, VALIDATION = "train", "val"
_NEAR = 0.85  # likeness from which a class name is taken for a slip


def chosen(
    ids: Sequence[str], classes: Sequence[str], settings: Mapping
) -> tuple[list[int], list[str]]:
    """Return the positions of the recordings that the settings leave, and notes on the others.

    Parameters
    ----------
    ids, classes : sequences of str, of one length
        Id and class of each recording; an empty class is not known.
    settings : mapping
        As the head of this module says; a key that is missing is null.

    Raises
    ------
    ValueError
        Where a name of the whitelist is all but that of a class.
    """
    counts = collections.Counter(name for name in classes if name)
    left, notes = set(counts), _stranger_notes(settings.get("whitelist") or (), counts)
    for key, choose in (
        ("whitelist", _whitelisted),
        ("min_per_class", _frequent),
        ("top_classes", _most_frequent),
    ):
        if settings.get(key) is not None:
            now = choose({name: counts[name] for name in left}, settings[key])
            notes += _class_notes(f"{key} {_told(settings[key])}", counts, left - now)
            left = now
    kept = [i for i, name in enumerate(classes) if not name or name in left]
    if settings.get("max_per_class") is None:
        return kept, notes
    capped = _capped(kept, ids, classes, settings["max_per_class"])
    if len(capped) < len(kept):
        text = f"max_per_class {settings['max_per_class']} leaves out"
        notes.append(f"{text} {len(kept) - len(capped)} recordings")
    return capped, notes


def held_out(
    ids: Sequence[str], classes: Sequence[str], settings: Mapping
) -> tuple[list[str], list[str]]:
    """Return "train" or "val" for each recording, and a note on classes with one recording.

    In each class the recordings are shuffled and the first ``ceil(share * n)``, at least one, are
    held out, as system 002 does. Two things differ. The shuffle is the order of the SHA-256 of seed
    and id, so that neither another class nor another name of the same one moves anything. With
    ``single: train`` one recording at least stays in training; the original (``single: val``)
    leaves a class with one recording without any.

    Parameters
    ----------
    ids, classes : sequences of str, of one length
        A recording without a class gets an empty split.
    settings : mapping
        ``share``, between 0 and 1; ``seed``, int; ``single``, "train" or "val".

    Raises
    ------
    ValueError
        Where the share is not between 0 and 1, or ``single`` is something else.
    """
    share, seed, single = settings["share"], settings["seed"], settings["single"]
    if not 0 < share < 1:
        raise ValueError(f"share={share!r} is held out, expected more than 0 and less than 1")
    if single not in (TRAINING, VALIDATION):
        raise ValueError(f"single={single!r}, expected {TRAINING!r} or {VALIDATION!r}")
    splits = [TRAINING if name else "" for name in classes]
    for members in _members(range(len(ids)), classes).values():
        members.sort(key=lambda i: _rank(f"{seed}/{ids[i]}"))
        most = len(members) - 1 if single == TRAINING else len(members)
        # exact, since 0.1 * 70 is more than 7 in binary
        count = max(1, math.ceil(Fraction(str(share)) * len(members)))
        for i in members[: min(count, most)]:
            splits[i] = VALIDATION
    return splits, _single_notes(classes, single)


def _whitelisted(counts: Mapping[str, int], names: Sequence[str]) -> set[str]:
    for name in names:
        near = difflib.get_close_matches(name, counts, n=1, cutoff=_NEAR)
        if name not in counts and near and near[0] not in names:
            raise ValueError(f"whitelist names {name!r}, which no recording is of; {near[0]!r}?")
    return set(names) & set(counts)


def _frequent(counts: Mapping[str, int], least: int) -> set[str]:
    return {name for name, count in counts.items() if count >= least}


def _most_frequent(counts: Mapping[str, int], most: int) -> set[str]:
    return set(sorted(counts, key=lambda name: (-counts[name], name))[:most])


def _told(value) -> str:
    return f"of {len(value)} classes" if isinstance(value, Sequence) else str(value)


def _class_notes(why: str, counts: Mapping[str, int], names: Collection[str]) -> list[str]:
    if not names:
        return []
    n_recordings = sum(counts[name] for name in names)
    return [
        f"{why} leaves out {n_recordings} recordings of {len(names)} classes: "
        f"{listed(sorted(names))}"
    ]


def _stranger_notes(whitelist: Sequence[str], counts: Mapping[str, int]) -> list[str]:
    strangers = sorted(set(whitelist) - set(counts))
    if not strangers:
        return []
    return [f"{len(strangers)} classes of the whitelist are of no recording: {listed(strangers)}"]


def _capped(kept: list[int], ids, classes, most: int) -> list[int]:
    dropped = set()
    for members in _members(kept, classes).values():
        dropped.update(sorted(members, key=lambda i: _rank(ids[i]))[most:])
    return [i for i in kept if i not in dropped]


def _members(positions, classes: Sequence[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for i in positions:
        if classes[i]:
            found.setdefault(classes[i], []).append(i)
    return found


def _rank(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _single_notes(classes: Sequence[str], single: str) -> list[str]:
    counts = collections.Counter(name for name in classes if name)
    alone = sorted(name for name, count in counts.items() if count == 1)
    if not alone:
        return []
    where = (
        "which stays in training: nothing validates them"
        if single == TRAINING
        else "which is held out: nothing trains them"
    )
    return [f"{len(alone)} classes have one recording, {where}: {listed(alone)}"]
