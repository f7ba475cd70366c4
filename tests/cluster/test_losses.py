"""What a run on SLURM makes of losses: it ends as an undisturbed one, or says in a sentence why not."""

import re
import signal
import time

import pytest
from on_cluster import FIRST, METRICS

pytestmark = pytest.mark.cluster


def test_a_run_on_two_partitions_ends_as_one_on_this_machine(project):
    head = project.head("--forceall")
    assert project.ends(head) == 0, project.said()
    project.is_as_undisturbed()
    jobs = [job for job in project.cluster.jobs() if job[0] in project.numbers()]
    assert {(node[0], state) for _, state, node, _ in jobs} == {
        ("c", "COMPLETED"),
        ("g", "COMPLETED"),
    }
    # 19 jobs: two shards, baselines, the trainings of a stage, two of scores, and what follows from them
    assert len(jobs) == 7
    assert not (project.work / "results/.finished").exists()


def test_a_training_that_is_cancelled_goes_on_from_its_checkpoint(project):
    head = project.head()
    log = project.work / "results/logs/train/one/first/f1p0s1.log"
    project.wait_until(lambda: log.exists() and "epoch" in log.read_text(), "a first epoch")
    number, _ = project.submitted("train")[0]
    project.cluster.said("scancel", number)
    assert project.ends(head) == 0, project.said()
    project.is_as_undisturbed()
    assert f"FAILED: SLURM job {number} was cancelled; results/logs/train/one" in project.said()
    # each attempt is in the log of the job
    assert len(re.findall("^# again .* SLURM job", log.read_text(), re.M)) == 1


def test_a_job_that_takes_more_memory_than_it_asked_for_gets_more(project):
    head = project.head("--set-resources", "predict:mem_mb=attempt * attempt * 330")
    assert project.ends(head) == 0, project.said()
    project.is_as_undisturbed()
    assert re.search(
        r"predict one first \w+ 000-000: FAILED: SLURM ended job \d+: it took more than its memory of "
        r"330 MB; results/logs/predict/.*\.log ends with: ",
        project.said(),
    ), project.said()


def test_a_job_that_takes_longer_than_it_asked_for_begins_again(project):
    head = project.head("--set-resources", "train:runtime=1", "--forcerun", "check_leaks")
    project.wait_until(lambda: project.numbers(), "a first submission")
    lock = project.hold()
    project.wait_until(
        lambda: any(state == "TIMEOUT" for _, state in project.submitted("train")),
        "a time limit",
    )
    lock.release()
    assert project.ends(head) == 0, project.said()
    project.is_as_undisturbed()
    assert re.search(
        r"train one first f1p0s1: FAILED: SLURM ended job \d+ at its time limit of \d+ min; .* "
        r"ends with: .*waiting for process",
        project.said(),
    ), project.said()


def test_a_node_that_is_lost_costs_an_attempt(project):
    head = project.head("--forcerun", "check_leaks")
    project.wait_until(lambda: project.numbers(), "a first submission")
    lock = project.hold()
    project.wait_until(lambda: project.is_running("train"), "a training")
    project.cluster.lose_node("g1")
    project.wait_until(lambda: "was lost (NODE_FAIL)" in project.said(), "its loss to be said")
    lock.release()
    project.cluster.start_node("g1")
    assert project.ends(head) == 0, project.said()
    project.is_as_undisturbed()


def test_a_node_whose_daemon_dies_leaves_a_job_that_is_not_done_twice(project):
    head = project.head("--forcerun", "check_leaks")
    project.wait_until(lambda: project.numbers(), "a first submission")
    lock = project.hold()
    project.wait_until(lambda: project.is_running("train"), "a training")
    project.cluster.kill_slurmd("g1")  # its job lives on
    project.wait_until(lambda: "was lost (NODE_FAIL)" in project.said(), "its loss to be said")
    lock.release()
    project.wait_until((project.work / FIRST).exists, "the training of the job that lives on")
    made = (project.work / FIRST).stat().st_ino
    project.cluster.start_node("g1")
    assert project.ends(head) == 0, project.said()
    project.is_as_undisturbed()
    # taken up again from its second name, which is the same file
    assert (project.work / FIRST).stat().st_ino == made


def test_a_killed_head_is_started_again_and_waits_for_what_its_jobs_do(project):
    first = project.head("--forcerun", "check_leaks")
    project.wait_until(lambda: project.numbers(), "a first submission")
    lock = project.hold()
    project.wait_until(lambda: project.is_running("train"), "a training")
    training = project.submitted("train")
    first.send_signal(signal.SIGKILL)
    first.wait()
    second = project.head()
    # the lock of this test and that of the training's other members are jobs of an earlier run
    project.wait_until(
        lambda: "jobs of an earlier run are at work" in project.said(), "their names"
    )
    lock.release()
    assert project.ends(second) == 0, project.said()
    project.is_as_undisturbed()
    assert [number for number, _ in project.submitted("train")] == [
        number for number, _ in training
    ]


def test_of_two_heads_one_ends_with_a_sentence(project):
    first = project.head()
    project.wait_until(lambda: project.numbers(), "a first submission")
    second = project.head()
    assert project.ends(second) == 2
    assert re.search(r"^error: results is in use by process \d+ on ", project.said(), re.M)
    first.send_signal(signal.SIGINT)
    assert project.ends(first) == 1
    project.wait_until(
        lambda: not project.is_running("train") and not project.is_running("fit"), "no job"
    )
    assert not (project.work / METRICS).exists()


def test_a_scheduler_that_is_away_for_a_while_loses_no_job(project):
    head = project.head("--forcerun", "check_leaks")
    project.wait_until(lambda: project.numbers(), "a first submission")
    lock = project.hold()
    project.wait_until(lambda: project.is_running("train"), "a training")
    project.cluster.stop_scheduler()
    project.wait_until(lambda: "squeue does not answer" in project.said(), "its silence to be said")
    time.sleep(12)  # more than the five queries after which the plugin forgets its jobs
    project.cluster.start_scheduler()
    lock.release()
    assert project.ends(head) == 0, project.said()
    project.is_as_undisturbed()


def test_a_full_disk_is_one_sentence(project, full_disk):
    head = project.head("--retries", "0")
    with full_disk(project.work / "results/one/stages"):
        assert project.ends(head) == 1
        # by whatever job is the first to find no room
        said = "FAILED: a file cannot be written: No space left on device; make room and run again"
        assert said in project.said()
