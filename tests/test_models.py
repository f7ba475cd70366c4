"""The zoo: layer by layer as published, and what every model must do."""

import keras
import numpy as np
import pytest

from dawnchorus.models import frame_output, model_files, zoo
from dawnchorus.settings import architecture

# TensorFlow's variables lack the keyword that NumPy 2 asks for when Keras saves them
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

# (layer, shape without the batch, weights), time x band x channel
BULBUL = [
    ("log_mel", (1000, 80), 0),
    ("band_norm", (1000, 80), 160),
    ("channel", (1000, 80, 1), 0),
    ("conv1", (998, 78, 16), 160),
    ("pool1", (332, 26, 16), 0),
    ("leaky1", (332, 26, 16), 0),
    ("conv2", (330, 24, 16), 2320),
    ("pool2", (110, 8, 16), 0),
    ("leaky2", (110, 8, 16), 0),
    ("conv3", (108, 8, 16), 784),
    ("pool3", (36, 8, 16), 0),
    ("leaky3", (36, 8, 16), 0),
    ("conv4", (34, 8, 16), 784),
    ("pool4", (11, 8, 16), 0),
    ("leaky4", (11, 8, 16), 0),
    ("flatten", (1408,), 0),
    ("drop1", (1408,), 0),
    ("dense1", (256,), 360_704),
    ("dense1_leaky", (256,), 0),
    ("drop2", (256,), 0),
    ("dense2", (32,), 8224),
    ("dense2_leaky", (32,), 0),
    ("drop3", (32,), 0),
    ("clip_logits", (1,), 33),
    ("clip_scores", (1,), 0),
]
SPARROW = [
    ("log_mel", (701, 80), 0),
    ("channel", (701, 80, 1), 0),
    ("conv1", (699, 78, 32), 288),
    ("norm1", (699, 78, 32), 128),
    ("leaky1", (699, 78, 32), 0),
    ("conv2", (697, 76, 32), 9216),
    ("norm2", (697, 76, 32), 128),
    ("pool2", (232, 25, 32), 0),
    ("leaky2", (232, 25, 32), 0),
    ("conv3", (230, 23, 32), 9216),
    ("norm3", (230, 23, 32), 128),
    ("leaky3", (230, 23, 32), 0),
    ("conv4", (228, 21, 32), 9216),
    ("norm4", (228, 21, 32), 128),
    ("leaky4", (228, 21, 32), 0),
    ("conv5", (226, 3, 64), 116_736),
    ("norm5", (226, 3, 64), 256),
    ("pool5", (75, 1, 64), 0),
    ("leaky5", (75, 1, 64), 0),
    ("drop6", (75, 1, 64), 0),
    ("conv6", (67, 1, 256), 147_456),
    ("norm6", (67, 1, 256), 1024),
    ("leaky6", (67, 1, 256), 0),
    ("drop7", (67, 1, 256), 0),
    ("conv7", (67, 1, 64), 16_384),
    ("norm7", (67, 1, 64), 256),
    ("leaky7", (67, 1, 64), 0),
    ("drop8", (67, 1, 64), 0),
    ("frame_logits", (67, 1, 1), 64),
    ("clip_logits", (1,), 0),
    ("clip_scores", (1,), 0),
]
FULLCONV = [
    ("conv1", (696, 78, 32), 512),
    ("pool1", (232, 26, 32), 0),
    ("conv2", (228, 24, 32), 15_392),
    ("pool2", (76, 8, 32), 0),
    ("conv3", (74, 6, 64), 18_496),
    ("pool3", (24, 2, 64), 0),
    ("conv4", (22, 2, 128), 24_704),
    ("pool4", (7, 1, 128), 0),
    ("conv5", (5, 1, 256), 98_560),
    ("pool5", (1, 1, 256), 0),
    ("clip_logits", (1,), 257),
]
COMPACT = [
    ("log_mel", (700, 80), 0),
    ("band_norm", (700, 80), 160),
    ("centred", (700, 80), 0),
    ("channel", (700, 80, 1), 0),
    ("conv1", (350, 40, 16), 144),
    ("pool1", (87, 20, 16), 0),
    ("norm1", (87, 20, 16), 64),
    ("relu1", (87, 20, 16), 0),
    ("conv2", (87, 20, 32), 4608),
    ("pool2", (43, 10, 32), 0),
    ("norm2", (43, 10, 32), 128),
    ("relu2", (43, 10, 32), 0),
    ("conv3", (43, 10, 48), 13_824),
    ("pool3", (21, 5, 48), 0),
    ("norm3", (21, 5, 48), 192),
    ("relu3", (21, 5, 48), 0),
    ("conv4", (21, 5, 64), 27_648),
    ("pool4", (21, 5, 64), 0),
    ("norm4", (21, 5, 64), 256),
    ("relu4", (21, 5, 64), 0),
    ("band_mean", (21, 1, 64), 0),
    ("frames", (21, 64), 0),
    ("mean", (64,), 0),
    ("maximum", (64,), 0),
    ("band_means", (80,), 0),
    ("band_powers", (80,), 0),
    ("band_maxima", (80,), 0),
    ("squares", (700, 80), 0),
    ("band_statistics", (240,), 0),
    ("statistics_norm", (240,), 960),
    ("pooled", (368,), 0),
    ("drop", (368,), 0),
    ("clip_logits", (1,), 369),
    ("clip_scores", (1,), 0),
]
SMALLEST = {"bulbul": (161, 17), "fullconv": (493, 80), "sparrow": (103, 25)}
ELSEWHERE = (  # their own test files
    "alexnet", "baseline", "compact", "compact_frames", "toth2016", "crnn", "pi", "resnet", "attention",
    "class_scores", "linear_probe", "mlp",
    "bulbul_dsr", "goose", "hawk", "lstm", "owl", "pigeon", "puffin", "robin", "sparrow_dsr",
    "sparrow_exp", "zilpzalp",
)  # fmt: skip
# few frames, so that steps are quick
SMALL = {"bulbul": (170, 20), "fullconv": (493, 80), "sparrow": (121, 27)}
LEAN = {
    "bulbul": {"filters": [4] * 4, "dense": [8]},
    "fullconv": {"filters": [4] * 5},
    "sparrow": {"filters": [4] * 7},
}


def small(name, n_classes=1, **options):
    return zoo.build(name, SMALL[name], n_classes, "clip", **(LEAN[name] | options))


def spectrograms(name, n=6, seed=0):
    return np.random.default_rng(seed).normal(size=(n, *SMALL[name])).astype(np.float32)


def count(weights):
    return sum(int(np.prod(weight.shape)) for weight in weights)


def table(model):
    return [(layer.name, layer.output.shape[1:], layer.count_params()) for layer in model.layers]


def test_the_zoo_is_what_is_tested():
    assert zoo.names() == tuple(sorted([*SMALLEST, *ELSEWHERE]))


@pytest.mark.parametrize(
    ("name", "shape", "layers", "total", "trainable"),
    [
        ("bulbul", (1000, 80), BULBUL, 373_169, 373_009),
        ("sparrow", (701, 80), SPARROW, 310_624, 309_600),
        ("fullconv", (700, 80), FULLCONV, 158_081, 157_921),
    ],
)
def test_layers_and_weights_are_the_published_ones(name, shape, layers, total, trainable):
    model = zoo.build(name, shape, 1, "clip")
    found = table(model)
    if name == "fullconv":  # published in part: the rest is as bulbul's
        found = [layer for layer in found if layer[0] in {expected[0] for expected in layers}]
    assert found == layers
    assert (model.count_params(), count(model.trainable_weights)) == (total, trainable)


def test_the_compact_network_has_these_layers_and_weights():
    model = zoo.build("compact", (700, 80), 1, "clip")
    assert sorted(table(model)) == sorted(COMPACT)  # branches have no order
    assert (model.count_params(), count(model.trainable_weights)) == (48_353, 47_393)


def test_the_compact_network_takes_any_length_and_hears_a_call_wherever_it_stands():
    keras.utils.set_random_seed(5)
    model = zoo.build("compact", (None, 80), 2, "clip", head="softmax")
    windows = np.random.default_rng(5).normal(size=(3, 320, 80)).astype(np.float32)
    scores = model.predict_on_batch(windows)
    # sixteen frames are one of those that are pooled; edges are seen by few
    rolled, half = np.roll(windows, 160, axis=1), windows[:, :160]
    np.testing.assert_allclose(model.predict_on_batch(rolled), scores, atol=0.02)
    assert abs(model.predict_on_batch(half) - scores).max() < 0.2
    without = zoo.build("compact", (320, 80), 2, "clip", statistics=False)
    assert "band_statistics" not in {layer.name for layer in without.layers}
    with pytest.raises(ValueError, match=r"input shape \(31, 80\) is too small; .* \(32, 16\)"):
        zoo.build("compact", (31, 80), 2, "clip")
    with pytest.raises(
        ValueError, match="band_pools.*expected 2 numbers, one for each convolution"
    ):
        zoo.build("compact", (320, 80), 2, "clip", filters=[4, 4], frame_pools=[2, 2])


def test_a_frame_of_the_compact_frames_knows_its_neighbours_and_no_further():
    keras.utils.set_random_seed(5)
    model = zoo.build("compact_frames", (None, 64), 3, "frame")
    assert (model.count_params(), model.output_shape) == (81_875, (None, None, 3))
    windows = np.random.default_rng(5).normal(size=(2, 120, 64)).astype(np.float32)
    scores = model.predict_on_batch(windows)
    changed = windows.copy()
    changed[:, 60] += 3
    # three frames of the convolutions over bands, and 1 + 2 + 4 + 8 of those along time
    differs = np.flatnonzero((model.predict_on_batch(changed) != scores).any(axis=(0, 2)))
    assert (differs.min(), differs.max()) == (60 - 18, 60 + 18)
    assert np.ptp(scores) > 0.01


def test_the_compact_frames_make_frames_one_and_pool_clips():
    model = zoo.build("compact_frames", (32, 64), 2, "clip", frame_pools=[2, 2, 1], centred=True)
    settings = architecture.architecture_model({"name": "compact_frames", "frame_pools": [2, 2, 1]})
    assert settings.frames_per_score() == 4
    windows = np.random.default_rng(5).normal(size=(3, 32, 64)).astype(np.float32)
    frames = frame_output.frame_scores(model, windows)
    assert frames.shape == (3, 8, 2)
    expected = (frames**2).sum(axis=1) / frames.sum(axis=1)
    np.testing.assert_allclose(model.predict_on_batch(windows), expected, rtol=1e-5)
    # a level that a place adds to a band is no news
    np.testing.assert_allclose(model.predict_on_batch(windows + 7), expected, rtol=1e-4)
    with pytest.raises(ValueError, match=r"too small; .* \(1, 16\)"):
        zoo.build("compact_frames", (32, 15), 2, "clip")
    with pytest.raises(ValueError, match="frame_pools.*3 numbers, one for each convolution"):
        zoo.build("compact_frames", (32, 64), 2, "clip", frame_pools=[2])


def test_the_larger_bulbul_is_an_option():
    model = zoo.build("bulbul", (1000, 80), 1, "clip", filters=[32, 32, 64, 64], dense=[64, 32])
    assert model.get_layer("conv4").output.shape == (None, 34, 8, 64)
    assert model.get_layer("dense1").count_params() == 11 * 8 * 64 * 64 + 64


@pytest.mark.parametrize("name", SMALLEST)
def test_the_smallest_input_is_taken_and_one_less_is_refused(name):
    frames, bands = SMALLEST[name]
    assert zoo.build(name, (frames, bands), 3, "clip").output_shape == (None, 3)
    for shape in ((frames - 1, bands), (frames, bands - 1)):
        message = rf"{name}: .* too small; the smallest is \({frames}, {bands}\)"
        with pytest.raises(ValueError, match=message):
            zoo.build(name, shape, 3, "clip")


@pytest.mark.parametrize("name", SMALLEST)
@pytest.mark.slow  # of every architecture: test_experiments
def test_a_saved_model_gives_the_same_scores(name, tmp_path):
    model = small(name, input_offset=0.2)
    scores = model.predict_on_batch(spectrograms(name))
    model.save(tmp_path / "model.keras")
    loaded = model_files.load(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict_on_batch(spectrograms(name)), scores)
    assert table(loaded) == table(model)


@pytest.mark.parametrize("name", SMALLEST)
def test_weights_follow_from_the_seed(name):
    drawn = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        drawn.append(small(name).get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*drawn[:2], strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(*drawn[1:], strict=True))


@pytest.mark.parametrize("name", SMALLEST)
def test_a_training_step_lowers_the_loss(name):
    keras.utils.set_random_seed(3)
    model = small(name, dropout=0.0)
    model.compile(keras.optimizers.SGD(0.01), "binary_crossentropy", jit_compile=False)
    x, y = spectrograms(name, n=16), np.arange(16)[:, None] % 2
    x += y[:, :, None]
    losses = [float(model.train_on_batch(x, y)) for _ in range(2)]
    assert losses[1] < losses[0]


@pytest.mark.parametrize("name", SMALLEST)
def test_kernels_are_drawn_as_glorot_has_it(name):
    model = zoo.build(name, (1000, 80), 1, "clip")
    kernel = np.asarray(model.get_layer("conv2").kernel)
    limit = np.sqrt(6 / (np.prod(kernel.shape[:3]) + np.prod(kernel.shape[:2]) * kernel.shape[3]))
    assert 0.99 * limit < np.abs(kernel).max() <= limit


@pytest.mark.parametrize("name", SMALLEST)
def test_a_softmax_over_one_class_has_its_absence_first(name):
    model = small(name, head="softmax")
    scores = model.predict_on_batch(spectrograms(name))
    assert scores.shape == (6, 2)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)
    assert small(name, n_classes=4, head="softmax").output_shape == (None, 4)


@pytest.mark.parametrize("name", SMALLEST)
def test_an_offset_is_one_number_per_clip_in_training_only(name):
    model = small(name, input_offset=0.2)
    layer = model.get_layer("random_offset")
    x = spectrograms(name, n=200)
    np.testing.assert_array_equal(layer(x, training=False), x)
    offsets = np.asarray(layer(x, training=True)) - x
    assert np.ptp(offsets, axis=(1, 2)).max() < 1e-6
    assert 0.17 < np.abs(offsets).max() <= 0.2 + 1e-6
    assert len(np.unique(offsets[:, 0, 0].round(6))) > 190
    names = [layer.name for layer in model.layers]
    before = "log_mel" if name == "sparrow" else "band_norm"
    assert names.index("random_offset") == names.index(before) + 1


def test_bands_are_normalised_each_by_its_own_mean_and_deviation():
    layer = small("bulbul").get_layer("band_norm")
    x = spectrograms("bulbul", n=8) * np.arange(1, 21) + np.arange(20)
    expected = (x - x.mean(axis=(0, 1))) / np.sqrt(x.var(axis=(0, 1)) + 1e-4)
    np.testing.assert_allclose(layer(x, training=True), expected, atol=1e-4)
    # a tenth of the way from 0, where the running mean starts
    np.testing.assert_allclose(layer.moving_mean, 0.1 * x.mean(axis=(0, 1)), atol=1e-4)


def test_sparrow_takes_clips_of_any_length_and_keeps_the_highest_moment():
    model = zoo.build("sparrow", (None, 27), 1, "clip", **LEAN["sparrow"])
    x = spectrograms("sparrow", n=2)
    long = np.concatenate((x, x), axis=1)
    scores = model.predict_on_batch(long)
    assert scores.shape == (2, 1)
    # the same windows of 103 frames, 9 apart, and more of them: never lower
    assert (scores >= model.predict_on_batch(x) - 1e-6).all()
    one_window = [model.predict_on_batch(long[:, i : i + 103]) for i in range(0, 140, 9)]
    np.testing.assert_allclose(np.max(one_window, axis=0), scores, atol=1e-5)


def test_time_comes_before_bands():
    assert zoo.build("sparrow", (701, 80), 1, "clip").get_layer("conv5").kernel_size == (3, 19)
    assert zoo.build("bulbul", (1000, 80), 1, "clip").get_layer("conv3").kernel_size == (3, 1)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("bulbull", (1000, 80), 1, "clip"), {}, "model.name: 'bulbull'; .*did you mean 'bulbul'"),
        ((["bulbul"], (1000, 80), 1, "clip"), {}, r"model.name: \['bulbul'\]; expected alexnet"),
        (("_layers", (1000, 80), 1, "clip"), {}, "expected alexnet, .*, fullconv, goose,"),
        (("bulbul", (1000, 80), 1, "frame"), {}, "output 'frame'; expected clip"),
        (("bulbul", (1000, 80), 0, "clip"), {}, "n_classes 0; expected 1 or more"),
        (("bulbul", (1000, 80), 1, "clip"), {"drop_out": 0.1}, "model.drop_out: .*mean 'dropout'"),
        (
            ("bulbul", (1000, 80), 1, "clip"),
            {"dropout": 1},
            "model.dropout: 1; expected less than 1",
        ),
        (
            ("bulbul", (1000, 80), 1, "clip"),
            {"head": "relu"},
            "model.head: 'relu'; .* sigmoid, softmax",
        ),
        (
            ("bulbul", (1000, 80), 1, "clip"),
            {"filters": [1, 2]},
            r"filters: \[1, 2\]; expected 4 items",
        ),
        (
            ("sparrow", (700, 80), 1, "clip"),
            {"input_offset": -1},
            "input_offset: -1; expected at least 0",
        ),
        (("bulbul", (None, 80), 1, "clip"), {}, r"\(None, 80\); expected \(frames, bands\)$"),
        (("sparrow", (700, 80, 1), 1, "clip"), {}, r"\(700, 80, 1\); expected .*may be None"),
    ],
)
def test_what_no_model_can_be_built_from_is_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        zoo.build(*arguments, **options)


def test_the_smallest_input_leaves_one_cell():
    assert architecture.smallest_input((((3, 3), (2, 1)),)) == (4, 3)
