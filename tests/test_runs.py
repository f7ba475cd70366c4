"""The main process: its lock, and what it says of a results folder."""

import subprocess
import sys

import pytest

from dawnchorus.runtime import run

HOLD = """
import sys, time
from dawnchorus.runtime import run
run.hold_lock(sys.argv[1])
print('held', flush=True)
time.sleep(60)
"""


def test_one_run_at_a_time_and_the_lock_dies_with_its_process(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match=f"in use by process {holder.pid} on .*, since"):
            run.hold_lock(tmp_path)
        holder.kill()
        holder.wait()
    run.hold_lock(tmp_path)
    run._kept.pop().close()


@pytest.mark.parametrize(
    ("arguments", "is_looking"),
    [
        (["--cores", "2"], False),
        (["-n"], True),
        (["-np", "--cores", "2"], True),
        (["--dry-run"], True),
        (["--lint"], True),
        (["--unlock"], True),
        (["--configfile", "x.yaml", "--cores", "1", "all"], False),
    ],
)
def test_looking_takes_no_lock(arguments, is_looking):
    assert run.is_only_looking(arguments) is is_looking


def test_lost_metadata_are_told(tmp_path):
    assert run.lost_metadata(tmp_path / "results", tmp_path / ".snakemake") is None
    (tmp_path / "results/demo").mkdir(parents=True)
    (tmp_path / "results/demo/folds.csv").touch()
    assert "is gone" in run.lost_metadata(tmp_path / "results", tmp_path / ".snakemake")
    (tmp_path / ".snakemake/metadata").mkdir(parents=True)
    (tmp_path / ".snakemake/metadata/x").touch()
    assert run.lost_metadata(tmp_path / "results", tmp_path / ".snakemake") is None
