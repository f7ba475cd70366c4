"""What a run takes, told before it begins."""

import contextlib

import pytest
import tiny

from dawnchorus.cli import command
from dawnchorus.frontends import base
from dawnchorus.plan.cost_estimate import FRAME_S, JOB_S
from dawnchorus.plan.jobs import jobs
from dawnchorus.plan.run_costs import audio_seconds, run_costs

SMALL_S, OTHER_S = 16 * 3.0, 8 * 3.0


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return tiny.Project(tmp_path_factory.mktemp("costs"))


@pytest.fixture(scope="module")
def run(project):
    return project.run_of(tiny.config())


def test_lengths_are_those_of_the_headers(project, run):
    with contextlib.chdir(project.work):
        found = audio_seconds(run, "results")
    # one of the latter is cut, and its header does not say how long it is
    assert found == {"small": pytest.approx(SMALL_S), "other": pytest.approx(7 * 3.0)}


def test_jobs_and_files_are_counted_and_bytes_follow_from_lengths(run):
    costs = {one.step: one for one in run_costs(run, {"small": SMALL_S, "other": OTHER_S})}
    planned = jobs(run)
    assert sum(one.jobs for one in costs.values()) == len(planned)
    assert sum(one.files for one in costs.values()) == sum(len(job.outputs) for job in planned)
    audio_s = SMALL_S + OTHER_S
    assert costs["audio"].bytes == pytest.approx(audio_s * tiny.SAMPLE_RATE * 4)
    hop = base.hop_length({**run.config["frontends"]["tiny"], "sample_rate": tiny.SAMPLE_RATE})
    assert costs["spectrograms"].bytes == pytest.approx(audio_s * tiny.SAMPLE_RATE / hop * 26 * 4)
    assert {costs[step].gpu_h > 0 for step in ("trainings", "predictions")} == {True}
    assert costs["others"].gpu_h == costs["audio"].gpu_h == 0


def test_a_training_takes_as_long_as_its_frames(run):
    costs = {one.step: one for one in run_costs(run, {"small": SMALL_S, "other": OTHER_S})}
    n = sum(job.rule == "train" for job in jobs(run))
    # two steps of eight windows of 170 frames
    expected = n * (JOB_S + 2 * 8 * 170 * FRAME_S["species"])
    assert costs["trainings"].core_h * 3600 == pytest.approx(expected)


def test_doctor_tells_it_of_a_config(project, run, capsys):
    with contextlib.chdir(project.work):
        assert command.main(["doctor", "tiny.yaml"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "0.0 h of audio in 2 corpora"
    steps = [line.split()[0] for line in lines[2:-1]]
    assert steps == ["audio", "spectrograms", "trainings", "predictions", "others", "all"]
    assert "rates of one core" in lines[-1]


def test_a_corpus_that_nobody_has_listed_is_one_sentence(tmp_path, capsys):
    with contextlib.chdir(tiny.Project(tmp_path / "new").work):
        assert command.main(["doctor", "tiny.yaml"]) != 0
        assert command.main(["doctor", "gone.yaml"]) != 0
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "is not listed" in said[0]
    assert "config 'gone.yaml' is not there" in said[1]
