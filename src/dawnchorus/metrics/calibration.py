"""Calibration: scores of recordings as probabilities, by parameters that were fitted before.

A calibrated score of 0.8 is right in 80 of 100 recordings like those that it was fitted on. A map is
fitted for each class, on out-of-fold scores alone (`dawnchorus.targets.calibration_fit`), and applying
it needs only NumPy, so that an exported model can carry it. The parameters are plain values, as JSON
holds them::

    {"method": "platt", "unit": "recording", "classes": {"Great Tit": {"slope": 0.8, "intercept": -1.2}}}

* ``temperature``, ``platt``: sigmoid(slope * logit(score) + intercept), where temperature has only a
  slope, one over the temperature. Guo et al. (2017), https://arxiv.org/abs/1706.04599; Platt (1999).
* ``isotonic``: linear between the points ``x``, ``y``. Zadrozny and Elkan (2002). It makes scores
  equal that were not, so that ranks may change.
* A class with an empty mapping has no map: its scores stay as they are.

All maps rise, so a threshold may be mapped like a score. They were fitted on scores of recordings; a
window's score is another quantity, of which the map is an approximation. Axes: N recordings, C classes.

* `apply`: scores, or thresholds, through the maps.
* `description`: what a table or a summary says beside scores.
"""

from collections.abc import Mapping, Sequence

import numpy as np

METHODS = ("temperature", "platt", "isotonic")
# Scores are float32, which cannot tell 1 - 1e-8 from 1: the logit is cut where they end.
LOWEST = 1e-7


def apply(parameters: Mapping | None, scores: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
    """Return calibrated scores.

    Parameters
    ----------
    parameters : mapping or None
        See the module; None: not calibrated.
    scores : array, shape (..., C)
        In [0, 1]; NaN stays.
    class_names : sequence of str
        C names.

    Returns
    -------
    array, shape (..., C)
        In [0, 1], of the type of the scores.

    Raises
    ------
    ValueError
        Where the method is unknown, or a class has no entry.
    """
    scores = np.asarray(scores)
    if parameters is None:
        return scores
    method, maps = parameters["method"], parameters["classes"]
    if method not in METHODS:
        raise ValueError(f"calibration by {method!r}; expected one of {', '.join(METHODS)}")
    if missing := [name for name in class_names if name not in maps]:
        raise ValueError(
            f"the calibration has no map of {len(missing)} of {len(class_names)} classes: "
            f"{missing[:5]!r}; fit it again with these classes"
        )
    found = scores.copy()
    for column, name in enumerate(class_names):
        about, own = maps[name], scores[..., column].astype(np.float64)
        if "x" in about:
            found[..., column] = np.interp(own, about["x"], about["y"])
        elif "slope" in about:
            linear = about["slope"] * logit(own) + about.get("intercept", 0.0)
            found[..., column] = 1 / (1 + np.exp(-linear))
    return found


def logit(scores: np.ndarray) -> np.ndarray:
    """Return log(score / (1 - score)), finite for 0 and 1 too."""
    scores = np.clip(scores, LOWEST, 1 - LOWEST)
    return np.log(scores / (1 - scores))


def description(parameters: Mapping | None) -> str:
    """Return ``calibrated: platt``, or ``not calibrated``."""
    return "not calibrated" if parameters is None else f"calibrated: {parameters['method']}"
