"""Folds that recordings allow: which ones are honest, and how many.

Folds are honest where recordings of one person, place or session never stand on both sides: a model
would otherwise be scored by what it knows already. What a person calls recordist, group or data set
is all that can be seen of that.

* `choose_folds`: the settings of folds for recordings, and what they rest on.
* `FoldChoice`: both.
"""

import collections
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from dawnchorus.formats.label_sheet import examples

MOST_FOLDS = 5
_LEAST_UNITS = 3  # groups; with two, each model is trained on one place alone
_ENOUGH = 0.8  # share of the classes that have to be in two groups or more
_MOST_GIVEN = 20


class Recording(Protocol):
    """What the choice of folds depends on."""

    id: str
    data_set: str
    group: str
    recordist: str
    fold: str
    labels: str


class FoldChoice(NamedTuple):
    """Settings of folds; sentences that say what they rest on; whether groups stay whole in them."""

    settings: dict[str, Any]
    said: list[str]
    is_honest: bool


def choose_folds(recordings: Sequence[Recording], by_data_set: bool = False) -> FoldChoice:
    """Choose folds for labelled training recordings.

    Given folds come first where they keep groups whole, then data sets of different origin, then
    recordists, then other groups; folds at random are the last resort, and said to be.

    Parameters
    ----------
    recordings : sequence of recordings
        ``labels`` as listings have them: names with ``;`` between.
    by_data_set : bool, optional
        Whether data sets are places of their own, as in the Bird Audio Detection challenges.

    Raises
    ------
    ValueError
        Where there are fewer than two recordings.
    """
    if len(recordings) < 2:
        raise ValueError(
            f"{len(recordings)} labelled recordings to train on, expected two at least"
        )
    said = []
    units: dict[str, Callable[[Recording], str]] = {
        "recordist": lambda one: one.recordist, "group": lambda one: one.group,
    }  # fmt: skip
    known = {name: unit for name, unit in units.items() if any(map(unit, recordings))}
    given = {one.fold for one in recordings}
    if "" not in given and 2 <= len(given) <= _MOST_GIVEN:
        cut = [name for name, unit in known.items() if _n_divided(recordings, unit)]
        if not cut:
            what = f" and keep each {' and '.join(known)} whole" if known else ""
            said.append(f"the {len(given)} folds of the data are taken{what}")
            settings = {"kind": "given", "count": len(given)}
            return FoldChoice(settings, said, bool(known))
        for name in cut:
            n_cut = _n_divided(recordings, known[name])
            said.append(
                f"the {len(given)} folds of the data divide {n_cut} {name}s: not honest, not taken"
            )
    data_sets = {one.data_set for one in recordings}
    if by_data_set and len(data_sets) >= 2:
        said.append(f"one data set is left out at a time, {len(data_sets)} in all: each is a place")
        settings = {"kind": "leave_one_data_set_out", "count": len(data_sets)}
        return FoldChoice(settings, said, True)
    for name, unit in known.items():
        n_units = len({unit(one) or f"id {one.id}" for one in recordings})
        units_of: dict[str, set[str]] = {}
        for one in recordings:
            for label in one.labels.split(";"):
                units_of.setdefault(label, set()).add(unit(one) or f"id {one.id}")
        rare = sorted(label for label, of_class in units_of.items() if len(of_class) == 1)
        n_classes = len(units_of)
        if n_units < _LEAST_UNITS or len(rare) > (1 - _ENOUGH) * n_classes:
            why = (
                f"{len(rare)} of {n_classes} classes have one alone"
                if rare
                else f"{n_units} in all"
            )
            said.append(f"folds by {name} are honest, but the data do not allow them: {why}")
            continue
        count = min(MOST_FOLDS, n_units)
        said.append(f"folds by {name} are honest: {n_units} of them allow up to {n_units} folds")
        if rare:
            said.append(
                f"classes of one {name} are never both trained on and tested: {examples(rare)}"
            )
        settings = {"kind": "grouped", "count": count}
        if name != "group":
            settings["by"] = name
        return FoldChoice(settings, said, True)
    return _at_random(recordings, bool(known), said)


def _at_random(recordings: Sequence[Recording], has_groups: bool, said: list[str]) -> FoldChoice:
    sizes = collections.Counter(one.labels for one in recordings)
    count = max(2, min(MOST_FOLDS, min(sizes.values())))
    settings: dict[str, Any] = {"kind": "stratified", "count": count}
    if has_groups:
        settings["split_groups"] = True
        said.append(f"{count} folds at random, which divide groups: the scores are optimistic")
    else:
        said.append(
            f"{count} folds at random: nothing says who recorded what, where or when, so the scores are "
            "optimistic if one bird, place or session has several recordings"
        )
    if alone := sorted(labels or "(none)" for labels, size in sizes.items() if size == 1):
        said.append(f"one recording is trained on or tested, never both: {examples(alone)}")
    return FoldChoice(settings, said, False)


def _n_divided(recordings: Sequence[Recording], unit: Callable[[Recording], str]) -> int:
    folds: dict[str, set[str]] = {}
    for one in recordings:
        if unit(one):
            folds.setdefault(unit(one), set()).add(one.fold)
    return sum(len(found) > 1 for found in folds.values())
