"""What an earlier stage says of recordings, as labels.

* `teacher_scores`: its mean opinion.
* `confident`: which recordings it is sure of.
* `hard_labels`, `read_thresholds`: yes or no instead of a score.
* `pseudo_labelled`: rows of the targets.

Axes: N recordings, C classes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.corpora import tables
from dawnchorus.runtime import artefacts, logs, seeds
from dawnchorus.scores import ensemble, pooling
from dawnchorus.settings.references import parse_reference

_NAMED = 5  # classes an error names
_CHOICES = {"select": ("confident", "all"), "labels": ("soft", "hard")}  # today's default first


def teacher_scores(path: str | Path, settings: Mapping) -> tuple[list[str], np.ndarray]:
    """Return ids (N) and scores (N, C): windows pooled, then the members averaged.

    The pooling is that of the pseudo-labels, apart from the one that is evaluated.
    """
    ids, _, stack = ensemble.pooled(path, settings["pooling"])
    return ids, pooling.average(stack, settings["average"])


def confident(scores: np.ndarray, settings: Mapping) -> np.ndarray:
    """Return which of N recordings (N, C) are confident in all classes: <= low or >= high."""
    return np.all((scores <= settings["low"]) | (scores >= settings["high"]), axis=1)


def hard_labels(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Return 1 where scores (N, C) are at or above the thresholds (C,) of their classes, else 0."""
    # in float64, as when the thresholds were chosen
    return (np.asarray(scores, np.float64) >= thresholds).astype(np.int64)


def read_thresholds(path: str | Path, class_names: Sequence[str]) -> np.ndarray:
    """Return the thresholds (C,), float64, of classes, as ``thresholds`` has chosen them.

    Raises
    ------
    ValueError
        Where a class has none.
    """
    found = {row["class"]: float(row["threshold"]) for row in artefacts.read_table(path)}
    if lacking := [name for name in class_names if name not in found]:
        raise ValueError(
            f"{path} has no threshold for {len(lacking)} classes: {lacking[:_NAMED]!r}; "
            "choose the thresholds again"
        )
    return np.array([found[name] for name in class_names])


def chosen(settings: Mapping, name: str) -> str:
    """Return ``select`` or ``labels`` of pseudo-labels, checked; what is missing is the default."""
    choices = _CHOICES[name]
    value = settings.get(name, choices[0])
    if value not in choices:
        raise ValueError(f"{name} of pseudo-labels is {value!r}; expected {' or '.join(choices)}")
    return value


def pseudo_labelled(
    teachers: Mapping[str, str | Path],
    labels: Mapping[str, str],
    settings: Mapping,
    thresholds: np.ndarray | None,
) -> list[tuple]:
    """Return rows of recordings that a stage has scored, shuffled and dealt into parts.

    Confident ones with their scores are section 1.6 of system 000; all of them with hard labels are
    system 004, where a recording of no class stays.

    Parameters
    ----------
    teachers : mapping of corpus reference to path
        Window scores of the stage.
    labels : mapping of corpus to path
        Label tables of the references that name a split.
    settings : mapping
        ``select``, ``labels``, ``low``, ``high``, ``parts``, ``pooling``, ``average``, ``seed``.
    thresholds : array, shape (C,), or None
        Of hard labels.
    """
    kept, n_seen = _kept(teachers, labels, settings)
    how = {"confident": "confident", "all": "scored"}[chosen(settings, "select")]
    logs.LOG.info("%d of %d recordings are %s and join the training", len(kept), n_seen, how)
    order = seeds.generator(settings["seed"], "pseudo-labels").permutation(len(kept))
    parts = np.empty(len(kept), int)
    parts[order] = 1 + np.arange(len(kept)) % settings["parts"]
    return [
        (corpus, name, 0, part, *_said(scores, thresholds))
        for (corpus, name, scores), part in zip(kept, parts.tolist(), strict=True)
    ]


def _kept(teachers, labels, settings) -> tuple[list[tuple], int]:
    """Return (corpus, id, scores) of what joins the training, and out of how many recordings."""
    everything = chosen(settings, "select") == "all"
    kept, n_seen = [], 0
    for reference, path in teachers.items():
        corpus, split = parse_reference(reference)
        ids, scores = teacher_scores(path, settings)
        wanted = _of_split(labels, corpus, split)
        joins = ~np.isnan(scores).any(axis=1) if everything else confident(scores, settings)
        for index in np.flatnonzero(joins):
            if wanted is None or ids[index] in wanted:
                kept.append((corpus, ids[index], scores[index]))
        n_seen += len(ids) if wanted is None else len(wanted)
    return kept, n_seen


def _of_split(labels, corpus: str, split: str | None) -> set[str] | None:
    if split is None:
        return None
    return {recording.id for recording in tables.select(tables.read_labels(labels[corpus]), split)}


def _said(scores: np.ndarray, thresholds: np.ndarray | None) -> list:
    if thresholds is None:
        return [f"{value:.9g}" for value in scores]
    return hard_labels(scores, thresholds).tolist()
