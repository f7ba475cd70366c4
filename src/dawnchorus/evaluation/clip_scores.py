"""Scores of recordings: metrics with intervals, of a set of recordings and of its subsets.

Axes: N recordings, C classes, R bootstrap replicates. The scores of a set are a dict of ``auroc``,
``low`` and ``high`` (its interval), ``n``, ``n_positive`` (recordings with any of the classes) and
``n_groups`` (units that are resampled); with several classes ``auroc`` is the macro mean, and
``n_classes`` and ``per_class`` are there too. Undefined values are NaN.

Where classes are several, ``identification`` has for each of `METRICS` its ``value``,
``low``, ``high``, ``n`` (recordings that count), ``n_skipped`` (others) and ``policy``;
``average_precision`` is class by class, and ``confusion`` says of all recordings which class was taken
for which.

* `METRICS`: the register of metrics; a new one is an entry there.
* `scores_with_intervals`: of all recordings, of data sets and of folds, and the means of those.
* `point_scores`: the cheap ones as plain values; `model_scores`: with them, those of a single model.
* `difference`: one set of scores minus another, paired.
* `statistics`, `replicated`: what is measured of a ground truth, and its values in all replicates.
* `scores_at_thresholds`: precision, recall and F1 at thresholds.
* `spread`: mean, deviation and range over models.

All intervals of one ground truth come from the same replicates, drawn over its units and the same in
each call: so differences are paired, and data sets and folds go together in their means. ``settings``
is the experiment: its ``seed`` and, under ``evaluation``, ``replicates``, ``confidence`` and ``top_k``.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dawnchorus.metrics import bootstrap, checks, precision, ranks, roc
from dawnchorus.runtime import seeds
from dawnchorus.targets.ground_truth import GroundTruth

POINTS = ("top1_accuracy", "mlrap")  # of single models
_WITH_CLASS = "recordings with a class"


class Metric(NamedTuple):
    """A metric of identification, as `METRICS` registers it.

    ``function`` makes of targets and scores (N, C) and ``weights`` (R, N) the R values, or, where
    ``per_recording``, of targets and scores alone the values of recordings (N,), NaN for those that
    do not count, whose mean is the metric. ``policy`` says in the report what counts, with
    ``{n_classes}`` in the place of C. ``with_background``: background species are right answers too.
    """

    function: Callable
    policy: str
    per_recording: bool = False
    with_background: bool = False


def top_k_metric(k: int) -> Metric:
    """Return the top-k accuracy; the experiment's k (``evaluation.top_k``) is not known before."""
    return Metric(
        functools.partial(ranks.top_k_per_recording, k=k),
        f"{_WITH_CLASS}: one of its classes is among the {k} best of {{n_classes}}",
        per_recording=True,
    )


# The register: a metric is a function of `dawnchorus.metrics` and an entry here. Names carry the policy:
# what becomes of classes without positives and of recordings without classes.
METRICS = {
    "top1_accuracy": top_k_metric(1),
    "mlrap": Metric(ranks.label_ranking_per_recording, _WITH_CLASS, per_recording=True),
    "mlrap_with_background": Metric(
        ranks.label_ranking_per_recording,
        "recordings with a class, in the foreground or in the background",
        per_recording=True,
        with_background=True,
    ),
    "map_micro": Metric(
        precision.average_precision_micro, "all pairs of recording and class as one list"
    ),
    "map_macro_skip_absent": Metric(
        functools.partial(precision.mean_average_precision, policy="skip"),
        "mean over classes; one without positives is left out",
    ),
    f"cmap_padded{precision.PADDING}": Metric(
        functools.partial(precision.mean_average_precision, policy="padded"),
        f"mean over all classes, with {precision.PADDING} recordings added that hold each with score 1",
    ),
}


@dataclass(frozen=True)
class Statistic:
    """A metric of N recordings with their scores.

    ``policy`` says what counts; ``counts`` (N,) which recordings do; ``weighted`` makes of n rows
    and their weights (R, n) the R values.
    """

    policy: str
    counts: np.ndarray
    weighted: Callable[[np.ndarray, np.ndarray], np.ndarray]

    @classmethod
    def of(cls, metric: Metric, targets: np.ndarray, scores: np.ndarray) -> "Statistic":
        """Return a metric of these targets and scores, both (N, C)."""
        policy = metric.policy.format(n_classes=scores.shape[1])
        if metric.per_recording:
            # once, not for each replicate: between those only the weights of recordings differ
            values = metric.function(targets, scores)
            return cls(
                policy,
                ~np.isnan(values),
                lambda rows, weights: ranks.mean_over_recordings(values[rows], weights),
            )
        return cls(
            policy,
            np.ones(len(scores), bool),
            lambda rows, weights: metric.function(targets[rows], scores[rows], weights=weights),
        )

    def described(self, rows: np.ndarray) -> dict:
        """Return the ``value`` of some recordings, ``n``, ``n_skipped`` and the ``policy``."""
        n = int(self.counts[rows].sum())
        return {
            "value": float(self.weighted(rows, np.ones((1, len(rows))))[0]),
            "n": n,
            "n_skipped": len(rows) - n,
            "policy": self.policy,
        }


def scores_with_intervals(
    truth: GroundTruth,
    scores: np.ndarray,
    settings: Mapping,
    by_fold: bool = False,
    with_identification: bool = True,
) -> dict:
    """Return the scores of all recordings, with those of their subsets in it.

    Parameters
    ----------
    truth : GroundTruth
    scores : array, shape (N, C)
        Finite; in [0, 1] where ``with_identification``.
    settings : mapping
        See the module.
    by_fold : bool
        Whether folds are subsets too.
    with_identification : bool
        False: without what is there for several classes only, which takes long.

    Returns
    -------
    dict
        The scores. Where there is more than one data set also ``data_sets`` and
        ``harmonic_mean`` (of AUROC); by fold also ``folds`` and ``mean_over_folds``.
    """
    rows = {None: np.arange(len(scores))}
    for kind, names in (("data_sets", truth.data_sets), ("folds", truth.folds)):
        found = np.unique(names).tolist()
        # one data set or fold is the whole: its scores stand there already
        if len(found) > 1 and (by_fold or kind != "folds"):
            rows |= {(kind, name): np.flatnonzero(names == name) for name in found}
    measured = statistics(truth, scores, settings, with_identification)
    replicates = replicated(truth, measured, rows, settings)
    each = {
        key: _subset_scores(truth, scores, rows[key], measured, replicates[key], settings)
        for key in rows
    }
    content = each[None]
    if len(measured) > 1:
        # without the empty cells: 1,500 classes have more than two million
        names, counts = truth.class_names, ranks.confusion(truth.targets, scores)
        content["confusion"] = {
            names[row]: {names[column]: float(own[column]) for column in np.flatnonzero(own)}
            for row, own in enumerate(counts)
            if own.any()
        }
    for kind in dict.fromkeys(key[0] for key in rows if key):
        keys = [key for key in rows if key and key[0] == kind]
        content[kind] = {str(key[1]): each[key] for key in keys}
        content |= _means(kind, [(each[key], replicates[key]) for key in keys], settings)
    return content


def point_scores(
    truth: GroundTruth, scores: np.ndarray, names: Sequence[str] = POINTS
) -> dict[str, dict]:
    """Return the values of some metrics of all recordings: `Statistic.described` by name."""
    rows = np.arange(len(scores))
    return {
        name: Statistic.of(METRICS[name], truth.targets, scores).described(rows) for name in names
    }


def model_scores(truth: GroundTruth, scores: np.ndarray, settings: Mapping) -> dict:
    """Return the scores of a single model or a baseline: of identification without intervals."""
    # replicates of identification take long, and an experiment may have hundreds of members
    content = scores_with_intervals(truth, scores, settings, with_identification=False)
    if len(truth.class_names) > 1:
        content["identification"] = point_scores(truth, scores)
    return content


def difference(
    truth: GroundTruth,
    first: np.ndarray,
    second: np.ndarray,
    settings: Mapping,
    names: Sequence[str] = (),
) -> dict:
    """Return the AUROC of the second scores minus that of the first, from paired replicates.

    Parameters
    ----------
    truth : GroundTruth
    first, second : array, shape (N, C)
        Finite; in [0, 1] where classes are several.
    settings : mapping
        See the module.
    names : sequence of str, optional
        Of metrics of identification that are compared; all where it is empty.

    Returns
    -------
    dict
        What `dawnchorus.metrics.bootstrap.difference` returns; where classes are several also
        ``identification``: the same for each of its metrics.
    """
    everything = np.arange(len(first))
    measured = [statistics(truth, scores, settings) for scores in (first, second)]
    kept = ["auroc", *names] if names else [*measured[0]]
    measured = [{name: of[name] for name in kept if name in of} for of in measured]
    drawn = [replicated(truth, of, {None: everything}, settings)[None] for of in measured]
    found = {
        name: bootstrap.difference(
            [of[name].described(everything)["value"] for of in measured],
            [of[name] for of in drawn],
            settings["evaluation"]["confidence"],
        )
        for name in measured[0]
    }
    content = found.pop("auroc")
    return content | ({"identification": found} if found else {})


def scores_at_thresholds(
    truth: GroundTruth, scores: np.ndarray, thresholds: Sequence[float]
) -> dict:
    """Return precision, recall and F1 where each class has its threshold.

    Parameters
    ----------
    truth : GroundTruth
    scores : array, shape (N, C)
        Finite.
    thresholds : sequence of C floats
        NaN for a class for which none could be chosen.

    Returns
    -------
    dict
        ``precision``, ``recall``, ``f1``: means over the classes with positives and negatives, of
        what is defined; and ``classes``, what `dawnchorus.metrics.roc.precision_recall_at` says of
        each.
    """
    columns = zip(truth.targets.T, scores.T, thresholds, strict=True)
    each = [roc.precision_recall_at(*column) for column in columns]
    scored = checks.scored_classes(truth.targets)
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


def statistics(
    truth: GroundTruth, scores: np.ndarray, settings: Mapping, with_identification: bool = True
) -> dict[str, Statistic]:
    """Return what is measured: the macro AUROC, and identification where classes are several."""
    wanted = {"auroc": Metric(roc.macro_auroc, "macro")}
    # of one class, identification has no meaning: there is nothing to be taken for
    if with_identification and len(truth.class_names) > 1:
        top_k = settings["evaluation"]["top_k"]
        wanted |= METRICS | {f"top{top_k}_accuracy": top_k_metric(top_k)}
    return {
        name: Statistic.of(
            metric,
            truth.targets | truth.background if metric.with_background else truth.targets,
            scores,
        )
        for name, metric in wanted.items()
        if truth.background.any() or not metric.with_background
    }


def _subset_scores(
    truth: GroundTruth,
    scores: np.ndarray,
    rows: np.ndarray,
    measured: Mapping[str, Statistic],
    replicates: Mapping[str, np.ndarray],
    settings: Mapping,
) -> dict:
    """Return the scores of some rows of the ground truth."""
    targets, scores = truth.targets[rows], scores[rows]
    confidence, names = settings["evaluation"]["confidence"], truth.class_names
    content = {
        "auroc": roc.macro_auroc(targets, scores),
        **bootstrap.limits(replicates["auroc"], confidence),
        "n": len(rows),
        "n_positive": int(targets.any(axis=1).sum()),
        "n_groups": bootstrap.n_groups(truth.groups[rows]),
    }
    if len(names) > 1:
        per_class = roc.auroc_per_class(targets, scores).tolist()
        content["n_classes"] = int(checks.scored_classes(targets).sum())
        content["per_class"] = dict(zip(names, per_class, strict=True))
    if len(measured) > 1:
        content["identification"] = {
            name: statistic.described(rows) | bootstrap.limits(replicates[name], confidence)
            for name, statistic in measured.items()
            if name != "auroc"
        }
        values = precision.average_precision_per_class(targets, scores).tolist()
        content["average_precision"] = dict(zip(names, values, strict=True))
    return content


def _means(
    kind: str, subsets: Sequence[tuple[dict, Mapping[str, np.ndarray]]], settings: Mapping
) -> dict:
    """Return the mean of K subsets, each its scores and its replicates, with its interval."""
    title, mean = {
        "data_sets": ("harmonic_mean", roc.harmonic_mean),
        "folds": ("mean_over_folds", checks.mean_of_known),
    }[kind]

    def limits(name: str) -> dict:
        drawn = np.stack([replicates[name] for _, replicates in subsets], axis=1)
        values = np.array([mean(row) for row in drawn])
        return bootstrap.limits(values, settings["evaluation"]["confidence"])

    content = {"auroc": float(mean(np.array([own["auroc"] for own, _ in subsets])))}
    content |= limits("auroc")
    if kind == "folds" and "identification" in subsets[0][0]:
        each = [own["identification"] for own, _ in subsets]
        content["identification"] = {
            name: {
                "value": float(mean(np.array([own[name]["value"] for own in each]))),
                "n": sum(own[name]["n"] for own in each),
                "policy": f"mean over folds; {about['policy']}",
            }
            | limits(name)
            for name, about in each[0].items()
        }
    return {title: content}


def replicated(
    truth: GroundTruth,
    measured: Mapping[str, Statistic],
    subsets: Mapping[object, np.ndarray],
    settings: Mapping,
) -> dict[object, dict[str, np.ndarray]]:
    """Return each statistic of each subset (rows of the ground truth) in each replicate, (R,).

    NaN for a subset of a single group: to draw it again tells nothing of its spread.
    """

    def weighted(weights: np.ndarray) -> dict[tuple, np.ndarray]:
        found = {}
        for key, rows in subsets.items():
            own = weights[:, rows]
            found |= {(key, name): one.weighted(rows, own) for name, one in measured.items()}
        return found

    rng = seeds.generator(settings["seed"], "evaluation")
    drawn = bootstrap.replicates(weighted, truth.groups, settings["evaluation"]["replicates"], rng)
    single = {key: bootstrap.is_single_group(truth.groups[rows]) for key, rows in subsets.items()}
    return {
        key: {name: drawn[key, name] * (np.nan if single[key] else 1) for name in measured}
        for key in subsets
    }
