"""What sed_eval 0.2.1 says of small cases: golden values, and the program that made them.

``python tests/sed_eval_oracle.py`` writes ``tests/golden/sed_eval.json`` again, where sed_eval is
installed. Where it is not, the tests compare with the stored values.
"""

import importlib
import json
import math
import warnings
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).parent / "golden/sed_eval.json"
COLLAR_S, SHARE, SEGMENT_S = 0.2, 0.2, 1.0

# What each trap is, in a case for one's head: rows are (id, onset_s, offset_s, class).
TRAPS = {
    # a class without detections is dropped from the macro means: F 1 where recall is 0.5
    "macro_nanmean": (
        ["a"],
        [("a", 0, 1, "x"), ("a", 2, 3, "y")],
        [("a", 0, 1, "x")],
    ),
    # zero_score: a class without references counts 0 in the macro precision, not in the macro F
    "absent_class": (
        ["a", "b"],
        [("a", 0, 1, "x")],
        [("a", 0, 1, "x"), ("b", 4, 5, "y")],
    ),
    # rates are divided by the smallest float there is: error rate 4.5e15
    "empty_reference": (["a"], [], [("a", 0, 1, "x"), ("a", 2, 3, "y")]),
    "empty_system_output": (["a"], [("a", 0, 1, "x"), ("a", 2, 3, "y")], []),
    # 5.2 - 5.0 is more than 0.2 in binary: not within the collar
    "collar_without_tolerance": (["a"], [("a", 5.0, 6.0, "x")], [("a", 5.2, 6.0, "x")]),
    # the first reference left over takes the only detection that the second one could have had
    "greedy_substitutions": (
        ["a"],
        [("a", 1.0, 2, "x"), ("a", 1.1, 2, "y")],
        [("a", 1.15, 2, "z"), ("a", 0.85, 2, "z")],
    ),
    # 0.3 / 0.1 is less than 3 in binary: the event is active in the segment before it
    "segments_without_tolerance": (["a"], [("a", 0.3, 0.6, "x")], [("a", 0.2, 0.3, "x")]),
}


def find():
    """Return the module sed_eval, or None where it cannot be imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pkg_resources, and of old syntax
        try:
            return importlib.import_module("sed_eval")
        except ImportError:
            return None


def cases(n=3, seed=2018):
    """Return the traps and n random cases, in which every class is there and is detected."""
    found = [
        {"name": name, "ids": ids, "classes": ["x", "y", "z"],
         "segment_s": 0.1 if name.startswith("segments") else SEGMENT_S,
         "reference": [list(row) for row in reference], "detected": [list(row) for row in detected]}
        for name, (ids, reference, detected) in TRAPS.items()
    ]  # fmt: skip
    rng = np.random.default_rng(seed)
    return found + [drawn_case(rng, f"random-{number}") for number in range(n)]


def drawn_case(rng, name="random"):
    """Return a case of eight recordings, one without events, and three classes."""
    ids, classes = [f"r{number}" for number in range(8)], ["x", "y", "z"]
    while True:
        reference = [row for one in ids[1:] for row in _events(rng, one, classes, 2.5)]
        detected = [row for one in ids for row in _events(rng, one, classes, 0.7)]
        detected += [_moved(rng, row, classes) for row in reference if rng.random() < 0.8]
        if all({row[3] for row in rows} == set(classes) for rows in (reference, detected)):
            break
    return {"name": name, "ids": ids, "classes": classes, "segment_s": SEGMENT_S,
            "reference": reference, "detected": detected}  # fmt: skip


def figures(sed_eval, case):
    """Return what sed_eval says of a case, by metric and by handling of empty output."""
    told = sed_eval.sound_event
    collars = {"t_collar": COLLAR_S, "percentage_of_length": SHARE}
    metrics = {
        f"event_{handling or 'nan'}": told.EventBasedMetrics(
            case["classes"], empty_system_output_handling=handling, **collars
        )
        for handling in (None, "zero_score")
    }
    metrics["segment"] = told.SegmentBasedMetrics(
        case["classes"], time_resolution=case["segment_s"]
    )
    for metric in metrics.values():
        for one in case["ids"]:
            metric.evaluate(*(_listed(case[side], one) for side in ("reference", "detected")))
    return {name: _figures(metric, case["classes"]) for name, metric in metrics.items()}


def main():
    """Write the golden values."""
    sed_eval = find()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nanmean of nothing
        stored = [case | {"sed_eval": figures(sed_eval, case)} for case in cases()]
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in stored)
    GOLDEN.write_text(f"[\n{lines}\n]\n")


def _events(rng, one, classes, mean):
    onsets = rng.uniform(0, 8, rng.poisson(mean))
    return [
        [one, round(onset, 6), round(onset + rng.uniform(0.3, 3), 6), str(rng.choice(classes))]
        for onset in onsets
    ]


def _moved(rng, row, classes):
    one, onset, offset, label = row
    label = str(rng.choice(classes)) if rng.random() < 0.2 else label
    onset = max(0.0, onset + rng.normal(0, 0.15))
    return [one, round(onset, 6), round(max(onset + 0.1, offset + rng.normal(0, 0.25)), 6), label]


def _listed(rows, one):
    return [
        {
            "file": name,
            "event_onset": float(onset),
            "event_offset": float(offset),
            "event_label": label,
        }
        for name, onset, offset, label in rows
        if name == one
    ]


def _figures(metric, classes):
    overall, average = metric.results_overall_metrics(), metric.results_class_wise_average_metrics()
    each = metric.results_class_wise_metrics()
    return {
        "micro": _plain(overall),
        "macro": _plain(average),
        "classes": {name: _plain(each[name]) for name in classes},
    }


def _plain(said):
    rates = {**said["f_measure"], **said["error_rate"]}
    return {name: None if math.isnan(value) else value for name, value in rates.items()}


if __name__ == "__main__":
    main()
