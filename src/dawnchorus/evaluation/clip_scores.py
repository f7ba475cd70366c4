"""Figures of scores: with intervals, of a set of recordings and of its parts.

Axes: N recordings, C classes, R bootstrap replicates. A figure is a dict of ``auroc``, ``low`` and
``high`` (its interval), ``n``, ``n_positive`` (recordings with any of the classes) and
``n_groups``; with several classes ``auroc`` is the macro mean, and ``n_classes`` and ``per_class``
are there too. Undefined values are NaN.

Where classes are several, ``identification`` has for each statistic of
`dawnchorus.evaluation.class_scores` its ``value``, ``low``, ``high``, ``n`` (recordings that count),
``n_skipped`` (others) and ``policy``; ``average_precision`` is class by class, and ``confusion`` says
of all recordings which class was taken for which.

* `figures`: of all recordings, of data sets and of folds, and the means of those.
* `difference`: one set of scores minus another, paired.
* `called`: precision, recall and F1 at thresholds.
* `spread`: mean, deviation and range over models.

All intervals of one truth come from the same replicates, drawn over its groups and the same in each
call: so differences are paired, and data sets and folds go together in their means. ``settings`` is
the experiment: its ``seed`` and, under ``evaluation``, ``replicates``, ``confidence`` and ``top_k``.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from dawnchorus.evaluation import class_scores
from dawnchorus.evaluation.class_scores import Statistic
from dawnchorus.metrics import bootstrap, checks, operating_point, roc, weighted
from dawnchorus.runtime import seeds
from dawnchorus.targets.ground_truth import Truth


def figures(
    truth: Truth,
    scores: np.ndarray,
    settings: Mapping,
    by_fold: bool = False,
    identified: bool = True,
) -> dict:
    """Return the figure of all recordings, with those of their parts in it.

    Parameters
    ----------
    truth : Truth
    scores : array, shape (N, C)
        Finite; in [0, 1] where ``identified``.
    settings : mapping
        See the module.
    by_fold : bool
        Whether folds are parts too.
    identified : bool
        False: without what is there for several classes only, which takes long.

    Returns
    -------
    dict
        The figure. Where there is more than one data set also ``data_sets`` and
        ``harmonic_mean`` (of AUROC); by fold also ``folds`` and ``mean_over_folds``.
    """
    rows = {None: np.arange(len(scores))}
    for kind, names in (("data_sets", truth.data_sets), ("folds", truth.folds)):
        found = np.unique(names).tolist()
        if len(found) > 1 and (by_fold or kind != "folds"):
            rows |= {(kind, name): np.flatnonzero(names == name) for name in found}
    measured = _statistics(truth, scores, settings, identified)
    values = _replicates(truth, measured, list(rows.values()), settings)
    replicates = dict(zip(rows, values, strict=True))
    each = {
        key: _figure(truth, scores, rows[key], measured, replicates[key], settings) for key in rows
    }
    content = each[None]
    if len(measured) > 1:
        content["confusion"] = class_scores.confused(truth, scores)
    for kind in dict.fromkeys(key[0] for key in rows if key):
        keys = [key for key in rows if key and key[0] == kind]
        content[kind] = {str(key[1]): each[key] for key in keys}
        content |= _means(kind, [(each[key], replicates[key]) for key in keys], settings)
    return content


def difference(truth: Truth, first: np.ndarray, second: np.ndarray, settings: Mapping) -> dict:
    """Return the AUROC of the second scores minus that of the first, from paired replicates.

    Parameters
    ----------
    truth : Truth
    first, second : array, shape (N, C)
        Finite; in [0, 1] where classes are several.
    settings : mapping
        See the module.

    Returns
    -------
    dict
        ``difference``, ``low``, ``high`` and ``p_two_sided`` (see `dawnchorus.metrics.bootstrap`); where
        classes are several also ``identification``: the same for each of its statistics.
    """
    everything = np.arange(len(first))
    measured = [_statistics(truth, scores, settings) for scores in (first, second)]
    drawn = [_replicates(truth, of, [everything], settings)[0] for of in measured]
    confidence, found = settings["evaluation"]["confidence"], {}
    for name in measured[0]:
        values = [of[name].described(everything)["value"] for of in measured]
        changes = drawn[1][name] - drawn[0][name]
        low, high = bootstrap.interval(changes, confidence)
        found[name] = {
            "difference": values[1] - values[0],
            "low": low,
            "high": high,
            "p_two_sided": bootstrap.p_two_sided(changes),
        }
    content = found.pop("auroc")
    return content | ({"identification": found} if found else {})


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
        defined; and ``classes``, what `dawnchorus.metrics.operating_point.precision_recall_at` says
        of each.
    """
    columns = zip(truth.targets.T, scores.T, thresholds, strict=True)
    each = [operating_point.precision_recall_at(*column) for column in columns]
    scored = roc.classes_with_both(truth.targets)
    means = {
        name: float(checks.mean_of_known(np.array([one[name] for one in each])[scored]))
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


def _statistics(
    truth: Truth, scores: np.ndarray, settings: Mapping, identified: bool = True
) -> dict[str, Statistic]:
    """Return what is measured: the macro AUROC, and identification where classes are several."""

    def macro_auroc(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return weighted.weighted_macro_auroc(truth.targets[rows], scores[rows], weights)

    found = {"auroc": Statistic("macro", np.ones(len(scores), bool), macro_auroc)}
    if identified and len(truth.class_names) > 1:
        found |= class_scores.statistics(truth, scores, settings["evaluation"]["top_k"])
    return found


def _figure(
    truth: Truth,
    scores: np.ndarray,
    rows: np.ndarray,
    measured: Mapping[str, Statistic],
    replicates: Mapping[str, np.ndarray],
    settings: Mapping,
) -> dict:
    targets, scores = truth.targets[rows], scores[rows]
    content = {
        "auroc": roc.macro_auroc(targets, scores),
        **_limits(replicates["auroc"], settings),
        "n": len(rows),
        "n_positive": int(targets.any(axis=1).sum()),
        "n_groups": len(np.unique(truth.groups[rows])),
    }
    if len(truth.class_names) > 1:
        per_class = roc.auroc_per_class(targets, scores).tolist()
        content["n_classes"] = int(roc.classes_with_both(targets).sum())
        content["per_class"] = dict(zip(truth.class_names, per_class, strict=True))
    if len(measured) > 1:
        content["identification"] = {
            name: statistic.described(rows) | _limits(replicates[name], settings)
            for name, statistic in measured.items()
            if name != "auroc"
        }
        content["average_precision"] = class_scores.precision_per_class(
            targets, scores, truth.class_names
        )
    return content


def _means(
    kind: str, parts: Sequence[tuple[dict, Mapping[str, np.ndarray]]], settings: Mapping
) -> dict:
    """Return the mean of K parts, each its figure and its replicates, with its interval."""
    title, mean = {
        "data_sets": ("harmonic_mean", roc.harmonic_mean),
        "folds": ("mean_over_folds", checks.mean_of_known),
    }[kind]
    content = {"auroc": float(mean(np.array([figure["auroc"] for figure, _ in parts])))}
    content |= _mean_limits(mean, [drawn["auroc"] for _, drawn in parts], settings)
    if kind == "folds" and "identification" in parts[0][0]:
        content["identification"] = {
            name: {
                "value": float(
                    mean(np.array([of["identification"][name]["value"] for of, _ in parts]))
                ),
                "n": sum(of["identification"][name]["n"] for of, _ in parts),
                "policy": f"mean over folds; {about['policy']}",
            }
            | _mean_limits(mean, [drawn[name] for _, drawn in parts], settings)
            for name, about in parts[0][0]["identification"].items()
        }
    return {title: content}


def _limits(replicates: np.ndarray, settings: Mapping) -> dict:
    low, high = bootstrap.interval(replicates, settings["evaluation"]["confidence"])
    return {"low": low, "high": high}


def _mean_limits(mean: Callable, drawn: Sequence[np.ndarray], settings: Mapping) -> dict:
    """Return the interval of a mean over K parts, from the replicates (R,) of each."""
    return _limits(np.array([mean(row) for row in np.stack(drawn, axis=1)]), settings)


def _replicates(
    truth: Truth,
    measured: Mapping[str, Statistic],
    parts: Sequence[np.ndarray],
    settings: Mapping,
) -> list[dict[str, np.ndarray]]:
    """Return each statistic of each part (rows of the truth) in each replicate, shape (R,).

    NaN for a part of a single group: to draw it again tells nothing of its spread.
    """
    rng = seeds.generator(settings["seed"], "evaluation")
    found = [{name: [] for name in measured} for _ in parts]
    for weights in bootstrap.weight_chunks(truth.groups, settings["evaluation"]["replicates"], rng):
        for rows, values in zip(parts, found, strict=True):
            own = weights[:, rows]
            for name, statistic in measured.items():
                values[name].append(statistic.weighted(rows, own))
    is_single = [len(np.unique(truth.groups[rows])) < 2 for rows in parts]
    return [
        {
            name: np.concatenate(chunks) * (np.nan if single else 1)
            for name, chunks in values.items()
        }
        for single, values in zip(is_single, found, strict=True)
    ]
