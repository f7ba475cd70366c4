"""Calibration errors of an ensemble's scores, as they are and calibrated.

``before`` is of the scores as they are, ``after`` of the calibrated ones, ``difference`` is after minus
before, from paired replicates. Each has ``ece`` and ``brier`` (mean over classes, see
`dawnchorus.metrics.reliability`) and ``reliability``: the bins of all classes together. Out of fold
each recording goes through maps that were fitted without its fold. Without a calibration there is
``before`` alone, without intervals: these would take long where classes are many.

* `calibration_scores`: of test subsets and of the training recordings.
* `remarks`: what the summary says of calibrations.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from dawnchorus.metrics import bootstrap, calibration, reliability
from dawnchorus.runtime import seeds
from dawnchorus.targets.ground_truth import GroundTruth

_ERRORS = {
    "ece": reliability.expected_calibration_error,
    "brier": reliability.brier_score,
}


def calibration_scores(
    parameters: Mapping | None,
    scores: Mapping[str, np.ndarray],
    truths: Mapping[str, GroundTruth],
    training: str,
    settings: Mapping,
) -> dict:
    """Return the calibration errors of an ensemble.

    Parameters
    ----------
    parameters : mapping or None
        As `dawnchorus.targets.calibration_fit.calibrate` writes them; None: not calibrated.
    scores : mapping of str to array, shape (N, C)
        By test subset, and under ``training`` those of the training recordings, which are out of fold.
    truths : mapping of str to GroundTruth
    training : str
    settings : mapping
        The experiment: ``seed`` and ``evaluation`` (``replicates``, ``confidence``).

    Returns
    -------
    dict
        ``said`` ("not calibrated", "calibrated: platt"), ``out_of_fold`` and ``test``; where scores are
        calibrated also ``method``, ``per_class``, ``unit``, ``fitted_on`` and ``fitted``: the number of
        classes by what their map was fitted on.
    """
    found = {}
    for name, truth in truths.items():
        before, after = scores[name], None
        if parameters is not None and name != training:
            after = calibration.apply(parameters, before, truth.class_names)
        elif parameters is not None and parameters["folds"]:
            # out of fold: a map that has seen a recording would look better than it is
            after = before.copy()
            for fold, maps in parameters["folds"].items():
                rows, own = truth.folds == int(fold), {**parameters, "classes": maps}
                after[rows] = calibration.apply(own, before[rows], truth.class_names)
        found[name] = _errors(truth, before, after, settings)
    content = {"said": calibration.description(parameters)}
    if parameters is not None:
        content |= {key: parameters[key] for key in ("method", "per_class", "unit", "fitted_on")}
        kinds = [about["fitted"] for about in parameters["classes"].values()]
        content["fitted"] = {kind: kinds.count(kind) for kind in sorted(set(kinds))}
    return content | {"out_of_fold": found.pop(training), "test": found}


def remarks(ensembles: Mapping[str, Mapping]) -> Iterator[str]:
    """Yield what the summary says of the calibrations of ensembles, each sentence once.

    Parameters
    ----------
    ensembles : mapping of str to mapping
        By name what ``metrics.json`` has of it: ``calibration`` is that of `calibration_scores`.
    """
    said = {one["calibration"]["said"]: one["calibration"] for one in ensembles.values()}
    for what, about in said.items():
        if "fitted_on" in about:
            yield f"{what}, fitted on {about['fitted_on']}"
            yield "all scores but those of calibration are the ones before it"
        else:
            yield f"scores are {what}"


def _errors(
    truth: GroundTruth, before: np.ndarray, after: np.ndarray | None, settings: Mapping
) -> dict:
    """Return the errors of scores as they are, and of calibrated ones where there are any."""
    given = {"before": before} if after is None else {"before": before, "after": after}
    content: dict = {}
    for name, scores in given.items():
        curve = reliability.reliability_curve(truth.targets, scores)
        columns = (curve[key].tolist() for key in ("n", "score", "positive"))
        content[name] = {
            **{key: {"value": error(truth.targets, scores)} for key, error in _ERRORS.items()},
            "reliability": [
                {"from": number / reliability.BINS, "n": n, "score": score, "positive": share}
                for number, (n, score, share) in enumerate(zip(*columns, strict=True))
            ],
        }
    if after is None:
        return content

    def weighted(weights: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
        values = {}
        for name, scores in given.items():
            for key, error in _ERRORS.items():
                values[name, key] = error(truth.targets, scores, weights)
            shares = reliability.positive_shares(truth.targets, scores, weights)
            values |= {(name, f"bin {number}"): one for number, one in enumerate(shares.T)}
        return values

    # the replicates of all other scores of these recordings, so that they are paired with them too
    chosen, rng = settings["evaluation"], seeds.generator(settings["seed"], "evaluation")
    drawn = bootstrap.replicates(weighted, truth.groups, chosen["replicates"], rng)
    if bootstrap.is_single_group(truth.groups):
        # to draw the one group again tells nothing of the spread
        drawn = {key: values * np.nan for key, values in drawn.items()}
    for name in given:
        for key in _ERRORS:
            content[name][key] |= bootstrap.limits(drawn[name, key], chosen["confidence"])
        for number, row in enumerate(content[name]["reliability"]):
            row |= bootstrap.limits(drawn[name, f"bin {number}"], chosen["confidence"])
    content["difference"] = {
        key: bootstrap.difference(
            (content["before"][key]["value"], content["after"][key]["value"]),
            (drawn["before", key], drawn["after", key]),
            chosen["confidence"],
        )
        for key in _ERRORS
    }
    return content
