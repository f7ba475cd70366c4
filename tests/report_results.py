"""Results of an experiment without training: what a report is made of, with an awkward name."""

import json

import audio_shards
import numpy as np
import test_evaluation

from dawnchorus.audio.verdicts import VERDICT_COLUMNS
from dawnchorus.report import report_page
from dawnchorus.runtime import artefacts
from dawnchorus.settings.experiment import Experiment
from dawnchorus.settings.load import merged

AWKWARD = '<script>alert("1")</script> & <b>crow'
CLASSES = (AWKWARD, "owl", "wren")
RATE = 8000  # Hz


def written(folder, name="tiny", seed=8, n_field=24):
    """Return what a plan asks of a report, of an experiment that is written into a folder.

    Its scores follow from the seed, its labels do not; ``n_field`` recordings are tested.
    """
    made = test_evaluation.Experiment(folder, class_names=CLASSES)
    some, code = (AWKWARD, "owl", "", "wren;owl"), {23: "AUDIO_TRUNCATED"}
    made.add_corpus("alpha", 30, labels={i: some[i % 7 % 4] for i in range(30)})
    made.add_corpus("field", n_field, labels={i: some[i % 4] for i in range(n_field)}, verdict=code)
    rng = np.random.default_rng(3)
    for corpus, path in made.verdicts.items():
        rows = []
        for row in artefacts.read_table(path):
            is_used = row["verdict"] == "used"
            length = ("", "", 12.5, 44100) if is_used else ("0 bytes <are> missing", "", 0, 0)
            rows.append((row["id"], row["verdict"], *length, ""))
        artefacts.write_table(path, VERDICT_COLUMNS, rows)
        sound = {row[0]: [audio_shards.noise(rng, 4 * RATE)] for row in rows if row[1] == "used"}
        audio_shards.write_audio(folder / corpus, sound, RATE)
    made.run(seed=seed)
    given = {
        "train": ["alpha"], "test": ["field"], "frontend": "bulbul",
        "ensembles": made.settings["ensembles"],
        "stages": {stage: {"targets": {"from": "labels"}} for stage in made.settings["stages"]},
    }  # fmt: skip
    whole = merged([("given", {"run": [name], "experiments": {name: given}})])
    settings = Experiment.model_validate(whole["experiments"][name]).complete()
    for section in ("folds", "evaluation"):
        settings[section] |= made.settings[section]
    settings["seed"] = made.settings["seed"]
    asked = {
        "name": name, "settings": settings, "changed": {"seed": 3, "note": AWKWARD},
        "frontends": {"bulbul": {"kind": "log_mel", "audio": "mono", "n_mels": 80}},
        "audio": {"mono": {"sample_rate": 22050}}, "metrics": folder / "metrics.json",
        "folds": folder / "folds.csv", "events": None, "detections": [], "audits": {}, "histories": {},
        "ensembles": made.ensembles, "labels": made.labels, "verdicts": made.verdicts,
        "windows": {name: {c: [p] for c, p in own.items()} for name, own in made.scores.items()},
        "sources": {},
        "sound": {corpus: {"folder": folder / corpus, "shards": 1} for corpus in made.labels},
    }  # fmt: skip
    return json.loads(json.dumps(asked, default=str))


def reported(asked, results, folder):
    """Write the report of what was asked, with the record that a job would leave; return its folder."""
    inputs = [asked["metrics"], asked["folds"]]
    about = {
        "rule": "report", "wildcards": {"experiment": asked["name"]}, "library": {},
        "settings": {"report": asked},
        "inputs": {path: artefacts.sha256(path) for path in inputs},
    }  # fmt: skip
    with artefacts.record_job({"results": results, "about": about}):
        report_page.write_report(asked, folder / "report.html")
    return folder
