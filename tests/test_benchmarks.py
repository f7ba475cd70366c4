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
    assert sorted(path.stem for path in BENCHMARKS.glob("*.py")) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_runs_and_holds_its_figures_against_the_aims(name, started):
    told, errors = started[name].communicate(timeout=120)
    assert started[name].returncode == 0, errors
    assert "meets" in told or "MISSES" in told
