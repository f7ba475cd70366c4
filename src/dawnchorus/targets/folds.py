"""Folds: which recordings validate which models.

Fold n (1 to count) is the part of the recordings that validates the models of fold n and that all
others train on. Folds are a function of ids, groups, labels and the seed alone: the order in which
recordings come in does not matter.

* `deal`: recordings to folds, by one of `KINDS`.
* `check_leaks`: no group and no content in two folds.
* `group_keys`: the group of each recording, for whatever resamples or deals by group.

What is called a recording here has the fields ``id``, ``data_set``, ``group``, ``fold``,
``labelled`` and ``labels`` of `dawnchorus.corpora.tables.Labelled`.
"""

import difflib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, pairwise
from typing import Protocol

import numpy as np

KINDS = ("rotate", "stratified", "grouped", "given", "leave_one_data_set_out", "holdout")
_NAMED = 5  # offenders an error names


class Recording(Protocol):
    """What this room reads of a recording."""

    id: str
    data_set: str
    group: str
    fold: str
    labelled: bool
    labels: Sequence[str]


def deal(recordings: Iterable[Recording], settings: Mapping, seed: int) -> dict[str, int]:
    """Deal recordings to folds.

    ``rotate``: shuffled once and dealt one by one, as system 000 did (its list n is the parts
    rotated by n, of which the last validates: here fold n); fold sizes differ by at most one.
    ``stratified``: the same with recordings of equal labels together, so that folds also differ by
    at most one recording of each label set. ``grouped``: whole groups, folds as equal as can be in
    recordings and in classes. ``given``: the recordings' own ``fold``, numbered in order.
    ``leave_one_data_set_out``: a fold for each data set, in order of their names. ``holdout``: fold 1
    is a share of the recordings to test on, the next a share to choose the epoch by, the last all
    others; whole groups; a share of 0 has no fold.

    Parameters
    ----------
    recordings : iterable of recordings
    settings : mapping
        ``kind``, one of `KINDS`, and ``count``, the number of folds, at least 2 (None for ``given`` and
        ``leave_one_data_set_out``: as many as there are); of ``holdout`` instead ``shares`` with
        ``test`` and ``validation``, each in [0, 1).
    seed : int
        At least 0.

    Returns
    -------
    dict
        Id to fold, 1 to count, in order of the ids; no fold is empty.

    Raises
    ------
    ValueError
        Where settings cannot be met: more folds than recordings or groups, a recording without a
        fold, an id twice, an unknown kind.
    """
    kind, count = settings["kind"], settings.get("count")
    if kind not in KINDS:
        raise ValueError(f"folds kind {kind!r}; expected {', '.join(KINDS)}{_nearest(kind)}")
    ordered = _ordered(recordings)
    if kind in ("given", "leave_one_data_set_out"):
        return _dealt_by_name(ordered, kind, count)
    if kind == "holdout":
        return _held_out(ordered, settings["shares"], np.random.default_rng(seed))
    _check_count(count, ordered, kind)
    rng = np.random.default_rng(seed)
    if kind == "grouped":
        return _dealt_by_group(ordered, count, rng)
    return _dealt_one_by_one(ordered, count, rng, by_labels=kind == "stratified")


def group_keys(recordings: Iterable[Recording]) -> list[str]:
    """Return a name for the group of each recording; one without a group is its own group."""
    # the prefix keeps an id apart from a group of the same name
    return [f"group {r.group}" if r.group else f"recording {r.id}" for r in recordings]


def check_leaks(
    folds: Mapping[str, int],
    recordings: Iterable[Recording],
    duplicates: Iterable[Sequence[str]] = (),
) -> None:
    """Raise where a group or a content lies in two folds.

    Parameters
    ----------
    folds : mapping
        Id to fold. Recordings that are not in it (unused ones) leak nothing.
    recordings : iterable of recordings
    duplicates : iterable of sequences of ids
        Recordings of equal content, as `dawnchorus.corpora.tables.duplicates` has them.

    Raises
    ------
    ValueError
        Naming the group (or the content), the folds and two of the ids.
    """
    members = defaultdict(list)
    for recording in recordings:
        if recording.group:
            members[recording.group].append(recording.id)
    groups = {name: ids for name, ids in members.items() if _folds_of(ids, folds)[1:]}
    if groups:
        raise ValueError(
            f"{_named('group', groups)} in two folds or more: {_first_leak(groups, folds)}; "
            "use folds kind 'grouped', or mend the fold column where folds are given"
        )
    same = {ids[0]: ids for ids in map(tuple, duplicates) if _folds_of(ids, folds)[1:]}
    if same:
        raise ValueError(
            f"recordings of equal content in two folds: {_first_leak(same, folds)} "
            f"({len(same)} such contents); drop one of each or give both the same group and use "
            "folds kind 'grouped'"
        )


def _dealt_one_by_one(
    ordered: list[Recording], count: int, rng: np.random.Generator, by_labels: bool
) -> dict[str, int]:
    shuffled = [ordered[index] for index in rng.permutation(len(ordered))]
    if by_labels:
        shuffled.sort(key=_label_set)  # stable: shuffled within each label set
    folds = {r.id: position % count + 1 for position, r in enumerate(shuffled)}
    return dict(sorted(folds.items()))


def _dealt_by_group(
    ordered: list[Recording], count: int, rng: np.random.Generator
) -> dict[str, int]:
    """Deal whole groups, the heaviest first, each to the fold that needs what it holds most."""
    keys = group_keys(ordered)
    names = sorted(set(keys))
    if len(names) < count:
        raise ValueError(f"{count} folds of {len(names)} groups; expected a group for each fold")
    row = {name: index for index, name in enumerate(names)}
    shares = _shares(ordered, [row[key] for key in keys], len(names))
    shuffled = rng.permutation(len(names))
    heaviest_first = shuffled[np.argsort(-np.square(shares[shuffled]).sum(axis=1), kind="stable")]
    held = np.zeros((count, shares.shape[1]))
    fold_of = np.empty(len(names), dtype=int)
    for group in heaviest_first:
        # The growth of the sum of squares of what folds hold, less what is the same for all folds:
        # 0 only where a fold is empty, so that no fold stays so.
        fold = np.argmin(held @ shares[group])
        held[fold] += shares[group]
        fold_of[group] = fold
    return {r.id: int(fold_of[row[key]]) + 1 for r, key in zip(ordered, keys, strict=True)}


def _held_out(
    ordered: list[Recording], shares: Mapping, rng: np.random.Generator
) -> dict[str, int]:
    """Deal shuffled groups until each share is reached, at least one group; the rest is last."""
    members = defaultdict(list)
    for key, recording in zip(group_keys(ordered), ordered, strict=True):
        members[key].append(recording.id)
    wanted = [shares[name] * len(ordered) for name in ("test", "validation") if shares[name] > 0]
    shuffled = [sorted(members)[index] for index in rng.permutation(len(members))]
    if len(shuffled) < len(wanted) + 1:
        raise ValueError(
            f"{len(shuffled)} groups for {len(wanted)} held-out shares and a rest; expected one each"
        )
    folds, fold, held = {}, 1, 0
    for position, name in enumerate(shuffled):
        groups_left = len(shuffled) - position
        is_full = held >= wanted[fold - 1] if fold <= len(wanted) else False
        if held and (is_full or groups_left <= len(wanted) + 1 - fold):
            fold, held = fold + 1, 0
        folds |= dict.fromkeys(members[name], fold)
        held += len(members[name])
    return dict(sorted(folds.items()))


def _shares(ordered: list[Recording], rows: list[int], n_groups: int) -> np.ndarray:
    """Return what part of all recordings and of each class every group holds.

    Shape (n_groups, 1 + K): K classes, of which one is "none of the classes". The first column
    weighs as much as all classes together.
    """
    labels = [_classes(recording) for recording in ordered]
    classes = {name: 1 + index for index, name in enumerate(sorted(set(chain(*labels))))}
    counts = np.zeros((n_groups, 1 + len(classes)))
    for group, names in zip(rows, labels, strict=True):
        counts[group, [0, *(classes[name] for name in names)]] += 1
    shares = counts / counts.sum(axis=0)
    shares[:, 1:] /= np.sqrt(max(1, len(classes)))
    return shares


def _dealt_by_name(ordered: list[Recording], kind: str, count: int | None) -> dict[str, int]:
    what = "fold" if kind == "given" else "data_set"
    values = [str(getattr(recording, what)) for recording in ordered]
    if without := [r.id for r, value in zip(ordered, values, strict=True) if not value]:
        raise ValueError(
            f"{len(without)} recordings have no {what}: {without[:_NAMED]!r}; folds kind {kind!r} "
            f"needs the {what} of each"
        )
    names = sorted(set(values), key=_natural)
    if len(names) < 2 or count not in (None, len(names)):
        raise ValueError(
            f"recordings name {len(names)} values of {what}: {names[:_NAMED]!r}; expected "
            f"{'at least 2' if count is None else f'{count}, the count of folds'}"
        )
    number = {name: index + 1 for index, name in enumerate(names)}
    return {r.id: number[value] for r, value in zip(ordered, values, strict=True)}


def _natural(name: str) -> tuple[int, int, str]:
    return (0, int(name), name) if name.isdecimal() else (1, 0, name)


def _label_set(recording: Recording) -> tuple[bool, list[str]]:
    return (not recording.labelled, sorted(recording.labels))


def _classes(recording: Recording) -> list[tuple[str, ...]]:
    if not recording.labelled:
        return []
    return [(name,) for name in sorted(set(recording.labels))] or [()]


def _ordered(recordings: Iterable[Recording]) -> list[Recording]:
    ordered = sorted(recordings, key=lambda recording: recording.id)
    ids = [recording.id for recording in ordered]
    if twice := sorted({a for a, b in pairwise(ids) if a == b}):
        raise ValueError(f"{len(twice)} ids stand twice: {twice[:_NAMED]!r}; ids must be unique")
    return ordered


def _check_count(count: int | None, ordered: list[Recording], kind: str) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or count < 2:
        raise ValueError(f"folds count {count!r}; expected a whole number of 2 or more for {kind}")
    if count > len(ordered):
        raise ValueError(f"{count} folds of {len(ordered)} recordings; expected one for each fold")


def _folds_of(ids: Iterable[str], folds: Mapping[str, int]) -> list[int]:
    return sorted({folds[name] for name in ids if name in folds})


def _first_leak(leaks: Mapping[str, Sequence[str]], folds: Mapping[str, int]) -> str:
    ids = sorted(name for name in leaks[min(leaks)] if name in folds)
    other = next(name for name in ids if folds[name] != folds[ids[0]])
    return " and ".join(f"{name!r} in fold {folds[name]}" for name in (ids[0], other))


def _named(what: str, names: Iterable[str]) -> str:
    names = sorted(names)
    if len(names) == 1:
        return f"{what} {names[0]!r} is"
    return f"{len(names)} {what}s ({', '.join(map(repr, names[:_NAMED]))}) are"


def _nearest(kind) -> str:
    near = difflib.get_close_matches(str(kind), KINDS, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
