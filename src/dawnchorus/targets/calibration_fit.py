"""Fit of the calibration of an ensemble, on out-of-fold scores of labelled recordings alone.

What the parameters mean is said in `dawnchorus.metrics.calibration`. Test recordings are not read here.
Each map is fitted again without each fold, so that the error of calibrated scores can be measured on
recordings that neither a model nor a map has seen.

* `calibrate`: the parameters of an ensemble, as a file.
* `fit_maps`: the maps of classes.

Axes: N recordings, C classes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.metrics.calibration import logit
from dawnchorus.metrics.checks import checked
from dawnchorus.runtime import artefacts
from dawnchorus.runtime.logs import LOG
from dawnchorus.scores import score_files
from dawnchorus.targets.ground_truth import aligned_scores, read_training_set

# Of positives and of negatives: with fewer a map of a class of its own follows single recordings, and
# the class gets the map of all classes together.
LEAST = 10
_MOST_PAIRS = 200_000  # pairs of recording and class that are fitted one by one
_NAMED = 5  # classes a message names


def calibrate(
    recording_scores: Mapping[str, str | Path],
    labels: Mapping[str, str | Path],
    folds_path: str | Path,
    settings: Mapping,
    output: str | Path,
) -> None:
    """Fit the calibration of an ensemble and write its parameters.

    Parameters
    ----------
    recording_scores : mapping of corpus to path
        Of the training corpora; the scores are out of fold.
    labels : mapping of corpus to path
        Label tables.
    folds_path : path
        CSV of ``corpus``, ``id``, ``fold``.
    settings : mapping
        ``folds`` (``count``, ``by``) and ``calibration`` (``method``, ``per_class``).
    output : path
        JSON: ``method``, ``per_class``, ``unit``, ``fitted_on``, ``classes`` (of each its map, ``n``,
        ``n_positive`` and ``fitted``: "own", "pooled" or "none") and ``folds``: ``classes`` again,
        fitted without the recordings of a fold; empty where there is one fold alone.

    Raises
    ------
    ValueError
        Where no recording is scored out of fold, files score other classes, or the scores of all
        classes together do not rise with the labels.
    """
    found = {name: score_files.read_recordings(path) for name, path in recording_scores.items()}
    class_names = next(iter(found.values())).class_names
    for name, path in recording_scores.items():
        if found[name].class_names != class_names:
            raise ValueError(
                f"{path} scores the classes {found[name].class_names[:_NAMED]!r}, other files "
                f"{class_names[:_NAMED]!r}; predict again"
            )
    truth, _ = read_training_set(labels, folds_path, class_names, settings["folds"])
    if not truth.recordings:
        raise ValueError(
            "no labelled recording is scored out of fold, so no calibration can be fitted; hold some "
            "out (folds), or set calibration.method: none"
        )
    tables = {name: (one.ids, one.scores) for name, one in found.items()}
    scores = aligned_scores(truth, tables, "the ensemble")
    chosen = settings["calibration"]
    maps = fit_maps(truth.targets, scores, class_names, chosen)
    folds = np.unique(truth.folds).tolist()
    without = {
        str(fold): fit_maps(
            truth.targets[truth.folds != fold], scores[truth.folds != fold], class_names, chosen
        )
        for fold in (folds if len(folds) > 1 else ())
    }
    trained_on = ", ".join(sorted({corpus for corpus, _ in truth.recordings}))
    content = {
        "method": chosen["method"],
        "per_class": chosen["per_class"],
        "unit": "recording",
        "fitted_on": f"out-of-fold scores of {trained_on} ({len(scores)} labelled recordings)",
        "classes": maps,
        "folds": without,
    }
    artefacts.write_json(output, content)
    for kind, said in (
        (
            "pooled",
            f"have fewer than {LEAST} positives or negatives and get the map of all classes",
        ),
        ("none", "are not calibrated: their scores do not rise with the labels"),
    ):
        names = [name for name, one in maps.items() if one["fitted"] == kind]
        if names and (kind == "none" or chosen["per_class"]):
            LOG.info(
                "warning: %d of %d classes %s: %s",
                len(names), len(maps), said, ", ".join(names[:_NAMED]),
            )  # fmt: skip


def fit_maps(
    targets: np.ndarray, scores: np.ndarray, class_names: Sequence[str], settings: Mapping
) -> dict[str, dict]:
    """Return the map of each class.

    Parameters
    ----------
    targets, scores : array, shape (N, C)
        0 or 1, and in [0, 1].
    class_names : sequence of str
        C names.
    settings : mapping
        ``method`` and ``per_class``; without it all classes have one map.

    Returns
    -------
    dict
        By class: the map, ``n``, ``n_positive`` and ``fitted``: "own", "pooled" (on all classes
        together) or "none" (there is no map that rises, so scores stay as they are).
    """
    targets, scores = checked(targets, scores, ndim=2)
    pooled: dict | None = None
    found = {}
    for name, target, score in zip(class_names, targets.T, scores.T, strict=True):
        n_positive = int(target.sum())
        is_own = settings["per_class"] and LEAST <= n_positive <= len(target) - LEAST
        if is_own:
            about = _fit(target, score, settings["method"])
        else:
            if pooled is None:
                pooled = _fit(targets.ravel(), scores.ravel(), settings["method"])
            about = pooled
        fitted = ("own" if is_own else "pooled") if about else "none"
        found[name] = {**about, "n": len(target), "n_positive": n_positive, "fitted": fitted}
    return found


def _fit(targets: np.ndarray, scores: np.ndarray, method: str) -> dict:
    """Return the map of some scores (N,); empty where none rises."""
    if not 0 < targets.sum() < len(targets):
        return {}
    # Imported here: the plan reaches this module, and scikit-learn takes a second.
    if method == "isotonic":
        from sklearn.isotonic import IsotonicRegression

        model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, targets)
        x, y = model.X_thresholds_.tolist(), model.y_thresholds_.tolist()
        return {"x": x, "y": y} if y[0] < y[-1] else {}
    from sklearn.linear_model import LogisticRegression

    values = logit(scores)
    if len(values) > _MOST_PAIRS:
        values = values.round(3)  # equal ones count together: steps of a thousandth change no digit
    values, place = np.unique(values, return_inverse=True)
    n_positive = np.bincount(place, targets)
    counts = np.stack([np.bincount(place) - n_positive, n_positive])  # (2, values)
    # Platt's targets instead of 0 and 1: with these a class that its scores separate has a steep
    # map and not an infinite one
    n_negative, n_positive = counts.sum(axis=1)
    soft = np.array([1 / (n_negative + 2), (n_positive + 1) / (n_positive + 2)])
    model = LogisticRegression(
        C=np.inf, fit_intercept=method == "platt", tol=1e-8, max_iter=1000
    ).fit(
        np.concatenate([values, values])[:, np.newaxis],
        np.repeat([0, 1], len(values)),
        np.concatenate([(1 - soft) @ counts, soft @ counts]),
    )
    slope = float(model.coef_[0, 0])
    about = {"slope": slope}
    if method == "platt":
        about["intercept"] = float(model.intercept_[0])
    return about if slope > 0 else {}
