"""Dealing recordings that have no split to named parts, such as training, validation and test.

Whole groups stay together. The draw follows from the seed and the names of groups and recordings
alone: the order in which they come does not count, nor what is in them.

Groups of several recordings are dealt first, the largest first, each to the part that lacks most.
Recordings of their own then fill the parts one after another, in the order of a hash of seed and id.
So a part has its share to within a recording where groups allow, and one group at least. Without
groups, one recording more moves a few others at most: those between the end of one part and the
beginning of the next. A group that grows may change places with another.

* `dealt`: the part of each recording.
"""

import collections
import hashlib
from collections.abc import Mapping, Sequence
from fractions import Fraction

from dawnchorus.formats import audio_names

_KEYS = ("shares", "seed")
_SLACK = 1e-6  # by which shares such as 0.3333333 may miss 1 in all


def dealt(ids: Sequence[str], groups: Sequence[str], settings: Mapping) -> list[str]:
    """Return the part of each recording.

    Parameters
    ----------
    ids, groups : sequences of str, of one length
        An empty group: the recording is its own.
    settings : mapping
        ``shares``: name of each part and its share of the recordings, above 0 and 1 in all;
        ``seed``: a whole number.

    Returns
    -------
    list of str
        Names of ``shares``, in the order of ``ids``.

    Raises
    ------
    ValueError
        For settings that are something else, and where there are fewer groups than parts.
    """
    shares = _shares(settings)
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
    part_of = _dealt_units(sizes, shares, settings["seed"])
    return [part_of[unit] for unit in units]


def _dealt_units(
    sizes: Mapping[str, int], shares: Mapping[str, Fraction], seed: int
) -> dict[str, str]:
    """Return the part of each unit, a group or a recording of its own."""
    n = sum(sizes.values())
    lacking = {part: share * n for part, share in shares.items()}
    empty = list(shares)
    part_of: dict[str, str] = {}
    for unit in sorted(sizes, key=lambda unit: (-sizes[unit], _rank(seed, unit))):
        must_fill = len(sizes) - len(part_of) <= len(empty)
        part = _part_for(sizes[unit], {p: lacking[p] for p in empty} if must_fill else lacking)
        part_of[unit] = part
        lacking[part] -= sizes[unit]
        empty = [other for other in empty if other != part]
    return part_of


def _part_for(size: int, lacking: Mapping[str, Fraction]) -> str:
    most = max(lacking, key=lacking.__getitem__)
    if size > 1:
        return most
    # one after another, not the most lacking: a part's end is then all that a new recording moves
    return next((part for part, n in lacking.items() if n >= Fraction(1, 2)), most)


def _rank(seed: int, unit: str) -> bytes:
    # not of dawnchorus.runtime.seeds, which needs NumPy: listing goes without
    return hashlib.sha256(f"{seed}/{unit}".encode()).digest()


def _shares(settings: Mapping) -> dict[str, Fraction]:
    if set(settings) != set(_KEYS):
        raise ValueError(f"parts has keys {sorted(settings)}, expected {', '.join(_KEYS)}")
    shares, seed = settings["shares"], settings["seed"]
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ValueError(f"parts.seed is {seed!r}, expected a whole number")
    if not isinstance(shares, Mapping) or not shares:
        raise ValueError(f"parts.shares is {shares!r}, expected names of parts with their shares")
    for name, share in shares.items():
        if not isinstance(name, str) or not name or not audio_names.is_supported(name):
            raise ValueError(f"parts.shares has a part {name!r}, expected a name in plain text")
        is_number = isinstance(share, int | float) and not isinstance(share, bool)
        if not is_number or not 0 < share <= 1:
            raise ValueError(
                f"parts.shares.{name} is {share!r}, expected more than 0 and at most 1"
            )
    # exact, since 0.07 * 50 is more than 3.5 in binary
    exact = {name: Fraction(str(share)) for name, share in shares.items()}
    if abs(sum(exact.values()) - 1) > _SLACK:
        raise ValueError(
            f"parts.shares are {float(sum(exact.values())):g} in all "
            f"({', '.join(f'{name} {share}' for name, share in shares.items())}), expected 1"
        )
    return exact
