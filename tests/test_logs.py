import errno

import pytest

from dawnchorus.runtime import logs


def test_what_is_logged_goes_to_the_file_and_the_terminal(tmp_path, capsys):
    with logs.log_to(tmp_path / "deep" / "train.log"):
        logs.LOG.info("epoch %d", 3)
    logs.LOG.info("after the block")
    text = (tmp_path / "deep" / "train.log").read_text()
    assert text.endswith(" epoch 3\n")
    assert capsys.readouterr().err == text


def test_a_log_is_made_anew(tmp_path):
    for number in (1, 2):
        with logs.log_to(tmp_path / "train.log"):
            logs.LOG.info("run %d", number)
    text = (tmp_path / "train.log").read_text()
    assert "run 2" in text
    assert "run 1" not in text


def test_a_failure_is_one_line_on_the_terminal_and_a_traceback_in_the_log(tmp_path, capsys):
    path = tmp_path / "train.log"
    with logs.log_to(path):
        try:
            raise ValueError("a.wav is\n  empty")
        except ValueError as error:
            logs.log_error(error, path)
        logs.LOG.info("after it")
    assert capsys.readouterr().err.splitlines()[0].endswith(" error: a.wav is empty")
    first, second, *_, last = path.read_text().splitlines()
    assert first.endswith(" error: a.wav is empty")
    assert second.startswith("Traceback")
    assert last.endswith(" after it")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("7 is\n too many"), "7 is too many"),
        (ValueError(), "ValueError"),
        (KeyError("sex"), "KeyError: 'sex'"),
        (FileNotFoundError(2, "No such file", "a.wav"), "[Errno 2] No such file: 'a.wav'"),
    ],
)
def test_an_error_is_told_in_one_line(error, line):
    assert logs.one_line(error) == line


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(logs.time, "monotonic", lambda: now[0])
    return now


def test_progress_is_told_when_it_is_time(tmp_path, clock):
    progress = logs.progress("recordings", 40)
    with logs.log_to(tmp_path / "a.log"):
        for clock[0] in (105.0, 109.0, 110.0, 111.0, 120.0):
            progress.step(2)
    lines = (tmp_path / "a.log").read_text().splitlines()
    assert [line.partition(" ")[2] for line in lines] == [
        "6 of 40 recordings, 0.6/s, 57 s left",
        "10 of 40 recordings, 0.5/s, 60 s left",
    ]


def test_progress_is_not_told_before_there_is_any(tmp_path, clock):
    progress = logs.progress("models", 5, every_s=0.0)
    with logs.log_to(tmp_path / "a.log"):
        progress.step(0)
        progress.step(1)
    assert len((tmp_path / "a.log").read_text().splitlines()) == 1


def test_a_full_disk_says_what_to_do():
    error = OSError(errno.ENOSPC, "No space left on device", "results/x.wav")
    said = (
        "a file cannot be written: No space left on device (results/x.wav); make room and run again"
    )
    assert logs.one_line(error) == said


def test_a_full_disk_under_hdf5_is_one_sentence():
    error = RuntimeError(
        "Can't decrement id ref count (file write failed: time = Sat, filename = 'x.h5', file "
        "descriptor = 5, errno = 28, error message = 'No space left on device', buf = 0x5)"
    )
    said = logs.one_line(error)
    assert said == "a file cannot be written: No space left on device; make room and run again"
