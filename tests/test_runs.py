"""The main process: its lock, its listing, what it refuses before the first job."""

import subprocess
import sys

import pytest

from dawnchorus.corpora import catalog
from dawnchorus.plan import recordings_check
from dawnchorus.runtime import run

HOLD = """
import sys, time
from dawnchorus.runtime import run
run.held(sys.argv[1])
print('held', flush=True)
time.sleep(60)
"""


@pytest.fixture
def table(tmp_path, monkeypatch):
    """List a table corpus of four recordings, two groups, splits train and test."""
    monkeypatch.chdir(tmp_path)

    def make(**columns):
        rows = {"group": ["x", "x", "y", "z"], "fold": [""] * 4, "split": ["train"] * 3 + ["test"]}
        rows |= columns
        lines = ["path,labels,group,fold,split"]
        for i in range(4):
            (tmp_path / f"{i}.wav").write_bytes(f"RIFF{i}".encode())
            lines.append(f"{i}.wav,bird,{rows['group'][i]},{rows['fold'][i]},{rows['split'][i]}")
        (tmp_path / "mine.csv").write_text("\n".join(lines) + "\n")
        settings = {
            "adapter": "table", "table": "mine.csv", "root": None, "separator": ";", "shards": 1,
            "binary_class": None, "fingerprint": "content", "missing_files": "error",
        }  # fmt: skip
        return {"mine": catalog.list_corpus("mine", settings, "results")}

    return make


def config(train="mine:train", **folds):
    experiment = {
        "train": [train], "test": ["mine:test"], "folds": {"by": "group"} | folds,
        "stages": {"first": {"targets": {"from": "labels"}}}, "events": None,
        "submission": {"format": "none", "by_corpus": {}},
    }  # fmt: skip
    return {"run": ["e"], "experiments": {"e": experiment}}


def test_a_split_that_no_recording_is_in_is_refused(table):
    with pytest.raises(ValueError, match=r"experiments\.e: 'mine:trian': .*'trian'.*train"):
        recordings_check.check_experiments(
            config("mine:trian", kind="rotate", count=2), table(), "results"
        )


def test_more_folds_than_groups_are_refused(table):
    indexes = table()
    recordings_check.check_experiments(config(kind="grouped", count=2), indexes, "results")
    with pytest.raises(ValueError, match=r"folds\.count: 3; the 3 labelled .* 2 groups"):
        recordings_check.check_experiments(config(kind="grouped", count=3), indexes, "results")


def test_recordings_without_events_choose_no_decoding(table):
    chosen, indexes = config(kind="rotate", count=2), table()
    chosen["experiments"]["e"]["events"] = {"validation": ["mine:test"]}
    said = r"experiments\.e\.events\.validation: 'mine:test' has no recording with known events"
    with pytest.raises(ValueError, match=said):
        recordings_check.check_experiments(chosen, indexes, "results")


def test_given_folds_have_to_be_there(table):
    recordings_check.check_experiments(
        config(kind="given", count=2), table(fold=["a", "b", "b", ""]), "results"
    )
    with pytest.raises(ValueError, match="has 1 folds, and is empty for some"):
        recordings_check.check_experiments(
            config(kind="given", count=2), table(fold=["a", "", "a", ""]), "results"
        )


def test_one_run_at_a_time_and_the_lock_dies_with_its_process(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match=f"in use by process {holder.pid} on .*, since"):
            run.held(tmp_path)
        holder.kill()
        holder.wait()
    run.held(tmp_path)
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
