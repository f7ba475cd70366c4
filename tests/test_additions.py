"""One of each kind that can be added: a file each, found by its name, and what it makes stale."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from test_own_files import FRONTEND, MODEL
from tiny import SAMPLE_RATE, Project
from tiny import config as other_config

from dawnchorus.plan import workflow_run
from dawnchorus.plan.jobs import jobs

ADAPTER = '''"""Recordings that are named for their class, ``class-number.wav``."""

import os

from dawnchorus.corpora import audio_files
from dawnchorus.corpora.tables import Found, Recording
from dawnchorus.settings.corpus import CorpusSettings


class Settings(CorpusSettings):
    """Recordings that are named for their class."""

    root: str
    """The folder."""


def recordings(settings):
    found = []
    for name in sorted(os.listdir(settings["root"])):
        path, (stem, _) = os.path.join(settings["root"], name), os.path.splitext(name)
        state = audio_files.state_of(path)
        label = stem.partition("-")[0]
        found.append(Recording(stem, path, labelled=True, labels=label, state=state))
    return Found(found, [], [])
'''
AUGMENTATION = '''"""Adds one number to all pixels."""

from dawnchorus.settings.augmentation import MethodSettings
from dawnchorus.settings.section import Share


class Settings(MethodSettings):
    """Adds a number in 0 to amount."""

    amount: Share = 0.5
    """The largest number."""


def apply(image, rng, *, amount):
    return image + rng.uniform(0, amount)
'''
SCHEDULE = '''"""Half the rate in each further epoch."""

from dawnchorus.settings.training import ScheduleSettings


class Settings(ScheduleSettings):
    """Halves."""


def rate(epoch, epochs, start):
    return start / 2 ** (epoch - 1)
'''
ANNOTATIONS = '''"""Lines of id, onset, offset and class with blanks between."""

from dawnchorus.formats.annotation import Annotations
from dawnchorus.formats.event import Event

ONE_EACH = False


def read_labels(path, settings):
    with open(path) as file:
        fields = [line.split() for line in file]
    events = [Event(name, float(first), float(last), label) for name, first, last, label in fields]
    first_lines = {name: line for line, (name, *_) in reversed([*enumerate(fields, 1)])}
    return Annotations(first_lines, events, [None] * len(events))
'''
SUBMISSION = '''"""The sum of a recording's scores."""

from dawnchorus.runtime import artefacts

UNIT = "recording"
OPTIONS = ()


def write(path, media_ids, class_names, scores):
    rows = [(name, f"{row.sum():.3f}") for name, row in zip(media_ids, scores, strict=True)]
    artefacts.write_table(path, ("recording", "sum of " + " ".join(class_names)), rows)
'''
BASELINE = '''"""Nearness to the mean of each class."""

import numpy as np

MOST_CLASSES, MOST_WORK = None, None


def fit(statistics, targets, rng):
    means = np.stack([statistics[column == 1].mean(axis=0) for column in targets.T])
    return lambda scored: np.exp(-abs(scored[:, None] - means).mean(axis=(2, 3)))
'''
METRIC = """

def mean_score(targets, scores, weights):
    return weights @ scores.mean(axis=1) / weights.sum(axis=1)


METRICS["mean_score"] = Metric(mean_score, "all recordings")
"""
# kind -> file and its content; a model and a frontend stand in the package as they do outside it
ADDED = {
    "model": ("models/architectures/average_net.py", MODEL),
    "frontend": ("frontends/kinds/parts.py", FRONTEND),
    "adapter": ("corpora/adapters/named_files.py", ADAPTER),
    "augmentation": ("augmentation/methods/raise_level.py", AUGMENTATION),
    "schedule": ("training/schedules/halving.py", SCHEDULE),
    "annotations": ("formats/annotations/plain_lines.py", ANNOTATIONS),
    "submission": ("formats/submissions/score_sum.py", SUBMISSION),
    "baseline": ("evaluation/clip_baselines/nearest_mean.py", BASELINE),
}
METRICS = "evaluation/clip_scores.py"
CLASSES = ("wren", "robin")
# All jobs of a run one after the other, in this process: what the package does without Snakemake.
RUN_ALL = """
import runpy, sys, types
from snakemake.iocontainers import Namedlist
from dawnchorus.plan import workflow_run
from dawnchorus.plan.jobs import jobs
from dawnchorus.plan.startup import start


def named(about):
    items = Namedlist()
    for name, value in about.items():
        first = len(items)
        items.extend(value if isinstance(value, list) else [value])
        if name:
            items._set_name(name, first, end=len(items) if isinstance(value, list) else None)
    return items


base = sys.argv[1]
run = start(base, ["added.yaml"], {}, True, ["--cores", "1"])
for job in jobs(run):
    snakemake = types.SimpleNamespace(
        rule=job.rule, input=named(job.inputs), output=named(job.outputs),
        params=Namedlist(fromdict=job.params), wildcards=Namedlist(fromdict=job.wildcards),
        log=[f"logs/{job.rule}.log"], resources={},
    )
    script = f"{base}/workflow/scripts/{job.rule}.py"
    runpy.run_path(script, init_globals={"snakemake": snakemake})
"""


def write_recordings(folder, rng):
    folder.mkdir()
    time_s = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    for number in range(8):
        name = CLASSES[number % 2]
        tone = np.sin(2 * np.pi * (800 + 1500 * (number % 2)) * time_s)
        waveform = 0.2 * tone + 0.02 * rng.standard_normal(len(time_s))
        soundfile.write(folder / f"{name}-{number}.wav", waveform, SAMPLE_RATE)


def config():
    """Return a config that names one addition of each kind, and files outside the package."""
    training = {
        "epochs": 2, "batch_size": 4, "steps_per_epoch": 2, "schedule": {"kind": "halving"},
        "untrained": "keep",
    }  # fmt: skip
    added = {
        "frontend": "parts", "window": 100, "train": ["named"], "test": ["marked"],
        "folds": {"kind": "stratified", "count": 2}, "training": training,
        "model": {"name": "average_net", "units": 4},
        "augmentation": {"count": 1, "methods": {"raise_level": {"amount": 0.1}}},
        "baselines": ["nearest_mean"], "submission": {"format": "score_sum"},
        "evaluation": {"replicates": 100},
    }  # fmt: skip
    outside = {"frontend": "own-parts", "model": {"name": "own/net.py", "units": 4}}
    return {
        "run": ["added", "outside"],
        "audio": {"tiny": {"sample_rate": SAMPLE_RATE}},
        "frontends": {
            "parts": {"kind": "parts", "audio": "tiny", "hop": 80},
            "own-parts": {"kind": "own/parts.py", "audio": "tiny", "hop": 80},
        },
        "corpora": {
            "named": {"adapter": "named_files", "root": "named", "shards": 2},
            "marked": {
                "adapter": "dcase_sed", "audio": "marked", "strong": "marked.txt", "shards": 1,
                "strong_format": "plain_lines",
            },
        },
        "experiments": {"added": added, "outside": {"like": "added"} | outside},
    }  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the tree with one addition of each kind, and a run on another copy before them."""
    project = Project(tmp_path_factory.mktemp("additions"))
    rng = np.random.default_rng(3)
    for corpus in ("named", "marked"):
        write_recordings(project.work / corpus, rng)
    names = sorted(path.stem for path in (project.work / "marked").iterdir())
    lines = [f"{name} 0.5 1.0 {name.partition('-')[0]}\n" for name in names]
    (project.work / "marked.txt").write_text("".join(lines))
    (project.work / "own").mkdir()
    (project.work / "own/net.py").write_text(MODEL)
    (project.work / "own/parts.py").write_text(FRONTEND)
    (project.work / "added.yaml").write_text(yaml.safe_dump(config()))
    return project


@pytest.fixture(scope="module")
def staleness(project):
    """What is stale for experiments that name none of it: after the files, and after the metric."""
    package = project.tree / "src/dawnchorus"
    before = replace(project.run_of(other_config()), package=package)
    known = jobs(before)
    found = []
    for additions in (ADDED.values(), [(METRICS, (package / METRICS).read_text() + METRIC)]):
        for name, text in additions:
            (package / name).write_text(text)
        workflow_run.script_library.cache_clear()
        after = {job.key: job for job in jobs(replace(before, package=package))}
        found.append({job.rule for job in known if after[job.key].params != job.params})
    return found


@pytest.fixture(scope="module")
def finished(project, staleness):
    """The results of the experiment that names all of it."""
    ran = subprocess.run(
        [sys.executable, "-c", RUN_ALL, str(project.tree)], cwd=project.work, text=True,
        env=os.environ | {"PYTHONPATH": str(project.tree / "src")}, capture_output=True, timeout=300,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return project.work / "results"


def test_a_file_of_each_kind_makes_nothing_stale(staleness):
    assert staleness[0] == set()


def test_a_metric_makes_evaluations_stale_alone(staleness):
    assert staleness[1] == {"evaluate"}


def test_a_config_that_names_one_of_each_runs(finished):
    metrics = json.loads((finished / "added/metrics.json").read_text())
    assert '"mean_score"' in json.dumps(metrics)
    assert metrics["baselines"]["best"] == "nearest_mean"
    lines = (finished / "added/submission.marked.csv").read_text().splitlines()
    assert lines[0] == "recording,sum of robin wren"
    assert len(lines) == 9
    histories = list((finished / "added/stages").rglob("*.history.csv"))
    assert len(histories) == 2
    assert "0.0005" in histories[0].read_text()  # half of 0.001


def test_what_an_experiment_names_is_in_the_records_of_its_results(finished):
    def library(name):
        return json.loads((finished / f".provenance/{name}.json").read_text())["library"]

    train = library("added/stages/first/f1p0s1.keras")
    assert {
        "dawnchorus.models.architectures.average_net", "dawnchorus.training.schedules.halving",
        "dawnchorus.augmentation.methods.raise_level",
    } <= train.keys()  # fmt: skip
    shard = next(Path(finished, "spectrograms/parts/named").glob("*.h5"))
    assert "dawnchorus.frontends.kinds.parts" in library(shard.relative_to(finished))
    assert "dawnchorus.formats.submissions.score_sum" in library("added/submission.marked.csv")


def test_files_outside_the_package_give_the_same_scores(finished):
    metrics = [
        json.loads((finished / name / "metrics.json").read_text()) for name in ("added", "outside")
    ]
    assert metrics[0]["ensembles"] == metrics[1]["ensembles"]
