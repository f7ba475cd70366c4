"""Submission files, byte by byte."""

import csv
import logging

import numpy as np
import pytest

from dawnchorus.corpora import tables
from dawnchorus.corpora.tables import LABEL_ROWS, LABELS, write_rows
from dawnchorus.evaluation import submission
from dawnchorus.formats import intervals
from dawnchorus.formats.submissions import (
    bad2017,
    birdclef2016,
    birdclef2018_monophone,
    birdclef2018_soundscape,
)
from dawnchorus.runtime import logs
from dawnchorus.scores import score_files

HEADER_2017 = ["itemid", "hasbird"]
ROWS_2017 = [("field/b", "b"), ("field/a", "a"), ("field/odd", 'o,"d"'), ("field/none", "007")]
SCORES = {"field/a": 0.123456789, "field/b": 1.0, "field/odd": 1e-9, "other": 0.5}


def test_the_file_of_2017_is_the_golden_one(tmp_path):
    filled = bad2017.write(tmp_path / "s.csv", HEADER_2017, ROWS_2017, SCORES, 0.25)
    golden = b'itemid,hasbird\nb,1.000000\na,0.123457\n"o,""d""",0.000000\n007,0.250000\n'
    assert (tmp_path / "s.csv").read_bytes() == golden
    assert filled == 1


def test_columns_of_2018_are_kept(tmp_path):
    header = ["itemid", "datasetid", "hasbird"]
    rows = [("x/a.wav", "a.wav", "x"), ("y/a.wav", "a.wav", "y")]
    bad2017.write(tmp_path / "s.csv", header, rows, {"y/a.wav": 0.5, "x/a.wav": 0})
    golden = b"itemid,datasetid,hasbird\na.wav,x,0.000000\na.wav,y,0.500000\n"
    assert (tmp_path / "s.csv").read_bytes() == golden


def test_recordings_without_a_score_get_the_mean_of_those_in_the_file(tmp_path):
    scores = {"field/a": np.float32(0.25), "field/b": np.float32(0.5), "other": 1.0}
    assert bad2017.write(tmp_path / "s.csv", HEADER_2017, ROWS_2017, scores) == 2
    with open(tmp_path / "s.csv", newline="") as file:
        written = dict(list(csv.reader(file))[1:])
    assert written == {"b": "0.500000", "a": "0.250000", 'o,"d"': "0.375000", "007": "0.375000"}


@pytest.mark.parametrize("score", [1.0000001, -0.1, float("nan"), float("inf")])
def test_what_is_no_probability_is_refused_and_nothing_is_written(tmp_path, score):
    with pytest.raises(ValueError, match=r"1 scores are no probabilities: \{'field/a'"):
        bad2017.write(tmp_path / "s.csv", HEADER_2017, ROWS_2017, SCORES | {"field/a": score})
    assert not list(tmp_path.iterdir())


def test_rows_and_scores_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ValueError, match="3 fields; expected 2"):
        bad2017.write(tmp_path / "s.csv", HEADER_2017, [("a", "a", "1")], {"a": 1})
    with pytest.raises(ValueError, match="none of the 4 rows has one of the 0 scores"):
        bad2017.write(tmp_path / "s.csv", HEADER_2017, ROWS_2017, {})
    with pytest.raises(ValueError, match=r"\(fill\)"):
        bad2017.write(tmp_path / "s.csv", HEADER_2017, ROWS_2017, SCORES, 2.0)


def test_the_submitted_score_is_that_of_the_bird(tmp_path):
    table = tmp_path / "label-rows.csv"
    write_rows(table, LABEL_ROWS, [("field/1", "1"), ("field/2", "2")])
    label_rows = {"columns": ["itemid", "hasbird"], "table": table}
    ids, scores = ["field/1", "field/2"], np.array([[0.25, 0.5], [0.75, 0.125]])

    def submit(class_names):
        scored = score_files.RecordingScores(ids, scores, np.ones(2), class_names, ["m"])
        score_files.write_recordings(tmp_path / "e.h5", scored)
        settings = {"format": "bad2017"}
        submission.submit(
            tmp_path / "e.h5", [], "none.csv", label_rows, settings, tmp_path / "s.csv"
        )
        return (tmp_path / "s.csv").read_text()

    assert submit(["bird", "frog"]) == "itemid,hasbird\n1,0.250000\n2,0.750000\n"
    with pytest.raises(ValueError, match="needs the class 'bird'"):
        submit(["frog", "toad"])


@pytest.fixture
def submit(tmp_path):
    """Write the submission of some scores, return its text."""

    def submit(scores, rows, class_names=("b", "a"), *, windows=(), test=("c",), **settings):
        """``scores`` by id, ``rows`` of the label table as {id: columns other than empty}."""
        table = [list((dict.fromkeys(LABELS, "") | {"id": i} | rows[i]).values()) for i in rows]
        write_rows(tmp_path / "labels.csv", LABELS, table)
        if scores:
            values = np.array(list(scores.values()), np.float32)
            found = score_files.RecordingScores(
                list(scores), values, np.ones(len(values)), list(class_names), ["m"]
            )
            score_files.write_recordings(tmp_path / "e.h5", found)
        chosen = {"best": 100, "pooling": "max", "average": "mean", "ignored_classes": [],
                  "interval_s": 5.0, "keep_trailing": True, "test": list(test)}  # fmt: skip
        labels, output = tmp_path / "labels.csv", tmp_path / "s.csv"
        submission.submit(tmp_path / "e.h5", windows, labels, None, chosen | settings, output)
        return output.read_text()

    return submit


def media(*names):
    return {name: {"media_id": name} for name in names}


def test_the_file_of_2016_has_every_class_of_every_recording(submit, tmp_path):
    scores = {"late": [0.25, 0.75], "early": [1.0, 0.0]}
    rows = {"late": {"media_id": "0100"}, "early": {"media_id": "20"}}
    assert submit(scores, rows, format="birdclef2016") == (
        "20;b;1.0000000000000000\n"
        "20;a;0.0000000000000000\n"
        "0100;b;0.2500000000000000\n"
        "0100;a;0.7500000000000000\n"
    )
    read = birdclef2016.read(tmp_path / "s.csv")
    assert read == [("20", "b", 1.0), ("20", "a", 0.0), ("0100", "b", 0.25), ("0100", "a", 0.75)]


def test_sixteen_decimals_hold_what_float32_has(submit, tmp_path):
    scores = {"1": [np.float32(0.1), np.float32(1e-9)]}
    text = submit(scores, media("1"), format="birdclef2016")
    assert text == "1;b;0.1000000014901161\n1;a;0.0000000010000000\n"
    read = birdclef2016.read(tmp_path / "s.csv")
    assert [np.float32(line.probability) for line in read] == scores["1"]


def test_the_best_classes_of_a_recording_are_ranked_from_one(submit, tmp_path):
    scores = {"x_RN7": [0.5, 0.125, 0.5, 0.75], "x_RN07": [0.0, 1.0, 0.25, 0.5]}
    found = submit(
        scores, {"x_RN7": {}, "x_RN07": {}}, list("dcba"), format="birdclef2018_monophone", best=3
    )
    assert found == (
        "07;c;1.0000000000000000;1\n"
        "07;a;0.5000000000000000;2\n"
        "07;b;0.2500000000000000;3\n"
        "7;a;0.7500000000000000;1\n"
        "7;d;0.5000000000000000;2\n"
        "7;b;0.5000000000000000;3\n"
    )
    first = birdclef2018_monophone.read(tmp_path / "s.csv")[0]
    assert first == ("07", "c", 1.0, 1)
    text = submit(scores, {"x_RN7": {}}, list("dcba"), format="birdclef2018_monophone")
    assert text.count("\n") == 4  # fewer classes than `best`


def test_of_equal_scores_the_first_class_is_better(submit):
    scores = np.arange(300) % 3 / 4
    names = [f"c{i}" for i in range(300)]
    found = submit({"7": scores}, media("7"), names, format="birdclef2018_monophone", best=150)
    expected = sorted(range(300), key=lambda i: (-scores[i], i))[:150]
    assert [line.split(";")[1] for line in found.splitlines()] == [names[i] for i in expected]


def test_excluded_recordings_keep_their_lines_with_the_mean_score(submit, caplog, monkeypatch):
    scores = {"1": [0.25, 0.5], "3": [0.75, 0.0], "other": [1.0, 1.0]}
    rows = media("1", "2", "3") | {"other": {"split": "train"}}
    rows = {name: {"split": "test"} | row for name, row in rows.items()}
    monkeypatch.setattr(logs.LOG, "propagate", True)
    with caplog.at_level(logging.INFO, "dawnchorus"):
        found = submit(scores, rows, format="birdclef2016", test=["c:test"])
    assert "2;b;0.5000000000000000\n2;a;0.2500000000000000\n" in found
    assert found.count("\n") == 6
    assert "3 recordings; 1 without a score got the mean score" in caplog.text


def test_a_recording_of_two_tested_splits_is_there_once(submit):
    rows = {"1": {"split": "x"}, "2": {"split": "y"}, "3": {"split": "z"}}
    scores = {name: [0.5, 0.5] for name in rows}
    found = submit(scores, rows, format="birdclef2016", test=["c:y", "c:x", "c:y"])
    assert [line[0] for line in found.splitlines()] == ["1", "1", "2", "2"]


def test_ignored_classes_are_not_submitted(submit):
    scores = {"1": [0.25, 0.5, 0.75]}
    chosen = {"class_names": ["b", "Noise", "a"], "ignored_classes": ["Noise"]}
    for name in ("birdclef2016", "birdclef2018_monophone"):
        found = submit(scores, media("1"), format=name, **chosen)
        assert sorted(line.split(";")[1] for line in found.splitlines()) == ["a", "b"]


@pytest.mark.parametrize(
    ("identifier", "given", "expected"),
    [
        ("test/LIFECLEF2018_RN00123", "", "00123"),
        ("LIFECLEF_RN1_RN0456.wav", "", "0456"),
        ("LIFECLEF_RN123", "9", "9"),
        ("x_RN", "", "x_RN"),
        ("0042", "", "0042"),
        ("a/b.wav", "", "a/b.wav"),
    ],
)
def test_the_media_id_is_given_or_in_the_name_or_the_name(identifier, given, expected):
    recording = tables.Labelled(identifier, "", "", "", "", False, (), media_id=given)
    assert submission.media_id(recording) == expected


def test_media_ids_are_in_the_order_of_numbers_however_long(submit):
    names = ["7", "07", "10", "9" * 5000, "x"]
    found = submit({"7": [0.5, 0.5]}, media(*names[::-1]), format="birdclef2016")
    assert [line.split(";")[0] for line in found.splitlines()[::2]] == ["07", "7", *names[2:]]


@pytest.mark.parametrize(
    ("rows", "class_names", "message"),
    [
        ({"a_RN7": {}, "7": {}}, ["a"], r"'a_RN7' and '7' of .*labels\.csv have one MediaId, '7'"),
        ({"7": {"media_id": "1;2"}}, ["a"], r"1 MediaIds cannot stand in this file: \['1;2'\]"),
        ({"7": {}}, ["a;b"], "1 class names cannot stand .*'a;b'.* without ';' and line breaks"),
        ({"7": {}}, ["a\n"], "1 class names cannot stand"),
        ({"7": {}}, ["a\u2028b"], "1 class names cannot stand"),
        ({"7": {}}, [""], "1 class names cannot stand"),
        ({"7": {}}, ["a", "a"], r"1 classes occur twice: \['a'\]"),
        ({"8": {}}, ["a"], "none of the 1 recordings to submit has one of the 2 scores"),
    ],
)
@pytest.mark.parametrize("name", ["birdclef2016", "birdclef2018_monophone"])
def test_what_a_challenge_cannot_read_is_refused(
    submit, tmp_path, rows, class_names, message, name
):
    scores = {identifier: [0.5] * len(class_names) for identifier in ("7", "a_RN7")}
    with pytest.raises(ValueError, match=message):
        submit(scores, rows, class_names, format=name)
    assert not (tmp_path / "s.csv").exists()


@pytest.mark.parametrize("score", [-0.1, 1.001, np.nan, np.inf])
def test_what_is_no_score_is_refused_and_the_former_file_stays(submit, tmp_path, score):
    former = submit({"7": [0.5, 0.5]}, media("7"), format="birdclef2016")
    for name in ("birdclef2016", "birdclef2018_monophone"):
        with pytest.raises(ValueError, match=r"1 rows have scores that are not in 0 to 1.*'7'"):
            submit({"7": [0.5, score]}, media("7"), format=name)
    assert (tmp_path / "s.csv").read_text() == former
    assert not [path for path in tmp_path.iterdir() if ".tmp" in path.name]


def test_an_unknown_format_is_refused(submit):
    with pytest.raises(ValueError, match="format 'csv'; expected one of bad2017, birdclef2016, "):
        submit({}, {}, format="csv")


def test_a_second_run_writes_the_same_lines_once(submit):
    for name in ("birdclef2016", "birdclef2018_monophone"):
        once, again = (submit({"7": [0.5, 0.25]}, media("7"), format=name) for _ in range(2))
        assert once == again
        assert once.count("\n") == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("7;a\n", r"line 1 is '7;a\\n' .*expected 3 fields"),
        ("7;a;0.5\n7;b;much\n", "line 2 is '7;b;much.*could not convert"),
    ],
)
def test_a_line_that_is_none_is_named(tmp_path, text, message):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        birdclef2016.read(tmp_path / "s.csv")


@pytest.fixture
def soundscapes(tmp_path, submit):
    """Write window scores of recordings, submit them by interval, return the lines.

    Class ``a`` scores 0.01 times the window's number, from 1; ``b`` a half of that.
    """

    def soundscapes(times, rows=None, **settings):
        """``times`` by id: onset and offset of each window in seconds."""
        with score_files.writing_windows(tmp_path / "w.h5", list(times), ["m"], ["b", "a"]) as put:
            recording = np.repeat(np.arange(len(times)), [len(part) for part in times.values()])
            number = np.concatenate([np.arange(1, len(part) + 1) for part in times.values()])
            ends = np.array([pair for part in times.values() for pair in part], float)
            put("m", recording, *ends.T, number[:, None] * np.array([0.005, 0.01]))
        chosen = {"format": "birdclef2018_soundscape", "windows": [tmp_path / "w.h5"]}
        return submit({}, rows or media(*times), **chosen | settings).splitlines()

    return soundscapes


def every(hop_s, length_s, n):
    return [(hop_s * i, hop_s * i + length_s) for i in range(n)]


def test_a_soundscape_is_scored_by_interval(soundscapes, tmp_path):
    found = soundscapes({"10": every(1, 1, 7), "9": every(1, 1, 5)})
    assert found == [
        "9;00:00:00-00:00:05;a;0.0500000007450581",
        "9;00:00:00-00:00:05;b;0.0250000003725290",
        "10;00:00:00-00:00:05;a;0.0500000007450581",
        "10;00:00:00-00:00:05;b;0.0250000003725290",
        "10;00:00:05-00:00:10;a;0.0700000002980232",
        "10;00:00:05-00:00:10;b;0.0350000001490116",
    ]
    read = birdclef2018_soundscape.read(tmp_path / "s.csv")
    assert read[4][:3] == ("10", (5, 10), "a")
    assert read[4].score == pytest.approx(0.07)


def test_an_incomplete_last_interval_can_be_dropped(soundscapes, caplog, monkeypatch):
    monkeypatch.setattr(logs.LOG, "propagate", True)
    caplog.set_level(logging.INFO, "dawnchorus")
    times = {"1": every(1, 1, 7), "2": every(1, 1, 10), "3": every(1, 1, 4)}
    found = soundscapes(times, keep_trailing=False, best=1)
    spans = [line.split(";")[:2] for line in found]
    first, second = "00:00:00-00:00:05", "00:00:05-00:00:10"
    assert spans == [["1", first], ["2", first], ["2", second]]
    assert "1 have no complete interval and no line" in caplog.text


def test_windows_of_an_interval_are_pooled_as_the_experiment_says(soundscapes):
    found = soundscapes({"1": every(1, 1, 6)}, pooling="mean", best=1)
    assert [float(line.rpartition(";")[2]) for line in found] == pytest.approx([0.03, 0.06])


def test_overlapping_windows_are_grouped_as_the_original_did(soundscapes):
    # 5 chunks of 1 s every 0.75 s: end = start + 1 + 4 * 0.75, next start = end - 0.25
    found = soundscapes({"1": every(0.75, 1, 12)}, interval_s=4.0, best=1)
    assert [line.split(";")[1] for line in found] == [
        "00:00:00-00:00:04",  # 0 to 4 s
        "00:00:03-00:00:07",  # 3.75 to 7.75 s
        "00:00:07-00:00:11",  # 7.5 to 11.5 s, of which two chunks are there
    ]
    assert [float(line.rpartition(";")[2]) for line in found] == pytest.approx([0.05, 0.1, 0.12])
    dropped = soundscapes({"1": every(0.75, 1, 12)}, interval_s=4.0, best=1, keep_trailing=False)
    assert dropped == found[:2]


def test_a_recording_without_windows_has_one_interval_with_the_mean(soundscapes):
    found = soundscapes({"2": every(1, 1, 7)}, rows=media("2", "1"), best=1)
    assert found[0] == "1;00:00:00-00:00:05;a;0.0600000005215406"
    assert len(found) == 3


def test_silence_between_windows_has_no_lines(soundscapes):
    found = soundscapes({"1": [(0, 1), (3601, 3602)]}, best=1)
    assert [line.split(";")[1] for line in found] == ["00:00:00-00:00:05", "01:00:00-01:00:05"]


@pytest.mark.parametrize(
    ("times", "settings", "message"),
    [
        (every(1, 1, 4), {"interval_s": 0.5}, "windows of 1 s do not fit into intervals of 0.5 s"),
        (every(0.25, 0.25, 8), {"interval_s": 0.5}, "too short for a file of whole seconds"),
        (every(0.1, 1, 8), {"interval_s": 1.0}, "too short for a file of whole seconds"),
    ],
)
def test_intervals_that_cannot_be_told_apart_are_refused(soundscapes, times, settings, message):
    with pytest.raises(ValueError, match=message):
        soundscapes({"1": times}, **settings)


def test_soundscapes_of_other_windows_are_refused(soundscapes, tmp_path):
    with score_files.writing_windows(tmp_path / "o.h5", ["1"], ["m"], ["b", "a"]) as put:
        put("m", [0], [0], [2], [[0.5, 0.5]])
    with pytest.raises(ValueError, match="m of .*o.h5 has other windows"):
        soundscapes({"1": every(1, 1, 7)}, windows=[tmp_path / "w.h5", tmp_path / "o.h5"])


def test_the_last_window_may_be_aligned_to_the_end():
    recording = np.array([0, 0, 0, 0, 1, 1])
    onset = np.array([0, 1, 2, 2.5, 0, 0.5])
    grid = intervals.window_grid(recording, onset, onset + 1)
    assert grid == (1.0, 1.0, False)
    found = intervals.group_windows(onset[:4], onset[:4] + 1, grid, 2.0, True)
    assert found == [(0.0, 2.0, 0, 2), (2.0, 4.0, 2, 4)]
    grid = intervals.window_grid(
        recording[:4], np.array([0, 0.5, 1, 1.2]), np.array([1, 1.5, 2, 2.2])
    )
    assert grid == (1.0, 0.5, True)


def test_onsets_a_little_off_are_in_their_interval():
    onset = np.arange(9) * (5 / 3)  # 3 * (5 / 3) is 5, but 6 * 1.6666 is not 10
    onset[3::3] -= 1e-6
    grid = intervals.window_grid(np.zeros(9, int), onset, onset + 5 / 3)
    found = intervals.group_windows(onset, onset + 5 / 3, grid, 5.0, False)
    assert found == [(0.0, 5.0, 0, 3), (5.0, 10.0, 3, 6), (10.0, 15.0, 6, 9)]
