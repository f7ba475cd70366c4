"""What metrics of events count per recording and class, and the figures that follow.

Event-based, segment-based and clip-level metrics differ in what is counted (events, segments,
clips) and in when one is matched; from then on they are the same. Counts add up over recordings,
never figures, so a bootstrap replicate is a weighted sum of them. Axes: N recordings, C classes, R
weightings. Mesaros, Heittola and Virtanen (2016), https://doi.org/10.3390/app6060162.

* `Counts`: what was counted.
* `figures`: F, precision, recall and error rate, micro, macro and per class, with the policies.
* `replicates`: the same figures under weightings of the recordings.
* `class_rates`: the figures of each class alone, as arrays.

Of n reference units, d detected ones and m matched ones, F is 2 m / (n + d), the error rate (S + D +
I) / n with S substitutions (a detection stands for a reference of another class), D = n - m - S
deletions and I = d - m - S insertions. A class alone has no substitutions. What a metric divides by
zero is NaN, except that a class with references and without detections has precision 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dawnchorus.metrics.checks import checked_weights, mean_of_known

ABSENT = ("skip", "false_alarms", "zero")  # policies for classes without references
RATES = ("f", "precision", "recall", "error_rate")


@dataclass(frozen=True)
class Counts:
    """What was counted in N recordings of C classes.

    ``reference``, ``detected`` and ``matched`` (N, C): units in the reference, in the detections
    and in both; ``substituted`` (N,): unmatched pairs of different classes; ``rules``: what a unit
    is and when it is matched, for the report.
    """

    ids: tuple[str, ...]
    classes: tuple[str, ...]
    reference: np.ndarray
    detected: np.ndarray
    matched: np.ndarray
    substituted: np.ndarray
    rules: Mapping


def figures(counts: Counts, absent: str = "skip") -> dict:
    """Return the figures of all recordings.

    Parameters
    ----------
    counts : Counts
    absent : {"skip", "false_alarms", "zero"}
        What classes without references are in the macro F and the macro precision. ``skip``: left
        out; ``false_alarms``: 0 where something was detected, else left out; ``zero``: 0 always.
        Macro recall and error rate always leave them out, micro figures always have their
        detections in.

    Returns
    -------
    dict
        ``micro``: `RATES`, with ``reference``, ``detected``, ``matched``, ``substitutions``,
        ``deletions`` and ``insertions``; ``macro``: `RATES` and ``n_classes`` in the mean of F;
        ``classes``: by name, `RATES` and counts; ``policy``: rules, policies and whom they concern.
    """
    once = np.ones((1, len(counts.ids)), dtype=np.int64)
    totals = [total[0] for total in _totals(counts, once)]
    values = replicates(counts, once, absent)
    micro = {rate: float(values[f"micro_{rate}"][0]) for rate in RATES}
    macro = {rate: float(values[f"macro_{rate}"][0]) for rate in RATES}
    in_mean = _for_macro(_rates(*totals[:3])["f"], *totals[:2], absent)
    return {
        "micro": micro | _counted(*(int(total.sum()) for total in totals)),
        "macro": macro | {"n_classes": int((~np.isnan(in_mean)).sum())},
        "classes": _of_classes(counts, *totals[:3]),
        "policy": dict(counts.rules) | _policy(counts, totals[0], totals[1], absent),
    }


def replicates(counts: Counts, weights: np.ndarray, absent: str = "skip") -> dict[str, np.ndarray]:
    """Return micro and macro figures under R weightings of the recordings.

    Parameters
    ----------
    counts : Counts
    weights : array, shape (R, N)
        How often each recording stands in a replicate; finite, at least 0.
    absent : {"skip", "false_alarms", "zero"}
        As for `figures`; a class may be absent from some replicates only.

    Returns
    -------
    dict of array, shape (R,)
        ``micro_f``, ``macro_f`` and so on for all of `RATES`; NaN where a figure is not defined.
    """
    if absent not in ABSENT:
        raise ValueError(f"policy for absent classes {absent!r}; expected one of {ABSENT}")
    reference, detected, matched, substituted = _totals(counts, weights)
    sums = (total.sum(axis=1) for total in (reference, detected, matched))
    found = {f"micro_{rate}": value for rate, value in _rates(*sums, substituted).items()}
    for rate, value in _rates(reference, detected, matched).items():
        if rate in ("f", "precision"):  # the others are not defined for absent classes
            value = _for_macro(value, reference, detected, absent)
        found[f"macro_{rate}"] = mean_of_known(value.T)
    return found


def class_rates(counts: Counts) -> dict[str, np.ndarray]:
    """Return `RATES` of each class alone, arrays of shape (C,), NaN where not defined."""
    fields = counts.reference, counts.detected, counts.matched
    return _rates(*(field.sum(axis=0) for field in fields))


def _totals(counts: Counts, weights: np.ndarray) -> list[np.ndarray]:
    """Return weighted sums of reference, detected and matched (R, C) and of substituted (R,)."""
    weights = checked_weights(weights, len(counts.ids))
    fields = counts.reference, counts.detected, counts.matched, counts.substituted
    return [weights @ field for field in fields]


def _rates(reference, detected, matched, substituted=0) -> dict[str, np.ndarray]:
    """Return `RATES` of sums of any one shape, NaN where not defined."""
    errors = reference + detected - 2 * matched - substituted
    precision = np.where((detected == 0) & (reference > 0), 0.0, _share(matched, detected))
    return {
        "f": _share(2 * matched, reference + detected),
        "precision": precision,
        "recall": _share(matched, reference),
        "error_rate": _share(errors, reference),
    }


def _for_macro(values, reference, detected, absent: str) -> np.ndarray:
    """Return values with those of absent classes as the policy wants them, NaN for left out."""
    if absent == "zero":
        return np.where(reference > 0, values, 0.0)
    left = (detected > 0) if absent == "false_alarms" else np.zeros_like(detected, dtype=bool)
    return np.where(reference > 0, values, np.where(left, 0.0, np.nan))


def _share(part, whole) -> np.ndarray:
    return part / np.where(whole > 0, whole, np.nan)


def _counted(reference: int, detected: int, matched: int, substituted: int = 0) -> dict:
    return {
        "reference": reference,
        "detected": detected,
        "matched": matched,
        "substitutions": substituted,
        "deletions": reference - matched - substituted,
        "insertions": detected - matched - substituted,
    }


def _of_classes(counts: Counts, reference, detected, matched) -> dict[str, dict]:
    """Return `RATES` and counts by class."""
    rates = class_rates(counts)
    return {
        name: {rate: float(values[number]) for rate, values in rates.items()}
        | _counted(int(reference[number]), int(detected[number]), int(matched[number]))
        for number, name in enumerate(counts.classes)
    }


def _policy(counts: Counts, reference, detected, absent: str) -> dict:
    """Return what was decided where a figure is not defined, and whom that concerns."""
    names = np.array(counts.classes, dtype=object)
    is_empty = counts.reference.sum(axis=1) == 0
    is_silent = counts.detected.sum(axis=1) == 0
    return {
        "absent_classes": absent,
        "classes_without_reference": names[reference == 0].tolist(),
        "classes_without_detections": names[(reference > 0) & (detected == 0)].tolist(),
        "precision_without_detections": 0.0,
        "recordings": len(counts.ids),
        "recordings_without_reference": int(is_empty.sum()),
        "recordings_without_reference_with_detections": int((is_empty & ~is_silent).sum()),
    }
