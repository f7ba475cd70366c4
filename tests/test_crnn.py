"""The CRNN: layers as published, its clip pooling against NumPy, its recurrent layer against Keras'."""

import keras
import numpy as np
import pytest
import stage_settings
from keras import layers, ops
from stage_settings import PATIENT

from dawnchorus.models import blocks, frame_output, model_files, recurrent, zoo
from dawnchorus.training import steps

# TensorFlow's variables lack the keyword that NumPy 2 asks for when Keras saves them
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

CLOSE = {"atol": 1e-6, "rtol": 1e-5}  # float32, sums in another order
# (layer, shape without the batch, weights), time x band x channel
PUBLISHED = [
    ("log_mel", (500, 64), 0),
    ("channel", (500, 64, 1), 0),
    ("conv1", (500, 64, 64), 640),
    ("norm1", (500, 64, 64), 256),
    ("pool1", (500, 16, 64), 0),
    ("relu1", (500, 16, 64), 0),
    ("drop1", (500, 16, 64), 0),
    ("conv2", (500, 16, 64), 36_928),
    ("norm2", (500, 16, 64), 256),
    ("pool2", (500, 4, 64), 0),
    ("relu2", (500, 4, 64), 0),
    ("drop2", (500, 4, 64), 0),
    ("conv3", (500, 4, 64), 36_928),
    ("norm3", (500, 4, 64), 256),
    ("pool3", (500, 1, 64), 0),
    ("relu3", (500, 1, 64), 0),
    ("drop3", (500, 1, 64), 0),
    ("side_by_side", (500, 64), 0),
    ("gru1", (500, 128), 49_920),
    ("frame_logits", (500, 10), 1290),
    ("frame_scores", (500, 10), 0),
    ("clip_scores", (10,), 0),
]
LEAN = {"filters": [4, 6], "band_pools": [2, 4], "units": [5]}
WITHOUT = {"dropout": 0.0, "input_dropout": 0.0}


def small(output="clip", shape=(12, 8), n_classes=3, **options):
    return zoo.build("crnn", shape, n_classes, output, **(LEAN | options))


def spectrograms(n=6, shape=(12, 8), seed=0):
    return np.random.default_rng(seed).normal(size=(n, *shape)).astype(np.float32)


def count(weights):
    return sum(int(np.prod(weight.shape)) for weight in weights)


def test_layers_and_weights_are_the_published_ones():
    model = zoo.build("crnn", (500, 64), 10, "clip")
    found = [(x.name, x.output.shape[1:], x.count_params()) for x in model.layers]
    assert found == PUBLISHED
    assert (model.count_params(), count(model.trainable_weights)) == (126_474, 126_090)
    frame = zoo.build("crnn", (500, 64), 10, "frame")
    assert [(x.name, x.output.shape[1:], x.count_params()) for x in frame.layers] == PUBLISHED[:-1]


def test_the_units_of_keras_2_have_fewer_weights():
    model = zoo.build("crnn", (500, 64), 10, "frame", reset_after=False)
    assert (model.count_params(), count(model.non_trainable_weights)) == (126_090, 384)
    assert model.get_layer("gru1").count_params() == 2 * 3 * 64 * (64 + 64 + 1)


def test_hard_gates_are_those_of_keras_2():
    x = np.array([-3, -2.5, -1, 0, 1, 2.5, 3], np.float32)
    np.testing.assert_allclose(recurrent.hard_sigmoid(x), [0, 0, 0.3, 0.5, 0.7, 1, 1], atol=1e-7)
    cell = small(recurrent_activation="hard_sigmoid").get_layer("gru1").forward_layer.cell
    np.testing.assert_allclose(cell.recurrent_activation(x)[2], 0.3, atol=1e-7)


def test_frames_and_bands_are_made_one_as_wished():
    model = small("frame", (13, 9), frame_pools=[2, 2], units=[5, 7])
    assert model.output_shape == (None, 3, 3)
    assert model.get_layer("side_by_side").output.shape == (None, 3, 6)
    assert small("frame", (12, 16)).get_layer("side_by_side").output.shape == (None, 12, 12)
    assert model.get_layer("gru2").output.shape == (None, 3, 14)


def test_clips_of_any_length_are_taken():
    model, fixed = small("frame", (None, 8)), small("frame")
    model.set_weights(fixed.get_weights())
    x = spectrograms()
    np.testing.assert_allclose(model.predict_on_batch(x), fixed.predict_on_batch(x), **CLOSE)
    assert model.predict_on_batch(spectrograms(2, (30, 8))).shape == (2, 30, 3)
    assert frame_output.frame_scores(small("clip", (None, 8)), spectrograms(2, (30, 8))).shape == (
        2,
        30,
        3,
    )


def softmax(x, axis):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def pooled_by_hand(model, x, pooling):
    """Return clip scores from a model's own frame scores."""
    y = frame_output.frame_scores(model, x).astype(np.float64)
    if pooling == "attention":
        logits = keras.Model(model.input, model.get_layer("attention_logits").output)
        w = softmax(logits.predict_on_batch(x).astype(np.float64), axis=1)
        return (w * y).sum(axis=1)
    return {
        "average": y.mean(axis=1),
        "max": y.max(axis=1),
        "linear_softmax": (y**2).sum(axis=1) / y.sum(axis=1),
    }[pooling]


@pytest.mark.parametrize("pooling", blocks.FRAME_POOLINGS)
def test_clip_scores_are_pooled_frame_scores(pooling):
    model = small(pooling=pooling)
    for weight in model.trainable_weights:  # far from even
        weight.assign(np.random.default_rng(7).normal(size=weight.shape))
    x = spectrograms()
    expected = pooled_by_hand(model, x, pooling)
    assert np.ptp(frame_output.frame_scores(model, x), axis=1).min() > 0.1
    np.testing.assert_allclose(model.predict_on_batch(x), expected, **CLOSE)


@pytest.mark.parametrize("pooling", blocks.FRAME_POOLINGS)
@pytest.mark.parametrize("score", [0.0, 0.3, 1.0])
def test_clips_of_equal_frames_keep_their_score(pooling, score):
    frames = layers.Input((7, 2))
    model = keras.Model(frames, blocks.clip_scores(frames, frames, pooling))
    scores = model.predict_on_batch(np.full((3, 7, 2), score, np.float32))
    np.testing.assert_allclose(scores, np.full((3, 2), score), atol=1e-7)
    assert scores.max() <= 1


def test_only_attention_has_weights_of_its_own():
    n = {pooling: small(pooling=pooling).count_params() for pooling in blocks.FRAME_POOLINGS}
    assert n["average"] == n["max"] == n["linear_softmax"] == small("frame").count_params()
    assert n["attention"] == n["max"] + (2 * 5 + 1) * 3


@pytest.mark.parametrize("pooling", ["average", "attention"])
def test_models_of_both_outputs_share_weights_by_name(pooling):
    clip, frame = small(pooling=pooling), small("frame")
    for layer in frame.layers:
        layer.set_weights(clip.get_layer(layer.name).get_weights())
    x = spectrograms()
    np.testing.assert_array_equal(frame_output.frame_scores(clip, x), frame.predict_on_batch(x))
    np.testing.assert_array_equal(frame_output.frame_scores(frame, x), frame.predict_on_batch(x))
    np.testing.assert_array_equal(frame_output.class_scores(frame, x, 3), frame.predict_on_batch(x))
    assert frame_output.class_scores(clip, x, 3).shape == (6, 3)


def test_frame_scores_follow_the_weights(tmp_path):
    model, other, x = small(), small(), spectrograms()
    before = frame_output.frame_scores(model, x)
    assert frame_output.frame_model(model) is frame_output.frame_model(model)
    model.set_weights(other.get_weights())
    np.testing.assert_array_equal(
        frame_output.frame_scores(model, x), frame_output.frame_scores(other, x)
    )
    assert not np.allclose(frame_output.frame_scores(model, x), before)


def test_a_model_without_frames_is_refused():
    model = zoo.build("bulbul", (170, 20), 1, "clip", filters=[2] * 4, dense=[2])
    with pytest.raises(ValueError, match="model 'bulbul' has no frame scores"):
        frame_output.frame_scores(model, spectrograms(1, (170, 20)))


@pytest.mark.parametrize(
    "options",
    [
        {"output": "frame"},
        pytest.param({"pooling": "linear_softmax"}, marks=pytest.mark.slow),
        pytest.param(
            {"pooling": "attention", "reset_after": False, "recurrent_activation": "hard_sigmoid"},
            marks=pytest.mark.slow,
        ),
        pytest.param({"recurrent_dropout": 0.2, "units": [5, 6]}, marks=pytest.mark.slow),
    ],
)
def test_a_saved_model_gives_the_same_scores(options, tmp_path):
    paths = [tmp_path / "one.keras", tmp_path / "two.keras"]
    model, other = small(**options), small(**options)
    other.set_weights(model.get_weights())
    for path, saved in zip(paths, (model, other), strict=True):
        model_files.save(saved, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    loaded, x = model_files.load(paths[0]), spectrograms()
    np.testing.assert_array_equal(loaded.predict_on_batch(x), model.predict_on_batch(x))
    np.testing.assert_array_equal(
        frame_output.frame_scores(loaded, x), frame_output.frame_scores(model, x)
    )
    if options.get("output") == "frame":
        assert frame_output.frame_model(loaded) is loaded


@pytest.mark.parametrize(
    "options", [{"pooling": "attention"}, {"output": "frame", "shape": (None, 8)}]
)
def test_training_steps_lower_the_loss(options):
    keras.utils.set_random_seed(3)
    model = small(**WITHOUT, **options)
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", jit_compile=False)
    wanted = np.arange(16)[:, None] % np.array([2, 3, 4]) == 0
    x = spectrograms(16) + wanted[:, :1, None]
    if options.get("output") == "frame":
        wanted = np.repeat(wanted[:, None], 12, axis=1)
    losses = [float(model.train_on_batch(x, wanted.astype(np.float32))) for _ in range(12)]
    assert losses[-1] < 0.9 * losses[0]


SETTINGS = stage_settings.training(
    learning_rate=0.01, epochs=1, early_stopping=PATIENT, schedule={"kind": "constant"}
)


@pytest.mark.slow  # of other networks: test_training
def test_equal_trainings_are_equal_to_the_bit():
    trained = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(5)
        training = steps.Training(small(), SETTINGS, (seed, "first", "f0p0s0"))
        for step in range(3):
            training.train_step(spectrograms(seed=step), np.eye(6, 3, dtype=np.float32))
        trained.append(training.model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*trained[:2], strict=True))
    # another seed drops other inputs
    assert not all(np.array_equal(a, b) for a, b in zip(*trained[1:], strict=True))


def pair_of_recurrent_layers(**options):
    """Return Keras' bidirectional layer and ours, of equal weights and random states."""
    keras_own = layers.Bidirectional(layers.GRU(5, return_sequences=True, **options))
    pair = [keras_own, recurrent.BidirectionalGRU(5, **options)]
    for layer in pair:
        layer.build((None, 9, 4))
        rng = np.random.default_rng(11)
        layer.set_weights([rng.normal(size=weight.shape) for weight in layer.get_weights()])
        for number, one_way in enumerate((layer.forward_layer, layer.backward_layer)):
            one_way.cell.seed_generator.state.assign(np.array([3, number], np.uint32))
    return pair


def step_of(layer, x, wanted, training):
    """Return states, and the gradients of inputs and weights."""
    import tensorflow

    x = tensorflow.constant(x)
    with tensorflow.GradientTape() as tape:
        tape.watch(x)
        states = layer(x, training=training)
        loss = ops.sum(states * wanted)
    return [states, *tape.gradient(loss, [x, *(w.value for w in layer.trainable_weights)])]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("options", [{}, {"dropout": 0.4}, {"recurrent_dropout": 0.4},
                                     {"reset_after": False}])  # fmt: skip
def test_the_recurrent_layer_does_as_keras_does(options, training):
    rng = np.random.default_rng(1)
    x, wanted = (rng.normal(size=(6, 9, n)).astype(np.float32) for n in (4, 10))
    keras_own, ours = pair_of_recurrent_layers(**options)
    assert ours.is_plain() == (not options or "dropout" in options)
    expected, found = (step_of(layer, x, wanted, training) for layer in (keras_own, ours))
    assert len(expected) == 8
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5, rtol=2e-5)
    if training and options.get("dropout"):
        assert not np.allclose(found[0], step_of(ours, x, wanted, False)[0])


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((12, 7), {}, r"\(12, 7\) is too small; the smallest is \(1, 8\)"),
        ((3, 8), {"frame_pools": [2, 2]}, r"too small; the smallest is \(4, 8\)"),
        ((12,), {}, r"expected \(frames, bands\), frames may be None"),
        ((12, 8), {"filters": []}, r"model\.filters: \[\]; expected at least 1 items"),
        ((12, 8), {"band_pools": [2]}, r"model\.band_pools: \[2\]; expected 2 numbers"),
        ((12, 8), {"frame_pools": [1, 0]}, r"model\.frame_pools\.1: 0; expected at least 1"),
        ((12, 8), {"frame_pools": [2]}, r"model\.frame_pools: \[2\]; expected 2 numbers"),
        ((12, 8), {"units": 64}, "model.units: 64; expected a list"),
        (
            (12, 8),
            {"pooling": "mean"},
            "model.pooling: 'mean'; expected attention, average, linear",
        ),
        ((12, 8), {"dropout": 1}, "model.dropout: 1; expected less than 1"),
        ((12, 8), {"input_dropout": -0.1}, "model.input_dropout: -0.1; expected at least 0"),
        ((12, 8), {"recurrent_dropout": True}, "model.recurrent_dropout: True; expected a number"),
        ((12, 8), {"reset_after": 1}, "model.reset_after: 1; expected true or false"),
        (
            (12, 8),
            {"recurrent_activation": "relu"},
            "recurrent_activation: 'relu'; .* hard_sigmoid, sigmoid",
        ),
        ((12, 8), {"output": "window"}, "output 'window'; expected clip or frame"),
    ],
)
def test_what_no_model_can_be_built_from_is_refused(shape, options, message):
    with pytest.raises(ValueError, match=message):
        small(**({"shape": shape} | options))
