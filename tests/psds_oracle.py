"""What sed_scores_eval 0.0.4 says of small cases: golden values, and the program that made them.

``python tests/psds_oracle.py`` writes ``tests/golden/psds.json`` again. It needs a Python of its own,
with ``sed_scores_eval==0.0.4``, ``numpy<2``, ``pandas<3`` and ``setuptools<81``.
"""

import json
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).parent / "golden/psds.json"
SCENARIOS = {  # rates are high because the cases are short: one false positive in 60 s is 60 an hour
    "one": {"dtc_threshold": 0.7, "gtc_threshold": 0.7, "alpha_ct": 0.0, "alpha_st": 1.0,
            "max_efpr": 800.0},
    "two": {"dtc_threshold": 0.1, "gtc_threshold": 0.1, "cttc_threshold": 0.3, "alpha_ct": 0.5,
            "alpha_st": 1.0, "max_efpr": 3000.0},
    "mean": {"dtc_threshold": 0.5, "gtc_threshold": 0.5, "alpha_ct": 0.0, "alpha_st": 0.0,
             "max_efpr": 100.0},
}  # fmt: skip
CLASSES = ["x", "y", "z"]
FRAMES, PER_SECOND, DURATION_S = 40, 4.0, 10.0


def cases(n=4, seed=2022):
    """Return n cases of six recordings; sed_scores_eval refuses classes without events."""
    rng = np.random.default_rng(seed)
    return [_case(rng, f"random-{number}") for number in range(n)]


def figures(case):
    """Return the score by scenario, and by scenario and class, as sed_scores_eval has them."""
    from sed_scores_eval.base_modules.scores import create_score_dataframe
    from sed_scores_eval.intersection_based import psds

    times = np.arange(FRAMES + 1) / PER_SECOND
    scores = {
        name: create_score_dataframe(np.array(own), times, CLASSES)
        for name, own in case["scores"].items()
    }
    truth = {
        name: [tuple(row[1:]) for row in case["reference"] if row[0] == name] for name in scores
    }
    durations = dict.fromkeys(scores, DURATION_S)
    found = {}
    for name, options in SCENARIOS.items():
        total, own, *_ = psds(scores, truth, durations, **options)
        found[name] = {"psds": float(total), "classes": {x: float(own[x]) for x in CLASSES}}
    return found


def main():
    """Write the golden values."""
    stored = [case | {"sed_scores_eval": figures(case)} for case in cases()]
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in stored)
    GOLDEN.write_text(f"[\n{lines}\n]\n")


def _case(rng, name):
    """Return a case whose scores have two digits, so that many are equal."""
    ids = [f"r{number}" for number in range(6)]
    reference, scores = [], {}
    for one in ids:
        own = rng.beta(1, 4, (FRAMES, len(CLASSES)))
        for label in CLASSES:
            if rng.random() < 0.6:
                onset = round(rng.uniform(0, 6), 3)
                offset = round(onset + rng.uniform(0.5, 3.5), 3)
                reference.append([one, onset, offset, label])
                heard = slice(int(onset * PER_SECOND), int(offset * PER_SECOND) + 1)
                own[heard, CLASSES.index(label)] += rng.uniform(0.3, 0.9)
                own[heard, rng.integers(len(CLASSES))] += rng.uniform(0, 0.4)
        scores[one] = np.round(np.minimum(own, 1), 2).tolist()
    return {"name": name, "reference": reference, "scores": scores}


if __name__ == "__main__":
    main()
