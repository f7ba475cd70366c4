"""What a run shows: on terminals of two widths, in a file, and to `dawnchorus status`."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import screen

from dawnchorus.cli import command
from dawnchorus.progress import run_files, run_text, terminal
from dawnchorus.progress.run_state import Failure, Job, RunState
from dawnchorus.runtime import job_status

PLAYED = str(Path(__file__).parent / "played_run.py")
SENTENCE = "the loss is NaN in epoch 13; lower training.rate"
KILLED = "its process ended without a message by SIGKILL: killed, as a system short of memory does"
FAILED = f"""\
1 of 10 jobs done in N s
2 jobs failed:
  train demo first f1p0s1: {SENTENCE}
    log: results/logs/train-demo-first-f1p0s1.log
  train demo first f2p0s1: {KILLED}, or a scheduler after the time limit; run again to go on
    log: results/logs/train-demo-first-f2p0s1.log
after the run
"""
LIVE = {
    80: """\
0 of 10 jobs done in N s, at least N min left
  resample  ░░░░░░░░░░░░░░░░░░░░ 0/2  N s left
  train     ░░░░░░░░░░░░░░░░░░░░ 0/4  N min left
  to come: judge 1, predict 2, evaluate 1
resample mono small 000: 30/40 recordings, N/s, 1.5 h of audio, N s left
first f1p0s1: epoch 13/60, loss 0.41, val mAP 0.93, N windows/s, N min left
first f2p0s1: epoch 13/60, loss 0.41, val mAP 0.93, N windows/s, N min left
""",
    56: """\
0 of 10 jobs done in N s, at least N min left
  resample  ░░░░░░░░░░░░░░░░░░░░ 0/2  N s left
  train     ░░░░░░░░░░░░░░░░░░░░ 0/4  N min left
  to come: judge 1, predict 2, evaluate 1
resample mono small 000: 30/40 recordings, N s left
first f1p0s1: epoch 13/60, loss 0.41, N min left
first f2p0s1: epoch 13/60, loss 0.41, N min left
""",
}
LIVE[160] = LIVE[80]


def with_n(text):
    """Times and rates, which differ from run to run, as N."""
    return re.sub(r"\d[\d.]*(?= s\b| min (?:left|\d)|/s| windows)", "N", text)


@pytest.fixture
def played(tmp_path):
    """Start a played run on a terminal of some width; what still runs is ended afterwards."""
    begun = []
    environment = {**os.environ, "TERM": "xterm-256color", "CI": ""}

    def start(width, quiet="", **changed):
        begun.append(
            screen.OnScreen(
                [sys.executable, PLAYED, quiet], width, cwd=tmp_path, env=environment | changed
            )
        )
        return begun[-1]

    yield start
    for one in begun:
        one.close()


@pytest.mark.parametrize("width", [pytest.param(56, marks=pytest.mark.slow), 80, 160])
def test_a_terminal_has_live_lines_and_ends_with_what_failed(played, tmp_path, capsys, width):
    run = played(width)
    assert run.until(lambda text: with_n(text).endswith(f"\n{LIVE[width]}")), run.screen.text()
    # what jobs say stands above: libraries, and messages that no live line has
    for line in ("corpus small: 3 recordings are new", "fails: a library in C says this",
                 "train demo first f2p0s1: warning: no weights are kept as best_loss"):  # fmt: skip
        assert line in run.screen.text().replace("\n", "")
    assert "a step" not in run.screen.text()
    assert command.main(["status", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert with_n(told.split("running:\n")[1]) == (
        "".join(f"  {line}\n" for line in LIVE[80].splitlines()[4:])
        + "waiting: resample 1, judge 1, train 2, predict 2, evaluate 1\n"
    )
    (tmp_path / "go").touch()
    assert run.wait() == 0
    text = run.screen.text()
    assert with_n(text).replace("\n", "").endswith(FAILED.replace("\n", "")[-width:])
    assert ("resample mono small 000: 40/40 recordings" in text) == (width > 60)
    for noise in ("CalledProcessError", "At least one job", "Select jobs", "░", "epoch 13/60"):
        assert noise not in text
    assert "a warning of Snakemake" in text
    assert (run.screen.has_cursor, run.screen.unknown) == (True, set())
    assert command.main(["status", str(tmp_path / "results")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("ended ")
    assert lines[-5:] == FAILED.splitlines()[1:-1]
    assert {path.name for path in (tmp_path / "results" / job_status.FOLDER).iterdir()} == {
        "train,demo,first,f1p0s1", "train,demo,first,f2p0s1",
    }  # fmt: skip


def test_a_killed_run_leaves_the_terminal_as_it_was(played, tmp_path, capsys):
    run = played(80)
    assert run.until(lambda text: with_n(text).endswith(f"\n{LIVE[80]}")), run.screen.text()
    run.process.send_signal(signal.SIGKILL)
    run.wait(5.0)
    # the lines stay, and a shell goes on below them
    assert with_n(run.screen.text()).endswith(f"\n{LIVE[80]}")
    assert run.screen.has_cursor
    assert command.main(["status", str(tmp_path)]) == 1
    assert re.search(r"^was killed .*, 0 of 10 jobs done", capsys.readouterr().out, re.M)


@pytest.mark.parametrize("quiet", ["", pytest.param("all", marks=pytest.mark.slow)])
def test_a_file_gets_dated_lines_with_the_names_of_jobs(tmp_path, quiet):
    (tmp_path / "go").touch()
    ran = subprocess.run(
        [sys.executable, PLAYED, quiet], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert "\x1b" not in ran.stderr
    date = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d "
    said = ran.stderr.splitlines()
    plain = with_n("\n".join(re.sub(date, "", line) for line in said if re.match(date, line)))
    assert "train demo first f1p0s1: a step" in plain
    assert f"train demo first f1p0s1: error: {SENTENCE}" in plain
    started = "train demo first f2p0s1: started; Missing output files: x y"
    assert (started in plain) == (quiet == "")
    done = "resample mono small 000: done in N s; 1 of 10 jobs"
    assert (done in plain) == (quiet == "")
    assert ("a warning of Snakemake" in plain) == (quiet != "all")
    assert with_n(re.sub(date, "", ran.stderr, flags=re.M)).endswith(FAILED)


def test_a_quiet_run_has_no_live_lines(played, tmp_path):
    (tmp_path / "go").touch()
    run = played(160, quiet="progress rules")
    assert run.wait() == 0
    text = run.screen.text()
    assert "to come" not in text
    assert "started;" not in text
    assert "train demo first f1p0s1: a step" in text
    # counted all the same
    assert "1 of 10 jobs done in" in text


def test_a_fault_of_the_start_is_on_the_terminal(played):
    run = played(80, quiet="host")
    assert run.wait() == 2
    lines = run.screen.text().splitlines()
    assert lines[-2:] == [
        "corpus small: 3 recordings are new",
        "error: run: 'nosuch'; expected demo",
    ]


def test_live_lines_need_a_terminal_that_is_looked_at(monkeypatch):
    monkeypatch.setattr(terminal.os, "isatty", lambda descriptor: True)
    assert terminal.is_fit({"TERM": "xterm"})
    for environment in ({"TERM": "dumb"}, {}, {"TERM": "xterm", "CI": "true"}):
        assert not terminal.is_fit(environment)
    monkeypatch.setattr(terminal.os, "isatty", lambda descriptor: False)
    assert not terminal.is_fit({"TERM": "xterm"})


def test_time_that_is_left_follows_jobs_that_ended_and_those_that_run():
    state = RunState(started=0.0, steps={"resample": 4, "train": 4, "evaluate": 1})
    assert state.left_s(0.0) == (None, False)
    state.begin(1, Job("resample", {"shard": "000"}, 0.0))
    state.begin(2, Job("resample", {"shard": "001"}, 0.0))
    state.finish(1, 10.0)
    # one that has run for 10 of 10 s, two more, one at once
    assert state.step_left_s("resample", 10.0) == pytest.approx(20.0)
    state.begin(3, Job("resample", {"shard": "002"}, 10.0))
    assert state.step_left_s("resample", 10.0) == pytest.approx((0 + 10 + 10) / 2)
    assert state.left_s(10.0) == (pytest.approx(10.0), False)
    state.earlier = {"train": 100.0, "evaluate": 5.0}
    assert state.left_s(10.0) == (pytest.approx(10.0 + 400.0 + 5.0), True)
    # what a training says counts more than what others took
    state.begin(4, Job("train", {"member": "f1p0s1"}, 10.0, told={"updated": 12.0, "left_s": 50.0}))
    assert state.step_left_s("train", 22.0) == pytest.approx(40.0 + 300.0)
    again = RunState.from_dict(state.as_dict())
    assert again == state


def test_what_jobs_took_before_comes_from_benchmarks_or_the_last_run(tmp_path):
    assert run_files.earlier_seconds(["train"], tmp_path) == {}
    state = RunState(done={"evaluate": 2, "train": 1}, seconds={"evaluate": 8.0, "train": 3.0})
    state.earlier = {"submit": 5.0}
    run_files.write_run(state, tmp_path)
    for name, seconds in (("a", 10), ("b", 20)):
        path = tmp_path / f"benchmarks/train/demo/{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\n{seconds}.0\t0:00:10\n")
    (tmp_path / "benchmarks/train/demo/cut.tsv").write_text("s")
    found = run_files.earlier_seconds(["train", "predict"], tmp_path)
    assert found == {"submit": 5.0, "evaluate": 4.0, "train": 15.0}


def test_a_job_that_was_repeated_and_went_well_has_not_failed():
    state = RunState(steps={"train": 1})
    state.begin(1, Job("train", {}, 0.0))
    state.running.pop(1)
    state.failures[1] = Failure("train", "killed", "x.log")
    state.begin(1, Job("train", {}, 5.0))
    state.finish(1, 9.0)
    assert (state.failures, state.n_done) == ({}, 1)


def test_the_last_error_of_a_log_is_the_sentence(tmp_path):
    log = tmp_path / "train.log"
    log.write_text("10:00:00 error: first\n10:00:01 error: a.wav is empty\nTraceback\n")
    job = Job("train", {}, 0.0, [str(tmp_path / "gone.log"), str(log)])
    assert run_files.failure_of(job, []).sentence == "a.wav is empty"


def test_a_training_that_was_told_to_stop_has_not_failed(tmp_path, monkeypatch):
    monkeypatch.setenv(job_status.READ, "1")
    with job_status.reporting("train", {"member": "f1"}, tmp_path):
        job_status.fail("told to stop in epoch 3", is_stop=True)
    found = run_files.failure_of(Job("train", {"member": "f1"}, 0.0), run_files.read_jobs(tmp_path))
    state = RunState(failures={1: found, 2: Failure("x", "is empty", "x.log")})
    assert run_text.failure_lines(state) == [
        "1 job stopped:", "  train f1: told to stop in epoch 3", "    log: ",
        "1 job failed:", "  x: is empty", "    log: x.log",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min"), (3599, "1 h 00 min"), (7500, "2 h 05 min"),
     (100_000, "1 d 3 h")],
)  # fmt: skip
def test_a_duration_is_said_as_a_person_does(seconds, said):
    assert run_text.duration(seconds) == said


def test_status_says_where_there_has_been_no_run(tmp_path, capsys):
    assert command.main(["status", str(tmp_path)]) == 2
    assert "has no .progress/run.json: no run has been started there" in capsys.readouterr().err


def test_a_status_that_cannot_be_written_ends_no_job(tmp_path):
    (tmp_path / "results").write_text("a file")
    with job_status.reporting("train", {"member": "f1"}, tmp_path / "results"):
        job_status.report(lambda: (["epoch 1"], None))
        job_status.note("a step")
    assert job_status.current_name() is None


def test_jobs_of_a_cluster_say_where_they_run(tmp_path, capsys):
    state = RunState(steps={"train": 2}, is_remote=True)
    names = [{"experiment": "demo", "stage": "first", "member": m} for m in ("f1p0s1", "f2p0s1")]
    for number, wildcards in enumerate(names):
        state.begin(number, Job("train", wildcards, state.started))
    run_files.write_run(state, tmp_path)
    status = job_status.JobStatus("train", names[0], tmp_path)
    status.write(parts=["epoch 2/9"], left_s=90.0, host="node07", slurm_job="4711")
    assert command.main(["status", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (
        "  first f1p0s1 (node07, SLURM 4711): epoch 2/9, 1 min left"
        in with_n("\n".join(lines)).replace("N min", "1 min").splitlines()
    )
    assert any(re.fullmatch(r"  first f2p0s1: waits for the scheduler, \d s", x) for x in lines)
