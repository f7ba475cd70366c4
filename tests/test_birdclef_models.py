"""The networks of the BirdCLEF 2016 and 2018 systems: layers, weights, options and their blocks."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dawnchorus.models import (
    blocks,
    frame_output,
    kahl2018_blocks,
    model_files,
    toth2016_blocks,
    zoo,
)
from dawnchorus.models.architectures import baseline

CLOSE = {"atol": 1e-5, "rtol": 1e-5}

# (layer, shape without the batch, weights), time x band x channel
ALEXNET = [
    ("spectrogram", (310, 200), 0),
    ("channel", (310, 200, 1), 0),
    ("conv1", (50, 31, 96), 24_672),
    ("norm1", (50, 31, 96), 384),
    ("pool1", (25, 15, 96), 0),
    ("conv2", (23, 13, 256), 221_440),
    ("norm2", (23, 13, 256), 1024),
    ("pool2", (11, 6, 256), 0),
    ("conv3", (11, 6, 384), 885_120),
    ("conv4", (11, 6, 384), 1_327_488),
    ("conv5", (11, 6, 256), 884_992),
    ("norm5", (11, 6, 256), 1024),
    ("pool5", (5, 3, 256), 0),
    ("flatten", (3840,), 0),
    ("drop1", (3840,), 0),
    ("dense1", (4096,), 15_732_736),
    ("drop2", (4096,), 0),
    ("dense2", (4096,), 16_781_312),
    ("drop3", (4096,), 0),
    ("clip_logits", (999,), 4_092_903),
    ("clip_scores", (999,), 0),
]
BIRDCLEF2016 = [
    ("spectrogram", (310, 200), 0),
    ("channel", (310, 200, 1), 0),
    ("conv1", (37, 24, 128), 32_896),
    ("pool1", (18, 12, 128), 0),
    ("conv2", (16, 8, 256), 491_776),
    ("norm2", (16, 8, 256), 1024),
    ("pool2", (8, 4, 256), 0),
    ("conv3", (8, 4, 384), 885_120),
    ("conv4", (8, 4, 384), 1_327_488),
    ("norm4", (8, 4, 384), 1536),
    ("pool4", (4, 2, 384), 0),
    ("flatten", (3072,), 0),
    ("dense1", (2048,), 6_293_504),
    ("drop1", (2048,), 0),
    ("dense2", (2048,), 4_196_352),
    ("drop2", (2048,), 0),
    ("clip_logits", (999,), 2_046_951),
    ("clip_scores", (999,), 0),
]
# outputs of blocks, and the dense layers
BASELINE = [
    ("block1_norm", (256, 128, 64), 256),
    ("block1_act", (128, 64, 64), 0),
    ("block2_act", (64, 32, 128), 0),
    ("block3_act", (32, 16, 256), 0),
    ("block4_act", (16, 8, 512), 0),
    ("block5_act", (8, 4, 1024), 0),
    ("last_norm", (8, 4, 2048), 8192),
    ("average", (2048,), 0),
    ("clip_logits", (1500,), 3_073_500),
]
RESNET = [
    ("conv1", (256, 128, 16), 144),
    ("stack1_block1_shortcut", (128, 64, 32), 512),
    ("stack1_block1_sum", (128, 64, 32), 0),
    ("stack1_block2_sum", (128, 64, 32), 0),
    ("stack2_block2_sum", (64, 32, 64), 0),
    ("stack3_block2_sum", (32, 16, 128), 0),
    ("stack4_block2_conv2", (16, 8, 256), 590_080),
    ("stack4_block2_sum", (16, 8, 256), 0),
    ("average", (256,), 0),
    ("clip_logits", (1500,), 385_500),
]
PI = [
    ("block1_act", (128, 64, 16), 0),
    ("block2_act", (64, 32, 32), 0),
    ("block3_act", (32, 16, 64), 0),
    ("block4_act", (16, 8, 128), 0),
    ("flatten", (16_384,), 0),
    ("dense1", (512,), 8_389_120),
    ("dense2", (512,), 262_656),
    ("clip_logits", (1500,), 769_500),
]
FULL = {
    "alexnet": ((310, 200), 999),
    "toth2016": ((310, 200), 999),
    "baseline": ((256, 128), 1500),
    "resnet": ((256, 128), 1500),
    "pi": ((256, 128), 1500),
}
SMALLEST = [
    ("alexnet", (82, 82), {}),
    ("toth2016", (104, 136), {}),
    ("baseline", (32, 32), {"filters": [2] * 5}),
    ("resnet", (16, 16), {"filters": [2] * 4, "pooling": "max"}),
    ("pi", (4, 4), {"filters": [2] * 2, "pooling": "max"}),
]
# few frames and channels, so that steps are quick
SMALL = {
    "alexnet": (90, 84),
    "toth2016": (104, 136),
    "baseline": (16, 16),
    "resnet": (32, 16),
    "pi": (16, 16),
}
LEAN = {
    "alexnet": {"filters": [4] * 5, "dense": [8, 8]},
    "toth2016": {"filters": [4] * 4, "dense": [8, 8]},
    "baseline": {"filters": [4, 4, 8]},
    "resnet": {"filters": [8, 16, 16, 32], "k": 1, "n": 1},
    "pi": {"filters": [4, 4, 8], "dense": [8, 8]},
}
OF_2018 = ("baseline", "resnet", "pi")


def small(name, n_classes=3, **options):
    return zoo.build(name, SMALL[name], n_classes, "clip", **(LEAN[name] | options))


def spectrograms(name, n=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, *SMALL[name])).astype(np.float32)


def one_hot(n, n_classes):
    return np.eye(n_classes, dtype=np.float32)[np.arange(n) % n_classes]


def table(model):
    return [(layer.name, layer.output.shape[1:], layer.count_params()) for layer in model.layers]


def made(**options):
    settings = baseline.Settings.model_validate({"filters": [4], "pooling": "stride"} | options)
    return kahl2018_blocks.recipe(settings)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("alexnet", ALEXNET),
        ("toth2016", BIRDCLEF2016),
        ("baseline", BASELINE),
        ("resnet", RESNET),
        ("pi", PI),
    ],
)
def test_layers_are_the_published_ones(name, wanted):
    shape, n_classes = FULL[name]
    found = table(zoo.build(name, shape, n_classes, "clip"))
    if name in OF_2018:  # published per block
        found = [layer for layer in found if layer[0] in {layer[0] for layer in wanted}]
    assert found == wanted


@pytest.mark.parametrize(
    ("name", "options", "total"),
    [
        ("alexnet", {}, 39_953_095),
        ("alexnet", {"norm_axis": "time"}, 39_950_999),
        ("toth2016", {}, 15_276_647),
        ("toth2016", {"norm_axis": "time"}, 15_274_183),
        ("baseline", {}, 11_454_236),
        ("resnet", {}, 3_179_628),
        ("pi", {}, 9_519_148),
    ],
)
def test_weights_are_as_many_as_published(name, options, total):
    shape, n_classes = FULL[name]
    assert zoo.build(name, shape, n_classes, "clip", **options).count_params() == total


@pytest.mark.parametrize("name", FULL)
def test_the_full_width_learns_a_step(name, rng):
    shape, n_classes = FULL[name]
    model = zoo.build(name, shape, n_classes, "clip")
    model.compile(keras.optimizers.SGD(1e-3), "categorical_crossentropy", jit_compile=False)
    before = np.asarray(model.get_layer("clip_logits").bias)
    x = rng.normal(size=(2, *shape)).astype(np.float32)
    assert np.isfinite(model.train_on_batch(x, one_hot(2, n_classes)))
    assert not np.array_equal(before, model.get_layer("clip_logits").bias)


@pytest.mark.parametrize("name", FULL)
def test_small_widths_lower_the_loss(name):
    keras.utils.set_random_seed(3)
    model = small(name, dropout=0.0)
    model.compile(keras.optimizers.SGD(0.01), "categorical_crossentropy", jit_compile=False)
    x, y = spectrograms(name, n=8), one_hot(8, 3)
    losses = [float(model.train_on_batch(x, y)) for _ in range(3)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(("name", "shape", "options"), SMALLEST)
def test_the_smallest_input_is_taken_and_one_less_is_refused(name, shape, options):
    frames, bands = shape
    lean = LEAN[name] | options
    assert zoo.build(name, shape, 3, "clip", **lean).output_shape == (None, 3)
    for less in ((frames - 1, bands), (frames, bands - 1)):
        message = rf"{name}: .* too small; the smallest is \({frames}, {bands}\)"
        with pytest.raises(ValueError, match=message):
            zoo.build(name, less, 3, "clip", **lean)


@pytest.mark.parametrize("name", OF_2018)
def test_strides_leave_a_cell_of_any_input(name):
    model = zoo.build(name, (3, 1), 3, "clip", **LEAN[name], pooling="stride")
    assert model.predict_on_batch(np.ones((2, 3, 1), np.float32)).shape == (2, 3)


@pytest.mark.parametrize("name", ["baseline", "resnet"])
def test_chunks_may_have_any_length(name):
    model = zoo.build(name, (None, SMALL[name][1]), 3, "clip", **LEAN[name])
    fixed = small(name)
    fixed.set_weights(model.get_weights())
    x = spectrograms(name)
    assert model.predict_on_batch(np.tile(x, (1, 2, 1))).shape == (4, 3)
    np.testing.assert_allclose(model.predict_on_batch(x), fixed.predict_on_batch(x), **CLOSE)


@pytest.mark.parametrize("name", FULL)
@pytest.mark.slow  # of every architecture: test_experiments
def test_a_saved_model_gives_the_same_scores(name, tmp_path):
    options = {"groups": 2, "dropout": 0.1, "dropout_kind": "channel"} if name in OF_2018 else {}
    model = small(name, **options)
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    model_files.save(model, tmp_path / "model.keras")
    model_files.save(copy, tmp_path / "copy.keras")
    loaded = model_files.load(tmp_path / "model.keras")
    x = spectrograms(name)
    np.testing.assert_array_equal(loaded.predict_on_batch(x), model.predict_on_batch(x))
    assert table(loaded) == table(model)
    contents = [(tmp_path / f"{kind}.keras").read_bytes() for kind in ("model", "copy")]
    assert contents[0] == contents[1]


@pytest.mark.parametrize("name", FULL)
def test_weights_follow_from_the_seed(name):
    drawn = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        drawn.append(small(name).get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*drawn[:2], strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(*drawn[1:], strict=True))


@pytest.mark.parametrize("name", FULL)
def test_heads(name):
    x = spectrograms(name)
    two = small(name, n_classes=1).predict_on_batch(x)
    assert two.shape == (4, 2)
    np.testing.assert_allclose(two.sum(axis=1), 1, atol=1e-6)
    assert frame_output.class_scores(small(name, n_classes=1), x, 1).shape == (4, 1)
    assert small(name, n_classes=1, head="sigmoid").output_shape == (None, 1)
    assert small(name, n_classes=4).output_shape == (None, 4)


def test_the_original_normalises_along_time():
    for name, lengths in (("alexnet", [50, 23, 11]), ("toth2016", [16, 8])):
        model = zoo.build(name, (310, 200), 3, "clip", **LEAN[name], norm_axis="time")
        norms = [layer for layer in model.layers if layer.name.startswith("norm")]
        assert [layer.gamma.shape for layer in norms] == [(length,) for length in lengths]
        assert {(layer.epsilon, layer.momentum) for layer in norms} == {(1e-5, 0.99)}
        x = np.random.default_rng(0).normal(3, 2, (4, lengths[0], 7, 5)).astype(np.float32)
        found = np.asarray(norms[0](x, training=True))
        expected = (x - x.mean((0, 2, 3), keepdims=True)) / x.std((0, 2, 3), keepdims=True)
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_dropout_stands_where_it_is_published():
    for name, wanted in (("alexnet", 3), ("toth2016", 2), ("pi", 2)):
        found = [layer.name for layer in small(name, dropout=0.5).layers if "drop" in layer.name]
        assert found == [f"drop{number}" for number in range(1, wanted + 1)]
    names = [layer.name for layer in small("toth2016").layers]
    assert names.index("dense1") < names.index("drop1")
    found = [layer.name for layer in small("resnet", dropout=0.5, n=2).layers]
    place = found.index("stack1_block2_drop")
    assert found[place + 1] == "stack1_block2_conv2"


def test_kernels_of_2016_are_drawn_as_published():
    keras.utils.set_random_seed(1)
    model = zoo.build("alexnet", (310, 200), 3, "clip", dense=[8])
    kernel = np.asarray(model.get_layer("conv1").kernel)
    deviation = np.sqrt(2 / (16 * 16 * 1 + 16 * 16 * 96))
    assert kernel.std() == pytest.approx(deviation, rel=0.03)
    assert np.abs(kernel).max() > 3 * deviation  # not cut
    for name, numbers in (("alexnet", (2, 3, 4, 5)), ("toth2016", (1, 2, 3, 4))):
        model = zoo.build(name, (310, 200), 3, "clip", dense=[8])
        for number in numbers:  # LeCun uniform
            kernel = np.asarray(model.get_layer(f"conv{number}").kernel)
            limit = np.sqrt(3 / np.prod(kernel.shape[:3]))
            assert 0.99 < np.abs(kernel).max() / limit < 1 + 1e-6
        kernel = np.asarray(model.get_layer("dense1").kernel)  # Glorot uniform, Keras' own
        limit = np.sqrt(6 / sum(kernel.shape))
        assert 0.99 < np.abs(kernel).max() / limit < 1 + 1e-6


@pytest.mark.parametrize(
    ("nonlinearity", "gain"),
    [
        ("relu", np.sqrt(2)),
        ("lrelu", np.sqrt(2 / 1.0001)),
        ("vlrelu", np.sqrt(2 / 1.1089)),
        ("elu", 1.0),
        ("identity", np.sqrt(2)),
    ],
)
def test_kernels_of_2018_are_drawn_as_he_has_it(nonlinearity, gain):
    keras.utils.set_random_seed(1)
    options = {"filters": [64, 64], "kernels": [3, 5], "nonlinearity": nonlinearity}
    model = zoo.build("baseline", (16, 16), 3, "clip", **options)
    kernel = np.asarray(model.get_layer("block2_conv").kernel)
    assert kernel.shape == (5, 5, 64, 64)
    deviation = gain / np.sqrt(5 * 5 * 64)
    assert kernel.std() == pytest.approx(deviation, rel=0.02)
    assert np.abs(kernel).max() > 3 * deviation
    last = np.asarray(model.get_layer("last_conv").kernel)  # identity, whatever the others have
    assert last.std() == pytest.approx(np.sqrt(2 / 64), rel=0.02)


@pytest.mark.parametrize(("name", "gain"), [("baseline", 1), ("pi", 1), ("resnet", np.sqrt(2))])
def test_scores_of_2018_are_drawn_as_published(name, gain):
    """The dense layer of baseline and pi has the softmax itself; that of resnet is linear."""
    keras.utils.set_random_seed(1)
    kernel = np.asarray(small(name, n_classes=2000).get_layer("clip_logits").kernel)
    assert kernel.std() == pytest.approx(gain / np.sqrt(len(kernel)), rel=0.02)


@pytest.mark.parametrize("name", OF_2018)
def test_networks_without_batch_normalisation_have_a_bias_in_its_place(name):
    model = small(name, batch_norm=False)
    assert not any(isinstance(layer, blocks.ChannelNorm) for layer in model.layers)
    convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    assert all(layer.use_bias or "shortcut" in layer.name for layer in convolutions)
    normal = small(name)
    norms = [layer for layer in normal.layers if isinstance(layer, blocks.ChannelNorm)]
    assert {(layer.epsilon, layer.momentum) for layer in norms} == {(1e-4, 0.9)}
    assert not normal.get_layer("conv1" if name == "resnet" else "block1_conv").use_bias


@pytest.mark.parametrize("pooling", ["max", "stride"])
@pytest.mark.parametrize("name", OF_2018)
def test_no_convolution_of_one_cell_has_a_stride(name, pooling):
    model = small(name, pooling=pooling, kernels=1)
    convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    assert {layer.strides for layer in convolutions if layer.kernel_size == (1, 1)} == {(1, 1)}
    halves = [layer.output.shape[1:3] for layer in small(name, pooling=pooling).layers]
    frames, bands = SMALL[name]
    assert (frames // 8, bands // 8) in halves


def resnet_written_out(x, weights, pooling):
    """Score (B, T, F) by the definition, two blocks per stack; weights in the order of use."""
    weights = iter(weights)

    def norm(x):
        gain, bias, mean, variance = (next(weights) for _ in range(4))
        return np.maximum((x - mean) / np.sqrt(variance + 1e-4) * gain + bias, 0)

    def conv(x, stride=1, bias=False):
        kernel = next(weights)
        x = np.asarray(ops.conv(x, kernel, strides=stride, padding="same"))
        return x + next(weights) if bias else x

    def pool(x):
        n, t, f, c = x.shape
        return x.reshape(n, t // 2, 2, f // 2, 2, c).max(axis=(2, 4))

    x = conv(x[..., None])
    for _ in range(2):
        pre = norm(x)
        past = pool(conv(pre)) if pooling == "max" else conv(pre[:, ::2, ::2])
        y = conv(pre, 1 if pooling == "max" else 2)
        y = norm(y)
        x = conv(pool(y) if pooling == "max" else y, bias=True) + past
        x = conv(norm(conv(norm(x))), bias=True) + x
    logits = norm(x).mean(axis=(1, 2)) @ next(weights) + next(weights)
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def in_order(model):
    """Return the weights as `resnet_written_out` uses them."""
    names = ["conv1"]
    for stack in ("stack1", "stack2"):
        first, second = f"{stack}_block1", f"{stack}_block2"
        names += [f"{first}_{part}" for part in ("in_norm", "shortcut", "conv", "norm", "conv2")]
        names += [f"{second}_{part}" for part in ("in_norm", "conv", "norm", "conv2")]
    names += ["last_norm", "clip_logits"]
    return [weight for name in names for weight in model.get_layer(name).get_weights()]


@pytest.mark.parametrize("pooling", ["max", "stride"])
def test_resnet_is_as_written_out(pooling, rng):
    model = zoo.build("resnet", (16, 12), 5, "clip", filters=[3, 4], k=2, n=2, pooling=pooling)
    model.set_weights([w + rng.uniform(-0.3, 0.3, w.shape) for w in model.get_weights()])
    x = rng.normal(size=(2, 16, 12)).astype(np.float32)
    weights = in_order(model)
    assert len(weights) == len(model.get_weights())
    expected = resnet_written_out(x, weights, pooling)
    np.testing.assert_allclose(model.predict_on_batch(x), expected, rtol=1e-3, atol=1e-5)


def test_the_fused_normalisation_learns_as_keras_does(rng):
    x = rng.normal(2, 3, (6, 5, 4, 3)).astype(np.float32)
    y = rng.normal(size=(6, 5, 4, 3)).astype(np.float32)
    found = []
    for kind in (blocks.ChannelNorm, layers.BatchNormalization):
        # a gain before it, so that a gradient has to come through
        model = keras.Sequential([keras.Input((5, 4, 3)), layers.DepthwiseConv2D(1)])
        model.add(kind(momentum=0.9, epsilon=1e-4))
        model.get_layer(index=0).set_weights([np.full((1, 1, 3, 1), 0.7), np.array([0.1, -2, 3])])
        model.compile(keras.optimizers.SGD(0.3), "mse", jit_compile=False)
        losses = [model.train_on_batch(x, y) for _ in range(3)]
        found.append([losses, model.predict_on_batch(x), *model.get_weights()])
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-4, atol=1e-5)


def test_normalisation_of_one_cell_keeps_a_finite_variance():
    layer = blocks.ChannelNorm()
    layer(np.ones((1, 1, 1, 2), np.float32), training=True)
    np.testing.assert_allclose(layer.moving_variance, 0.99)


def test_groups_see_their_own_channels_only(rng):
    layer = blocks.GroupedConvolution(6, 3, groups=2, padding="same", strides=2)
    x = rng.normal(size=(2, 7, 6, 4)).astype(np.float32)
    found = np.asarray(layer(x))
    whole = np.zeros((3, 3, 4, 6), np.float32)  # zero between the groups
    whole[:, :, :2, :3] = np.asarray(layer.kernel)[..., :3]
    whole[:, :, 2:, 3:] = np.asarray(layer.kernel)[..., 3:]
    expected = np.asarray(ops.conv(x, whole, strides=2, padding="same"))
    np.testing.assert_allclose(found, expected, **CLOSE)


def test_groups_are_those_of_convolutions_that_see_channels():
    in_stacks = [f"stack{stack}_block1_conv{part}" for stack in (1, 2, 3, 4) for part in ("", "2")]
    wanted = {"baseline": ["block2_conv", "block3_conv"], "resnet": in_stacks}
    for name, grouped in wanted.items():
        found = small(name, groups=4).layers
        assert [n.name for n in found if isinstance(n, blocks.GroupedConvolution)] == grouped


def test_groups_may_differ_per_block():
    groups = {"baseline": [1, 2, 4], "pi": [1, 2, 4], "resnet": [2, 1, 4, 8]}
    wanted = {
        "baseline": {"block1_conv": 1, "block2_conv": 2, "block3_conv": 4, "last_conv": 1},
        "pi": {"block1_conv": 1, "block2_conv": 2, "block3_conv": 4},
        "resnet": {"conv1": 1} | {
            f"stack{stack}_block1_conv{part}": count
            for stack, count in enumerate(groups["resnet"], 1) for part in ("", "2")
        } | {f"stack{stack}_block1_shortcut": 1 for stack in (1, 2, 3, 4)},
    }  # fmt: skip
    for name, of_layers in wanted.items():
        model = small(name, groups=groups[name])
        found = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
        assert {layer.name: layer.groups for layer in found} == of_layers
        assert np.isfinite(model.predict_on_batch(spectrograms(name))).all()


@pytest.mark.parametrize("name", OF_2018)
def test_equal_groups_in_a_list_are_those_of_one_number(name):
    one, several = (
        small(name, groups=groups).count_params()
        for groups in (4, [4 if name == "resnet" else 1] + [4] * (len(LEAN[name]["filters"]) - 1))
    )
    assert one == several < small(name).count_params()


@pytest.mark.parametrize("shape", [(2, 6, 4, 3), (1, 7, 5, 2), (1, 1, 1, 1)])
def test_subsampling_keeps_every_second_cell(shape, rng):
    x = rng.normal(size=shape).astype(np.float32)
    np.testing.assert_array_equal(blocks.subsampled(x, "half"), x[:, ::2, ::2])


@pytest.mark.parametrize(
    ("kind", "legacy", "shared"),
    [
        ("random", False, ()),
        ("channel", False, (1, 2)),
        ("location", False, (3,)),
        ("channel", True, ()),
    ],
)
def test_kinds_of_dropout(kind, legacy, shared):
    options = {"dropout": 0.5, "dropout_kind": kind, "legacy_dropout": legacy}
    x = keras.Input((6, 5, 40))
    model = keras.Model(x, kahl2018_blocks.dropout(x, made(**options), "drop"))
    found = np.asarray(model(np.ones((3, 6, 5, 40), np.float32), training=True))
    assert set(np.unique(found)) == {0.0, 2.0}
    varies = [bool(np.ptp(found, axis=axis).any()) for axis in range(4)]
    assert varies == [axis not in shared for axis in range(4)]
    np.testing.assert_array_equal(model(np.ones((1, 6, 5, 40), np.float32)), 1)


@pytest.mark.parametrize(
    ("nonlinearity", "wanted"),
    [
        ("relu", [0, 2]),
        ("lrelu", [-0.01, 2]),
        ("vlrelu", [-0.33, 2]),
        ("elu", [np.exp(-1) - 1, 2]),
        ("identity", [-1, 2]),
    ],
)
def test_nonlinearities(nonlinearity, wanted):
    x = keras.Input((2,))
    model = keras.Model(x, kahl2018_blocks.activation(x, made(nonlinearity=nonlinearity), "act"))
    found = model(np.array([[-1.0, 2.0]], np.float32))
    np.testing.assert_allclose(found, [wanted], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("alexnet", {"filters": [4] * 4}, r"filters: \[4, 4, 4, 4\]; expected 5 items"),
        ("toth2016", {"filters": [4, 4, 4, 0]}, r"filters\.3: 0; expected at least 1"),
        ("alexnet", {"dense": []}, r"dense: \[\]; expected at least 1 items"),
        ("alexnet", {"norm_axis": "freq"}, "norm_axis: 'freq'; expected channel, time"),
        ("toth2016", {"dropout": 1.0}, "dropout: 1.0; expected less than 1"),
        ("toth2016", {"dropout": True}, "dropout: True; expected a number"),
        ("alexnet", {"head": "max"}, "head: 'max'; expected sigmoid, softmax"),
        ("pi", {"head": "max"}, "head: 'max'; expected sigmoid, softmax"),
        ("pi", {"dense": [0]}, r"dense\.0: 0; expected at least 1"),
        ("resnet", {"filters": []}, r"filters: \[\]; expected at least 1 items"),
        ("resnet", {"filters": [4, True]}, r"filters\.1: True; expected a whole number"),
        ("resnet", {"filters": "4"}, "filters: '4'; expected a list"),
        ("resnet", {"k": 0}, "k: 0; expected at least 1"),
        ("resnet", {"n": 1.5}, "n: 1.5; expected a whole number"),
        (
            "resnet",
            {"kernels": [3, 3]},
            r"kernels: \[3, 3\]; expected 4 numbers, one for each block",
        ),
        ("resnet", {"kernels": [3, 0, 3, 3]}, r"kernels\.1: 0; expected at least 1"),
        ("resnet", {"kernels": 0}, "kernels: 0; expected at least 1 or a list"),
        ("resnet", {"groups": 0}, "groups: 0; expected at least 1 or a list"),
        ("resnet", {"groups": 3}, "groups: 3; expected a divisor of all channels: 8, 16"),
        ("baseline", {"groups": 3}, "groups: 3; expected a divisor of all channels: 4, 8"),
        ("pi", {"groups": 3}, "groups: 3; expected a divisor of all channels: 4, 8"),
        ("pi", {"groups": [1, 2]}, r"groups: \[1, 2\]; expected 3 numbers, one for each block"),
        ("pi", {"groups": [2, 2, 2]}, r"groups\.0: 2; expected a divisor of the channels 1, 4"),
        (
            "baseline",
            {"groups": [1, 2, 8]},
            r"groups\.2: 8; expected a divisor of the channels 4, 8",
        ),
        ("resnet", {"groups": [1, 1, 1, 32]}, r"groups\.3: 32; .* the channels 16, 32"),
        ("resnet", {"groups": [1, 0, 1, 1]}, r"groups\.1: 0; expected at least 1"),
        ("resnet", {"pooling": "mean"}, "pooling: 'mean'; expected max, stride"),
        ("resnet", {"dropout": -0.1}, "dropout: -0.1; expected at least 0"),
        ("resnet", {"dropout_kind": "channels"}, "dropout_kind: 'channels'; .* channel, loc"),
        ("resnet", {"nonlinearity": "gelu"}, "nonlinearity: 'gelu'; expected elu, identity, "),
        ("resnet", {"batch_norm": 1}, "batch_norm: 1; expected true or false"),
        ("baseline", {"legacy_dropout": "no"}, "legacy_dropout: 'no'; expected true or false"),
        (
            "baseline",
            {"legacy_dropout": True, "dropout_kind": "location"},
            "dropout_kind: 'location'; expected random or channel with .* never worked in the original",
        ),
    ],
)
def test_options_that_cannot_be_are_refused(name, options, message):
    with pytest.raises(ValueError, match=rf"^model\.{message}"):
        small(name, **options)


@pytest.mark.parametrize("name", ["alexnet", "toth2016", "pi"])
def test_dense_networks_need_a_length(name):
    with pytest.raises(ValueError, match=r"\(None, 200\); expected \(frames, bands\)$"):
        zoo.build(name, (None, 200), 3, "clip")


def test_the_initialiser_of_2016_is_not_cut():
    drawn = np.asarray(toth2016_blocks.glorot_normal()((100, 300)))
    assert drawn.std() == pytest.approx(np.sqrt(2 / 400), rel=0.02)
    assert np.abs(drawn).max() > 3 * np.sqrt(2 / 400)
