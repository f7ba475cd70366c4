"""The BirdCLEF systems' own experiment files, run whole on a synthetic tree at widths for a CPU.

The tree has an empty list of background species, a recording shorter than a chunk, a silent one and
a class with a single recording.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import birdclef_tree
import numpy as np
import pytest
import tiny
import yaml

from dawnchorus.corpora import tables
from dawnchorus.formats.submissions import birdclef2018_monophone
from dawnchorus.runtime import artefacts

pytestmark = pytest.mark.slow  # a minute or more of whole runs

ROOT = Path(__file__).parents[1]
EPOCHS = {"epochs": 2, "batch_size": 8, "snapshot_every": 1}


def overlay_2016():
    """Return the entry of 2016 with fewer filters, and the entry with its faults."""
    small = {"filters": [8, 16, 16, 16], "dense": [16, 16]}
    return {
        "run": ["small", "small-original"],
        "corpora": {
            "clef-train": {"like": "birdclef2016-train", "shards": 1},
            "clef-test": {"like": "birdclef2016-test", "shards": 1},
        },
        "experiments": {
            "small": {
                "like": "toth2016-net", "train": ["clef-train"], "test": ["clef-test"],
                "model": small, "training": {"epochs": 2, "batch_size": 8},
                "folds": {"shares": {"test": 0.2, "validation": 0.2}},
                "evaluation": {"replicates": 100},
            },
            "small-original": {
                "like": "toth2016-original", "train": ["clef-train"], "test": ["clef-test"],
                "model": {"name": "toth2016", "norm_axis": "time", **small},
                "training": {
                    "epochs": 2, "batch_size": 8, "validation": {"share": 0.2, "test_share": 0.2},
                },
                "evaluation": {"replicates": 100}, "drawn": [],
            },
        },
    }  # fmt: skip


def overlay_2018():
    """Return the baseline of 2018 with narrow networks, one of them taught by the other two."""
    narrow = {"filters": [4, 4, 8, 8]}
    return {
        "run": ["small"],
        "corpora": {
            "clef": {"like": "birdclef2018", "shards": 1},
            "clef-mono": {"like": "birdclef2018-monophone", "shards": 1},
            "clef-scapes": {"like": "birdclef2018-soundscapes", "shards": 1},
        },
        "experiments": {
            "small": {
                "like": "kahl2018", "train": ["clef:train"],
                "test": ["clef:val", "clef-mono", "clef-scapes"],
                "training": EPOCHS, "folds": {"shares": {"validation": 0.3}},
                "segments": {"min_score": 0.0, "max_score": 1.0},
                "stages": {
                    "resnet": {
                        "targets": {"from": "labels"},
                        "model": {"name": "resnet", "k": 1, "n": 1, **narrow},
                    },
                    "baseline": {
                        "targets": {"from": "labels"}, "model": {"name": "baseline", **narrow},
                        "use": "epoch_2",
                    },
                    "student": {
                        "targets": {"from": "teachers", "stages": ["resnet", "baseline"]},
                        "model": {"name": "pi", "dense": [16, 16], **narrow},
                    },
                },
                "ensembles": {"teachers": ["resnet", "baseline"], "student": ["student"]},
                "evaluation": {"replicates": 100, "compare": [["teachers", "student"]]},
                "submission": {
                    "ensemble": "teachers",
                    "by_corpus": {
                        "birdclef2018-monophone": None, "birdclef2018-soundscapes": None,
                        "clef-mono": "birdclef2018_monophone", "clef-scapes": "birdclef2018_soundscape",
                    },
                },
            },
        },
    }  # fmt: skip


def ran(folder, name, settings, *arguments):
    (folder / "small.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    return subprocess.run(
        [
            sys.executable, "-m", "snakemake", "--cores", "2", "-s", str(ROOT / "Snakefile"),
            "--directory", str(folder), "--configfile", str(ROOT / f"experiments/{name}.yaml"),
            str(folder / "small.yaml"), *arguments,
        ],
        env=os.environ, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


@pytest.fixture(scope="module")
def entry_2016(tmp_path_factory):
    """The experiments of 2016 on a tree: folder, trees of training and test, what was said."""
    folder = tmp_path_factory.mktemp("birdclef2016")
    rng = np.random.default_rng(2016)
    train = birdclef_tree.make(folder / "made", rng, counts=(5, 4, 4, 1), duration_s=(3.0, 12.0))
    data = folder / "data/birdclef2016"
    data.mkdir(parents=True)
    shutil.move(folder / "made", data / "TrainingSet")
    test = birdclef_tree.make(folder / "made", rng, counts=(2, 2, 2), duration_s=(3.0, 6.0))
    (data / "test").mkdir()
    shutil.move(test.audio, data / "test/wav2015")
    shutil.move(test.xml, data / "test/xml2015")
    found = ran(folder, "toth2016", overlay_2016())
    assert found.returncode == 0, found.stdout + found.stderr
    return folder, train, test, found


def test_2016_submits_all_classes_of_each_recording(entry_2016):
    folder, train, test, _ = entry_2016
    path = folder / "results/small/submission.clef-test.csv"
    lines = [line.split(";") for line in path.read_text().splitlines()]
    classes = sorted({one.class_id for one in train.recordings})
    assert {line[0] for line in lines} == {one.media_id for one in test.recordings}
    assert len(lines) == len(test.recordings) * len(classes)
    by_recording = {}
    for media_id, class_id, probability in lines:
        assert class_id in classes
        assert len(probability.split(".")[1]) == 16
        by_recording[media_id] = by_recording.get(media_id, 0.0) + float(probability)
    np.testing.assert_allclose(list(by_recording.values()), 1.0, atol=1e-5)


def test_2016_is_judged_on_the_recordings_held_out_and_on_the_test_set(entry_2016):
    folder, _, test, found = entry_2016
    measured = json.loads((folder / "results/small/metrics.json").read_text())
    figures = measured["ensembles"]["first"]["test"]["clef-test"]["identification"]
    assert figures["mlrap"]["n"] == len(test.recordings)
    assert "mlrap_with_background" in figures
    rows = artefacts.read_table(folder / "results/small/folds.csv")
    assert {row["fold"] for row in rows} == {"1", "2", "3"}
    out_of_fold = measured["ensembles"]["first"]["out_of_fold"]
    assert out_of_fold["n"] == sum(row["fold"] == "1" for row in rows)
    assert (folder / "results/small/summary.txt").read_text() in found.stdout + found.stderr


def test_2016_draws_its_segments(entry_2016):
    folder, *_ = entry_2016
    content = (folder / "results/small/stages/first/segments.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert len(content) > 5000


def test_2016_with_its_faults_holds_out_segments(entry_2016):
    folder, *_ = entry_2016
    history = artefacts.read_table(
        folder / "results/small-original/stages/first/f1p0s1.history.csv"
    )
    assert float(history[-1]["test_accuracy"]) >= 0
    assert history[0]["test_accuracy"] == "nan"
    assert all(float(row["val_map_micro"]) > 0 for row in history)


def test_2016_with_its_faults_holds_no_recording_out(entry_2016):
    folder, *_ = entry_2016
    rows = artefacts.read_table(folder / "results/small-original/folds.csv")
    assert {row["fold"] for row in rows} == {"2"}
    measured = json.loads((folder / "results/small-original/metrics.json").read_text())
    first = measured["ensembles"]["first"]
    assert first["out_of_fold"]["n"] == 0
    assert first["test"]["clef-test"]["identification"]["mlrap"]["value"] > 0


@pytest.fixture(scope="module")
def baseline_2018(tmp_path_factory):
    """The experiment of 2018 on a tree with a monophone and a soundscape test set."""
    folder = tmp_path_factory.mktemp("birdclef2018")
    rng = np.random.default_rng(2018)
    sound = {"sample_rate": 44100, "duration_s": (1.5, 3.5)}
    tree = birdclef_tree.make(folder / "data/birdclef2018", rng, counts=(5, 4, 4, 1), **sound)
    for name, about in (
        ("monophone", sound),
        ("soundscapes", sound | {"duration_s": (11.0, 12.5), "short_s": None, "silent": False}),
    ):
        made = birdclef_tree.make(folder / "made", rng, counts=(2, 1), **about)
        shutil.move(made.audio, folder / f"data/birdclef2018/{name}")
        shutil.rmtree(folder / "made")
    found = ran(folder, "kahl2018", overlay_2018())
    assert found.returncode == 0, found.stdout + found.stderr
    return folder, tree, found


def test_2018_keeps_the_single_recording_of_a_class_in_training(baseline_2018):
    folder, tree, _ = baseline_2018
    single = next(one for one in tree.recordings if one.class_id == "poeruf")
    rows = tables.read_labels(next(folder.glob("results/corpora/clef/labels-*.parquet")))
    splits = {row.id: row.split for row in rows}
    assert splits[single.id] == "train"
    assert sorted(splits.values()).count("val") == 3


def test_2018_submits_the_best_classes_of_recordings(baseline_2018):
    folder, *_ = baseline_2018
    path = folder / "results/small/submission.clef-mono.csv"
    found = birdclef2018_monophone.read(path)
    assert len({row[0] for row in found}) == 3
    lines = [line.split(";") for line in path.read_text().splitlines()]
    assert [line[3] for line in lines[:4]] == ["1", "2", "3", "4"]


def test_2018_submits_five_second_intervals_of_soundscapes(baseline_2018):
    folder, *_ = baseline_2018
    path = folder / "results/small/submission.clef-scapes.csv"
    lines = [line.split(";") for line in path.read_text().splitlines()]
    intervals = {line[1] for line in lines}
    assert {"00:00:00-00:00:05", "00:00:05-00:00:10"} <= intervals
    assert len(intervals) == 3  # what remains is kept


def test_2018_student_has_learnt_from_its_teachers(baseline_2018):
    folder, *_ = baseline_2018
    record = json.loads(
        (folder / "results/.provenance/small/stages/student/f1p0s1.keras.json").read_text()
    )
    inputs = {Path(path).parent.name for path in record["inputs"] if path.endswith(".keras")}
    assert inputs == {"resnet", "baseline"}
    measured = json.loads((folder / "results/small/metrics.json").read_text())
    assert measured["ensembles"]["student"]["out_of_fold"]["chose_epoch"] is True
    assert not measured["ensembles"]["student"]["out_of_fold"]["teachers_saw_fold"]


def test_2018_other_weights_are_used_without_a_new_training(baseline_2018):
    folder, *_ = baseline_2018
    settings = overlay_2018()
    settings["experiments"]["small"]["use"] = "last"
    planned = ran(folder, "kahl2018", settings, "-n")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    rules = {name for name, _ in tiny.dry_jobs(planned.stdout)}
    assert "predict" in rules
    assert not {"make_spectrograms", "set_targets"} & rules


def test_2018_reads_the_tree_of_its_sorter_alike(baseline_2018, tmp_path):
    folder, tree, _ = baseline_2018
    sorted_tree = tmp_path / "sorted"
    subprocess.run(
        [
            sys.executable, "-m", "dawnchorus", "sort", "--audio", str(tree.audio),
            "--xml", str(tree.xml), "--output", str(sorted_tree), "--mode", "symlink",
        ],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    for row in tables.read_labels(next(folder.glob("results/corpora/clef/labels-*.parquet"))):
        found = list(sorted_tree.glob(f"{row.split}/*/{row.id}.wav"))
        assert len(found) == 1, row.id
