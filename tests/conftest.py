"""What tests share: tiny recordings, their spectrograms, and a rule's script run on its own."""

import gc
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dawnchorus.audio import audio_shards
from dawnchorus.corpora import tables
from dawnchorus.frontends import shards
from dawnchorus.settings import load

ROOT = Path(__file__).parents[1]
SAMPLE_RATE = 8000  # Hz

_RUN_SCRIPT = """
import json, runpy, sys, types
from snakemake.iocontainers import Namedlist


def named(about):
    items = Namedlist(fromdict={k: v for k, v in about.items() if not isinstance(v, list)})
    for key, values in about.items():
        if isinstance(values, list):
            items.extend(values)
            items._set_name(key, len(items) - len(values), end=len(items))
    return items


job = json.loads(sys.argv[1])
told = {key: named(job[key]) for key in ("input", "output", "wildcards", "log")}
told |= {key: Namedlist(fromdict=job[key]) for key in ("params", "resources")}
runpy.run_path(job["script"], init_globals={"snakemake": types.SimpleNamespace(rule=job["rule"], **told)})
"""


@pytest.fixture
def rng():
    return np.random.default_rng(2017)


@pytest.fixture(scope="session")
def defaults():
    """The complete config of config.yaml."""
    return load.load(ROOT / "config.yaml", [], {})


@pytest.fixture(scope="session")
def tiny_frontend(defaults):
    """A frontend of 20 bands at 8 kHz: a second of audio is 70 frames."""
    return defaults["frontends"]["bulbul"] | {
        "sample_rate": SAMPLE_RATE, "n_fft": 256, "n_mels": 20, "fmax": 3900.0,
    }  # fmt: skip


@pytest.fixture(scope="session")
def tiny_shard(tmp_path_factory, defaults, tiny_frontend):
    """Spectrograms of 24 recordings of 3 s, tones of their own over noise: path and ids."""
    folder = tmp_path_factory.mktemp("tiny")
    rng = np.random.default_rng(1)
    time_s = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    rows = []
    for number in range(24):
        tone = np.sin(2 * np.pi * (500 + 100 * number) * time_s) * (number % 2)
        path = folder / f"{number:02}.wav"
        soundfile.write(path, 0.1 * tone + 0.05 * rng.standard_normal(len(tone)), SAMPLE_RATE)
        content = path.read_bytes()
        rows.append((f"r{number:02}", "wav", len(content), "", hashlib.sha256(content).hexdigest()))
    listing = folder / "listing.parquet"
    tables.write_rows(listing, tables.LISTING, rows)
    lying = [(row[0], str(folder / f"{number:02}.wav")) for number, row in enumerate(rows)]
    tables.write_rows(tables.places_path(listing), tables.PLACES, lying)
    recipe = defaults["audio"]["mono-22k"] | {"sample_rate": SAMPLE_RATE}
    wav, table, spectrograms = (folder / f"000.{kind}" for kind in ("wav", "csv", "h5"))
    audio_shards.resample_shard(listing, recipe, wav, table)
    shards.write_shard(wav, table, tiny_frontend, spectrograms)
    return spectrograms, [row[0] for row in rows]


@pytest.fixture(scope="module")
def start_script():
    """Start a rule's script in a process of its own; what runs on after the module's tests is ended."""
    running = []

    def start(rule, log, *, folder, environment=None, **told):
        job = {
            "script": str(ROOT / f"workflow/scripts/{rule}.py"),
            "rule": rule,
            "log": {"log": log},
        }
        for key in ("input", "output", "params", "wildcards", "resources"):
            job[key] = told.get(key, {})
        process = subprocess.Popen(
            [sys.executable, "-c", _RUN_SCRIPT, json.dumps(job)],
            cwd=folder, env=os.environ | (environment or {}), stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stderr.close()


# Files whose fixtures run the whole workflow: begun first, so that no core waits for the last of them.
LONG = (
    "test_workflow", "test_birdclef_workflow", "test_sed_workflow", "test_training", "test_plan",
    "test_experiments", "test_staleness",
)  # fmt: skip


def pytest_collection_finish():
    # what is imported stays: the collector need not look through TensorFlow again and again
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def pytest_collection_modifyitems(items):
    def place(item):
        name = item.path.stem
        return LONG.index(name) if name in LONG else len(LONG)

    items.sort(key=place)  # stable: within a file and between the others the order stays
