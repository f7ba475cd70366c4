"""The workflow as a whole: what runs, what is stale, what is left alone.

One run on a tiny project (two experiments, awkward file names, a cut recording); then a few changes,
each judged by a dry run, one by a real run. What every config key makes stale is in test_staleness.py.
"""

import copy
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import screen
import tiny

from dawnchorus.exported import model_file, networks
from dawnchorus.models import model_files, zoo
from dawnchorus.runtime import artefacts, job_status
from dawnchorus.scores import score_files
from dawnchorus.segments import window_source

AFTER_SCORES = {"ensemble one", "evaluate one", "submit one", "report one"}
TRAIN_ONE = {"train one first", "predict one first", *AFTER_SCORES}
SECOND = {
    "set_targets two second", "audit two second", "train two second", "predict two second",
    "ensemble two", "evaluate two", "report two",
}  # fmt: skip

# config key -> (value, what it makes stale): one of each kind; all others are in test_staleness.py
STALE = {
    "frontends.tiny.fmax": (
        3800.0,
        {
            "make_spectrograms", "fit_baselines one", "fit_baselines two", *TRAIN_ONE,
            "train two first", "predict two first", *SECOND,
        },
    ),
    "experiments.one.training.learning_rate": (0.01, TRAIN_ONE),
    "experiments.two.stages.second.targets.low": (0.4, SECOND),
    "experiments.one.evaluation.threshold": ("youden", {"evaluate one", "report one"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = tiny.Project(tmp_path_factory.mktemp("tiny-project"))
    made.first = made.run()
    assert made.first.returncode == 0, made.first.stdout + made.first.stderr
    return made


@pytest.fixture
def restored(project):
    """The project, put back as it was afterwards."""
    recordings = {
        path: (path.read_bytes(), path.stat())
        for path in [*project.work.glob("*/*.wav"), *project.work.glob("*.csv")]
    }
    yield project
    project.configure(tiny.config())
    for path, (content, stat) in recordings.items():
        if path.read_bytes() != content:
            path.write_bytes(content)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def digest(path):
    """Return that of a file; of a report without its section on time, which tells of the run."""
    if path.name != "report.html":
        return artefacts.sha256(path)
    page = path.read_text()
    kept = re.sub(r'<section id="costs".*?</section>', "", page, flags=re.S)
    assert len(kept) < len(page)
    return hashlib.sha256(kept.encode()).hexdigest()


def hashes(folder):
    return {
        str(path.relative_to(folder)): digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not {"logs", "benchmarks", ".provenance", ".progress"} & set(path.parts)
        and path.name not in ("index.json", ".hashes", ".tables", ".run.lock")
    }


def test_a_second_run_has_nothing_to_do(project):
    again = project.run()
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout + again.stderr
    assert "provenance" not in again.stderr.lower()


def test_no_name_was_run_as_a_command(project):
    assert not list(project.work.rglob("PWNED*"))
    assert not list(project.tree.rglob("PWNED*"))


def test_every_recording_is_used_or_excluded_with_a_code(project):
    small = artefacts.read_table(project.work / "results/audio/tiny/small/verdicts.csv")
    assert [row["id"] for row in small] == sorted(f"recordings/{name}.wav" for name in tiny.NAMES)
    assert {row["verdict"] for row in small} == {"used"}
    other = artefacts.read_table(project.work / "results/audio/tiny/other/verdicts.csv")
    assert [row["verdict"] for row in other] == ["used"] * 7 + ["AUDIO_TRUNCATED"]


def test_an_excluded_test_recording_keeps_its_row(project):
    lines = (project.work / "results/one/submission.other.csv").read_text().splitlines()
    assert lines[0] == "itemid,hasbird"
    assert [line.split(",")[0] for line in lines[1:]] == [f"00{i}" for i in range(8)]
    scores = [float(line.split(",")[1]) for line in lines[1:]]
    assert scores[7] == pytest.approx(sum(scores[:7]) / 7, abs=2e-6)
    measured = json.loads((project.work / "results/one/metrics.json").read_text())
    assert "AUDIO_TRUNCATED" in json.dumps(measured)


def test_summaries_are_on_the_terminal(project):
    shown = project.first.stdout + project.first.stderr
    assert (project.work / "results/one/summary.txt").read_text() in shown
    assert "transductive" in (project.work / "results/two/summary.txt").read_text()


def test_touched_files_and_a_fresh_clone_rerun_nothing(project, tmp_path):
    for path in [
        *project.work.glob("*/*.wav"),
        *project.work.glob("*.csv"),
        *project.work.glob("*.yaml"),
    ]:
        path.touch()
    for path in project.tree.rglob("*"):
        path.touch()
    assert project.planned() == {}


@pytest.mark.slow  # in one process: test_export
def test_an_exported_ensemble_scores_as_the_workflow_does(copied):
    copied.configure(tiny.changed(tiny.config(), "experiments.two.export", ["final"]))
    assert copied.planned() == {"export two": 1, "report two": 1}  # a report shows all settings
    ran = copied.run()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    results = copied.work / "results"
    model = model_file.load(results / "two/final.dawnchorus")
    assert [(stage.name, len(stage.networks)) for stage in model.stages] == [
        ("first", 2), ("second", 2),
    ]  # fmt: skip
    assert any("learnt from predictions" in caveat for caveat in model.about["caveats"])
    expected = score_files.read_recordings(results / "two/ensembles/final.other.h5")
    shards = sorted(results.glob("spectrograms/tiny/other/*.h5"))
    ready, found = networks.Networks(model), []
    for name in expected.ids:
        by_stage = []
        for stage in model.stages:
            source = window_source.open_source({"c": shards}, stage.segments, stage.window)
            windows = source.batch([("c", name)], source.index([("c", name)], prediction=True))
            by_stage.append(ready.clip_scores(stage.name, windows))
        found.append(networks.recording_scores(model, by_stage))
    np.testing.assert_allclose(found, expected.scores, rtol=0, atol=1e-5)


@pytest.fixture
def copied(project, tmp_path):
    """The project, its working directory copied to another place: its files may be moved."""
    made = copy.copy(project)
    made.work = tmp_path / "another place" / "work"
    shutil.copytree(project.work, made.work)
    return made


def test_moved_recordings_and_label_files_repeat_nothing(copied):
    before = hashes(copied.work / "results")
    copied.configure(tiny.move_data(copied.work))
    assert copied.planned() == {}
    ran = copied.run()
    assert "Nothing to be done" in ran.stdout + ran.stderr
    places = {path for path in before if path.endswith(".places")}
    after = hashes(copied.work / "results")
    configs = {"one/config.yaml", "two/config.yaml"}  # they name where recordings are
    assert {path for path in after if after[path] != before.get(path)} == places | configs
    # a changed recording there is one shard and what follows, and is found there
    path = copied.work / "disk 2/field/003.wav"
    tiny.write_recording(path, np.random.default_rng(9), 1)
    plan = copied.planned()
    assert {name for name in plan if "one" in name} == {
        "predict one first", *AFTER_SCORES, "check_leaks one", "fit_baselines one",
    }  # fmt: skip
    assert plan["resample"] == plan["make_spectrograms"] == plan["judge"] == 1
    made = copied.run("--", "results/audio/tiny/other/verdicts.csv")
    assert made.returncode == 0, made.stderr
    verdicts = artefacts.read_table(copied.work / "results/audio/tiny/other/verdicts.csv")
    assert [row["verdict"] for row in verdicts] == ["used"] * 7 + ["AUDIO_TRUNCATED"]


def test_a_label_file_that_was_moved_and_changed_makes_the_submission_stale(copied):
    copied.configure(tiny.move_data(copied.work))
    path = copied.work / "disk 2/labels/answers.csv"
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *reversed(rows), ""]))
    assert set(copied.planned()) == {"submit one"}


@pytest.mark.slow  # of listings: test_corpora
def test_how_a_path_is_written_and_from_where_repeats_nothing(copied, tmp_path, monkeypatch):
    assert copied.planned() == {}  # of a working directory that has moved as a whole
    work = copied.work
    # absolute paths, from a working directory that only has the results
    copied.configure(
        tiny.lying(str(work), str(work / "field"), str(work / "field.csv"), str(work / "small.csv"))
    )
    elsewhere = copy.copy(copied)
    elsewhere.work = tmp_path / "elsewhere"
    elsewhere.work.mkdir()
    for name in ("results", ".snakemake", "tiny.yaml"):
        (elsewhere.work / name).symlink_to(work / name)
    monkeypatch.chdir(tmp_path)
    assert elsewhere.planned() == {}
    # through a link
    (tmp_path / "link").symlink_to(work)
    copied.configure(tiny.lying("../../link", "../../link/field", "../../link/field.csv"))
    assert copied.planned() == {}


@pytest.mark.slow  # the same on the plan: test_a_pretrained_model_counts_by_its_content
def test_a_model_to_start_from_may_be_moved(copied):
    model = copied.work / "start.keras"
    shutil.copy(copied.work / "results/one/stages/first/f1p0s1.keras", model)
    settings = tiny.changed(tiny.config(), "run", ["one"])

    def start_from(path):
        start = {"path": path, "head": True}
        copied.configure(tiny.changed(settings, "experiments.one.training.pretrained", start))

    start_from("start.keras")
    assert set(copied.planned()) == TRAIN_ONE
    ran = copied.run()
    assert ran.returncode == 0, ran.stderr
    (copied.work / "models").mkdir()
    model = model.rename(copied.work / "models/first.keras")
    model.touch()
    start_from("models/first.keras")
    assert copied.planned() == {}
    shutil.copy(copied.work / "results/one/stages/first/f2p0s1.keras", model)
    assert set(copied.planned()) == TRAIN_ONE


# test_staleness has all keys, on the plan
@pytest.mark.parametrize(
    "key",
    [
        pytest.param(key, marks=[pytest.mark.slow] * (number > 0))
        for number, key in enumerate(STALE)
    ],
)
def test_a_config_key_makes_stale_what_uses_it(restored, key):
    value, stale = STALE[key]
    restored.configure(tiny.changed(tiny.config(), key, value))
    assert set(restored.planned()) == stale


@pytest.mark.slow  # on the plan: test_staleness, test_provenance
def test_an_edit_of_the_library_makes_stale_what_reaches_it(project):
    path = project.tree / "src/dawnchorus/evaluation/summary.py"
    text = path.read_text()
    try:
        path.write_text(text + "\nADDED = 1\n")
        evaluated = {"evaluate one", "evaluate two"}
        assert set(project.planned()) == {*evaluated, "report one", "report two"}
        path.write_text(re.sub(r'^"""', '"""Edited. ', text, count=1) + "\n# a comment\n")
        assert project.planned() == {}
    finally:
        path.write_text(text)


@pytest.mark.slow  # of listings: test_corpora
def test_an_older_recording_with_another_content_is_stale(restored):
    path = restored.work / "field/003.wav"
    stamp = path.stat()
    tiny.write_recording(path, np.random.default_rng(9), 1)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns - 10**12))
    plan = restored.planned()
    assert not {name for name in plan if name.startswith("train")} - {"train two second"}
    assert plan["resample"] == plan["make_spectrograms"] == plan["judge"] == 1


def test_a_real_run_redoes_exactly_the_stale(restored):
    work = restored.work
    before = hashes(work / "results")
    restored.configure(tiny.changed(tiny.config(), "experiments.one.pooling", "mean"))
    environment = restored.environment() | {"TERM": "xterm", "CI": ""}
    ran = screen.OnScreen(restored.command(), 80, env=environment)
    status, text = ran.wait(600), ran.screen.text()
    ran.close()
    assert status == 0, text
    # a line for each job stays, none of those that were drawn again and again
    made = set(re.findall(r"^\d\d:\d\d:\d\d (\w+).*: .*done in", text, re.M))
    assert made == {"ensemble", "evaluate", "submit", "report"}
    assert re.search(r"^[-\d]+ [:\d]+ (\d) of \1 jobs done in", text, re.M)
    assert "to come" not in text
    assert (ran.screen.has_cursor, ran.screen.unknown) == (True, set())
    assert list((work / "results" / job_status.FOLDER).iterdir()) == []
    after = hashes(work / "results")
    assert {name for name in after if before.get(name) != after[name]} <= {
        name for name in after if name.startswith("one/") and "stages" not in name
    }
    restored.configure(tiny.config())
    ran = restored.run()
    assert ran.returncode == 0, ran.stderr
    line = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ensemble one first other: started; Params have changed"
    assert re.search(line, ran.stderr, re.M)
    assert hashes(work / "results") == before  # and equal work gives equal bytes
    assert restored.planned() == {}


def test_lint_and_format_are_clean():
    lint = subprocess.run(
        [sys.executable, "-m", "snakemake", "--lint"], cwd=tiny.ROOT, capture_output=True, text=True
    )
    assert lint.returncode == 0, lint.stdout + lint.stderr
    assert "Congratulations" in lint.stdout + lint.stderr
    files = [str(path) for path in [tiny.ROOT / "Snakefile", *(tiny.ROOT / "rules").glob("*.smk")]]
    formatted = subprocess.run(
        [sys.executable, "-m", "snakefmt", "--check", *files], capture_output=True, text=True
    )
    assert formatted.returncode == 0, formatted.stderr


def children_of(folder):
    """Return processes whose working directory is ours: the run's jobs."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "cwd") == str(folder):
                found.append(int(entry.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def wait_until(condition, seconds):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.slow  # of trainings: test_training; of runs and their jobs: test_runs, test_repeated_jobs
def test_a_killed_run_leaves_no_child_and_goes_on_with_one_command(project, tmp_path):
    killed = copy.copy(project)
    killed.work = tmp_path / "work"
    shutil.copytree(project.work, killed.work)
    expected = hashes(project.work / "results")
    shutil.rmtree(killed.work / "results/one")
    shutil.rmtree(killed.work / "results/logs")
    settings = tiny.changed(tiny.config(), "run", ["one"])
    (killed.work / "tiny.yaml").write_text(json.dumps(settings))
    head = subprocess.Popen(
        killed.command(), env=killed.environment(), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        log = killed.work / "results/logs/train/one/first"
        wait_until(lambda: list(log.glob("*.log")), 120)
        time.sleep(2.0)  # in the middle of two trainings
        assert len(children_of(killed.work)) >= 3
        second = killed.run()
        assert second.returncode != 0
        refused = [line for line in second.stderr.splitlines() if line.startswith("error:")]
        assert len(refused) == 1
        assert f"process {head.pid} " in refused[0]
        assert "results is in use by" in refused[0]
    finally:
        os.kill(head.pid, signal.SIGKILL)
        head.wait()
    time.sleep(1.0)
    assert children_of(killed.work) == []
    again = killed.run()
    assert again.returncode == 0, again.stderr
    found = hashes(killed.work / "results")
    assert {name: found[name] for name in expected if name.startswith("one/")} == {
        name: digest for name, digest in expected.items() if name.startswith("one/")
    }


@pytest.mark.slow
def test_teachers_of_another_experiment_are_trained_and_nothing_else_of_it(tmp_path):
    project, settings = tiny.Project(tmp_path / "taught"), tiny.config()
    settings["run"] = ["two"]
    targets = {"from": "teachers", "stages": ["first", "one/first"], "models": ["old.keras"]}
    settings["experiments"]["two"]["stages"]["second"] = {"targets": targets}
    project.configure(settings)
    model = zoo.build("bulbul", (170, 26), 1, "clip", filters=[4] * 4, dense=[8])
    model_files.save(model, project.work / "old.keras")
    ran = project.run()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    made = {path.name for path in (project.work / "results/one").rglob("*") if path.is_file()}
    members = {f"f{f}p0s1.{end}" for f in (1, 2) for end in ("keras", "kept.h5", "history.csv")}
    assert made == {"config.yaml", "folds.csv", "targets.parquet", *members}
    measured = json.loads((project.work / "results/two/metrics.json").read_text())
    found = measured["ensembles"]
    marks = {name: found[name]["out_of_fold"]["teachers_saw_fold"] for name in found}
    assert marks == {"first": False, "final": True}  # of what a file has seen nothing is known
    assert project.planned() == {}


def test_profiles_agree_where_they_must():
    import yaml

    default, slurm = (
        yaml.safe_load((tiny.ROOT / f"profiles/{name}/profile.yaml").read_text())
        for name in ("default", "slurm")
    )
    for key in ("scheduler", "rerun-incomplete", "keep-going", "rerun-triggers"):
        assert default[key] == slurm[key], key
    assert slurm["latency-wait"] >= default["latency-wait"]
    assert (
        "set-resources" not in slurm
    )  # see tests/test_slurm.py: what a job asks for stands in its rule
