import pytest

from dawnchorus import logs


def test_what_is_logged_goes_to_the_file_and_the_terminal(tmp_path, capsys):
    with logs.recorded_to(tmp_path / "deep" / "train.log"):
        logs.LOG.info("epoch %d", 3)
    logs.LOG.info("after the block")
    text = (tmp_path / "deep" / "train.log").read_text()
    assert text.endswith(" epoch 3\n")
    assert capsys.readouterr().err == text


def test_a_log_is_made_anew(tmp_path):
    for number in (1, 2):
        with logs.recorded_to(tmp_path / "train.log"):
            logs.LOG.info("run %d", number)
    text = (tmp_path / "train.log").read_text()
    assert "run 2" in text
    assert "run 1" not in text


def test_a_failure_is_one_line_on_the_terminal_and_a_traceback_in_the_log(tmp_path, capsys):
    path = tmp_path / "train.log"
    with logs.recorded_to(path):
        try:
            raise ValueError("a.wav is\n  empty")
        except ValueError as error:
            logs.failed(error, path)
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


def test_progress_is_told_when_it_is_time(caplog, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(logs.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(logs.LOG, "propagate", True)
    progress = logs.progress("recordings", 40)
    with caplog.at_level("INFO", logs.LOG.name):
        for now[0] in (105.0, 109.0, 110.0, 111.0, 120.0):
            progress.step(2)
    assert caplog.messages == [
        "6 of 40 recordings, 0.6/s, 57 s left",
        "10 of 40 recordings, 0.5/s, 60 s left",
    ]


def test_progress_without_any_work_done_does_not_fail(caplog, monkeypatch):
    monkeypatch.setattr(logs.time, "monotonic", lambda: 100.0)
    monkeypatch.setattr(logs.LOG, "propagate", True)
    with caplog.at_level("INFO", logs.LOG.name):
        logs.progress("models", 5, every_s=0.0).step(0)
    assert caplog.messages == ["0 of 5 models, 0.0/s, 0 s left"]
