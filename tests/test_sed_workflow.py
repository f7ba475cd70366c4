"""The experiment of DCASE 2018 task 4, run whole on a synthetic corpus, and what goes beyond it.

Weak labels with both separators, unlabelled clips, a test list with two events of one class in a clip,
an empty clip and a missing file; tones over noise that a small network learns in seconds.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import sed_tree
import tiny
import yaml

from dawnchorus.corpora import tables
from dawnchorus.formats.annotations import dcase
from dawnchorus.runtime import artefacts
from dawnchorus.targets import targets_table

pytestmark = pytest.mark.slow  # a minute or more of whole runs

ROOT = Path(__file__).parents[1]
DATA = "data/dcase2018_task4"
SMALL = {"filters": [8, 8, 8], "units": [8], "dropout": 0.0, "input_dropout": 0.0}
TRAINING = {
    "epochs": 30, "steps_per_epoch": 4, "batch_size": 8, "learning_rate": 0.01,
    "checkpoint_every": 30,
}  # fmt: skip


def overlay(**events):
    """Return the experiment with a small network and short clips."""
    lists = {"test": "task4-test", "eval": "task4-eval"}
    return {
        "run": ["small"],
        "corpora": {
            "clips": {"like": "task4-train", "shards": 1},
            **{name: {"like": of, "shards": 1} for name, of in lists.items()},
        },
        "experiments": {
            "small": {
                "like": "serizel2018", "train": ["clips:weak"], "test": ["test"],
                "window": 100, "model": {"pooling": "linear_softmax", **SMALL}, "training": TRAINING,
                "folds": {"shares": {"validation": 0.25}},
                "stages": {
                    "second": {
                        "targets": {"unlabelled": ["clips:unlabelled"]},
                        "training": {"batch_size": 8, "steps_per_epoch": 4, "epochs": 10},
                    },
                },
                "evaluation": {"replicates": 100},
                "events": {
                    "validation": ["eval"],
                    "decodings": {
                        "published": {"filter_s": 0.1}, "clips": {"filter_s": 0.1},
                        "tuned": {"tune": "events"},
                    },
                    "exports": [["second", "tuned"]], "drawn": ["all"], **events,
                },
            },
        },
    }  # fmt: skip


def beyond():
    """Return the same with a stage of pseudo-labelled frames, and a mean teacher."""
    settings = overlay()
    small = settings["experiments"]["small"]
    short = {"epochs": 2, "steps_per_epoch": 2, "early_stopping": {"from_epoch": 1}}
    unlabelled = ["clips:unlabelled"]
    small["stages"] |= {
        "frames": {
            "targets": {
                "from": "predictions", "stage": "first", "unlabelled": unlabelled, "select": "all",
                "labels": "hard", "level": "frame", "parts": 1, "labelled": "validate",
            },
            "output": "frame", "training": short,
        },
        "mean": {
            "targets": {"from": "mean_teacher", "unlabelled": unlabelled, "unlabelled_batch": 4},
            "training": short, "augmentation": {"rotate": True, "mixup": 0.2},
        },
    }  # fmt: skip
    small["ensembles"] = {"frames": ["frames"], "mean": ["mean"]}
    return settings


def ran(folder, settings, *arguments):
    (folder / "small.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    found = subprocess.run(
        [
            sys.executable, "-m", "snakemake", "--cores", "2", "-s", str(ROOT / "Snakefile"),
            "--directory", str(folder),
            "--configfile", str(ROOT / "experiments/serizel2018.yaml"),
            str(folder / "small.yaml"), *arguments,
        ],
        env=os.environ, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr
    return found


def lay_out(tree, data):
    """Give a tree the names of the challenge's copy; its validation part is the evaluation list."""
    shutil.move(tree.folder, data)
    (data / "audio/validation").rename(data / "audio/eval")
    lists = {
        "train/weak": "train/weak", "train/unlabel_in_domain": "train/unlabel_in_domain",
        "test": "test/test", "validation": "eval/eval",
    }  # fmt: skip
    for old, new in lists.items():
        (data / f"metadata/{new}.csv").parent.mkdir(exist_ok=True)
        (data / f"metadata/{old}.tsv").rename(data / f"metadata/{new}.csv")


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    """The two passes: folder, tree, seconds."""
    folder = tmp_path_factory.mktemp("task4")
    rng = np.random.default_rng(2018)
    tree = sed_tree.make(folder / "made", rng, n_weak=24, sample_rate=44100)
    (folder / "data").mkdir()
    lay_out(tree, folder / DATA)
    started = time.monotonic()
    ran(folder, overlay())
    return folder, tree, time.monotonic() - started


def figures(folder, ensemble="second", decoding="tuned"):
    found = json.loads((folder / "results/small/events.json").read_text())
    return found["ensembles"][ensemble]["decodings"][decoding]["test"]["test"]


def test_the_networks_find_the_tones(baseline):
    folder, *_ = baseline
    assert figures(folder, "first")["events"]["macro"]["f"] > 0.3
    assert figures(folder, "second")["segments"]["macro"]["f"] > 0.3


def test_missing_clips_are_listed(baseline):
    folder, tree, _ = baseline
    missing = [clip.id for clip in tree.clips if clip.is_missing]
    rows = tables.read_excluded(next(folder.glob("results/corpora/test/excluded-*.parquet")))
    assert [name for name, _, _ in rows] == missing
    assert {code for _, code, _ in rows} == {"MISSING_FILE"}


def test_thresholds_are_tenths_chosen_by_the_validation_clips(baseline):
    folder, *_ = baseline
    rows = artefacts.read_table(folder / "results/small/stages/second/thresholds.csv")
    assert [row["class"] for row in rows] == list(sed_tree.CLASSES)
    assert all(float(row["threshold"]) * 10 == round(float(row["threshold"]) * 10) for row in rows)
    folds = artefacts.read_table(folder / "results/small/folds.csv")
    validating = sum(row["fold"] == "1" for row in folds)
    assert {row["recordings"] for row in rows} == {str(validating)}


def test_second_pass_trains_on_hard_labels_and_is_watched_by_the_weak_clips(baseline):
    folder, tree, _ = baseline
    told = targets_table.read(folder / "results/small/stages/second/targets.parquet")
    pseudo = told.values[told.part == 1]
    assert pseudo.shape == (len(tree.of("unlabelled")), len(sed_tree.CLASSES))
    assert set(pseudo.ravel()) <= {0, 1}
    record = json.loads(
        (folder / "results/.provenance/small/stages/second/f1p0s1.keras.json").read_text()
        if (folder / "results/.provenance/small/stages/second/f1p0s1.keras.json").exists()
        else (folder / "results/.provenance/small/stages/second/f1p1s1.keras.json").read_text()
    )
    assert any(path.endswith("stages/second/targets.parquet") for path in record["inputs"])


def test_the_challenge_gets_every_event_once(baseline):
    folder, tree, _ = baseline
    path = folder / "results/small/detections/second.tuned.test.tsv"
    assert path.read_text().splitlines()[0].split("\t") == [
        "filename", "onset", "offset", "event_label",
    ]  # fmt: skip
    found = dcase.read_strong(path)
    events = artefacts.read_table(path.with_suffix(".csv"))
    assert len([event for event in found.events]) == len(events)
    there = {clip.id for clip in tree.of("test") if not clip.is_missing}
    assert {event["id"] for event in events} <= there


def test_exports_have_a_picture_and_scores_of_every_clip(baseline):
    folder, tree, _ = baseline
    exported = folder / "results/small/detections/second.tuned.test"
    there = {clip.id for clip in tree.of("test") if not clip.is_missing}
    rows = artefacts.read_table(exported / "index.csv")
    assert {row["id"] for row in rows} == there
    for kind, ending in (("scores", ".tsv"), ("pictures", ".png")):
        assert len(list((exported / kind).glob(f"*{ending}"))) == len(there)


def test_a_setting_of_events_makes_stale_what_uses_it(baseline):
    folder, *_ = baseline
    planned = ran(folder, overlay(segment_s=0.5), "-n").stdout
    assert {name for name, _ in tiny.dry_jobs(planned)} - {"all"} == {
        "evaluate_events",
        "report",
    }


def test_duplicated_rows_lower_the_score_and_retrain_nothing(baseline):
    folder, *_ = baseline
    before = figures(folder)["events"]
    settings = overlay(duplicate_rows=True)
    planned = ran(folder, settings, "-n").stdout
    rules = {name for name, _ in tiny.dry_jobs(planned)} - {"all"}
    assert rules <= {"detect", "export_detections", "evaluate_events", "report"}
    ran(folder, settings)
    after = figures(folder)["events"]
    assert after["micro"]["detected"] > before["micro"]["detected"]
    assert after["micro"]["matched"] == before["micro"]["matched"] > 0
    assert after["micro"]["f"] < before["micro"]["f"]
    assert after["micro"]["error_rate"] > before["micro"]["error_rate"]


def test_pseudo_labelled_frames_and_a_mean_teacher_build_on_what_is_there(baseline):
    folder, *_ = baseline
    planned = ran(folder, beyond(), "-n").stdout
    trained = re.findall(r"stage=(\w+), member", planned)
    assert set(trained) == {"frames", "mean"}
    ran(folder, beyond())
    for name in ("frames", "mean"):
        assert 0 <= figures(folder, name)["psds1"]["psds"] <= 1
    history = artefacts.read_table(next(folder.glob("results/small/stages/mean/*.history.csv")))
    assert len(history) == 2
