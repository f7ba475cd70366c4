"""Thresholds for a wanted precision, recall or number of false alarms per hour.

A threshold is chosen for each class, on scores of recordings that the model did not train on. The
curve of a class holds what every threshold gives; it is plain values, as JSON holds them, so that an
exported model can carry it and a threshold can be asked for later. A recording is classified as
positive where its score is at or above the threshold; a false alarm is a negative recording that is.
Axes: N recordings, K points.

* `operating_curve`: the curve of a class.
* `threshold_for`: the threshold that reaches a goal, with what it gives; `thresholds_for`: those of
  several classes.
* `GOALS`: the goals there are.
"""

from collections.abc import Mapping

import numpy as np

from dawnchorus.metrics.checks import checked, counts_by_threshold

GOALS = {
    "precision": "a precision of at least",
    "recall": "a recall of at least",
    "false_alarms_per_hour": "false alarms per hour of at most",
}
MOST_POINTS = 200  # of a curve that is kept


def operating_curve(
    targets: np.ndarray, scores: np.ndarray, hours: float, most: int = MOST_POINTS
) -> dict:
    """Return what each threshold gives.

    Parameters
    ----------
    targets, scores : array, shape (N,)
        0 or 1, and finite.
    hours : float
        Length of all recordings together [h]; NaN: not known, and then nor are false alarms per hour.
    most : int
        Points that are kept at most: of more those at equal steps of rank, with both ends.

    Returns
    -------
    dict
        ``n``, ``n_positive``, ``hours`` and, highest first, ``threshold``, ``hits`` and
        ``false_alarms`` (K each): a list each.
    """
    targets, scores = checked(targets, scores, ndim=1)
    thresholds, hits, false_alarms = counts_by_threshold(targets, scores)
    if len(thresholds) > most:
        # most thresholds matter where scores are high, which is where ranks are low: half of the
        # points for the upper end, half over all
        last = len(thresholds) - 1
        steps = [np.geomspace(1, last, most // 2), np.linspace(0, last, most - most // 2)]
        kept = np.unique(np.concatenate(steps).round().astype(np.int64))
        thresholds, hits, false_alarms = thresholds[kept], hits[kept], false_alarms[kept]
    return {
        "n": len(targets),
        "n_positive": int(targets.sum()),
        "hours": None if np.isnan(hours) else float(hours),
        "threshold": thresholds.tolist(),
        "hits": hits.tolist(),
        "false_alarms": false_alarms.tolist(),
    }


def threshold_for(curve: Mapping, goal: str, wanted: float, class_name: str) -> dict:
    """Return the threshold of a class that reaches a goal and misses the fewest positives.

    Parameters
    ----------
    curve : mapping
        As `operating_curve` returns it.
    goal : str
        One of `GOALS`.
    wanted : float
        Precision and recall in (0, 1]; false alarms per hour at least 0.
    class_name : str
        For the message.

    Returns
    -------
    dict
        ``threshold``, ``precision``, ``recall``, ``false_alarms_per_hour`` (None: the hours are not
        known) and ``n_predicted``. Of recall it is the highest threshold that reaches it, of the others
        the lowest one.

    Raises
    ------
    ValueError
        Where no threshold reaches it: what the nearest one gives, and on how many recordings.
    """
    if goal not in GOALS:
        raise ValueError(f"threshold for {goal!r}; expected one of {', '.join(GOALS)}")
    if goal == "false_alarms_per_hour":
        if not wanted >= 0:
            raise ValueError(f"{goal} {wanted!r}; expected 0 or more")
        if not curve["hours"]:
            raise ValueError(
                f"class {class_name!r}: the length of the recordings is not known, so no threshold can "
                "be chosen by false alarms per hour; ask for a precision or a recall"
            )
    elif not 0 < wanted <= 1:
        raise ValueError(f"{goal} {wanted!r}; expected more than 0 and at most 1")
    if not curve["n_positive"]:
        raise ValueError(
            f"class {class_name!r}: none of {curve['n']} recordings scored out of fold has it, so no "
            "threshold can be chosen; give a number"
        )
    hits, false_alarms = (np.asarray(curve[name]) for name in ("hits", "false_alarms"))
    values = {
        "precision": hits / (hits + false_alarms),
        "recall": hits / curve["n_positive"],
        "false_alarms_per_hour": false_alarms / (curve["hours"] or np.nan),
    }
    is_cost = goal == "false_alarms_per_hour"
    reached = np.flatnonzero(values[goal] <= wanted if is_cost else values[goal] >= wanted)
    if not len(reached):
        best = int(np.argmin(values[goal]) if is_cost else np.argmax(values[goal]))
        what = "least" if is_cost else "most"
        raise ValueError(
            f"class {class_name!r}: no threshold gives {GOALS[goal]} {wanted:g}; the {what} is "
            f"{values[goal][best]:.3g}, at a score of {curve['threshold'][best]:.3g} "
            f"({hits[best]} of {hits[best] + false_alarms[best]} recordings are right); ask for "
            f"{'more' if is_cost else 'less'}, or give a number"
        )
    point = int(reached[0] if goal == "recall" else reached[-1])
    about = {name: float(one[point]) for name, one in values.items()}
    if not curve["hours"]:
        about["false_alarms_per_hour"] = None
    n_predicted = int(hits[point] + false_alarms[point])
    return {"threshold": float(curve["threshold"][point]), **about, "n_predicted": n_predicted}


def thresholds_for(
    curves: Mapping[str, Mapping], goal: str, wanted: float
) -> tuple[dict[str, float], list[str]]:
    """Return the thresholds of the classes that reach a goal, and a sentence on each of the others.

    Parameters
    ----------
    curves : mapping of class to curve
    goal, wanted
        As `threshold_for` has them.

    Raises
    ------
    ValueError
        Where no class reaches it.
    """
    found, sentences = {}, []
    for name, curve in curves.items():
        try:
            found[name] = threshold_for(curve, goal, wanted, name)["threshold"]
        except ValueError as error:
            sentences.append(str(error))
    if not found:
        raise ValueError(sentences[0] if sentences else f"no class to choose {goal} {wanted:g} for")
    return found, sentences
