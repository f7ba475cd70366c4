"""A tiny project to run the whole workflow on: a copy of the tree, recordings, a config.

Names of recordings are as awkward as a file system allows; one recording is cut.
"""

import contextlib
import copy
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import soundfile
import yaml

from dawnchorus.plan.startup import list_corpora
from dawnchorus.plan.workflow_run import Run
from dawnchorus.settings.corpus_check import corpora_of_run
from dawnchorus.settings.load import compose, load

ROOT = Path(__file__).parents[1]
SAMPLE_RATE = 8000  # Hz
NAMES = (
    "plain", "two words", "$(touch PWNED)", "`touch PWNED`", "; touch PWNED;", "it's", 'say "so"',
    "-rf", "--help", "Zilpzalp-ö", "tab\there", "100%", "a&b", "{curly}", "\\back", "*",
)  # fmt: skip


def config():
    """Return the config of two experiments on the tiny corpora."""
    training = {"epochs": 1, "batch_size": 8, "steps_per_epoch": 2, "untrained": "keep"}
    training["schedule"] = {"kind": "plateau"}
    shared = {
        "frontend": "tiny", "window": 170, "train": ["small"], "test": ["other"], "training": training,
        "folds": {"kind": "stratified", "count": 2},
    }  # fmt: skip
    second = {
        "from": "predictions",
        "stage": "first",
        "unlabelled": ["other"],
        "low": 0.5,
        "high": 0.5001,
        "untaught": "train",  # after a step all may be of one class
    }
    settings = {
        "run": ["one", "two"],
        "audio": {"tiny": {"sample_rate": SAMPLE_RATE}},
        "frontends": {"tiny": {"audio": "tiny", "n_fft": 256, "n_mels": 26, "fmax": 3900.0}},
        "corpora": {
            "small": {"adapter": "table", "table": "small.csv", "binary_class": "bird", "shards": 3},
            "other": {
                "adapter": "bird_detection", "shards": 2, "max_excluded": 0.5,
                "data_sets": {"field": {"audio": "field", "labels": "field.csv"}},
            },
        },
        "experiments": {
            "one": {
                **shared,
                "model": {"name": "bulbul", "filters": [4, 4, 4, 4], "dense": [8]},
                "submission": {"format": "bad2017"},
            },
            "two": {
                **shared,
                "model": {"name": "sparrow", "filters": [4] * 7},
                "stages": {
                    "first": {"targets": {"from": "labels"}},
                    "second": {"targets": {**second, "parts": 1}},
                },
                "ensembles": {"first": ["first"], "final": ["first", "second"]},
                "evaluation": {"replicates": 100, "compare": [["first", "final"]]},
            },
        },
    }  # fmt: skip
    return json.loads(json.dumps(settings))  # nothing shared between the two experiments


class Project:
    """A copy of the tree and a working directory with recordings."""

    def __init__(self, folder: Path):
        self.tree, self.work = folder / "tree", folder / "work"
        self.work.mkdir(parents=True)
        # with the bytecode of the tree: every job would compile what it imports
        for name in ("src", "rules", "workflow", "profiles", "envs"):
            shutil.copytree(ROOT / name, self.tree / name)
        for name in ("Snakefile", "config.yaml"):
            shutil.copy(ROOT / name, self.tree / name)
        rng = np.random.default_rng(5)
        rows = [
            {"path": f"recordings/{name}.wav", "labels": i % 2}
            for i, name in enumerate(NAMES)
            if write_recording(self.work / f"recordings/{name}.wav", rng, i % 2)
        ]
        write_csv(self.work / "small.csv", rows)
        field = [{"itemid": f"00{i}", "hasbird": i % 2} for i in range(8)]
        for row in field:
            write_recording(self.work / f"field/{row['itemid']}.wav", rng, row["hasbird"])
        write_csv(self.work / "field.csv", field)
        cut = self.work / "field/007.wav"
        cut.write_bytes(cut.read_bytes()[:20_000])
        self.configure(config())

    def configure(self, settings) -> None:
        (self.work / "tiny.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))

    def run_of(self, settings) -> Run:
        """Return the run of a config as rules see it: no Snakemake, no job."""
        self.configure(settings)
        with contextlib.chdir(self.work), unchanged_environment():
            config = load(self.tree / "config.yaml", ["tiny.yaml"], {})
            index = list_corpora(corpora_of_run(config), config, "results", is_main=True)
        return Run(config, index, self.tree)

    def command(self, *arguments) -> list[str]:
        return [
            sys.executable, "-m", "snakemake", "--cores", "2", "-s", str(self.tree / "Snakefile"),
            "--directory", str(self.work), "--configfile", str(self.work / "tiny.yaml"), *arguments,
        ]  # fmt: skip

    def environment(self) -> dict:
        # the copy, not the tree that is installed
        return os.environ | {"PYTHONPATH": str(self.tree / "src")}

    def run(self, *arguments) -> subprocess.CompletedProcess:
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=900,
        )

    def planned(self, *arguments) -> dict[str, int]:
        """Return how many jobs of each rule (and experiment) a dry run plans."""
        ran = self.run("-n", *arguments)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        counts: dict[str, int] = {}
        for name, body in dry_jobs(ran.stdout + ran.stderr):
            about = dict(
                re.findall(r"(\w+)=([^,\n]+)", re.search(r"wildcards: (.*)|$", body)[1] or "")
            )
            if name != "all":
                key = " ".join([name, *(about[k] for k in ("experiment", "stage") if k in about)])
                counts[key] = counts.get(key, 0) + 1
        if not counts:
            assert "Nothing to be done" in ran.stdout + ran.stderr
        return counts


def dry_jobs(text: str) -> list[tuple[str, str]]:
    """Return rule and lines of each job in what a dry run prints; those of a group are indented."""
    found = re.finditer(r"^( *)(?:local)?rule (\w+):\n((?:\1    .*\n)*)", text, re.M)
    return [(one[2], textwrap.indent(textwrap.dedent(one[3]), "    ")) for one in found]


def run_without_recordings(folder: Path, settings, *overlays) -> Run:
    """Return the run of a config whose corpora nobody has listed: a shard each, and events."""
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    config = compose(ROOT / "config.yaml", [*overlays, path], {})
    tables = {"labels": "1", "excluded": "2", "events": "3", "names": "4"}
    index = {"shards": {"000": {"digest": "0", "recordings": 1, "bytes": 0}}, **tables}
    return Run(config, dict.fromkeys(config["corpora"], index), ROOT)


@contextlib.contextmanager
def unchanged_environment():
    """Restore the environment variables afterwards."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def changed(settings, key, value):
    """Return settings with another value under a key such as ``audio.tiny.channels``."""
    settings = copy.deepcopy(settings)
    *above, last = key.split(".")
    place = settings
    for name in above:
        place = place.setdefault(name, {})
    place[last] = value
    return settings


def lying(recordings, field, labels, table="small.csv"):
    """Return the config with recordings and label files at other paths."""
    settings = changed(config(), "corpora.small.root", recordings)
    settings = changed(settings, "corpora.small.table", table)
    return changed(settings, "corpora.other.data_sets.field", {"audio": field, "labels": labels})


def move_data(work):
    """Move the recordings and label files of a project; return the config that says where they are."""
    (work / "disk 2/labels").mkdir(parents=True)
    for name, to in (("recordings", "recordings"), ("field", "field"),
                     ("field.csv", "labels/answers.csv"), ("small.csv", "labels/rows.csv")):  # fmt: skip
        (work / name).rename(work / "disk 2" / to)
    return lying("disk 2", "disk 2/field", "disk 2/labels/answers.csv", "disk 2/labels/rows.csv")


def write_recording(path: Path, rng, has_bird: int) -> bool:
    """Write 3 s of noise, with a warble where there is a bird."""
    path.parent.mkdir(exist_ok=True)
    time_s = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    warble = np.sin(2 * np.pi * 2500 * time_s + 8 * np.sin(2 * np.pi * 6 * time_s))
    soundfile.write(
        path, 0.05 * rng.standard_normal(len(time_s)) + 0.2 * has_bird * warble, SAMPLE_RATE
    )
    return True


def write_csv(path: Path, rows) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
