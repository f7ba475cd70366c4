"""Folds: which recordings validate which models.

Fold n (1 to count) is the part of the recordings that validates the models of fold n and that all
others train on. Folds are a function of ids, groups, labels and the seed alone: the order in which
recordings come in does not matter.

* `deal_folds`: the used, labelled recordings of the training corpora to folds, as a table.
* `deal`: recordings to folds, by one of `KINDS`: `deal_in_turn`, `deal_groups`, `deal_holdout`,
  `deal_by_name`.
* `check_leaks`: no group and no content in two folds.
* `group_keys`: the group of each recording, for whatever resamples or deals by group.

scikit-learn's splitters are not used: StratifiedGroupKFold takes one class of each recording, where
these have several or none, and balances classes but not the number of recordings.

A recording here is any object with the fields ``id``, ``data_set``, ``group``, ``fold``,
``labelled`` and ``labels`` of `dawnchorus.corpora.tables.Labelled`.
"""

import dataclasses
import difflib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np

from dawnchorus.corpora import tables
from dawnchorus.runtime import artefacts, logs
from dawnchorus.targets.labels import check_losses, labelled_recordings

KINDS = ("rotate", "stratified", "grouped", "given", "leave_one_data_set_out", "holdout")
_NAMED = 5  # offenders an error names
_AT_ONCE = 1 << 22  # shares that are dense at a time: 32 MiB


class Recording(Protocol):
    """What folds depend on."""

    id: str
    data_set: str
    group: str
    fold: str
    labelled: bool
    labels: Sequence[str]


def deal_folds(
    references: Sequence[str],
    labels: Mapping[str, str],
    verdicts: Mapping[str, str],
    listings: Mapping[str, Sequence[str]],
    settings: Mapping,
    output: str | Path,
) -> None:
    """Deal the used, labelled recordings of the training corpora into folds and write the table.

    Parameters
    ----------
    references : sequence of str
        Training corpora or subsets of them: ``corpus`` or ``corpus:split``.
    labels, verdicts : mapping of corpus to path
        Label and verdict tables.
    listings : mapping of corpus to paths
        Shard listings, for the check that no content is in two folds.
    settings : mapping
        Those of `deal`, ``by`` ("group" or "recordist": what a group is), ``split_groups`` (whether
        folds may split a group) and the experiment's ``seed``.
    output : path
        CSV of ``corpus``, ``id``, ``fold``.

    Raises
    ------
    ValueError
        Where a group or a content would be in two folds, or there is nothing to deal.
    """
    found = []
    for corpus, recording in labelled_recordings(references, labels, verdicts):
        name = getattr(recording, settings["by"])
        # ids and groups of two corpora may be equal
        group = f"{corpus}/{name}" if name else ""
        found.append(dataclasses.replace(recording, id=f"{corpus}/{recording.id}", group=group))
    if not found:
        raise ValueError(
            f"no used recording with a label in {', '.join(references)}; nothing to train on"
        )
    check_losses(references, labels, (label for recording in found for label in recording.labels))
    dealt = deal(found, settings, settings["seed"])
    if settings["split_groups"]:
        logs.LOG.info("warning: folds may split groups; out-of-fold scores are optimistic")
        found = [dataclasses.replace(recording, group="") for recording in found]
    listed = (
        row._replace(id=f"{corpus}/{row.id}")
        for corpus, paths in listings.items()
        for path in paths
        for row in tables.read_listing(path)
    )
    check_leaks(dealt, found, tables.duplicates(row for row in listed if row.id in dealt))
    rows = ((*name.split("/", 1), fold) for name, fold in dealt.items())
    artefacts.write_table(output, ("corpus", "id", "fold"), sorted(rows))


def deal(recordings: Iterable[Recording], settings: Mapping, seed: int) -> dict[str, int]:
    """Deal recordings to folds.

    ``rotate`` and ``stratified``: `deal_in_turn`, the latter with recordings of equal labels
    together. ``grouped``: `deal_groups`. ``given`` and ``leave_one_data_set_out``: `deal_by_name`
    of their ``fold`` or ``data_set``. ``holdout``: `deal_holdout`.

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
        Id to fold, 1 to count, in order of the ids; no fold is empty, but for the first of ``holdout``
        without shares.

    Raises
    ------
    ValueError
        Where settings cannot be met: more folds than recordings or groups, a recording without a
        fold, an id twice, an unknown kind.
    """
    kind, count = settings["kind"], settings.get("count")
    if kind not in KINDS:
        near = difflib.get_close_matches(str(kind), KINDS, n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"folds kind {kind!r}; expected {', '.join(KINDS)}{meant}")
    ordered = sorted(recordings, key=lambda recording: recording.id)
    ids = [recording.id for recording in ordered]
    if twice := sorted({a for a, b in pairwise(ids) if a == b}):
        raise ValueError(f"{len(twice)} ids stand twice: {twice[:_NAMED]!r}; ids must be unique")
    if kind in ("given", "leave_one_data_set_out"):
        return deal_by_name(ordered, kind, count)
    rng = np.random.default_rng(seed)
    if kind == "holdout":
        return deal_holdout(ordered, settings["shares"], rng)
    if isinstance(count, bool) or not isinstance(count, int) or count < 2:
        raise ValueError(f"folds count {count!r}; expected a whole number of 2 or more for {kind}")
    if count > len(ordered):
        raise ValueError(f"{count} folds of {len(ordered)} recordings; expected one for each fold")
    if kind == "grouped":
        return deal_groups(ordered, count, rng)
    return deal_in_turn(ordered, count, rng, by_labels=kind == "stratified")


def deal_in_turn(
    ordered: Sequence[Recording], count: int, rng: np.random.Generator, by_labels: bool
) -> dict[str, int]:
    """Shuffle recordings once and deal them one by one; fold sizes differ by at most one.

    So did grill2017: its list n is the parts rotated by n, of which the last validates, here fold n.

    Parameters
    ----------
    ordered : sequence of recordings
        By id.
    count : int
        Number of folds.
    rng : Generator
    by_labels : bool
        Whether recordings of equal labels are dealt one after the other: folds then differ by at
        most one recording of each set of labels as well.
    """
    shuffled = [ordered[index] for index in rng.permutation(len(ordered))]
    if by_labels:
        # a stable sort: still shuffled within each set of labels
        shuffled.sort(key=lambda recording: (not recording.labelled, sorted(recording.labels)))
    folds = {r.id: position % count + 1 for position, r in enumerate(shuffled)}
    return dict(sorted(folds.items()))


def deal_groups(
    ordered: Sequence[Recording], count: int, rng: np.random.Generator
) -> dict[str, int]:
    """Deal whole groups, the heaviest first, each to the fold that needs what it holds most.

    Folds are as equal as can be in recordings and in classes.

    Parameters
    ----------
    ordered : sequence of recordings
        By id.
    count : int
        Number of folds; at most that of groups.
    rng : Generator
    """
    keys = group_keys(ordered)
    names = sorted(set(keys))
    if len(names) < count:
        raise ValueError(f"{count} folds of {len(names)} groups; expected a group for each fold")
    number = {name: index for index, name in enumerate(names)}
    group_of = [number[key] for key in keys]
    shares = _group_shares(ordered, group_of, len(names))
    # Dense blocks, not all groups at once: 150,000 groups of 1,500 classes are 1.8 GB.
    n_rows = max(1, _AT_ONCE // shares.shape[1])
    blocks = (shares[first : first + n_rows] for first in range(0, len(names), n_rows))
    weight = np.concatenate([np.square(block.toarray()).sum(axis=1) for block in blocks])
    shuffled = rng.permutation(len(names))
    heaviest_first = shuffled[np.argsort(-weight[shuffled], kind="stable")]
    held, row = np.zeros((count, shares.shape[1])), np.zeros(shares.shape[1])
    fold_of = np.empty(len(names), dtype=int)
    for group in heaviest_first.tolist():
        own = slice(shares.indptr[group], shares.indptr[group + 1])
        columns, values = shares.indices[own], shares.data[own]
        # The growth of the sum of squares of what folds hold, less what is the same for all folds:
        # 0 only where a fold is empty, so that no fold stays so. A dense product, for its order of
        # summing decides where two folds are equally good.
        row[columns] = values
        fold = np.argmin(held @ row)
        row[columns] = 0
        held[fold, columns] += values
        fold_of[group] = fold
    folds = (fold_of[group_of] + 1).tolist()
    return dict(zip((recording.id for recording in ordered), folds, strict=True))


def _group_shares(ordered: Sequence[Recording], group_of: Sequence[int], n_groups: int):
    """Return what part of all recordings and of each class every group holds.

    A sparse array of shape (n_groups, 1 + K): K classes, of which one is "none of the classes". The
    first column weighs as much as all classes together.
    """
    from scipy import sparse

    labels = [
        [(name,) for name in sorted(set(recording.labels))] or [()] if recording.labelled else []
        for recording in ordered
    ]
    classes = sorted({name for names in labels for name in names})
    column = {name: 1 + index for index, name in enumerate(classes)}
    columns = [(0, *(column[name] for name in names)) for names in labels]
    rows = np.repeat(group_of, [len(own) for own in columns])
    flat = np.fromiter((index for own in columns for index in own), np.int64, len(rows))
    shape = n_groups, 1 + len(classes)
    counts = sparse.coo_array((np.ones(len(rows)), (rows, flat)), shape=shape).tocsr()
    counts.data /= np.bincount(flat, minlength=shape[1])[counts.indices]
    counts.data[counts.indices > 0] /= np.sqrt(max(1, len(classes)))
    return counts


def deal_holdout(
    ordered: Sequence[Recording], shares: Mapping, rng: np.random.Generator
) -> dict[str, int]:
    """Deal shuffled groups until each share is reached, at least one group; the rest is last.

    Fold 1 is a share of the recordings to test on, the next a share to choose the epoch by, the last
    all others; a share of 0 has no fold. Without any share all recordings are in fold 2, so that the
    only member, that of fold 1, trains on each. A group with the last recording of a class that is
    left to train on is not held out, unless a share would be empty.

    Parameters
    ----------
    ordered : sequence of recordings
        By id.
    shares : mapping
        ``test`` and ``validation``, each in [0, 1).
    rng : Generator
    """
    members = defaultdict(list)
    for key, recording in zip(group_keys(ordered), ordered, strict=True):
        members[key].append(recording)
    wanted = [shares[name] * len(ordered) for name in ("test", "validation") if shares[name] > 0]
    names = sorted(members)
    rest = [names[index] for index in rng.permutation(len(names))]
    if len(rest) < len(wanted) + 1:
        raise ValueError(
            f"{len(rest)} groups for {len(wanted)} held-out shares and a rest; expected one each"
        )
    n_left = Counter(name for recording in ordered for name in set(recording.labels))
    n_own = {
        key: Counter(name for recording in group for name in set(recording.labels))
        for key, group in members.items()
    }
    folds: dict[str, int] = {}
    for fold, share in enumerate(wanted, 1):
        held: list[str] = []
        n_held = 0
        for key in rest:
            # one group for each later share and for the rest
            is_last = len(rest) - len(held) <= len(wanted) - fold + 1
            if held and (n_held >= share or is_last):
                break
            if all(n_left[name] > count for name, count in n_own[key].items()):
                held.append(key)
                n_held += len(members[key])
                n_left -= n_own[key]
        if not held:
            held = rest[:1]
            n_left -= n_own[rest[0]]
        folds |= {recording.id: fold for key in held for recording in members[key]}
        rest = [key for key in rest if key not in set(held)]
    last = max(2, len(wanted) + 1)
    folds |= {recording.id: last for key in rest for recording in members[key]}
    return dict(sorted(folds.items()))


def deal_by_name(ordered: Sequence[Recording], kind: str, count: int | None) -> dict[str, int]:
    """Deal recordings by the values of their fold or data set, numbered in order.

    Parameters
    ----------
    ordered : sequence of recordings
        By id.
    kind : {"given", "leave_one_data_set_out"}
    count : int or None
        How many values there should be; None: at least 2.
    """
    what = "fold" if kind == "given" else "data_set"
    values = [str(getattr(recording, what)) for recording in ordered]
    if without := [r.id for r, value in zip(ordered, values, strict=True) if not value]:
        raise ValueError(
            f"{len(without)} recordings have no {what}: {without[:_NAMED]!r}; folds kind {kind!r} "
            f"needs the {what} of each"
        )
    # as numbers where they are, so that 10 comes after 9
    names = sorted(
        set(values), key=lambda name: (0, int(name), name) if name.isdecimal() else (1, 0, name)
    )
    if len(names) < 2 or count not in (None, len(names)):
        raise ValueError(
            f"recordings name {len(names)} values of {what}: {names[:_NAMED]!r}; expected "
            f"{'at least 2' if count is None else f'{count}, the count of folds'}"
        )
    number = {name: index + 1 for index, name in enumerate(names)}
    return {r.id: number[value] for r, value in zip(ordered, values, strict=True)}


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
    if groups := _leaks(members, folds):
        names = sorted(groups)
        subject = f"group {names[0]!r} is"
        if len(names) > 1:
            subject = f"{len(names)} groups ({', '.join(map(repr, names[:_NAMED]))}) are"
        raise ValueError(
            f"{subject} in two folds or more: {groups[names[0]]}; "
            "use folds kind 'grouped', or mend the fold column where folds are given"
        )
    if same := _leaks({ids[0]: ids for ids in duplicates}, folds):
        raise ValueError(
            f"recordings of equal content in two folds: {same[min(same)]} "
            f"({len(same)} such contents); drop one of each or give both the same group and use "
            "folds kind 'grouped'"
        )


def _leaks(members: Mapping[str, Sequence[str]], folds: Mapping[str, int]) -> dict[str, str]:
    """Return what lies in two folds or more, with two of its recordings and their folds."""
    found = {}
    for name, ids in members.items():
        dealt = sorted(one for one in ids if one in folds)
        others = [one for one in dealt if folds[one] != folds[dealt[0]]]
        if others:
            pair = dealt[0], others[0]
            found[name] = " and ".join(f"{one!r} in fold {folds[one]}" for one in pair)
    return found
