"""The networks of dsr2019: layers and weights as published, and their options."""

import keras
import numpy as np
import pytest

from dawnchorus.models import dsr2019_layers, model_files, zoo

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
PUBLISHED = (216, 256)  # frames x bands
# what is published of each: shape (frames, bands, channels) without the batch, and weights
HAWK = {
    "halved": ((216, 128, 1), 0),
    "pad_115x7": ((222, 128, 1), 0),
    "conv_115x7": ((216, 14, 16), 12_896),
    "conv_115x3": ((216, 14, 32), 11_072),
    "conv_115x1": ((216, 14, 64), 7424),
    "pool_115x1": ((216, 1, 64), 0),
    "conv_51x7": ((216, 78, 16), 5728),
    "conv_51x3": ((216, 78, 32), 4928),
    "conv_51x1": ((216, 78, 64), 3328),
    "pool_51x1": ((216, 1, 64), 0),
    "mean": ((216, 1, 1), 0),
    "conv_165": ((216, 1, 16), 2656),
    "conv_125": ((216, 1, 32), 4032),
    "conv_65": ((216, 1, 64), 4224),
    "conv_31": ((216, 1, 128), 4096),
    "both": ((216, 1, 464), 0),
    "conv1": ((210, 1, 512), 1_663_488),
    "conv2": ((210, 1, 512), 1_835_520),
    "pool2": ((105, 1, 512), 0),
    "conv3": ((105, 1, 512), 1_835_520),
    "norm3": ((105, 512, 1), 4),
    "pooled": ((1024,), 0),
    "dense1": ((512,), 524_800),
    "dense1_norm": ((512,), 2048),
    "clip_logits": ((100,), 51_300),
}
SWAPPED = {
    "conv_115x7": ((128, 102, 16), 12_896),
    "conv_51x3": ((128, 166, 32), 4928),
    "mean": ((128, 1, 1), 0),
    "conv1": ((122, 1, 512), 1_663_488),
    "pool2": ((61, 1, 512), 0),
    "squashed": ((100,), 0),
}
ZILPZALP = {
    "pool1_bands": ((71, 82, 32), 0),
    "pool2_bands": ((23, 24, 64), 0),
    "pool3_bands": ((7, 5, 128), 0),
    "conv4_bands": ((3, 3, 256), 491_776),  # 5 x 3
    "pool4_bands": ((1, 1, 256), 0),
    "pool1_frames": ((69, 84, 32), 0),
    "pool2_frames": ((20, 27, 64), 0),
    "pool3_frames": ((4, 8, 128), 0),
    "conv4_frames": ((3, 3, 256), 393_472),  # 2 x 6
    "pool4_frames": ((1, 1, 256), 0),
    "stacks": ((512,), 0),
    "dense1": ((256,), 131_328),
    "clip_logits": ((100,), 25_700),
}
PUFFIN = {
    "conv1": ((214, 254, 16), 160),
    "conv2": ((212, 252, 32), 4640),
    "conv3": ((210, 250, 64), 18_496),
    "pool3": ((105, 125, 64), 0),
    "conv4": ((103, 123, 128), 73_856),
    "pool4": ((51, 41, 128), 0),
    "conv5": ((49, 39, 128), 147_584),
    "pool5": ((49, 13, 128), 0),
    "steps": ((49, 1664), 0),
    "lstm1": ((49, 500), 4_330_000),
    "lstm3": ((49, 500), 2_002_000),
    "last_lstm1": ((49, 200), 560_800),
    "last_lstm2": ((200,), 320_800),
    "clip_logits": ((100,), 20_100),
}
LSTM = {
    "conv1": ((214, 248, 16), 448),
    "conv2": ((212, 244, 32), 7712),
    "pool2": ((70, 81, 32), 0),
    "conv3": ((66, 77, 64), 51_264),
    "pool3": ((66, 25, 64), 0),
    "fields": ((66, 22, 1), 0),
    "both": ((66, 1622), 0),
    "lstm1": ((66, 200), 1_458_400),
    "lstm3": ((200,), 320_800),
}
BULBUL = {
    "pool1": ((71, 84, 16), 0),
    "pool2": ((23, 27, 16), 0),
    "pool3": ((7, 27, 16), 0),
    "pool4": ((1, 27, 16), 0),
    "flatten": ((432,), 0),
    "dense1": ((256,), 110_848),
    "clip_logits": ((100,), 25_700),
}
SPARROW = {
    "pool2": ((70, 84, 32), 0),
    "conv5": ((64, 62, 64), 116_800),
    "conv6": ((13, 20, 256), 147_712),
    "conv8": ((13, 20, 1), 65),
    "norm8": ((13, 20, 1), 4),
    "flatten": ((260,), 0),
}
SPARROW_EXP = {
    "power": ((216, 256), 1),
    "conv5": ((64, 64, 128), 835_712),
    "pool5": ((21, 20, 128), 0),
    "conv6": ((13, 20, 1024), 1_180_672),
    "class_map_relu": ((13, 20, 100), 0),
}
# published in part: what the reference says of them
OWL = {
    "pool_near": ((49, 62, 1), 0),
    "pool_far": ((49, 62, 1), 0),
    "conv1": ((49, 62, 16), 160),
    "conv2": ((24, 31, 32), 4640),
    "conv3": ((12, 15, 16), 4624),
    "dense1": ((336,), 226_128),
}
ROBIN = {"views": ((49, 62, 2), 0), "conv2": ((21, 28, 1), 145), "dense3": ((200,), 80_200)}
GOOSE = {"columns": ((216, 1, 4), 0), "flatten": ((864,), 0), "dense1": ((432,), 373_680)}
PIGEON = {
    "joined": ((256, 256), 0),
    "conv6": ((4, 4, 256), 1_638_656),
    "conv7": ((1, 1, 512), 524_800),
    "dense1": ((256,), 131_328),
}
LAST = {"clip_scores": ((100,), 0)}
# layers, weights that are trained, all weights
NETWORKS = {
    "hawk": (HAWK, 5_975_014, 5_979_016),
    "hawk faults": (SWAPPED, 5_975_014, 5_979_016),
    "zilpzalp": (ZILPZALP, 1_599_332, 1_601_252),
    "puffin": (PUFFIN, 9_480_532, 9_480_628),
    "lstm": (LSTM, 2_179_556, 2_179_588),
    "bulbul_dsr": (BULBUL, 140_596, 140_596),
    "sparrow_dsr": (SPARROW, 336_215, 337_241),
    "sparrow_exp": (SPARROW_EXP, 2_380_965, 2_384_037),
    "owl": (OWL, 269_418, 269_550),
    "robin": (ROBIN, 425_821, 425_859),
    "goose": (GOOSE, 418_648, 418_704),
    "pigeon": (PIGEON, 3_403_460, 3_405_988),
}
FAULTS = {"swapped_axes": True, "double_squashing": True}
SMALLEST = {
    "hawk": (8, 6), "zilpzalp": (185, 185), "puffin": (22, 40), "lstm": (19, 150),
    "bulbul_dsr": (161, 17), "sparrow_dsr": (103, 79), "sparrow_exp": (103, 79),
    "owl": (52, 40), "robin": (60, 48), "goose": (1, 131), "pigeon": (206, 246),
}  # fmt: skip
# few channels, so that a step is quick
LEAN = {
    "puffin": {"filters": [2] * 5, "units": [3, 3], "last_units": [2]},
    "lstm": {"filters": [2] * 3, "units": [3, 2]},
    "hawk": {},
    "robin": {"dense": [8]},
} | {
    name: {"filters": [2] * count}
    for name, count in {
        "zilpzalp": 4, "bulbul_dsr": 4, "sparrow_dsr": 7, "sparrow_exp": 6, "owl": 3, "goose": 3,
        "pigeon": 7,
    }.items()
}  # fmt: skip


def slices(shape, n=4):
    return np.random.default_rng(n).uniform(size=(n, *shape)).astype(np.float32)


@pytest.mark.parametrize("case", NETWORKS)
def test_layers_and_weights_are_the_published_ones(case):
    name, _, faults = case.partition(" ")
    layers, trainable, total = NETWORKS[case]
    model = zoo.build(name, PUBLISHED, 100, "clip", **(FAULTS if faults else {}))
    found = {layer.name: (layer.output.shape[1:], layer.count_params()) for layer in model.layers}
    assert {layer: found[layer] for layer in layers | LAST} == layers | LAST
    trained = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert (trained, model.count_params()) == (trainable, total)


@pytest.mark.parametrize("name", SMALLEST)
def test_the_smallest_slice_is_taken_and_one_less_is_refused(name):
    frames, bands = SMALLEST[name]
    assert zoo.build(name, (frames, bands), 3, "clip", **LEAN[name]).output_shape == (None, 3)
    for shape in ((frames - 1, bands), (frames, bands - 1)):
        if min(shape):
            message = rf"{name}: .* too small; the smallest is \({frames}, {bands}\)"
            with pytest.raises(ValueError, match=message):
                zoo.build(name, shape, 3, "clip", **LEAN[name])


@pytest.mark.parametrize("name", ["puffin", "sparrow_exp", "pigeon"])
def test_what_is_saved_gives_the_same_scores(name, tmp_path):
    keras.utils.set_random_seed(2)
    model = zoo.build(name, SMALLEST[name], 3, "clip", **LEAN[name])
    model.set_weights([2 * weight for weight in model.get_weights()])
    windows = slices(SMALLEST[name])
    scores = keras.ops.convert_to_numpy(model(windows))
    assert np.ptp(scores, axis=0).max() > 0
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)
    model_files.save(model, tmp_path / "model.keras")
    assert model_files.file_bytes(model) == (tmp_path / "model.keras").read_bytes()
    loaded = model_files.load(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(loaded(windows)), scores)


def test_a_sigmoid_before_the_softmax_keeps_scores_close():
    keras.utils.set_random_seed(1)
    model = zoo.build("hawk", (20, 16), 4, "clip", double_squashing=True)
    layer = model.get_layer("clip_logits")
    layer.kernel.assign(layer.kernel * 1000)
    scores = keras.ops.convert_to_numpy(model(slices((20, 16))))
    # logits are 0 to 1: no score is above e / (e + 3)
    assert scores.max() <= np.e / (np.e + 3) + 1e-6
    assert scores.min() >= 1 / (1 + 3 * np.e) - 1e-6


def test_hawk_is_made_narrower_layer_by_layer():
    narrow = {"filters": [4, 5, 6], "rhythm_filters": [7, 8, 9, 10], "width": 12}
    model = zoo.build("hawk", (20, 16), 3, "clip", **narrow)
    found = {layer.name: layer.output.shape[1:] for layer in model.layers}
    assert [found[f"conv_7x{frames}"][-1] for frames in (7, 3, 1)] == [4, 5, 6]
    assert [found[f"conv_3x{frames}"][-1] for frames in (7, 3, 1)] == [4, 5, 6]
    assert [found[f"conv_{frames}"][-1] for frames in (165, 125, 65, 31)] == [7, 8, 9, 10]
    assert found["both"] == (20, 1, 64)
    assert found["conv3"] == (7, 1, 12)
    assert found["dense1"] == (12,)


def test_hawks_swapped_axes_need_frames_for_kernels_of_bands():
    with pytest.raises(ValueError, match="swapped_axes needs windows of 115 frames for 256 bands"):
        zoo.build("hawk", (100, 256), 4, "clip", swapped_axes=True)


def test_layers_of_ones_own_do_what_they_say():
    x = slices((6, 3), 2)
    joined = dsr2019_layers.CircularPadding(2)(x)
    np.testing.assert_array_equal(joined, np.pad(x, ((0, 0), (2, 2), (0, 0)), mode="wrap"))
    layer = dsr2019_layers.LearnedPower((-1.73, -1.21))
    x[0, 0, 0] = 0
    found = keras.ops.convert_to_numpy(layer(x))
    power = 1 / (1 + np.exp(-float(layer.logit)))
    assert 0.15 < power < 0.23
    np.testing.assert_allclose(found, np.maximum(x, 1e-7) ** power, rtol=1e-5)
