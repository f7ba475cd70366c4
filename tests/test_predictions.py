"""Scores on disk."""

import time

import numpy as np
import pytest

from dawnchorus import predictions


def write(path, scores=((0.25,), (0.75,), (0.5,))):
    with predictions.writing_windows(path, ["a", "b"], ["f1p0s1"], ["bird"]) as put:
        put("f1p0s1", [0, 0, 1], [0, 1000, 0], scores)


def test_equal_scores_give_equal_bytes_at_any_time(tmp_path):
    write(tmp_path / "one.h5")
    scores = predictions.RecordingScores(["a"], np.ones((1, 1)), np.ones(1), ["bird"], ["f1p0s1"])
    predictions.write_recordings(tmp_path / "one-recordings.h5", scores)
    time.sleep(1.1)  # HDF5 counts whole seconds
    write(tmp_path / "two.h5")
    predictions.write_recordings(tmp_path / "two-recordings.h5", scores)
    for kind in (".h5", "-recordings.h5"):
        assert (tmp_path / f"one{kind}").read_bytes() == (tmp_path / f"two{kind}").read_bytes()


def test_windows_are_pooled_per_recording(tmp_path):
    write(tmp_path / "s.h5")
    ids, members, stack = predictions.pooled(tmp_path / "s.h5", "max")
    assert (ids, members) == (["a", "b"], ["f1p0s1"])
    np.testing.assert_array_equal(stack[0, :, 0], [0.75, 0.5])
    np.testing.assert_array_equal(
        predictions.pooled(tmp_path / "s.h5", "mean")[2][0, :, 0], [0.5, 0.5]
    )


def test_an_ensemble_averages_who_may_score(tmp_path):
    with predictions.writing_windows(tmp_path / "s.h5", ["a", "b"], ["m1", "m2"], ["bird"]) as put:
        put("m1", [0], [0], [[0.25]])
        put("m2", [0, 1], [0, 0], [[0.75], [0.125]])
    chosen = {"pooling": "max", "average": "mean"}
    predictions.ensemble([tmp_path / "s.h5"], tmp_path / "e.h5", chosen)
    found = predictions.read_recordings(tmp_path / "e.h5")
    np.testing.assert_array_equal(found.scores[:, 0], [0.5, 0.125])
    np.testing.assert_array_equal(found.models, [2, 1])


def test_scores_of_other_recordings_are_not_averaged(tmp_path):
    write(tmp_path / "s.h5")
    with predictions.writing_windows(tmp_path / "t.h5", ["a"], ["m"], ["bird"]) as put:
        put("m", [0], [0], [[0.5]])
    chosen = {"pooling": "max", "average": "mean"}
    with pytest.raises(ValueError, match=r"t\.h5 scores other recordings"):
        predictions.ensemble([tmp_path / "s.h5", tmp_path / "t.h5"], tmp_path / "e.h5", chosen)


def test_a_file_that_was_cut_is_refused_by_name(tmp_path):
    write(tmp_path / "s.h5")
    content = (tmp_path / "s.h5").read_bytes()
    (tmp_path / "s.h5").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"s\.h5 is damaged"):
        predictions.pooled(tmp_path / "s.h5", "max")
