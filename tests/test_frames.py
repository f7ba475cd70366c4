"""Frame scores: on disk, averaged, and made by models."""

import functools
import math
import time

import keras
import numpy as np
import pytest
import tensorflow
from audio_shards import noise, written
from fake_readers import SEGMENTS
from target_rows import write_targets

from dawnchorus.frontends import shard_reader
from dawnchorus.models import blocks, frame_output, model_files, zoo
from dawnchorus.scores import ensemble, frame_files, inference, score_files, window_scores
from dawnchorus.targets import targets_table
from dawnchorus.training import setup

# a Keras model made of tensors lists its inputs, and is given one
pytestmark = pytest.mark.filterwarnings("ignore:The structure of `inputs` doesn't match")

WINDOW, CLASSES, MEMBERS = 12, ["finch", "owl", "wren"], ["f1p0s1", "f2p0s1"]
HOP = 114  # samples; that of tiny_frontend
# frames of each recording: 2.3 windows, less than one, two and a bit, whole ones
LENGTHS = {"a": 28, "b": 5, "c": 25, "d": 24, "free": 17}
FOLDS = {"a": 1, "b": 2, "c": 1, "d": 2}
ONE = np.float32([[0.25, 0.5], [0.75, 1.0], [0.0, 0.125]])


def write(path, by_member, ids=("a", "b"), classes=("owl", "wren"), rate=50.0, onset_s=0.0):
    """Write {member: {number of a recording: scores}}."""
    with frame_files.writing_frames(path, ids, list(by_member), classes, rate) as put:
        for member, scores in by_member.items():
            put(member, list(scores), [onset_s] * len(scores), iter(scores.values()))
    return path


def test_scores_come_back_as_they_were_put(tmp_path):
    by_member = {"f1p0s1": {0: ONE, 2: ONE[:1]}, "f2p0s1": {}, "f3p0s1": {2: ONE[1:2]}}
    path = write(tmp_path / "s.h5", by_member, ids=["a", "b", "c"], onset_s=0.03)
    with frame_files.open_frames(path) as found:
        assert (found.path, found.ids) == (str(path), ["a", "b", "c"])
        assert found.members == list(by_member)
        assert (found.class_names, found.frames_per_second) == (["owl", "wren"], 50.0)
        assert found.recordings("f1p0s1").tolist() == [0, 2]
        assert found.recordings("f1p0s1").dtype == np.int32
        assert found.onset_s("f1p0s1").tolist() == [0.03, 0.03]
        assert len(found.recordings("f2p0s1")) == len(found.onset_s("f2p0s1")) == 0
        for position, expected in enumerate([ONE, ONE[:1]]):
            scores = found.scores("f1p0s1", position)
            assert scores.dtype == np.float32
            np.testing.assert_array_equal(scores, expected)
        assert found.scored == ["a", "c"]


def test_equal_scores_give_equal_bytes_at_any_time(tmp_path):
    write(tmp_path / "one.h5", {"m": {0: ONE, 1: ONE[:2]}})
    time.sleep(1.1)  # HDF5 counts whole seconds
    write(tmp_path / "two.h5", {"m": {0: ONE.astype(np.float64), 1: ONE[:2].tolist()}})
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_recordings_are_found_in_any_piece(tmp_path, monkeypatch, rng, piece):
    monkeypatch.setattr(frame_files, "_PIECE", piece)
    blocks = {number: rng.random((n, 2), np.float32) for number, n in enumerate([3, 0, 1, 4, 2, 5])}
    path = write(tmp_path / "s.h5", {"m": blocks}, ids=list("abcdef"))
    with frame_files.open_frames(path) as found:
        for position, expected in blocks.items():
            np.testing.assert_array_equal(found.scores("m", position), expected)


@pytest.mark.parametrize(("how", "expected"), [("mean", 0.5), ("median", 0.375)])
def test_a_recording_is_averaged_over_who_scored_it(tmp_path, how, expected):
    scores = [np.full((2, 2), value, np.float32) for value in (0.125, 0.375, 1.0)]
    members = {f"f{number}p0s1": {0: scores[number]} for number in range(3)}
    with frame_files.open_frames(write(tmp_path / "s.h5", members, onset_s=0.25)) as found:
        onset_s, average = found.of("a", how)
        assert onset_s == 0.25
        np.testing.assert_array_equal(average, np.full((2, 2), expected, np.float32))
        with pytest.raises(ValueError, match=r"no scores of recording 'b', only .* \['a'\]"):
            found.of("b")
        with pytest.raises(ValueError, match="no scores of recording 'z'"):
            found.of("z")
        with pytest.raises(ValueError, match="average 'mode'"):
            found.of("a", "mode")


@pytest.mark.parametrize(
    ("recording", "onset_s", "blocks", "message"),
    [
        ([0, 1], [0, 0], [ONE], "'m' are of 1 recordings; expected a block for each of 2"),
        ([0], [0], [ONE, ONE], "'m' are of more recordings; expected a block for each of 1"),
        ([], [], [ONE], "'m' are of more recordings; expected a block for each of 0"),
        ([0], [0], [ONE[:, :1]], r"recording 'a' have shape \(3, 1\); expected \(frames, 2\)"),
        ([0], [0], [ONE[0]], r"recording 'a' have shape \(2,\)"),
        ([1], [0], [ONE * np.nan], "recording 'b' are not finite; did the training"),
        ([1], [0], [ONE + 0.5], "recording 'b' run from 0.5 to 1.5; expected 0 to 1"),
        ([1], [0], [ONE - 1e-7], "recording 'b' run from -1e-07 to 1; expected 0 to 1"),
        ([1, 0], [0, 0], [ONE, ONE], "recordings of 'm' do not rise"),
        ([0, 0], [0, 0], [ONE, ONE], "recordings of 'm' do not rise"),
        ([0, 2], [0, 0], [ONE, ONE], "are of recordings 0 to 2; expected 0 to 1"),
        ([-1], [0], [ONE], "are of recordings -1 to -1"),
        ([0], [0, 0], [ONE], r"recordings \(1,\) and onsets \(2,\)"),
        ([0], [np.inf], [ONE], "onsets of 'm' are not finite"),
    ],
)
def test_scores_that_do_not_fit_are_refused(tmp_path, recording, onset_s, blocks, message):
    with pytest.raises(ValueError, match=message):
        with frame_files.writing_frames(tmp_path / "s.h5", "ab", ["m"], ["x", "y"], 50) as put:
            put("m", recording, onset_s, iter(blocks))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("put_members", "message"),
    [
        (["m"], "no frame scores of 'n' were put"),
        (["m", "n", "m"], "frame scores of 'm' were put before"),
        (["o"], r"frame scores of 'o' are of no member; expected each of \['m', 'n'\] once"),
    ],
)
def test_every_member_is_put_once(tmp_path, put_members, message):

    def put_all():
        with frame_files.writing_frames(tmp_path / "s.h5", ["a"], ["m", "n"], ["x"], 50) as put:
            for member in put_members:
                put(member, [], [], iter([]))

    with pytest.raises(ValueError, match=message):
        put_all()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rate", [0, -1.0, np.nan, np.inf])
def test_a_rate_that_is_none_is_refused(tmp_path, rate):
    with pytest.raises(ValueError, match="frames_per_second .*; expected a number above 0"):
        write(tmp_path / "s.h5", {"m": {}}, rate=rate)


def test_files_that_cannot_be_read_are_refused_by_name(tmp_path):
    content = write(tmp_path / "s.h5", {"m": {0: ONE}}).read_bytes()
    (tmp_path / "s.h5").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"s\.h5 is damaged"):
        frame_files.open_frames(tmp_path / "s.h5").__enter__()
    with score_files.writing_windows(tmp_path / "w.h5", ["a"], ["m"], ["bird"]) as put:
        put("m", [], [], [], np.empty((0, 1)))
    with pytest.raises(ValueError, match=r"w\.h5 holds no frame scores"):
        frame_files.open_frames(tmp_path / "w.h5").__enter__()


@pytest.mark.parametrize(
    ("how", "expected"),
    [("mean", [[0.5, 0.5], [0.375, 0.625]]), ("median", [[0.5, 0.5], [0.25, 0.75]])],
)
def test_an_ensemble_averages_who_may_score(tmp_path, how, expected):
    values = {"f1p0s1": [[0.5, 0.25], [0.0, 0.75]], "f1p0s2": [[0.25, 0.5], [0.25, 1.0]]}
    first = {member: {1: scores} for member, scores in values.items()}
    first["f2p0s1"] = {3: [[0.1, 0.7]]}
    second = {"f1p0s1": {1: [[0.75, 0.75], [0.875, 0.125]], 3: [[0.3, 0.9]]}}
    ids = ["a", "b", "c", "d"]  # nobody may score a and c
    paths = [
        write(tmp_path / f"{number}.h5", members, ids, onset_s=0.5)
        for number, members in enumerate([first, second])
    ]
    ensemble.ensemble_frames(paths, tmp_path / "e.h5", how)
    with frame_files.open_frames(tmp_path / "e.h5") as found:
        assert (found.ids, found.members, found.scored) == (["b", "d"], [how], ["b", "d"])
        assert (found.class_names, found.frames_per_second) == (["owl", "wren"], 50.0)
        assert found.onset_s(how).tolist() == [0.5, 0.5]
        np.testing.assert_array_equal(found.scores(how, 0), np.float32(expected))
        np.testing.assert_allclose(found.scores(how, 1), [[0.2, 0.8]], rtol=1e-6)


def test_files_of_a_corpus_are_averaged_as_one(tmp_path, rng):
    ids, scores = list("abcde"), rng.random((5, 4, 2)).astype(np.float32)

    def write_some(name, numbers):
        by_member = {
            member: {row: scores[n] / number for row, n in enumerate(numbers)}
            for number, member in enumerate(MEMBERS, 1)
        }
        return write(tmp_path / name, by_member, [ids[n] for n in numbers])

    whole, parts = (
        write_some("whole", range(5)),
        [write_some("p", [1, 4]), write_some("q", [0, 2, 3])],
    )
    for name, paths in (("one", [whole, whole]), ("many", [parts, whole])):
        ensemble.ensemble_frames(paths, tmp_path / name, "mean")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "many").read_bytes()


def test_an_ensemble_of_nothing_is_empty(tmp_path):
    path = write(tmp_path / "s.h5", {"m": {}})
    ensemble.ensemble_frames([path], tmp_path / "e.h5", "mean")
    with frame_files.open_frames(tmp_path / "e.h5") as found:
        assert (found.ids, found.scored, len(found.recordings("mean"))) == ([], [], 0)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"ids": ["a", "c"]}, r"t\.h5 scores other recordings than .*s\.h5"),
        ({"classes": ["owl", "finch"]}, r"t\.h5 scores other classes than .*s\.h5"),
        ({"rate": 25.0}, r"t\.h5 has 25 frames per second, .*s\.h5 has 50"),
        ({"onset_s": 0.02}, r"m of .*t\.h5 has 3 frames of recording 'a' from 0.02 s on, m of"),
        ({"scores": ONE[:2]}, r"t\.h5 has 2 frames of recording 'a' from 0 s on, .* has 3 from"),
    ],
)
def test_scores_of_something_else_are_not_averaged(tmp_path, other, message):
    scores = other.pop("scores", ONE)
    paths = [
        write(tmp_path / "s.h5", {"m": {0: ONE}}),
        write(tmp_path / "t.h5", {"m": {0: scores}}, **other),
    ]
    with pytest.raises(ValueError, match=message):
        ensemble.ensemble_frames(paths, tmp_path / "e.h5", "mean")
    assert not (tmp_path / "e.h5").exists()


def test_an_unknown_average_is_refused(tmp_path):
    path = write(tmp_path / "s.h5", {"m": {}})
    with pytest.raises(ValueError, match="average 'mode'; expected one of mean, median"):
        ensemble.ensemble_frames([path], tmp_path / "e.h5", "mode")
    with pytest.raises(ValueError, match="received no frame scores to average"):
        ensemble.ensemble_frames([], tmp_path / "e.h5", "mean")


# Clip scores of frames


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("average", [0.5, 0.5]),
        ("max", [1.0, 0.5]),
        ("linear_softmax", [1.25 / 1.5, 0.5]),
    ],
)
def test_frames_are_pooled_to_clips(how, expected):
    scores = np.float32([[[0.5, 0.5], [0.0, 0.5], [1.0, 0.5]]])
    found = window_scores.clip_scores(scores, how)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [expected], rtol=1e-7)
    silent = window_scores.clip_scores(np.zeros((1, 3, 2), np.float32), how)
    np.testing.assert_array_equal(silent, np.zeros((1, 2)))
    assert window_scores.clip_scores(np.ones((2, 7, 3), np.float32), how).max() == 1
    np.testing.assert_array_equal(window_scores.clip_scores(scores[0], how), scores[0])


@pytest.mark.parametrize("how", window_scores.CLIP_POOLINGS)
def test_clips_are_pooled_as_models_do(rng, how):
    scores = rng.random((4, 9, 3), np.float32) ** 3
    scores[1, :, 0] = 0
    inside = keras.ops.convert_to_numpy(blocks.clip_scores(scores, None, how))
    np.testing.assert_allclose(window_scores.clip_scores(scores, how), inside, atol=1e-6)


def test_all_poolings_of_models_but_attention_are_known():
    assert {*window_scores.CLIP_POOLINGS, "attention"} == {*blocks.FRAME_POOLINGS}
    with pytest.raises(ValueError, match="clip pooling 'attention'; expected one of average, max"):
        window_scores.clip_scores(np.zeros((1, 2, 3)), "attention")


# Predicting


@pytest.fixture(scope="module", autouse=True)
def eager():
    """Run models without compiling them, which takes seconds for each size of a batch."""
    tensorflow.config.run_functions_eagerly(True)
    yield
    tensorflow.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def shard(tmp_path_factory, tiny_frontend):
    """A shard of recordings of `LENGTHS` frames."""
    rng, folder = np.random.default_rng(3), tmp_path_factory.mktemp("frames")
    recordings = {name: [noise(rng, HOP * n)] for name, n in LENGTHS.items()}
    path = written(folder / "shard", recordings, tiny_frontend)
    reader = shard_reader.open_shards([path])
    assert {name: reader.rows(name) for name in reader.ids} == LENGTHS
    return path


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """Return what makes a stage of two members: their models and paths."""
    folder = tmp_path_factory.mktemp("models")

    @functools.cache
    def make(output="clip", pool=4, standardise=False):
        made, paths = {}, {}
        for name in MEMBERS:
            made[name] = varied(build(output, pool), f"{name}{output}{pool}")
            if standardise:
                mean, variance = np.float64(1), np.float64(4)
                made[name] = setup.with_standardised_input(made[name], mean, variance)
            path = folder / f"{name}.{output}.{pool}.{standardise}.keras"
            model_files.save(made[name], path)
            paths[name] = {"model": str(path), "kept": None}
        return made, paths

    return make


def build(output, pool, window=WINDOW):
    pools = {1: [1, 1, 1], 4: [2, 2, 1]}[pool]
    return zoo.build(
        "crnn", (window, 20), 3, output, filters=[4, 4, 4], units=[4], band_pools=[2, 2, 2],
        frame_pools=pools,
    )  # fmt: skip


def varied(model, name):
    """Draw weights whose scores are far from even."""
    rng = np.random.default_rng([*name.encode()])
    for weight in model.trainable_weights:
        weight.assign(rng.normal(size=weight.shape).astype(np.float32))
    return model


@pytest.fixture
def targets(tmp_path):
    rows = [("garden", name, fold, 0, 1, 0, 0) for name, fold in FOLDS.items()]
    # of the same name in another corpus: of no account here
    rows.append(("marsh", "free", 1, 0, 1, 0, 0))
    return targets_table.read(write_targets(tmp_path / "t.parquet", CLASSES, rows))


def settings(**changed):
    return {"segments": SEGMENTS, "window": WINDOW, "use": "last", "batch_size": 2} | changed


def windows_by_hand(spectrogram, window=WINDOW):
    n_windows = math.ceil(len(spectrogram) / window)
    return spectrogram[np.arange(n_windows * window) % len(spectrogram)].reshape(
        n_windows, window, -1
    )


@pytest.mark.parametrize(
    ("output", "pool", "standardise"),
    [
        pytest.param("clip", 4, False, marks=pytest.mark.slow),
        pytest.param("clip", 1, False, marks=pytest.mark.slow),
        ("frame", 4, False),
        ("clip", 4, True),
    ],
)
def test_frames_of_recordings_are_those_of_their_windows(
    tmp_path, shard, stage, targets, output, pool, standardise
):
    by_name, paths = stage(output, pool, standardise)
    chosen = settings()
    inference.predict_frames(paths, targets, "garden", [shard], chosen, tmp_path / "f.h5")
    reader = shard_reader.open_shards([shard])
    n_frames = {name: math.ceil(n / pool) for name, n in LENGTHS.items()}
    with frame_files.open_frames(tmp_path / "f.h5") as found:
        assert (found.ids, found.members) == (sorted(LENGTHS), MEMBERS)
        assert found.class_names == CLASSES
        assert found.frames_per_second == pytest.approx(8000 / HOP / pool, rel=1e-12)
        for member, model in by_name.items():
            assert set(found.onset_s(member)) == {reader.onset_s("a")}
            for position, number in enumerate(found.recordings(member)):
                name = found.ids[number]
                windows = windows_by_hand(reader.frames(name))
                by_hand = frame_output.frame_scores(model, windows).reshape(-1, 3)[: n_frames[name]]
                scores = found.scores(member, position)
                assert np.ptp(scores) > 0.1
                np.testing.assert_allclose(scores, by_hand, atol=2e-6, err_msg=name)
    assert n_frames["a"] == {1: 28, 4: 7}[pool]


def test_recordings_of_a_fold_are_scored_by_its_members(tmp_path, shard, stage, targets):
    paths = stage()[1]
    chosen = settings(batch_size=100)
    inference.predict_frames(paths, targets, "garden", [shard], chosen, tmp_path / "f.h5")
    with frame_files.open_frames(tmp_path / "f.h5") as found:
        scored = {m: [found.ids[i] for i in found.recordings(m)] for m in found.members}
        assert scored == {"f1p0s1": ["a", "c", "free"], "f2p0s1": ["b", "d", "free"]}
        assert found.scored == sorted(LENGTHS)
        both = [found.scores(member, 2) for member in MEMBERS]
        np.testing.assert_allclose(found.of("free")[1], np.mean(both, axis=0), atol=1e-7)
        np.testing.assert_array_equal(found.of("a")[1], found.scores("f1p0s1", 0))


def test_a_member_may_have_nothing_to_score(tmp_path, shard, stage):
    rows = [("garden", name, 1, 0, 1, 0, 0) for name in LENGTHS]
    write_targets(tmp_path / "t.parquet", CLASSES, rows)
    paths = stage()[1]
    inference.predict_frames(
        paths,
        targets_table.read(tmp_path / "t.parquet"),
        "garden",
        [shard],
        settings(),
        tmp_path / "f.h5",
    )
    with frame_files.open_frames(tmp_path / "f.h5") as found:
        assert [len(found.recordings(member)) for member in MEMBERS] == [5, 0]


def test_batches_change_nothing_but_roundings(tmp_path, shard, stage, targets):
    paths, scores = stage()[1], []
    for size in (1, 50):
        path = tmp_path / f"{size}.h5"
        chosen = settings(batch_size=size)
        inference.predict_frames(paths, targets, "garden", [shard], chosen, path)
        with frame_files.open_frames(path) as found:
            scores.append(np.concatenate([found.of(name)[1] for name in found.scored]))
    for other in scores[1:]:
        np.testing.assert_allclose(other, scores[0], atol=2e-6)


@pytest.mark.parametrize("how", window_scores.CLIP_POOLINGS)
def test_windows_of_a_frame_model_are_pooled(tmp_path, shard, stage, targets, how):
    by_name, paths = stage("frame", 4)
    chosen = settings() | ({} if how == "average" else {"clip_pooling": how})
    inference.predict_stage(paths, targets, "garden", [shard], chosen, tmp_path / "s.h5")
    spectrogram = shard_reader.open_shards([shard]).frames("a")
    frame_scores = frame_output.frame_scores(by_name["f1p0s1"], windows_by_hand(spectrogram))
    by_hand = {
        "average": frame_scores.mean(axis=1),
        "max": frame_scores.max(axis=1),
        "linear_softmax": (frame_scores**2).sum(axis=1) / frame_scores.sum(axis=1),
    }[how]
    with score_files.open_windows(tmp_path / "s.h5") as found:
        scores = found.scores("f1p0s1", slice(0, 3))
    np.testing.assert_allclose(scores, by_hand, atol=2e-6)


@pytest.mark.slow  # of teachers: test_distillation
@pytest.mark.parametrize("output", ["clip", "frame"])
def test_several_snapshots_of_a_run_are_averaged(tmp_path, shard, stage, targets, output):
    by_name, paths = stage(output, 4)
    model = by_name["f1p0s1"]
    other = varied(build(output, 4), "of another epoch")
    kept = str(tmp_path / "kept.h5")
    model_files.save_kept(kept, {"epoch_3": other.get_weights()})
    chosen = settings(use=["last", "epoch_3"])
    paths = {name: about | {"kept": kept} for name, about in paths.items()}
    windows = windows_by_hand(shard_reader.open_shards([shard]).frames("a"))
    inference.predict_stage(paths, targets, "garden", [shard], chosen, tmp_path / "s.h5")
    of_each = [frame_output.class_scores(each, windows, 3) for each in (model, other)]
    assert np.abs(of_each[0] - of_each[1]).max() > 0.1
    with score_files.open_windows(tmp_path / "s.h5") as found:
        expected = window_scores.clip_scores(np.mean(of_each, axis=0))
        np.testing.assert_allclose(found.scores("f1p0s1", slice(0, 3)), expected, atol=2e-6)
    inference.predict_frames(paths, targets, "garden", [shard], chosen, tmp_path / "f.h5")
    of_each = [frame_output.frame_scores(each, windows) for each in (model, other)]
    expected = np.mean(of_each, axis=0).reshape(-1, 3)
    with frame_files.open_frames(tmp_path / "f.h5") as found:
        scores = found.scores("f1p0s1", 0)
        np.testing.assert_allclose(scores, expected[: len(scores)], atol=2e-6)


def test_windows_that_are_not_scored_have_no_frames(tmp_path, shard, stage, targets):
    for name, changed in (("whole", {}), ("first", {"max_per_recording": 2})):
        chosen = settings(segments=SEGMENTS | changed)
        path = tmp_path / name
        inference.predict_frames(stage()[1], targets, "garden", [shard], chosen, path)
    with (
        frame_files.open_frames(tmp_path / "whole") as whole,
        frame_files.open_frames(tmp_path / "first") as first,
    ):
        assert [len(frames.of("a")[1]) for frames in (whole, first)] == [7, 6]
        np.testing.assert_allclose(first.of("a")[1], whole.of("a")[1][:6], atol=2e-6)


def test_segments_that_do_not_follow_one_another_are_refused(tmp_path, shard, targets, stage):
    chosen = settings(segments=SEGMENTS | {"kind": "cells"})
    with pytest.raises(ValueError, match="corpus 'garden' .* of kind 'cells', .*'windows'"):
        inference.predict_frames(
            stage()[1],
            targets,
            "garden",
            [shard],
            chosen,
            tmp_path / "f.h5",
        )


def test_windows_that_are_no_whole_scores_are_refused(tmp_path, shard, targets):
    model_files.save(build("clip", 4, 15), tmp_path / "m.keras")
    paths = {"f1p0s1": {"model": str(tmp_path / "m.keras"), "kept": None}}
    message = "of 15 frames model 'crnn' makes 3 scores of 4 frames .* multiple of 4, such as 12"
    with pytest.raises(ValueError, match=message):
        inference.predict_frames(
            paths,
            targets,
            "garden",
            [shard],
            settings(window=15),
            tmp_path / "f.h5",
        )
    assert not (tmp_path / "f.h5").exists()


def test_a_model_without_frames_is_refused(tmp_path, shard, targets):
    model = zoo.build("bulbul", (170, 20), 3, "clip", filters=[2] * 4, dense=[2])
    model_files.save(model, tmp_path / "m.keras")
    paths = {"f1p0s1": {"model": str(tmp_path / "m.keras"), "kept": None}}
    with pytest.raises(ValueError, match="model 'bulbul' has no frame scores"):
        inference.predict_frames(
            paths,
            targets,
            "garden",
            [shard],
            settings(window=170),
            tmp_path / "f.h5",
        )
