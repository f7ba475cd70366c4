"""Baselines beside the ensembles of an experiment, and whether these are better.

* `baseline_report`: scores of the baselines, and each ensemble minus the best of them.

The best baseline is that of the highest AUROC out of fold: tested recordings choose nothing.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from dawnchorus.evaluation.caveats import marked, marks
from dawnchorus.evaluation.clip_scores import difference, model_scores
from dawnchorus.scores.baseline_files import BaselineScores
from dawnchorus.targets.ground_truth import GroundTruth, aligned_scores

_COMPARED = "top1_accuracy"  # beside AUROC, where classes are several


def baseline_report(
    found: BaselineScores,
    ensembles: Mapping[str, Mapping[str, np.ndarray]],
    truths: Mapping[str, GroundTruth],
    settings: Mapping,
    training: str,
) -> dict:
    """Return the scores of baselines, and the paired differences of the ensembles to the best.

    Parameters
    ----------
    found : BaselineScores
    ensembles : mapping of ensemble to mapping of subset to array, shape (N, C)
        Scores of the recordings of each ground truth.
    truths : mapping of subset to GroundTruth
        Of the test subsets and, under the key ``training``, of training recordings.
    settings : mapping
        The experiment, see `dawnchorus.evaluation.clip_evaluation.evaluate`.
    training : str
        Key of the training recordings.

    Returns
    -------
    dict
        ``scores`` by baseline (``out_of_fold``, and by ``test``), ``best`` (a name, or None without
        any), ``chosen_by``, ``comparisons`` (as those of ensembles), ``not_beaten`` (sentences) and
        ``about`` (remarks by baseline).
    """
    aligned = {
        name: {
            where: aligned_scores(truth, tables, f"baseline {name}")
            for where, truth in truths.items()
        }
        for name, tables in found.scores.items()
    }
    scores = {}
    for name, own in aligned.items():
        measured = {
            where: model_scores(truth, own[where], settings) for where, truth in truths.items()
        }
        # no epoch is chosen and no pseudo-label learnt from: split groups alone are a caveat
        caveats = marks([], settings, "split_groups")
        out_of_fold = {**measured.pop(training), "teachers_saw_fold": False, "chose_epoch": False}
        scores[name] = {
            "out_of_fold": out_of_fold | caveats,
            "test": marked(measured, [], settings),
        }
    # of equal ones, and where nothing is held out, the first that the experiment names
    held_out = {name: own["out_of_fold"]["auroc"] for name, own in scores.items()}
    best = max(held_out, key=lambda name: np.nan_to_num(held_out[name], nan=-1.0), default=None)
    comparisons = []
    for name, own in ensembles.items() if best is not None else ():
        # from the same replicates, so that what both find hard is in neither interval
        differences = {
            where: difference(truth, aligned[best][where], own[where], settings, [_COMPARED])
            for where, truth in truths.items()
        }
        stages, out_of_fold = settings["ensembles"][name], differences.pop(training)
        comparisons.append(
            {
                "first": best,
                "second": name,
                "test": marked(differences, stages, settings),
                "out_of_fold": out_of_fold | marks(stages, settings),
            }
        )
    return {
        "scores": scores,
        "best": best,
        "chosen_by": "AUROC out of fold",
        "comparisons": comparisons,
        "not_beaten": [line for pair in comparisons for line in _not_beaten(pair, truths)],
        "about": dict(found.about),
    }


def _not_beaten(pair: Mapping, truths: Mapping[str, GroundTruth]) -> Iterator[str]:
    """Yield a sentence for each test, or out of fold without one, where the interval reaches 0."""
    scored = {name: own for name, own in pair["test"].items() if len(truths[name].recordings)}
    places = {f"on {name}": own for name, own in scored.items()}
    for where, found in (places or {"out of fold": pair["out_of_fold"]}).items():
        measured = {"AUROC": found}
        if named := found.get("identification"):
            measured["top-1"] = named[_COMPARED]
        # without an interval a difference cannot be told from none; an undefined one says nothing
        figures = [
            f"{name} {one['difference']:+.2f} ({one['low']:.2f} to {one['high']:.2f})"
            for name, one in measured.items()
            if not one["low"] > 0 and not np.isnan(one["difference"])
        ]
        if figures:
            baseline = pair["first"].replace("_", " ")
            yield f"{pair['second']} does not beat {baseline} {where}: {', '.join(figures)}"
