"""The workflow as a whole: what runs, what is stale, what is left alone.

One run on a tiny project (two experiments, awkward file names, a cut recording); then changes, each
judged by a dry run against the table of what it makes stale, some by a real run.
"""

import copy
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
import tiny

from dawnchorus.runtime import artefacts

AFTER_SCORES = {"ensemble one", "evaluate one", "submit one"}
AFTER_MODELS_ONE = {"predict one first", *AFTER_SCORES}
TRAIN_ONE = {"train one first", *AFTER_MODELS_ONE}
AFTER_SECOND = {"predict two second", "ensemble two", "evaluate two"}
SECOND = {"set_targets two second", "audit two second", "train two second", *AFTER_SECOND}
TRAIN_TWO = {"train two first", "predict two first", *SECOND}
FOLDS_ONE = {"deal_folds one", "set_targets one first", *TRAIN_ONE}
FOLDS_TWO = {"deal_folds two", "set_targets two first", *TRAIN_TWO}
FROM_SPECTROGRAMS = {"make_spectrograms", *TRAIN_ONE, *TRAIN_TWO}
FROM_LEAKS = {"check_leaks one", "check_leaks two", "evaluate one", "evaluate two", "submit one"}
FROM_AUDIO = {"resample", "judge", "make_spectrograms", *FOLDS_ONE, *FOLDS_TWO}

# config key -> (value, what it makes stale). A new key of the schema belongs here.
STALE_BY_KEY = {
    "audio.tiny.resampler": ("polyphase", FROM_AUDIO),
    "audio.tiny.channels": ("mix", FROM_AUDIO),
    "audio.tiny.max_duration_s": (100.0, FROM_AUDIO),
    "audio.tiny.decoder.seconds": (60, FROM_AUDIO),
    "frontends.tiny.fmax": (3800.0, FROM_SPECTROGRAMS),
    "frontends.tiny.denoise": ("median", FROM_SPECTROGRAMS),
    "frontends.tiny.trim_stddevs": (3.0, FROM_SPECTROGRAMS),
    "corpora.other.max_excluded": (0.4, {"judge", "evaluate one", "evaluate two"}),
    "experiments.one.seed": (1, {*FOLDS_ONE}),
    "experiments.one.backend.threads": (2, TRAIN_ONE),
    "experiments.one.window": (180, TRAIN_ONE),
    "experiments.one.folds.kind": ("rotate", FOLDS_ONE),
    "experiments.one.classes": (["bird"], {"set_targets one first", *TRAIN_ONE}),
    "experiments.one.model.dense": ([6], TRAIN_ONE),
    "experiments.one.augmentation.rotate": (False, TRAIN_ONE),
    "experiments.one.training.learning_rate": (0.01, TRAIN_ONE),
    "experiments.one.training.epochs": (2, TRAIN_ONE),
    "experiments.one.training.schedule.patience": (2, TRAIN_ONE),
    "experiments.one.training.keep": (["best_loss"], TRAIN_ONE),
    "experiments.one.training.standardise": ("scalar", TRAIN_ONE),
    "experiments.one.augmentation.mixup": (0.3, TRAIN_ONE),
    "experiments.one.segments.rescale": (True, TRAIN_ONE),
    "experiments.one.folds.validation": ("own", TRAIN_ONE),
    "experiments.one.training.validation.pooling": ("max", TRAIN_ONE),
    "experiments.one.pooling": ("mean", AFTER_SCORES),
    "experiments.one.average_unit": ("chunk", AFTER_SCORES),
    "experiments.one.average": ("median", AFTER_SCORES),
    "experiments.one.evaluation.replicates": (200, {"evaluate one"}),
    "experiments.one.evaluation.threshold": ("youden", {"evaluate one"}),
    "experiments.two.stages.second.targets.low": (0.4, SECOND),
    "experiments.two.stages.second.targets.pooling": ("mean", SECOND),
    "experiments.two.evaluation.compare": ([], {"evaluate two"}),
}

# module -> what an edit of its logic makes stale
STALE_BY_CODE = {
    "metrics/ranking.py": {*TRAIN_ONE, *TRAIN_TWO},
    "scores/inference.py": {*AFTER_MODELS_ONE, "predict two first", *SECOND},
    "training/loop.py": {*TRAIN_ONE, *TRAIN_TWO},
    "metrics/roc.py": {"audit two second", "evaluate one", "evaluate two"},
    "evaluation/summary.py": {"evaluate one", "evaluate two"},
    "formats/submissions/bad2017.py": {"submit one"},
    "models/architectures/bulbul.py": TRAIN_ONE,
    "models/architectures/sparrow.py": TRAIN_TWO,
    "frontends/kinds/log_mel.py": FROM_SPECTROGRAMS,
    "frontends/kinds/psd.py": set(),
    "augmentation/methods/crop.py": set(),
    "targets/leaks.py": FROM_LEAKS,
    "augmentation/shifts.py": {*TRAIN_ONE, *TRAIN_TWO},
    "runtime/logs.py": set(),
    "runtime/job.py": set(),
    "cli/command.py": set(),
}


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


def changed(settings, key, value):
    settings = copy.deepcopy(settings)
    *above, last = key.split(".")
    place = settings
    for name in above:
        place = place.setdefault(name, {})
    place[last] = value
    return settings


def hashes(folder):
    return {
        str(path.relative_to(folder)): artefacts.sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not {"logs", "benchmarks", ".provenance"} & set(path.parts)
        and path.name not in ("index.json", ".hashes", ".run.lock")
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


def test_reordered_keys_rerun_nothing(restored):
    def turned(value):
        if isinstance(value, dict):
            in_order = {"stages", "ensembles"}
            return {k: value[k] if k in in_order else turned(value[k]) for k in reversed(value)}
        return value

    restored.configure(turned(tiny.config()))
    assert restored.planned() == {}


# a dry run takes seconds: of each kind of rule one row is always looked at, the others by make test-all
ALWAYS = (
    "audio.tiny.resampler", "frontends.tiny.fmax", "corpora.other.max_excluded",
    "experiments.one.seed", "experiments.one.model.dense", "experiments.one.training.learning_rate",
    "experiments.one.pooling", "experiments.one.evaluation.threshold",
    "experiments.two.stages.second.targets.low", "experiments.two.evaluation.compare",
)  # fmt: skip
ROWS = [key if key in ALWAYS else pytest.param(key, marks=pytest.mark.slow) for key in STALE_BY_KEY]


@pytest.mark.parametrize("key", ROWS)
def test_a_config_key_makes_stale_what_uses_it(restored, key):
    value, stale = STALE_BY_KEY[key]
    restored.configure(changed(tiny.config(), key, value))
    assert set(restored.planned()) == stale


@pytest.mark.parametrize("module", STALE_BY_CODE)
def test_an_edit_of_the_library_makes_stale_what_reaches_it(project, module):
    path = project.tree / "src/dawnchorus" / module
    text = path.read_text()
    try:
        path.write_text(text + "\nADDED = 1\n")
        assert set(project.planned()) == STALE_BY_CODE[module]
        path.write_text(re.sub(r'^"""', '"""Edited. ', text, count=1) + "\n# a comment\n")
        assert project.planned() == {}
    finally:
        path.write_text(text)


def test_a_script_edit_reruns_its_rule(project):
    path = project.tree / "workflow/scripts/submit.py"
    text = path.read_text()
    try:
        path.write_text(text + "\nADDED = 1\n")
        assert set(project.planned()) == {"submit one"}
    finally:
        path.write_text(text)


def test_a_changed_test_recording_retrains_nothing(restored):
    path = restored.work / "field/003.wav"
    stamp = path.stat()
    tiny.write_recording(path, np.random.default_rng(9), 1)
    os.utime(
        path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns - 10**12)
    )  # older than what it replaces
    plan = restored.planned()
    assert {name for name in plan if "one" in name} == {*AFTER_MODELS_ONE, "check_leaks one"}
    assert not {name for name in plan if name.startswith("train")} - {"train two second"}
    assert plan["resample"] == plan["make_spectrograms"] == plan["judge"] == 1


def test_a_changed_training_recording_reruns_one_shard_and_what_follows(restored):
    tiny.write_recording(restored.work / "recordings/two words.wav",
                         np.random.default_rng(9), 1)  # fmt: skip
    plan = restored.planned()
    assert set(plan) == {*FROM_AUDIO, "check_leaks one", "check_leaks two"}
    assert plan["resample"] == plan["make_spectrograms"] == plan["judge"] == 1


def test_a_new_test_label_reruns_evaluation_audit_and_submission(restored):
    path = restored.work / "field.csv"
    path.write_text(path.read_text().replace("003,1", "003,0"))
    leaks = {"check_leaks one", "check_leaks two"}
    after = {"audit two second", "evaluate one", "evaluate two", "submit one"}
    assert set(restored.planned()) == {*leaks, *after}


def test_a_real_run_redoes_exactly_the_stale(restored):
    work = restored.work
    before = hashes(work / "results")
    restored.configure(changed(tiny.config(), "experiments.one.pooling", "mean"))
    ran = restored.run()
    assert ran.returncode == 0, ran.stderr
    made = set(re.findall(r"^(?:local)?rule (\w+):", ran.stdout + ran.stderr, re.M))
    assert made == {"ensemble", "evaluate", "submit", "all"}
    after = hashes(work / "results")
    assert {name for name in after if before.get(name) != after[name]} <= {
        name for name in after if name.startswith("one/") and "stages" not in name
    }
    restored.configure(tiny.config())
    assert restored.run().returncode == 0
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


def test_a_killed_run_leaves_no_child_and_goes_on_with_one_command(project, tmp_path):
    killed = copy.copy(project)
    killed.work = tmp_path / "work"
    shutil.copytree(project.work, killed.work)
    expected = hashes(project.work / "results")
    shutil.rmtree(killed.work / "results/one")
    shutil.rmtree(killed.work / "results/logs")
    settings = changed(tiny.config(), "run", ["one"])
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


def test_profiles_agree_where_they_must():
    import yaml

    default, slurm = (
        yaml.safe_load((tiny.ROOT / f"profiles/{name}/profile.yaml").read_text())
        for name in ("default", "slurm")
    )
    for key in ("scheduler", "rerun-incomplete", "keep-going", "rerun-triggers"):
        assert default[key] == slurm[key], key
    assert slurm["latency-wait"] >= default["latency-wait"]
    rules = set(re.findall(r"^rule (\w+):", "".join(
        path.read_text() for path in (tiny.ROOT / "rules").glob("*.smk")), re.M))  # fmt: skip
    assert set(slurm["set-resources"]) <= rules
