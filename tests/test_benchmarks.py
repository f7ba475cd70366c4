"""The benchmarks run: every one of them once, as small as can be."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # a minute or more of whole runs

NAMES = (
    "augmentation_pictures", "defaults", "dry_run", "embeddings", "interval_coverage", "predict",
    "recordings_to_hdf5", "signal_slices", "tables", "training_steps",
)  # fmt: skip
BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """Start all of them at once: each spends most of its time on loading libraries."""
    folder = tmp_path_factory.mktemp("benchmarks")
    processes = {
        name: subprocess.Popen(
            [sys.executable, str(BENCHMARKS / f"{name}.py"), "--smoke", "--folder", str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in NAMES
    }
    yield processes
    for process in processes.values():
        process.kill()
        process.communicate()


def test_every_benchmark_is_known():
    # `scaling` works figures out and measures none
    assert sorted(path.stem for path in BENCHMARKS.glob("*.py")) == sorted([*NAMES, "scaling"])


@pytest.mark.slow
def test_large_runs_are_worked_out():
    command = [sys.executable, str(BENCHMARKS / "scaling.py")]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    # the tables of docs/scaling.md
    assert "spectrograms      1000     1000     1.613 TB       200.0 core h" in told
    assert "detections       10001    20002     0.000 TB     20096.9 core h" in told


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_runs_and_holds_its_figures_against_the_aims(name, started):
    told, errors = started[name].communicate(timeout=120)
    assert started[name].returncode == 0, errors
    assert "meets" in told or "MISSES" in told
