"""Averages by recording and by window, against loops that are written out."""

import statistics

import numpy as np
import pytest

from dawnchorus.scores import ensemble, pooling, score_files

TOLERANCE = 1e-6
IDS = [f"r{i}" for i in range(6)]
CLASSES = ["x", "Noise", "z"]
N_WINDOWS = [3, 1, 4, 0, 2, 5]
# who scores what: r3 has no window, r5 nobody's but f2's
SCORED = {
    "first": {"f1p0s1": [0, 1, 2, 4], "f2p0s1": [0, 2, 5]},
    "second": {"f1p0s1": [1, 2, 4], "f2p0s1": [5], "f3p0s1": []},
}


def write_stage(path, scored, rng, jitter_s=0.0, length_s=1.0, n_windows=N_WINDOWS):
    """Write a stage's window scores; return them as {member: {recording: (w, C)}}."""
    known = {}
    with score_files.writing_windows(path, IDS, list(scored), CLASSES) as put:
        for member, recordings in scored.items():
            known[member] = {
                i: rng.random((n_windows[i], len(CLASSES))).astype(np.float32) for i in recordings
            }
            recording = np.repeat(recordings, [n_windows[i] for i in recordings]).astype(int)
            onset = np.array([w for i in recordings for w in range(n_windows[i])], float) * 0.75
            scores = np.concatenate([np.empty((0, len(CLASSES))), *known[member].values()])
            put(member, recording, onset + jitter_s, onset + length_s + jitter_s, scores)
    return known


@pytest.fixture
def stages(tmp_path, rng):
    """Paths of two stages, and the scores of all their members."""
    paths = [tmp_path / f"{name}.h5" for name in SCORED]
    known = [
        member
        for path, scored in zip(paths, SCORED.values(), strict=True)
        for member in write_stage(path, scored, rng).values()
    ]
    return paths, known


def lowered(windows):
    windows = np.array(windows)
    for row in windows:
        row[1] = min(row)
    return windows


def averaged(values, how):
    return {"mean": statistics.fmean, "median": statistics.median}[how](map(float, values))


def expected_windows(known, i, how):
    """Average the windows of a recording over the members that have it."""
    mine = [member[i] for member in known if i in member]
    return np.array([
        [averaged([scores[w, c] for scores in mine], how) for c in range(len(CLASSES))]
        for w in range(N_WINDOWS[i])
    ], np.float32)  # fmt: skip


def pool(windows, how):
    return pooling.pool(windows, np.zeros(len(windows), int), 1, how)[0]


def run(paths, output, **settings):
    ensemble.ensemble(paths, output, {"ignored_classes": []} | settings)
    return score_files.read_recordings(output)


@pytest.mark.parametrize("average", ["mean", "median"])
@pytest.mark.parametrize("how", ["mean", "max", "median_filtered"])
@pytest.mark.parametrize("ignored", [[], ["Noise"]])
def test_by_chunk_members_are_averaged_window_by_window(stages, tmp_path, how, average, ignored):
    paths, known = stages
    settings = {"pooling": how, "average": average, "ignored_classes": ignored}
    found = run(paths, tmp_path / "e.h5", average_unit="chunk", **settings)
    assert found.ids == ["r0", "r1", "r2", "r4", "r5"]
    for name, scores in zip(found.ids, found.scores, strict=True):
        windows = expected_windows(known, IDS.index(name), average)
        expected = pool(lowered(windows) if ignored else windows, how)
        np.testing.assert_allclose(scores, expected, atol=TOLERANCE)


@pytest.mark.parametrize("ignored", [[], ["Noise"]])
@pytest.mark.parametrize("average", ["mean", "median"])
def test_by_recording_members_are_pooled_first(stages, tmp_path, average, ignored):
    paths, known = stages
    settings = {"pooling": "max", "average": average, "ignored_classes": ignored}
    found = run(paths, tmp_path / "e.h5", average_unit="recording", **settings)
    for name, scores in zip(found.ids, found.scores, strict=True):
        mine = [member[IDS.index(name)] for member in known if IDS.index(name) in member]
        pooled = [pool(lowered(windows) if ignored else windows, "max") for windows in mine]
        expected = [averaged(column, average) for column in zip(*pooled, strict=True)]
        np.testing.assert_allclose(scores, expected, atol=TOLERANCE)


def test_both_units_agree_where_pooling_is_a_mean_and_differ_where_it_is_not(stages, tmp_path):
    def both(how):
        settings = {"pooling": how, "average": "mean"}
        units = ("recording", "chunk")
        return [run(stages[0], tmp_path / "e.h5", average_unit=u, **settings) for u in units]

    by_recording, by_chunk = both("mean")
    np.testing.assert_allclose(by_recording.scores, by_chunk.scores, atol=TOLERANCE)
    assert by_recording.ids == by_chunk.ids
    assert by_recording.members == by_chunk.members
    np.testing.assert_array_equal(by_recording.models, by_chunk.models)
    by_recording, by_chunk = both("max")
    assert (by_recording.scores >= by_chunk.scores - TOLERANCE).all()
    assert (by_recording.scores > by_chunk.scores + 0.01).any()


def test_blocks_change_nothing(stages, tmp_path, monkeypatch):
    settings = {"pooling": "max", "average": "median", "average_unit": "chunk"}
    run(stages[0], tmp_path / "whole.h5", **settings)
    for block in (1, 40, 100):
        monkeypatch.setattr(ensemble, "_BLOCK", block)
        run(stages[0], tmp_path / "blocks.h5", **settings)
        assert (tmp_path / "blocks.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_chunk_scores_are_the_averaged_windows(stages):
    paths, known = stages
    settings = {"average": "mean", "ignored_classes": ["Noise"]}
    ids, recording, onset, offset, scores = ensemble.chunk_scores(paths, settings)
    assert ids == IDS
    np.testing.assert_array_equal(recording, np.repeat(range(6), N_WINDOWS))
    np.testing.assert_array_equal(onset, [0.75 * w for n in N_WINDOWS for w in range(n)])
    np.testing.assert_array_equal(offset, onset + 1)
    windows = [expected_windows(known, i, "mean") for i in (0, 1, 2, 4, 5)]
    np.testing.assert_allclose(scores, lowered(np.concatenate(windows)), atol=TOLERANCE)


@pytest.mark.parametrize(
    ("changes", "refused"),
    [({"jitter_s": 0.0009}, False), ({"jitter_s": 0.002}, True), ({"length_s": 1.5}, True)],
)
def test_windows_have_to_agree_to_a_millisecond(stages, tmp_path, rng, changes, refused):
    paths = [stages[0][0], tmp_path / "other.h5"]
    write_stage(paths[1], {"f1p0s1": [4, 5]}, rng, **changes)
    settings = {"average": "mean", "ignored_classes": []}
    if not refused:
        assert len(ensemble.chunk_scores(paths, settings)[1]) == sum(N_WINDOWS)
        return
    message = r"f1p0s1 of .*other\.h5 has other windows .* 2 recordings such as 'r4'"
    with pytest.raises(ValueError, match=message):
        ensemble.chunk_scores(paths, settings)


def test_another_number_of_windows_is_refused_and_says_what_to_do(
    stages, tmp_path, rng, monkeypatch
):
    paths = [stages[0][0], tmp_path / "longer.h5"]
    write_stage(paths[1], {"f1p0s1": [4, 5]}, rng, n_windows=[3, 1, 4, 0, 2, 6])
    settings = {"pooling": "max", "average": "mean"}
    message = "1 recordings such as 'r5'.* average_unit: recording is for models with different"
    with pytest.raises(ValueError, match=message):
        run(paths, tmp_path / "e.h5", average_unit="chunk", **settings)
    assert run(paths, tmp_path / "e.h5", average_unit="recording", **settings).ids[-1] == "r5"
