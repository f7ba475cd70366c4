"""Scores on disk, and window scores pooled to recordings."""

import time

import numpy as np
import pytest

from dawnchorus.scores import ensemble, pooling, score_files

SETTINGS = {
    "pooling": "max", "average": "mean", "average_unit": "recording", "ignored_classes": [],
}  # fmt: skip


def write(path, scores=((0.25,), (0.75,), (0.5,)), onset=(0.0, 1.0, 0.0)):
    with score_files.writing_windows(path, ["a", "b"], ["f1p0s1"], ["bird"]) as put:
        put("f1p0s1", [0, 0, 1], onset, np.add(onset, 1.0), scores)
    return path


def test_equal_scores_give_equal_bytes_at_any_time(tmp_path):
    write(tmp_path / "one.h5")
    scores = score_files.RecordingScores(["a"], np.ones((1, 1)), np.ones(1), ["bird"], ["f1p0s1"])
    score_files.write_recordings(tmp_path / "one-recordings.h5", scores)
    time.sleep(1.1)  # HDF5 counts whole seconds
    write(tmp_path / "two.h5")
    score_files.write_recordings(tmp_path / "two-recordings.h5", scores)
    for kind in (".h5", "-recordings.h5"):
        assert (tmp_path / f"one{kind}").read_bytes() == (tmp_path / f"two{kind}").read_bytes()


def test_windows_come_back_as_they_were_put(tmp_path):
    with score_files.open_windows(write(tmp_path / "s.h5")) as windows:
        columns = windows.windows("f1p0s1")
        part = windows.scores("f1p0s1", slice(1, 3))
    assert [column.dtype for column in columns] == [np.int32, np.float64, np.float64, np.float32]
    expected = [0, 0, 1], [0.0, 1.0, 0.0], [1.0, 2.0, 1.0], [[0.25], [0.75], [0.5]]
    for column, values in zip(columns, expected, strict=True):
        np.testing.assert_array_equal(column, values)
    np.testing.assert_array_equal(part, [[0.75], [0.5]])


@pytest.mark.parametrize("unit", ["recording", "chunk"])
def test_files_of_a_corpus_are_read_as_one(tmp_path, monkeypatch, rng, unit):
    names = [f"r{i:02}" for i in range(12)]
    windows = np.array(
        [0, 3, 1, 2, 5, 1, 1, 0, 4, 2, 1, 3]
    )  # of each recording; r00 and r07 have none
    scores = rng.random((2, windows.sum(), 3)).astype(np.float32)
    of_file = np.array([0, 1, 2, 0, 1, 1, 0, 2, 0, 1, 0, 2])

    def write_some(path, which):
        rows = np.flatnonzero(which[np.repeat(np.arange(12), windows)])
        own = np.flatnonzero(which)
        recording = np.repeat(np.arange(len(own)), windows[own])
        onset = np.concatenate([np.arange(n) for n in windows[own]])
        with score_files.writing_windows(path, [names[i] for i in own], "mn", list("xyz")) as put:
            for member, found in zip("mn", scores, strict=True):
                put(member, recording, onset, onset + 1, found[rows])
        return path

    whole = write_some(tmp_path / "whole", np.ones(12, bool))
    parts = [write_some(tmp_path / str(n), of_file == n) for n in range(3)]
    with score_files.open_windows(whole) as one, score_files.open_windows(parts) as several:
        assert several.ids == one.ids == names
        for columns in zip(one.windows("n"), several.windows("n"), strict=True):
            np.testing.assert_array_equal(*columns)
            assert columns[0].dtype == columns[1].dtype
        for rows in (slice(3, 11), slice(0, 0), slice(20, None)):
            np.testing.assert_array_equal(one.scores("m", rows), several.scores("m", rows))
    monkeypatch.setattr(ensemble, "_BLOCK", 20)
    for name, paths in (("w", [whole, whole]), ("p", [parts, whole])):
        settings = SETTINGS | {"average_unit": unit}
        ensemble.ensemble(paths, tmp_path / name, settings)
    assert (tmp_path / "w").read_bytes() == (tmp_path / "p").read_bytes()


def test_files_that_are_not_of_one_corpus_and_stage_are_refused(tmp_path):
    paths = [write(tmp_path / "a.h5"), write(tmp_path / "b.h5")]
    with pytest.raises(ValueError, match="a.h5 and 1 others have recording 'a' twice"):
        score_files.open_windows(paths).__enter__()
    with score_files.writing_windows(tmp_path / "c.h5", ["c"], ["f2p0s1"], ["bird"]) as put:
        put("f2p0s1", [0], [0.0], [1.0], [[0.5]])
    with pytest.raises(ValueError, match="c.h5 has other members than .*a.h5"):
        score_files.open_windows([paths[0], tmp_path / "c.h5"]).__enter__()


def test_windows_in_any_order_give_the_same_file(tmp_path):
    columns = [0, 0, 1], [0.0, 1.0, 0.0], [1.0, 2.0, 1.0], [[0.25], [0.75], [0.5]]
    for name, order in (("sorted", [0, 1, 2]), ("shuffled", [2, 1, 0])):
        path = tmp_path / f"{name}.h5"
        with score_files.writing_windows(path, ["a", "b"], ["m"], ["bird"]) as put:
            put("m", *(np.array(column)[order] for column in columns))
    assert (tmp_path / "sorted.h5").read_bytes() == (tmp_path / "shuffled.h5").read_bytes()


def test_scores_may_come_block_by_block(tmp_path):
    columns, scores = (
        ([0, 0, 1], [0.0, 1.0, 0.0], [1.0, 2.0, 1.0]),
        np.float32([[0.25], [0.75], [0.5]]),
    )
    for name, rows in (("whole", scores), ("blocks", iter([scores[:2], scores[2:]]))):
        with score_files.writing_windows(tmp_path / name, ["a", "b"], ["m"], ["bird"]) as put:
            put("m", *columns, rows)
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "blocks").read_bytes()


@pytest.mark.parametrize(
    ("recording", "blocks", "message"),
    [
        ([0, 1], [[[0.5]]], "windows of 'm' have 1 rows of scores; expected 2"),
        ([1, 0], [[[0.5]], [[0.5]]], "not in the order of recordings and onsets"),
        ([0, 1], [[[0.5]], [[np.nan]]], "scores of 'm' are not finite; did the training"),
    ],
)
def test_blocks_that_do_not_fit_are_refused(tmp_path, recording, blocks, message):
    with pytest.raises(ValueError, match=message):
        with score_files.writing_windows(tmp_path / "s.h5", ["a", "b"], ["m"], ["bird"]) as put:
            put("m", recording, [0.0, 0.0], [1.0, 1.0], iter(blocks))
    assert not list(tmp_path.iterdir())


def test_a_member_may_have_no_windows(tmp_path):
    with score_files.writing_windows(tmp_path / "s.h5", ["a"], ["m"], ["bird"]) as put:
        put("m", [], [], [], np.empty((0, 1)))
    assert np.isnan(ensemble.pool_members(tmp_path / "s.h5", "max")[2]).all()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([0], [0.0], [1.0], [0.5]), r"shapes .*\(1,\)\}; expected .*\(1, 1\)"),
        (([0], [0.0, 1.0], [1.0], [[0.5]]), r"'onset': \(2,\)"),
        (([2], [0.0], [1.0], [[0.5]]), "recordings 2 to 2; expected 0 to 1"),
        (([-1], [0.0], [1.0], [[0.5]]), "recordings -1 to -1"),
        (([0], [np.nan], [1.0], [[0.5]]), "onset of windows of 'm' is not finite"),
        (([0], [0.0], [1.0], [[np.nan]]), "scores of 'm' are not finite; did the training"),
    ],
)
def test_windows_that_do_not_fit_are_refused(tmp_path, columns, message):
    with pytest.raises(ValueError, match=message):
        with score_files.writing_windows(tmp_path / "s.h5", ["a", "b"], ["m"], ["bird"]) as put:
            put("m", *columns)
    assert not list(tmp_path.iterdir())


def test_windows_are_pooled_per_recording(tmp_path):
    write(tmp_path / "s.h5")
    ids, members, stack = ensemble.pool_members(tmp_path / "s.h5", "max")
    assert (ids, members) == (["a", "b"], ["f1p0s1"])
    np.testing.assert_array_equal(stack[0, :, 0], [0.75, 0.5])
    np.testing.assert_array_equal(
        ensemble.pool_members(tmp_path / "s.h5", "mean")[2][0, :, 0], [0.5, 0.5]
    )


@pytest.mark.parametrize("how", list(pooling.POOLINGS))
def test_pooling_in_blocks_is_pooling_at_once(tmp_path, monkeypatch, rng, how):
    recording = np.sort(rng.choice([0, 1, 2, 4, 6], 40))  # 3, 5 and 7 have no window
    scores = rng.random((40, 3)).astype(np.float32)
    names = [f"r{i}" for i in range(8)]
    with score_files.writing_windows(tmp_path / "s.h5", names, ["m"], list("xyz")) as put:
        put("m", recording, np.arange(40), np.arange(40) + 1, scores)
    at_once = pooling.pool(scores, recording, 8, how)
    for block in (1, 30, 60, 10_000):
        monkeypatch.setattr(ensemble, "_BLOCK", block)
        found = ensemble.pool_members(tmp_path / "s.h5", how)[2][0]
        np.testing.assert_array_equal(found, at_once)


def test_ignored_classes_have_the_lowest_score_of_each_window(tmp_path):
    scores = [[0.1, 0.9, 0.5], [0.7, 0.6, 0.3]]
    with score_files.writing_windows(tmp_path / "s.h5", ["a"], ["m"], ["x", "Noise", "z"]) as put:
        put("m", [0, 0], [0, 1], [1, 2], scores)
    _, _, stack = ensemble.pool_members(tmp_path / "s.h5", "max", ["Noise"])
    np.testing.assert_array_equal(stack[0, 0], np.float32([0.7, 0.3, 0.5]))
    with pytest.raises(ValueError, match=r"'noise'; expected classes .*\['x', 'Noise', 'z'\]"):
        ensemble.pool_members(tmp_path / "s.h5", "max", ["noise"])


def test_an_ensemble_averages_who_may_score(tmp_path):
    with score_files.writing_windows(tmp_path / "s.h5", ["a", "b"], ["m1", "m2"], ["bird"]) as put:
        put("m1", [0], [0], [1], [[0.25]])
        put("m2", [0, 1], [0, 0], [1, 1], [[0.75], [0.125]])
    for unit in ("recording", "chunk"):
        ensemble.ensemble([tmp_path / "s.h5"], tmp_path / "e.h5", SETTINGS | {"average_unit": unit})
        found = score_files.read_recordings(tmp_path / "e.h5")
        np.testing.assert_array_equal(found.scores[:, 0], [0.5, 0.125])
        np.testing.assert_array_equal(found.models, [2, 1])


def test_scores_of_other_recordings_or_classes_are_not_averaged(tmp_path):
    write(tmp_path / "s.h5")
    for names, classes, what in ((["a"], ["bird"], "recordings"), (["a", "b"], ["owl"], "classes")):
        with score_files.writing_windows(tmp_path / "t.h5", names, ["m"], classes) as put:
            put("m", [0], [0], [1], [[0.5]])
        with pytest.raises(ValueError, match=rf"t\.h5 scores other {what} than .*s\.h5"):
            ensemble.ensemble([tmp_path / "s.h5", tmp_path / "t.h5"], tmp_path / "e.h5", SETTINGS)


def test_an_unknown_unit_is_refused(tmp_path):
    with pytest.raises(ValueError, match="average_unit 'window'; expected one of recording, chunk"):
        ensemble.ensemble(
            [write(tmp_path / "s.h5")], tmp_path / "e.h5", SETTINGS | {"average_unit": "window"}
        )


def test_a_file_that_was_cut_is_refused_by_name(tmp_path):
    write(tmp_path / "s.h5")
    content = (tmp_path / "s.h5").read_bytes()
    (tmp_path / "s.h5").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"s\.h5 is damaged"):
        ensemble.pool_members(tmp_path / "s.h5", "max")
