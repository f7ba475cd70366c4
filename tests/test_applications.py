"""Exported models on corpora without labels, as rules."""

import json
import os
import shutil
from collections import Counter
from types import SimpleNamespace

import pytest
import tiny
import tiny_model

from dawnchorus.cli import verify
from dawnchorus.exported import (
    detection_rows,
    detections,
    joined_detections,
    model_file,
    prediction,
    recording_files,
    row_selection,
    shard_detections,
)
from dawnchorus.exported.networks import Networks
from dawnchorus.plan.application_rules import ApplicationRules
from dawnchorus.plan.jobs import jobs, stale
from dawnchorus.plan.startup import copy_models
from dawnchorus.runtime import artefacts
from dawnchorus.settings.load import load

WANTED = {
    "rows": "windows", "threshold": {"low": 0.0, "high": 0.0}, "precision": None, "top": None,
    "classes": None, "decoding": None,
}  # fmt: skip


def settings(**others):
    night = {"model": "bird.dawnchorus", "corpora": ["small"], "rows": "windows", "threshold": 0.0}
    about = {name: tiny.config()[name] for name in ("audio", "frontends", "corpora")}
    return {**about, "run": [], "apply": {"night": night | others}}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    found = tiny.Project(tmp_path_factory.mktemp("applied"))
    tiny_model.write_tiny_model(found.work / "bird.dawnchorus")
    return found


@pytest.fixture
def inside(project, monkeypatch):
    monkeypatch.chdir(project.work)
    return project


@pytest.fixture
def run(inside):
    return inside.run_of(settings())


def test_an_application_is_a_job_per_shard_and_one_that_joins(run):
    counts = Counter(job.rule for job in jobs(run))
    assert counts == {"apply_model": 3, "join_detections": 1}
    copy_models(run.config)
    (model,) = {job.inputs["model"] for job in jobs(run) if job.rule == "apply_model"}
    assert artefacts.sha256(model) == artefacts.sha256("bird.dawnchorus")


def test_another_model_or_threshold_is_stale_and_a_moved_model_is_not(inside, run):
    def rules_after(**others):
        return {key[0] for key in stale(run, inside.run_of(settings(**others)))}

    assert rules_after(threshold=0.5) == {"apply_model", "join_detections"}
    shutil.copy("bird.dawnchorus", "moved.dawnchorus")
    assert rules_after(model="moved.dawnchorus") == set()
    tiny_model.write_tiny_model("other.dawnchorus", name="another/one")
    assert rules_after(model="other.dawnchorus") == {"apply_model", "join_detections"}


def test_a_model_that_the_run_exports_is_an_input(tmp_path):
    content = {**tiny.config(), "apply": settings(model="results/one/first.dawnchorus")["apply"]}
    found = tiny.run_without_recordings(tmp_path, content)
    asked = SimpleNamespace(application="night", corpus="small", shard="000")
    assert ApplicationRules(found).files(asked) == {"model": "results/one/first.dawnchorus"}


def test_shards_have_what_the_command_finds_and_joined_they_are_one_table(run, tmp_path):
    model = model_file.load("bird.dawnchorus")
    listed = {shard: run.listing("small", shard) for shard in run.index["small"]["shards"]}
    outputs = {
        shard: (tmp_path / f"{shard}.parquet", tmp_path / f"{shard}.csv") for shard in listed
    }
    for shard, paths in outputs.items():
        shard_detections.apply_model("bird.dawnchorus", "small", listed[shard], WANTED, *paths)
    tables, lengths = zip(*outputs.values(), strict=True)
    joined = tmp_path / "detections.parquet", tmp_path / "recordings.csv"
    joined_detections.join_detections(tables, lengths, {"small": 0.0}, *joined)
    table = detections.read(joined[0])
    files = Counter(table["file"].to_pylist())
    assert files == {f"small/recordings/{name}.wav": 8 for name in tiny.NAMES}
    assert set(table["model"].to_pylist()) == {model.short_digest}
    recordings = artefacts.read_table(joined[1])
    assert [row["file"] for row in recordings] == sorted(files)
    assert {(row["duration"], row["fault"]) for row in recordings} == {("3.0", "")}
    # a sample of an application finds its recordings by the listings of the run
    wanted = [*files, "small/nothing.wav", "other/a.wav"]
    found = recording_files.recording_files(wanted, "results")
    assert found.keys() == set(files)
    for name, path in found.items():
        assert os.path.samefile(path, name.removeprefix("small/"))
    chosen = row_selection.Selection("windows", (0.0, 0.0))
    path = {"path": "recordings/plain.wav"}
    (one,) = prediction.predicted(model, lambda: Networks(model), [path], chosen)
    scores = [r["score"] for r in table.to_pylist() if r["file"] == "small/recordings/plain.wav"]
    assert scores == one.rows["score"].tolist()


def test_too_many_recordings_without_scores_stop_the_join(tmp_path):
    rows = [("small/a.wav", 3.0, ""), ("small/b.wav", 0.0, "AUDIO_EMPTY: 0 bytes")]
    artefacts.write_table(tmp_path / "r.csv", detection_rows.RECORDINGS, rows)
    detections.write(tmp_path / "d.parquet", detections.schema().empty_table())
    files = [tmp_path / "d.parquet"], [tmp_path / "r.csv"]
    joined = tmp_path / "all.parquet", tmp_path / "all.csv"
    with pytest.raises(ValueError, match="1 of 2 recordings of corpus small.*b.wav .AUDIO_EMPTY"):
        joined_detections.join_detections(*files, {"small": 0.4}, *joined)
    joined_detections.join_detections(*files, {"small": 0.5}, *joined)
    assert detections.read(joined[0]).num_rows == 0


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"model": "none.dawnchorus"}, "apply.night.model: 'none.dawnchorus' does not exist"),
        ({"corpora": ["large"]}, "apply.night.corpora: .large.;"),
        ({"precision": 0.9}, "apply.night.precision: 0.9 and threshold 0.0; expected one"),
        ({"rows": "frames"}, "apply.night.rows: 'frames'; expected"),
    ],
)
def test_applications_that_cannot_work_are_refused_at_the_start(inside, others, message):
    inside.configure(settings(**others))
    with pytest.raises(ValueError, match=message):
        load(inside.tree / "config.yaml", ["tiny.yaml"], {})


def test_a_run_of_nothing_is_refused(inside):
    inside.configure({"run": []})
    with pytest.raises(ValueError, match="run: ..; expected an experiment, or an exported model"):
        load(inside.tree / "config.yaml", ["tiny.yaml"], {})


@pytest.mark.slow
def test_snakemake_runs_an_application_and_repeats_nothing(inside):
    inside.configure(settings())
    ran = inside.run()
    assert ran.returncode == 0, ran.stderr
    assert detections.read("results/apply/night/detections.parquet").num_rows == 8 * len(tiny.NAMES)
    assert inside.planned() == {}
    found = verify.verify("results")
    assert {one.state for one in found} == {"whole"}
    record = artefacts.read_record("results/apply/night/small/000.parquet", "results")
    assert record["rule"] == "apply_model"
    assert json.dumps(record["inputs"]).count(".dawnchorus") == 1
