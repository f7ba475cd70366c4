"""Selection of the recordings of a corpus by class, and their assignment to subsets.

Every choice follows from ids, class names, groups and a seed. The order in which recordings come in
does not matter, and one more recording changes as little as possible. A recording without a class
is one of unknown ground truth: no choice by class removes it, and `hold_out` gives it no subset.

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

* `select_recordings`: the recordings that these settings leave, in the order given here.
* `hold_out`: a share of each class for validation, as kahl2018 sorts its files.
* `deal_subsets`: whole groups of recordings to subsets of given shares.
"""

import collections
import difflib
import hashlib
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

from dawnchorus.formats import audio_names
from dawnchorus.formats.label_sheet import examples

TRAINING, VALIDATION = "train", "val"
_NEAR = 0.85  # similarity from which a class name is taken for a misspelt one
_PARTS = ("shares", "seed")
_SLACK = 1e-6  # by which shares such as 0.3333333 may miss 1 in all


def select_recordings(
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
        Where a name of the whitelist is nearly that of a class.
    """
    counts = collections.Counter(name for name in classes if name)
    left, notes = set(counts), []
    whitelist = settings.get("whitelist") or ()
    if strangers := sorted(set(whitelist) - left):
        notes.append(
            f"{len(strangers)} classes of the whitelist are of no recording: {examples(strangers)}"
        )
    for name in whitelist:
        # one letter off is a slip of the hand, which would lose a class without a word
        near = difflib.get_close_matches(name, counts, n=1, cutoff=_NEAR)
        if name not in counts and near and near[0] not in whitelist:
            raise ValueError(f"whitelist names {name!r}, which no recording is of; {near[0]!r}?")
    for key in ("whitelist", "min_per_class", "top_classes"):
        value = settings.get(key)
        if value is None:
            continue
        if key == "whitelist":
            now, said = left & set(value), f"of {len(value)} classes"
        elif key == "min_per_class":
            now, said = {name for name in left if counts[name] >= value}, value
        else:
            order = sorted(left, key=lambda name: (-counts[name], name))
            now, said = set(order[:value]), value
        if dropped := sorted(left - now):
            n_recordings = sum(counts[name] for name in dropped)
            notes.append(
                f"{key} {said} leaves out {n_recordings} recordings of {len(dropped)} classes: "
                f"{examples(dropped)}"
            )
        left = now
    kept = [i for i, name in enumerate(classes) if not name or name in left]
    most = settings.get("max_per_class")
    if most is None:
        return kept, notes
    surplus = set()
    for members in _members(kept, classes).values():
        surplus.update(sorted(members, key=lambda i: _rank(ids[i]))[most:])
    if surplus:
        notes.append(f"max_per_class {most} leaves out {len(surplus)} recordings")
    return [i for i in kept if i not in surplus], notes


def hold_out(
    ids: Sequence[str], classes: Sequence[str], settings: Mapping
) -> tuple[list[str], list[str]]:
    """Return "train" or "val" for each recording, and a note on classes with one recording.

    In each class the recordings are shuffled and the first ``ceil(share * n)``, at least one, are
    held out, as kahl2018 does. Two things differ. The shuffle is the order of the SHA-256 of seed
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
    splits, alone = [TRAINING if name else "" for name in classes], []
    for name, members in _members(range(len(ids)), classes).items():
        members.sort(key=lambda i: _rank(f"{seed}/{ids[i]}"))
        most = len(members) - 1 if single == TRAINING else len(members)
        # exact, since 0.1 * 70 is more than 7 in binary
        count = max(1, math.ceil(Fraction(str(share)) * len(members)))
        for i in members[: min(count, most)]:
            splits[i] = VALIDATION
        if len(members) == 1:
            alone.append(name)
    if not alone:
        return splits, []
    where = (
        "which stays in training: nothing validates them"
        if single == TRAINING
        else "which is held out: nothing trains them"
    )
    said = f"{len(alone)} classes have one recording, {where}: {examples(sorted(alone))}"
    return splits, [said]


def deal_subsets(ids: Sequence[str], groups: Sequence[str], settings: Mapping) -> list[str]:
    """Return the subset of each recording, so that whole groups stay together.

    The draw follows from the seed and the names of groups and recordings alone. Groups of several
    recordings are dealt first, the largest first, each to the subset that lacks most. Recordings of
    their own then fill the subsets one after another, in the order of a hash of seed and id. So a
    subset has its share to within a recording where groups allow, and one group at least. Without
    groups, one recording more moves a few others at most: those between the end of one subset and
    the beginning of the next. A group that grows may change places with another.

    Parameters
    ----------
    ids, groups : sequences of str, of one length
        An empty group: the recording is its own.
    settings : mapping
        ``shares``: name of each subset and its share of the recordings, above 0 and 1 in all;
        ``seed``: a whole number.

    Returns
    -------
    list of str
        Names of ``shares``, in the order of ``ids``.

    Raises
    ------
    ValueError
        For settings that are something else, and where there are fewer groups than subsets.
    """
    if set(settings) != set(_PARTS):
        raise ValueError(f"parts has keys {sorted(settings)}, expected {', '.join(_PARTS)}")
    given, seed = settings["shares"], settings["seed"]
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ValueError(f"parts.seed is {seed!r}, expected a whole number")
    if not isinstance(given, Mapping) or not given:
        raise ValueError(f"parts.shares is {given!r}, expected names of parts with their shares")
    for name, share in given.items():
        if not isinstance(name, str) or not name or not audio_names.is_supported(name):
            raise ValueError(f"parts.shares has a part {name!r}, expected a name in plain text")
        is_number = isinstance(share, int | float) and not isinstance(share, bool)
        if not is_number or not 0 < share <= 1:
            raise ValueError(
                f"parts.shares.{name} is {share!r}, expected more than 0 and at most 1"
            )
    # exact, since 0.07 * 50 is more than 3.5 in binary
    shares = {name: Fraction(str(share)) for name, share in given.items()}
    if abs(sum(shares.values()) - 1) > _SLACK:
        raise ValueError(
            f"parts.shares are {float(sum(shares.values())):g} in all "
            f"({', '.join(f'{name} {share}' for name, share in given.items())}), expected 1"
        )
    # told apart: a group may have the name of a recording that is not in it
    units = [
        f"group/{group}" if group else f"id/{name}" for name, group in zip(ids, groups, strict=True)
    ]
    sizes = collections.Counter(units)
    if len(sizes) < len(shares):
        raise ValueError(
            f"parts.shares has {len(shares)} parts ({', '.join(shares)}) for {len(ids)} recordings "
            f"in {len(sizes)} groups; expected a group for each part at least"
        )
    lacking = {name: share * len(ids) for name, share in shares.items()}
    empty = list(shares)
    subset_of: dict[str, str] = {}
    for unit in sorted(sizes, key=lambda unit: (-sizes[unit], _rank(f"{seed}/{unit}"))):
        # as many units are left as subsets are empty: each of these gets one
        must_fill = len(sizes) - len(subset_of) <= len(empty)
        among = {name: lacking[name] for name in empty} if must_fill else lacking
        chosen = max(among, key=among.__getitem__)
        if sizes[unit] == 1:
            # in their order, not the most lacking: a new recording then moves a subset's end only
            half = Fraction(1, 2)
            chosen = next((name for name, n in among.items() if n >= half), chosen)
        subset_of[unit] = chosen
        lacking[chosen] -= sizes[unit]
        empty = [name for name in empty if name != chosen]
    return [subset_of[unit] for unit in units]


def _members(positions: Sequence[int], classes: Sequence[str]) -> dict[str, list[int]]:
    """Return the positions of each class."""
    found: dict[str, list[int]] = {}
    for i in positions:
        if classes[i]:
            found.setdefault(classes[i], []).append(i)
    return found


def _rank(text: str) -> bytes:
    # not of dawnchorus.runtime.seeds, which needs NumPy: listing goes without
    return hashlib.sha256(text.encode()).digest()
