"""A model before its first step: standardised input, weights of another training."""

import numpy as np
import pytest

from dawnchorus.runtime import backend
from dawnchorus.segments import window_source

backend.start({"name": "tensorflow", "threads": 1, "deterministic": True})

import keras  # noqa: E402

from dawnchorus.models import frame_output, model_files, zoo  # noqa: E402
from dawnchorus.training import setup  # noqa: E402

SHAPE = (170, 20)


@pytest.fixture(scope="module")
def source(tiny_shard, defaults):
    chosen = defaults["experiments"]["demo"]["stages"]["first"]["segments"]
    return window_source.open_source({"tiny": [str(tiny_shard[0])]}, chosen, SHAPE[0])


@pytest.fixture(scope="module")
def recordings(tiny_shard):
    return [("tiny", name) for name in tiny_shard[1]]


def built(n_classes=3, seed=1, **options):
    keras.utils.set_random_seed(seed)
    chosen = {"filters": [2] * 4, "dense": [6], "head": "softmax"} | options
    return zoo.build("bulbul", SHAPE, n_classes, "clip", **chosen)


@pytest.mark.parametrize(("kind", "axis"), [("scalar", None), ("band", (0, 1))])
def test_moments_are_those_of_all_training_windows(
    kind, axis, source, recordings, rng, monkeypatch
):
    monkeypatch.setattr(setup, "_AT_ONCE", 7)
    index = source.index(recordings).take(np.arange(3, 40))
    mean, variance = setup.input_moments(source, recordings, index, kind, rng)
    windows = source.batch(recordings, index).astype(np.float64)
    np.testing.assert_allclose(mean, windows.mean(axis=axis), rtol=1e-10)
    np.testing.assert_allclose(variance, windows.var(axis=axis), rtol=1e-10)


def test_of_many_windows_the_same_sample_is_taken(source, recordings, monkeypatch):
    monkeypatch.setattr(setup, "MOST_WINDOWS", 10)
    index = source.index(recordings)

    def mean(seed):
        rng = np.random.default_rng(seed)
        return setup.input_moments(source, recordings, index, "scalar", rng)[0]

    assert mean(1) == mean(1)
    assert mean(1) != mean(2)


def test_silence_without_a_floor_cannot_be_standardised(source, recordings, rng, monkeypatch):
    index = source.index(recordings)

    def silent(recordings, part):
        windows = np.zeros((len(part), *SHAPE), np.float32)
        windows[1, 0, 0] = -np.inf
        return windows

    monkeypatch.setattr(source, "batch", silent)
    with pytest.raises(ValueError, match="standardise: a window of tiny/r00 holds values that are"):
        setup.input_moments(source, recordings, index, "band", rng)


@pytest.mark.parametrize("kind", ["scalar", "band"])
def test_what_standardises_travels_with_the_file(kind, tmp_path, rng):
    model = built()
    mean, deviation = (3.0, 2.0) if kind == "scalar" else (rng.normal(size=20), 1 + rng.random(20))
    whole = setup.with_standardised_input(model, np.asarray(mean), np.asarray(deviation) ** 2)
    windows = rng.normal(size=(2, *SHAPE)).astype(np.float32)
    expected = frame_output.class_scores(
        model, ((windows - mean) / deviation).astype(np.float32), 3
    )
    for name in ("one.keras", "two.keras"):
        model_files.save(whole, tmp_path / name)
    assert (tmp_path / "one.keras").read_bytes() == (tmp_path / "two.keras").read_bytes()
    loaded = model_files.load(tmp_path / "one.keras")
    np.testing.assert_allclose(frame_output.class_scores(loaded, windows, 3), expected, rtol=1e-4)
    assert [v.path for v in whole.weights] == [v.path for v in model.weights]


def saved(folder, model):
    model_files.save(model, folder / "start.keras")
    return {"path": str(folder / "start.keras"), "head": True}


def test_a_start_with_the_head_takes_all_weights(tmp_path):
    other, model = built(seed=1), built(seed=2)
    setup.start_from(model, saved(tmp_path, other))
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_start_without_the_head_leaves_it_fresh(tmp_path):
    other, model = built(5, seed=1), built(3, seed=2)
    fresh = model.get_weights()
    setup.start_from(model, saved(tmp_path, other) | {"head": False})
    for own, theirs, before in zip(
        model.get_weights()[:-2], other.get_weights()[:-2], fresh[:-2], strict=True
    ):
        np.testing.assert_array_equal(own, theirs)
        assert own.ndim < 2 or not np.array_equal(own, before)
    for own, before in zip(model.get_weights()[-2:], fresh[-2:], strict=True):
        np.testing.assert_array_equal(own, before)


def test_a_standardised_model_starts_from_a_plain_one(tmp_path):
    other = built(seed=1)
    model = setup.with_standardised_input(built(seed=2), np.asarray(1.0), np.asarray(4.0))
    setup.start_from(model, saved(tmp_path, other))
    np.testing.assert_array_equal(model.get_weights()[2], other.get_weights()[2])


def test_other_classes_need_a_fresh_head(tmp_path):
    settings = saved(tmp_path, built(5))
    with pytest.raises(ValueError, match=r"'clip_logits' has weights .*\(6, 5\).*head: false"):
        setup.start_from(built(3), settings)


def test_another_architecture_is_no_start(tmp_path):
    settings = saved(tmp_path, built(dense=[6, 6]))
    with pytest.raises(ValueError, match="8 layers with weights; expected 7"):
        setup.start_from(built(), settings)


def test_a_start_that_is_not_there_is_named(tmp_path):
    settings = {"path": str(tmp_path / "none.keras"), "head": True}
    with pytest.raises(ValueError, match="none.keras' is no file; expected a .keras model"):
        setup.start_from(built(), settings)
