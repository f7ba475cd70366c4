"""Jobs that are started twice, and the locks that they and their runs have."""

import json
import os
import platform
import subprocess
import sys
import time
import types
from types import SimpleNamespace

import pytest

from dawnchorus.runtime import artefacts, earlier_jobs, file_locks, finished, job_status

ABOUT = {"rule": "train", "wildcards": {"member": "f1"}, "inputs": {}, "library": {"script": "1"},
         "settings": {"epochs": 2}, "versions": {"numpy": "2"}, "command": "x"}  # fmt: skip


def make(results, content, about=ABOUT):
    """Make an output as a job that keeps its outputs does; return its path and the job's digest."""
    digest = finished.job_digest(about)
    given = {
        "results": results,
        "about": about,
        "keep": lambda p: finished.keep(p, digest, results),
    }
    with artefacts.record_job(given):
        artefacts.write_text(results / "x/model.keras", content)
    return results / "x/model.keras", digest


def test_a_removed_output_comes_back_with_its_record(tmp_path):
    path, digest = make(tmp_path, "weights")
    record = artefacts.read_record(path, tmp_path)
    path.unlink()
    artefacts.record_path(path, tmp_path).unlink()
    assert finished.restore([path], digest, tmp_path)
    assert path.read_text() == "weights"
    assert artefacts.read_record(path, tmp_path) == record
    assert os.stat(path).st_nlink == 2  # no byte is stored twice


@pytest.mark.parametrize(
    "changed", ["rule", "wildcards", "inputs", "library", "settings", "versions"]
)
def test_what_decides_an_output_decides_whether_it_comes_back(tmp_path, changed):
    path, _ = make(tmp_path, "weights")
    path.unlink()
    other = finished.job_digest(ABOUT | {changed: {"another": "value"}})
    assert not finished.restore([path], other, tmp_path)
    assert not path.exists()


def test_the_command_line_decides_nothing():
    assert finished.job_digest(ABOUT | {"command": "y"}) == finished.job_digest(ABOUT)


def test_a_damaged_output_does_not_come_back(tmp_path):
    path, digest = make(tmp_path, "weights")
    path.write_text("weighty")  # in place: the second name has the same bytes
    path.unlink()
    assert not finished.restore([path], digest, tmp_path)


def test_all_outputs_of_a_job_come_back_or_none(tmp_path):
    path, digest = make(tmp_path, "weights")
    path.unlink()
    assert not finished.restore([path, tmp_path / "x/history.csv"], digest, tmp_path)
    assert not path.exists()


def test_what_was_made_from_something_else_goes(tmp_path):
    path, former = make(tmp_path, "weights")
    make(tmp_path, "others", ABOUT | {"settings": {"epochs": 3}})
    path.unlink()
    assert not finished.restore([path], former, tmp_path)
    assert (
        len(list((tmp_path / finished.FOLDER).rglob("*"))) == 4
    )  # two folders, a file, its record


def test_a_run_that_has_ended_well_forgets(tmp_path):
    path, digest = make(tmp_path, "weights")
    finished.forget(tmp_path)
    path.unlink()
    assert not finished.restore([path], digest, tmp_path)


HOLD = """
import sys, time
from dawnchorus.runtime import file_locks
lock = file_locks.take(sys.argv[1], {"what": "train f1"})
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def other_process(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / ".jobs/x/model.keras.json")],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def job(results):
    """Return what Snakemake gives the script of the job that the other process works on."""
    return types.SimpleNamespace(
        rule="train", wildcards={"member": "f1"}, output=[str(results / "x/model.keras")]
    )


def test_a_second_job_waits_for_the_first_and_then_works(
    tmp_path, other_process, monkeypatch, caplog
):
    naps = []

    def end_it(_):
        naps.append(1)
        other_process.kill()
        other_process.wait()

    monkeypatch.setattr(earlier_jobs.time, "sleep", end_it)
    with caplog.at_level("INFO"), earlier_jobs.job_lock(job(tmp_path), tmp_path):
        assert naps
        held = file_locks.holder(tmp_path / ".jobs/x/model.keras.json")
        assert held["process"] == os.getpid()
        assert held["what"] == "train f1"
    assert f"waiting for process {other_process.pid} on" in caplog.text
    assert not (tmp_path / ".jobs/x/model.keras.json").exists()


def test_a_new_run_names_the_jobs_of_an_earlier_one_and_waits(
    tmp_path, other_process, monkeypatch, capsys
):
    monkeypatch.setattr(
        earlier_jobs.time, "sleep", lambda _: (other_process.kill(), other_process.wait())
    )
    earlier_jobs.settle(tmp_path, is_to_cancel=False)
    said = capsys.readouterr().err
    assert f"1 jobs of an earlier run are at work: train f1: process {other_process.pid} on" in said
    assert "waiting for them" in said


def test_a_new_run_cancels_the_jobs_of_an_earlier_one_where_it_is_told_to(tmp_path, other_process):
    earlier_jobs.settle(tmp_path, is_to_cancel=True)
    assert other_process.wait(timeout=10) == -15


def elsewhere(path, age_s, **about):
    """Write a lock file as a process of another host does, whose lock this kernel does not know."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"host": "other-host", "process": 7, "since": "today", **about}))
    then = time.time() - age_s
    os.utime(path, (then, then))


def test_a_lock_that_another_host_renews_is_held(tmp_path):
    elsewhere(tmp_path / "lock", 20)
    with pytest.raises(file_locks.Held, match="process 7 on other-host, since today"):
        file_locks.take(tmp_path / "lock", {})
    assert file_locks.holder(tmp_path / "lock")["host"] == "other-host"


def test_a_lock_that_another_host_no_longer_renews_is_free(tmp_path):
    elsewhere(tmp_path / "lock", 70)
    assert file_locks.holder(tmp_path / "lock") is None
    file_locks.take(tmp_path / "lock", {}).release()


def test_a_holder_renews_its_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(file_locks, "BEAT_S", 0.01)
    lock = file_locks.take(tmp_path / "lock", {})
    os.utime(tmp_path / "lock", (0, 0))
    for _ in range(500):
        if (tmp_path / "lock").stat().st_mtime:
            break
        time.sleep(0.01)
    assert time.time() - (tmp_path / "lock").stat().st_mtime < 60
    lock.release()


def test_jobs_of_slurm_are_cancelled_by_their_number(tmp_path, monkeypatch):
    path = tmp_path / ".jobs/x/model.keras.json"
    elsewhere(path, 1, slurm_job="34", what="train f1")
    asked = []

    def cancel(command, **_):
        if command[0] == "squeue":
            return SimpleNamespace(stdout="")
        asked.append(command)
        path.unlink()

    monkeypatch.setattr(earlier_jobs.subprocess, "run", cancel)
    earlier_jobs.settle(tmp_path, is_to_cancel=True)
    assert asked == [["scancel", "34"]]


def test_a_submission_that_slurm_still_has_is_awaited_between_its_jobs(
    tmp_path, monkeypatch, capsys
):
    """The jobs of one submission run in turn: for a moment none of them holds a lock."""
    monkeypatch.setenv("SLURM_JOB_ID", "34")
    monkeypatch.setattr(earlier_jobs, "_POLL_S", 0.0)
    monkeypatch.setenv(job_status.READ, "1")
    with job_status.reporting("train", {"member": "f1"}, tmp_path):
        job_status.fail("killed")
    answers = ["34\n35\n", "34\n", "34\n", ""]
    monkeypatch.setattr(
        earlier_jobs.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=answers.pop(0))
    )
    earlier_jobs.settle(tmp_path, is_to_cancel=False)
    assert answers == []
    said = "1 jobs of an earlier run are at work: SLURM job 34; waiting for them"
    assert capsys.readouterr().err.startswith(said)


def test_jobs_that_cannot_be_cancelled_are_named(tmp_path, monkeypatch):
    elsewhere(tmp_path / ".jobs/x/model.keras.json", 1, slurm_job="34")

    def missing(*_, **__):
        raise FileNotFoundError("no scancel")

    monkeypatch.setattr(earlier_jobs.subprocess, "run", missing)
    with pytest.raises(ValueError, match="scancel 34 failed: no scancel; cancel these, and start"):
        earlier_jobs.settle(tmp_path, is_to_cancel=True)


def test_what_jobs_have_left_that_ended_is_removed(tmp_path):
    path = tmp_path / ".jobs/x/model.keras.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"host": platform.node(), "process": 7, "since": "today"}))
    assert earlier_jobs.jobs_at_work(tmp_path) == []
    assert not path.exists()
