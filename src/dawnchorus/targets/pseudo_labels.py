"""Pseudo-labels: the scores of an earlier stage as targets.

* `teacher_scores`: the mean scores of its members.
* `is_confident`: which recordings have scores near 0 or 1 alone.
* `hard_labels`, `read_thresholds`: 0 or 1 instead of a score.
* `deal_parts`: recordings to the parts that members train on.
* `pseudo_labelled`: rows of the targets.

Axes: N recordings, C classes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.corpora import tables
from dawnchorus.runtime import artefacts, logs, seeds
from dawnchorus.scores import ensemble, pooling, score_files
from dawnchorus.settings.references import parse_reference
from dawnchorus.targets.targets_table import Targets

_NAMED = 5  # classes an error names
_CHOICES = {"select": ("confident", "all"), "labels": ("soft", "hard")}  # the default first


def teacher_scores(path: score_files.Files, settings: Mapping) -> tuple[list[str], np.ndarray]:
    """Return ids (N) and scores (N, C): windows pooled, then the members averaged.

    The pooling is that of the pseudo-labels, apart from the one that is evaluated.
    """
    ids, _, stack = ensemble.pool_members(path, settings["pooling"])
    return ids, pooling.average(stack, settings["average"])


def is_confident(scores: np.ndarray, settings: Mapping) -> np.ndarray:
    """Return which of N recordings (N, C) are confident in all classes: <= low or >= high."""
    return np.all((scores <= settings["low"]) | (scores >= settings["high"]), axis=1)


def hard_labels(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Return 1 where scores (N, C) are at or above the thresholds (C,) of their classes, else 0."""
    # in float64, as when the thresholds were chosen
    return (np.asarray(scores, np.float64) >= thresholds).astype(np.int64)


def read_thresholds(
    settings: Mapping, path: str | Path | None, class_names: Sequence[str]
) -> np.ndarray | None:
    """Return the thresholds (C,), float64, of hard labels, as `choose_thresholds` has chosen them.

    Parameters
    ----------
    settings : mapping
        ``labels``; None is returned where they are ``soft``.
    path : path or None
        Table of `dawnchorus.targets.thresholds.choose_thresholds`.
    class_names : sequence of str
        C.

    Raises
    ------
    ValueError
        Where hard labels have no table, or a class has no threshold.
    """
    if choice(settings, "labels") == "soft":
        return None
    if path is None:
        raise ValueError(
            "hard labels have no thresholds; expected the table that choose_thresholds writes"
        )
    found = {row["class"]: float(row["threshold"]) for row in artefacts.read_table(path)}
    if lacking := [name for name in class_names if name not in found]:
        raise ValueError(
            f"{path} has no threshold for {len(lacking)} classes: {lacking[:_NAMED]!r}; "
            "choose the thresholds again"
        )
    return np.array([found[name] for name in class_names])


def choice(settings: Mapping, name: str) -> str:
    """Return ``select`` or ``labels`` of pseudo-labels, checked, or the default where it is missing."""
    choices = _CHOICES[name]
    value = settings.get(name, choices[0])
    if value not in choices:
        raise ValueError(f"{name} of pseudo-labels is {value!r}; expected {' or '.join(choices)}")
    return value


def deal_parts(groups: Sequence[str], count: int, seed: int) -> np.ndarray:
    """Return the part of each recording (N,), 1 to ``count``; no part divides a group.

    Whole groups are dealt in a random order, the largest first, each to the smallest part. Without
    groups recordings are shuffled and dealt in turn: parts differ by at most one.

    Parameters
    ----------
    groups : sequence of str
        Of each recording; empty: it is its own group.
    count : int
        Number of parts.
    seed : int
    """
    order = seeds.generator(seed, "pseudo-labels").permutation(len(groups))
    members: dict[str, list[int]] = {}
    for row in order.tolist():
        # the prefix keeps a number apart from a group of the same name
        members.setdefault(f"group {groups[row]}" if groups[row] else f"row {row}", []).append(row)
    part, sizes = np.empty(len(groups), np.int64), [0] * count
    # sorting is stable: of equal sizes the random order stays
    for rows in sorted(members.values(), key=len, reverse=True):
        smallest = sizes.index(min(sizes))
        part[rows] = 1 + smallest
        sizes[smallest] += len(rows)
    return part


def pseudo_labelled(
    teachers: Mapping[str, score_files.Files],
    labels: Mapping[str, str],
    settings: Mapping,
    thresholds: np.ndarray | None,
    class_names: Sequence[str],
) -> Targets:
    """Return the targets of recordings that a stage has scored, dealt into parts by `deal_parts`.

    Confident ones with their scores are section 1.6 of grill2017; all of them with hard labels are
    serizel2018, where a recording of no class stays.

    Parameters
    ----------
    teachers : mapping of corpus reference to path, or to paths
        Window scores of the stage.
    labels : mapping of corpus to path
        Label tables of the references that name a split; of all where parts keep groups together.
    settings : mapping
        ``select``, ``labels``, ``low``, ``high``, ``parts``, ``pooling``, ``average``, ``seed``,
        and, where no part may divide a group, ``by``: group or recordist.
    thresholds : array, shape (C,), or None
        Of hard labels.
    class_names : sequence of str
        C, those of the scores.
    """
    everything = choice(settings, "select") == "all"
    names, groups, n_seen = [], [], 0
    values = [np.empty((0, len(class_names)), np.float32)]
    for reference, path in teachers.items():
        corpus, split = parse_reference(reference)
        ids, scores = teacher_scores(path, settings)
        is_wanted = np.ones(len(ids), dtype=bool)
        known = tables.read_labels(labels[corpus]) if corpus in labels else []
        if split is not None:
            own = {r.id for r in tables.select(known, split)}
            is_wanted = np.array([name in own for name in ids], dtype=bool)
        joins = ~np.isnan(scores).any(axis=1) if everything else is_confident(scores, settings)
        kept = np.flatnonzero(joins & is_wanted)
        names += [(corpus, ids[index]) for index in kept]
        by = settings.get("by")
        named = {r.id: getattr(r, by) for r in known} if by else {}
        found = (named.get(ids[index]) for index in kept)
        groups += [f"{corpus}/{group}" if group else "" for group in found]
        values.append(scores[kept] if thresholds is None else hard_labels(scores[kept], thresholds))
        n_seen += len(ids) if split is None else len(own)
    how = "scored" if everything else "confident"
    logs.LOG.info("%d of %d recordings are %s and join the training", len(names), n_seen, how)
    if settings.get("by") and names and not any(groups):
        logs.LOG.info(
            "warning: no group of %d recordings is known: parts may divide birds, recordists or "
            "sessions", len(names),
        )  # fmt: skip
    part = deal_parts(groups, settings["parts"], settings["seed"])
    joined = np.concatenate(values).astype(np.float32)
    return Targets(names, np.zeros_like(part), part, joined, list(class_names))
