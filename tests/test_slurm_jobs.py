"""Why jobs of SLURM ended, and that none is waited for without end, with a made-up plugin."""

import asyncio
import sys
import types
from types import SimpleNamespace

import pytest

from dawnchorus.progress import run_files
from dawnchorus.progress.run_state import Job, RunState
from dawnchorus.runtime import job_status, logs, run, slurm_jobs
from dawnchorus.runtime.slurm_jobs import SILENT_S, UNKNOWN_S, Answers, end_in_words
from snakemake_logger_plugin_dawnchorus import LogHandler

ASKED = {"mem_mb": 4000, "runtime": 60}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("TIMEOUT", "SLURM ended job 7 at its time limit of 60 min"),
        ("OUT_OF_MEMORY", "SLURM ended job 7: it took more than its memory of 4000 MB"),
        ("NODE_FAIL", "the node of SLURM job 7 was lost (NODE_FAIL)"),
        ("CANCELLED", "SLURM job 7 was cancelled"),
        ("DEADLINE", "SLURM ended job 7 (DEADLINE)"),
    ],
)
def test_the_end_of_a_job_is_in_words_with_the_last_line_of_its_log(tmp_path, state, said):
    own, caught, empty = (tmp_path / name for name in ("own.log", "caught.log", "empty.log"))
    own.write_text("epoch 3\nepoch 4\n\n")
    caught.write_text("words of Snakemake\n")
    empty.write_text("")
    found = end_in_words("7", state, ASKED, [tmp_path / "gone.log", empty, own, caught])
    assert found == f"{said}; {own} ends with: epoch 4"
    assert end_in_words("7", state, ASKED, []) == said


@pytest.mark.parametrize(
    ("caught", "is_for_memory"),
    [
        ("slurmstepd: error: StepId=2.0 exceeded memory limit (47 > 41), being killed", True),
        ("slurmstepd: error: Detected 1 oom_kill event in StepId=3.0.", True),
        ("error: a.wav is empty", False),
    ],
)
def test_a_job_that_failed_was_killed_for_memory_where_its_output_says_so(
    tmp_path, caught, is_for_memory
):
    path = tmp_path / "7.log"
    path.write_text(caught)
    found = end_in_words("7", "FAILED", ASKED, [path])
    assert ("memory of 4000 MB" in found) if is_for_memory else found is None


def test_a_job_that_slurm_no_longer_knows_is_given_up_after_a_while():
    answers = Answers(0.0)
    answers.take({"7": "RUNNING"}, 10.0)
    assert answers.given_up("7", 10.0) is None
    answers.take({}, 20.0)
    assert answers.given_up("7", 10.0 + UNKNOWN_S - 1) is None
    assert "has not known job 7 for 10 min" in answers.given_up("7", 10.0 + UNKNOWN_S)
    # one that it does not know yet has the same time from when it is first asked for
    assert answers.given_up("8", 5000.0) is None
    assert answers.given_up("8", 5000.0 + UNKNOWN_S) is not None


def test_a_scheduler_that_is_silent_is_waited_for_longer():
    answers = Answers(0.0)
    answers.take({"7": "RUNNING"}, 10.0)
    assert answers.take(None, 20.0)  # a silence begins
    assert not answers.take(None, 30.0)
    assert answers.given_up("7", 10.0 + SILENT_S - 1) is None
    assert "has not answered for 60 min" in answers.given_up("7", 10.0 + SILENT_S)
    assert not answers.take({"7": "RUNNING"}, 9000.0)
    assert answers.given_up("7", 9000.0) is None


def test_the_state_of_a_cancelled_job_is_that_of_sacct_without_who_did_it():
    answers = Answers(0.0)
    answers.take({"7": "CANCELLED by 0", "8": ""}, 1.0)
    assert answers.states == {"7": "CANCELLED"}


class Executor:
    """What `mend` touches of the plugin's: all jobs that are not COMPLETED are waited for."""

    next_seconds_between_status_checks = property(
        lambda self: self.pause, lambda self, seconds: setattr(self, "pause", seconds)
    )

    def __init__(self):
        self.failed = []

    async def check_active_jobs(self, active_jobs):
        plugin = sys.modules[slurm_jobs.PLUGIN]
        states, _ = await plugin.query_job_status("squeue --name x", self)
        for job in active_jobs:
            if states.get(job.external_jobid) == "TIMEOUT":
                self.report_job_error(job, msg="SLURM-job failed", aux_logs=["caught.log"])
            else:
                yield job

    def report_job_error(self, job_info, msg=None, **given):
        self.failed.append((job_info.external_jobid, msg))

    def warning(self, text):
        self.warned = text


@pytest.fixture
def plugin(monkeypatch):
    module = types.ModuleType(slurm_jobs.PLUGIN)
    module.Executor = type("Executor", (Executor,), dict(vars(Executor)))
    module.answer, module.age = ({}, 0.1), 300

    async def query_job_status(command, logger):
        return module.answer

    module.query_job_status, module.get_min_job_age = query_job_status, lambda: module.age
    monkeypatch.setitem(sys.modules, slurm_jobs.PLUGIN, module)
    return module


def test_the_plugin_loses_no_job_and_waits_for_none_without_end(plugin, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(slurm_jobs.time, "monotonic", lambda: now[0])
    slurm_jobs.mend()
    slurm_jobs.mend()  # once is enough
    executor = plugin.Executor()
    jobs = [
        SimpleNamespace(
            external_jobid=number,
            aux={"slurm_logfile": "caught.log"},
            job=SimpleNamespace(log=[], resources=ASKED),
        )
        for number in ("7", "8")
    ]

    async def ask():
        return [job.external_jobid async for job in executor.check_active_jobs(jobs)]

    plugin.answer = None, None  # of a scheduler that does not answer
    assert asyncio.run(ask()) == ["7", "8"]
    assert executor.warned == "squeue does not answer; jobs are left alone, and it is asked again"
    plugin.answer = {"7": "TIMEOUT", "8": "RUNNING"}, 0.1
    assert asyncio.run(ask()) == ["8"]
    assert executor.failed == [("7", "SLURM ended job 7 at its time limit of 60 min")]
    assert slurm_jobs.end_of("7") == executor.failed[0][1]
    assert slurm_jobs.end_of("8") is slurm_jobs.end_of(None) is None
    del jobs[0]
    plugin.answer, now[0] = ({}, 0.1), UNKNOWN_S
    assert asyncio.run(ask()) == []
    assert executor.failed[1] == ("8", "SLURM has not known job 8 for 10 min: taken as lost")
    # how long squeue remembers jobs is not forgotten where scontrol fails once
    assert plugin.get_min_job_age() == 300
    plugin.age = None
    assert plugin.get_min_job_age() == 300
    executor.next_seconds_between_status_checks = 180
    assert executor.next_seconds_between_status_checks == 60


def test_another_plugin_than_the_known_one_is_warned_of(plugin, capsys):
    del plugin.query_job_status
    slurm_jobs.mend()
    assert "is not as version 2.8" in capsys.readouterr().err
    assert plugin.Executor.check_active_jobs is not None


def test_a_further_attempt_of_a_run_is_appended_to_the_log_of_its_job(tmp_path, monkeypatch):
    path = tmp_path / "train.log"
    monkeypatch.setenv(run.HEAD, "12@c1")
    for number in (1, 2):
        path.unlink(missing_ok=True)  # as Snakemake does before it repeats a job
        with logs.log_to(path, tmp_path / "kept/train.log"):
            logs.LOG.info("attempt %d", number)
    text = path.read_text()
    assert text.startswith("# run of 12@c1\n")
    assert text.index("attempt 1") < text.index(f"\n{logs.ATTEMPT} 20") < text.index("attempt 2")
    # a new run begins anew
    monkeypatch.setenv(run.HEAD, "13@c1")
    with logs.log_to(path, tmp_path / "kept/train.log"):
        logs.LOG.info("attempt 3")
    assert "attempt 2" not in path.read_text()


def test_the_error_of_an_earlier_attempt_is_not_that_of_the_last(tmp_path):
    path = tmp_path / "train.log"
    path.write_text(
        f"10:00:00 error: no sound\n{logs.ATTEMPT} 2026-11-30 on c1\n10:00:01 epoch 1\n"
    )
    found = run_files.failure_of(Job("train", {}, 0.0, [str(path)]), [])
    assert found.sentence.startswith("its process ended without a message")


def test_of_a_submission_those_that_had_begun_and_not_ended_have_failed():
    job = Job("train", {"member": "f1"}, 0.0)
    about = {"rule": "train", "wildcards": {"member": "f1"}}
    assert run_files.is_unfinished(job, [about])
    assert run_files.is_unfinished(job, [about | {"failed": "no sound"}])
    assert not run_files.is_unfinished(job, [about | {"is_done": True}])
    assert not run_files.is_unfinished(job, [])


def test_what_its_scheduler_says_comes_before_what_a_job_has_said():
    job = Job("train", {}, 0.0, ["train.log"])
    reports = [{"rule": "train", "wildcards": {}, "failed": "told to stop", "is_stop": True}]
    found = run_files.failure_of(job, reports, said="SLURM ended job 7")
    assert (found.sentence, found.is_stop) == ("SLURM ended job 7", False)


@pytest.fixture
def display(tmp_path, monkeypatch):
    """The display of a run that fails, without a terminal: two trainings are one submission."""
    monkeypatch.chdir(tmp_path)
    handler = LogHandler.__new__(LogHandler)
    handler._state, handler._submission, handler._signals = RunState(), {}, []
    handler._terminal, handler.common_settings = None, SimpleNamespace(show_failed_logs=False)
    for number, member in ((1, "f1"), (2, "f2")):
        handler._state.begin(number, Job("train", {"member": member}, 0.0))

    def fail():
        told = [{"jobid": 1}, {"jobid": 2}]
        handler._group_failed(SimpleNamespace(external_jobid="7", job_error_info=told))
        for number in (1, 2):
            handler._failed(SimpleNamespace(jobid=number, rule_name="train", log=[], aux={}))
        return {number: one.sentence for number, one in handler._state.failures.items()}

    return fail


@pytest.mark.parametrize("is_begun", [True, False])
def test_of_a_lost_submission_what_was_at_work_is_told_of_or_one_of_all(
    display, monkeypatch, is_begun
):
    monkeypatch.setitem(slurm_jobs._ENDS, "7", "the node of SLURM job 7 was lost")
    if is_begun:
        with job_status.reporting("train", {"member": "f2"}, "results"):
            told = display()
    else:
        told = display()
    assert told == {2 if is_begun else 1: "the node of SLURM job 7 was lost"}


def test_of_a_submission_with_a_fault_the_job_that_has_it_says_it(display, monkeypatch):
    monkeypatch.setenv(job_status.READ, "1")  # the file of a finished job stays
    with job_status.reporting("train", {"member": "f1"}, "results"):
        pass
    with job_status.reporting("train", {"member": "f2"}, "results"):
        job_status.fail("no sound")
    assert display() == {2: "no sound"}


def test_what_slurm_does_not_take_is_said_in_its_words():
    job = Job("train", {}, 0.0, ["train.log"])
    text = (
        "SLURM sbatch failed. The error message was 'sbatch: error: Invalid\n account'.\n    call"
    )
    handler = LogHandler.__new__(LogHandler)
    handler._state, handler._submission, handler._signals = RunState(), {}, []
    handler._terminal, handler.common_settings = None, SimpleNamespace(show_failed_logs=False)
    handler._state.begin(1, job)
    handler._failed(SimpleNamespace(jobid=1, rule_name="train", log=[], aux={}, rule_msg=text))
    said = handler._state.failures[1].sentence
    assert said == "SLURM does not take the job: sbatch: error: Invalid account"
