"""Figures of scores: AUROC with intervals of a set of recordings and of its parts.

Axes: N recordings, C classes, R bootstrap replicates. A figure is a dict of ``auroc``, ``low`` and
``high`` (its interval), ``n``, ``n_positive`` (recordings with any of the classes) and
``n_groups``; with several classes ``auroc`` is the macro mean, and ``n_classes`` and ``per_class``
are there too. Undefined values are NaN.

* `figures`: AUROC of all recordings, of data sets and of folds, and the means of those.
* `difference`: AUROC of one set of scores minus that of another, paired.
* `called`: precision, recall and F1 at thresholds.
* `spread`: mean, deviation and range over models.

All intervals of one truth come from the same replicates, drawn over its groups and the same in each
call: so differences are paired, and data sets and folds go together in their means. ``settings`` is
the experiment: its ``seed`` and, under ``evaluation``, ``replicates`` and ``confidence``.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from dawnchorus import bootstrap, metrics, seeds
from dawnchorus.truth import Truth


def figures(truth: Truth, scores: np.ndarray, settings: Mapping, by_fold: bool = False) -> dict:
    """Return the figure of all recordings, with those of their parts in it.

    Parameters
    ----------
    truth : Truth
    scores : array, shape (N, C)
        Finite.
    settings : mapping
        See the module.
    by_fold : bool
        Whether folds are parts too.

    Returns
    -------
    dict
        The figure. Where there is more than one data set also ``data_sets`` and
        ``harmonic_mean``; by fold also ``folds`` and ``mean_over_folds``.
    """
    kinds = {"data_sets": truth.data_sets} | ({"folds": truth.folds} if by_fold else {})
    rows = {None: np.arange(len(scores))}
    for kind, names in kinds.items():
        rows |= {(kind, name): np.flatnonzero(names == name) for name in np.unique(names).tolist()}
    values = _replicates(truth, scores, list(rows.values()), settings)
    replicates = dict(zip(rows, values, strict=True))
    each = {key: _figure(truth, scores, rows[key], replicates[key], settings) for key in rows}
    content = each[None]
    means = {
        "data_sets": ("harmonic_mean", metrics.harmonic_mean),
        "folds": ("mean_over_folds", _mean),
    }
    for kind in kinds:
        keys = [key for key in rows if key is not None and key[0] == kind]
        if len(keys) > 1:
            title, mean = means[kind]
            aurocs = np.array([each[key]["auroc"] for key in keys])
            drawn = np.stack([replicates[key] for key in keys], axis=1)
            content[kind] = {str(key[1]): each[key] for key in keys}
            content[title] = _mean_figure(mean, aurocs, drawn, settings)
    return content


def difference(truth: Truth, first: np.ndarray, second: np.ndarray, settings: Mapping) -> dict:
    """Return the AUROC of the second scores minus that of the first, from paired replicates.

    Parameters
    ----------
    truth : Truth
    first, second : array, shape (N, C)
        Finite.
    settings : mapping
        See the module.

    Returns
    -------
    dict
        ``difference``, ``low``, ``high`` and ``p_two_sided`` (see `dawnchorus.bootstrap`).
    """
    everything = [np.arange(len(first))]
    (before,), (after,) = (
        _replicates(truth, scores, everything, settings) for scores in (first, second)
    )
    low, high = bootstrap.interval(after - before, settings["evaluation"]["confidence"])
    aurocs = [metrics.macro_auroc(truth.targets, scores) for scores in (first, second)]
    return {
        "difference": aurocs[1] - aurocs[0],
        "low": low,
        "high": high,
        "p_two_sided": bootstrap.p_two_sided(after - before),
    }


def called(truth: Truth, scores: np.ndarray, thresholds: Sequence[float]) -> dict:
    """Return precision, recall and F1 where each class has its threshold.

    Parameters
    ----------
    truth : Truth
    scores : array, shape (N, C)
        Finite.
    thresholds : sequence of C floats
        NaN for a class for which none could be chosen.

    Returns
    -------
    dict
        ``precision``, ``recall``, ``f1``: means over the classes with both truths, of what is
        defined; and ``classes``, what `dawnchorus.metrics.precision_recall_at` says of each.
    """
    columns = zip(truth.targets.T, scores.T, thresholds, strict=True)
    each = [metrics.precision_recall_at(*column) for column in columns]
    scored = metrics.classes_with_both(truth.targets)
    means = {
        name: float(_mean(np.array([one[name] for one in each])[scored]))
        for name in ("precision", "recall", "f1")
    }
    return means | {"classes": dict(zip(truth.class_names, each, strict=True))}


def spread(aurocs: Sequence[float]) -> dict:
    """Return ``mean``, ``sd`` (of a sample), ``min`` and ``max`` without NaN, and ``models``."""
    known = np.array([auroc for auroc in aurocs if not np.isnan(auroc)])
    nan = float("nan")
    return {
        "mean": float(known.mean()) if len(known) else nan,
        "sd": float(known.std(ddof=1)) if len(known) > 1 else nan,
        "min": float(known.min()) if len(known) else nan,
        "max": float(known.max()) if len(known) else nan,
        "models": len(aurocs),
    }


def _figure(
    truth: Truth, scores: np.ndarray, rows: np.ndarray, replicates: np.ndarray, settings: Mapping
) -> dict:
    targets, scores = truth.targets[rows], scores[rows]
    low, high = bootstrap.interval(replicates, settings["evaluation"]["confidence"])
    content = {
        "auroc": metrics.macro_auroc(targets, scores),
        "low": low,
        "high": high,
        "n": len(rows),
        "n_positive": int(targets.any(axis=1).sum()),
        "n_groups": len(np.unique(truth.groups[rows])),
    }
    if len(truth.class_names) > 1:
        per_class = metrics.auroc_per_class(targets, scores).tolist()
        content["n_classes"] = int(metrics.classes_with_both(targets).sum())
        content["per_class"] = dict(zip(truth.class_names, per_class, strict=True))
    return content


def _mean_figure(mean: Callable, aurocs: np.ndarray, drawn: np.ndarray, settings: Mapping) -> dict:
    """Return a mean over K parts with its interval; ``drawn`` (R, K) are their replicates."""
    replicates = np.array([mean(row) for row in drawn])
    low, high = bootstrap.interval(replicates, settings["evaluation"]["confidence"])
    return {"auroc": float(mean(aurocs)), "low": low, "high": high}


def _replicates(
    truth: Truth, scores: np.ndarray, parts: Sequence[np.ndarray], settings: Mapping
) -> list[np.ndarray]:
    """Return the macro AUROC of each part (rows of the truth) in each replicate, shape (R,).

    NaN for a part of a single group: to draw it again tells nothing of its spread.
    """
    rng = seeds.generator(settings["seed"], "evaluation")
    chunks = [
        [_macro(truth.targets[rows], scores[rows], weights[:, rows]) for rows in parts]
        for weights in bootstrap.weight_chunks(
            truth.groups, settings["evaluation"]["replicates"], rng
        )
    ]
    found = [np.concatenate(values) for values in zip(*chunks, strict=True)]
    for rows, values in zip(parts, found, strict=True):
        if len(np.unique(truth.groups[rows])) < 2:
            values[:] = np.nan
    return found


def _macro(targets: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return `metrics.macro_auroc` under each of R weightings, shape (R,)."""
    scored = metrics.classes_with_both(targets)
    columns = zip(targets.T[scored], scores.T[scored], strict=True)
    values = [metrics.weighted_auroc(*column, weights) for column in columns]
    return _mean(np.stack(values)) if values else np.full(len(weights), np.nan)


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over the first axis of what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    mean = np.where(known, values, 0).sum(axis=0) / np.maximum(count, 1)
    return np.where(count > 0, mean, np.nan)
