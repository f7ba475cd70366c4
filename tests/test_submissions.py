"""Submission files, byte by byte."""

import csv

import numpy as np
import pytest

from dawnchorus import predictions, submissions

HEADER_2017 = ["itemid", "hasbird"]
ROWS_2017 = [("field/b", "b"), ("field/a", "a"), ("field/odd", 'o,"d"'), ("field/none", "007")]
SCORES = {"field/a": 0.123456789, "field/b": 1.0, "field/odd": 1e-9, "other": 0.5}


def test_the_file_of_2017_is_the_golden_one(tmp_path):
    filled = submissions.write_bad2017(tmp_path / "s.csv", HEADER_2017, ROWS_2017, SCORES, 0.25)
    golden = b'itemid,hasbird\nb,1.000000\na,0.123457\n"o,""d""",0.000000\n007,0.250000\n'
    assert (tmp_path / "s.csv").read_bytes() == golden
    assert filled == 1


def test_columns_of_2018_are_kept(tmp_path):
    header = ["itemid", "datasetid", "hasbird"]
    rows = [("x/a.wav", "a.wav", "x"), ("y/a.wav", "a.wav", "y")]
    submissions.write_bad2017(tmp_path / "s.csv", header, rows, {"y/a.wav": 0.5, "x/a.wav": 0})
    golden = b"itemid,datasetid,hasbird\na.wav,x,0.000000\na.wav,y,0.500000\n"
    assert (tmp_path / "s.csv").read_bytes() == golden


def test_recordings_without_a_score_get_the_mean_of_those_in_the_file(tmp_path):
    scores = {"field/a": np.float32(0.25), "field/b": np.float32(0.5), "other": 1.0}
    assert submissions.write_bad2017(tmp_path / "s.csv", HEADER_2017, ROWS_2017, scores) == 2
    with open(tmp_path / "s.csv", newline="") as file:
        written = dict(list(csv.reader(file))[1:])
    assert written == {"b": "0.500000", "a": "0.250000", 'o,"d"': "0.375000", "007": "0.375000"}


@pytest.mark.parametrize("score", [1.0000001, -0.1, float("nan"), float("inf")])
def test_what_is_no_probability_is_refused_and_nothing_is_written(tmp_path, score):
    with pytest.raises(ValueError, match=r"1 scores are no probabilities: \{'field/a'"):
        submissions.write_bad2017(
            tmp_path / "s.csv", HEADER_2017, ROWS_2017, SCORES | {"field/a": score}
        )
    assert not list(tmp_path.iterdir())


def test_rows_and_scores_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ValueError, match="3 fields; expected 2"):
        submissions.write_bad2017(tmp_path / "s.csv", HEADER_2017, [("a", "a", "1")], {"a": 1})
    with pytest.raises(ValueError, match="none of the 4 rows has one of the 0 scores"):
        submissions.write_bad2017(tmp_path / "s.csv", HEADER_2017, ROWS_2017, {})
    with pytest.raises(ValueError, match=r"\(fill\)"):
        submissions.write_bad2017(tmp_path / "s.csv", HEADER_2017, ROWS_2017, SCORES, 2.0)


def test_the_submitted_score_is_that_of_the_bird(tmp_path):
    (tmp_path / "field.csv").write_text("itemid,hasbird\n1,?\n2,?\n")
    (tmp_path / "field").mkdir()
    corpus = {"data_sets": {"field": {"audio": str(tmp_path / "field"),
                                      "labels": str(tmp_path / "field.csv")}}}  # fmt: skip
    ids, scores = ["field/1", "field/2"], np.array([[0.25, 0.5], [0.75, 0.125]])

    def submit(class_names):
        scored = predictions.RecordingScores(ids, scores, np.ones(2), class_names, ["m"])
        predictions.write_recordings(tmp_path / "e.h5", scored)
        submissions.submit(tmp_path / "e.h5", corpus, tmp_path / "s.csv")
        return (tmp_path / "s.csv").read_text()

    assert submit(["bird", "frog"]) == "itemid,hasbird\n1,0.250000\n2,0.750000\n"
    with pytest.raises(ValueError, match="needs the class 'bird'"):
        submit(["frog", "toad"])
