"""Models as ONNX: what onnxruntime gives is what Keras gives, for every architecture."""

import keras
import numpy as np
import onnx
import onnxruntime
import pytest

from dawnchorus.exported import operators
from dawnchorus.models import frame_output, onnx_graph, zoo
from dawnchorus.training import setup

WITHIN = 1e-5  # of scores in [0, 1]
SHAPES = {
    "alexnet": (90, 95), "baseline": (33, 18), "bulbul": (170, 20), "compact": (67, 21),
    "compact_frames": (40, 64), "crnn": (40, 64),
    "fullconv": (493, 80), "pi": (33, 18), "resnet": (33, 18), "sparrow": (121, 27),
    "toth2016": (110, 140), "bulbul_dsr": (164, 17), "goose": (9, 131), "hawk": (20, 16),
    "lstm": (26, 150), "owl": (53, 42), "pigeon": (206, 247), "puffin": (30, 40),
    "robin": (61, 50), "sparrow_dsr": (113, 80), "sparrow_exp": (113, 80), "zilpzalp": (187, 185),
    "linear_probe": (3, 8), "mlp": (3, 8), "attention": (3, 8), "class_scores": (2, 3),
}  # fmt: skip
BULBUL = {"filters": [4] * 4, "dense": [8]}
TOTH = {"filters": [8] * 4, "dense": [16]}
KAHL = {"filters": [4, 8], "dropout": 0.1}
CRNN = {"filters": [4] * 3, "units": [5]}
PLAIN = {"batch_norm": False, "head": "sigmoid", "pooling": "max"}
PUBLISHED = {"reset_after": False, "recurrent_activation": "hard_sigmoid"}
# every layer of each architecture, and every option that adds one
CASES = {
    "bulbul": BULBUL | {"input_offset": 0.2},
    "bulbul softmax": BULBUL | {"head": "softmax"},
    "fullconv": {"filters": [4] * 5},
    "sparrow": {"filters": [4] * 7, "input_offset": 0.2},
    "alexnet": {"filters": [8] * 5, "dense": [16, 16]},
    "alexnet time": {"filters": [8] * 5, "dense": [16], "norm_axis": "time"},
    "toth2016": TOTH,
    "toth2016 time": TOTH | {"norm_axis": "time"},
    "baseline": KAHL,
    "baseline stride": KAHL | {"pooling": "stride", "nonlinearity": "vlrelu"},
    "baseline groups": KAHL | {"groups": 4, "nonlinearity": "elu"},
    "pi": KAHL | {"dense": [8, 8], "kernels": [5, 3]},
    "pi plain": KAHL | PLAIN | {"dense": [8]},
    "resnet": KAHL,
    "resnet max": KAHL | {"pooling": "max", "groups": 2, "nonlinearity": "lrelu"},
    "compact": {},
    "compact softmax": {"statistics": False, "centred": False, "head": "softmax"},
    "compact_frames": {"centred": True, "pooling": "attention"},
    "compact_frames frames": {"frame_pools": [2, 1, 2], "reaches": [1, 3]},
    "crnn": CRNN | {"units": [5, 4]},
    "crnn max": CRNN | {"pooling": "max"},
    "crnn linear": CRNN | {"pooling": "linear_softmax"},
    "crnn attention": CRNN | {"pooling": "attention"},
    "crnn frames": CRNN | {"frame_pools": [2, 1, 2]},
    "crnn published": CRNN | PUBLISHED,
    "bulbul_dsr": {"filters": [4] * 4},
    "goose": {"filters": [4] * 3},
    "hawk": {},
    "hawk swapped": {"swapped_axes": True},
    "lstm": {"filters": [4] * 3, "units": [5, 4]},
    "owl": {"filters": [4] * 3},
    "pigeon": {"filters": [4] * 7},
    "puffin": {"filters": [4] * 5, "units": [5, 4], "last_units": [4, 3]},
    "robin": {"filters": [4, 1], "dense": [8, 6]},
    "sparrow_dsr": {"filters": [4] * 7},
    "sparrow_exp": {"filters": [4] * 6},
    "zilpzalp": {"filters": [4] * 4},
    "linear_probe": {"pooling": "max"},
    "linear_probe softmax": {"head": "softmax"},
    "mlp": {"units": [5, 4], "batch_norm": True, "pooling": "linear_softmax"},
    "attention": {"units": 5},
    "attention softmax": {"units": 0, "head": "softmax"},
    "class_scores": {},
}


def parts(case):
    """Return architecture, shape of the input, number of classes and output of a case."""
    name, _, what = case.partition(" ")
    return (
        name,
        SHAPES[name],
        1 if what == "softmax" else 3,
        "frame" if what == "frames" else "clip",
    )


def trained(case, standardise="none", padded=False):
    """Return a model as after a training: weights are larger, and statistics have moved."""
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(3)
    name, shape, n_classes, output = parts(case)
    model = zoo.build(name, shape, n_classes, output, **CASES[case])
    values = [moved(weight, rng) for weight in model.weights]
    model.set_weights(values)
    if standardise == "band":
        mean, variance = rng.normal(-10, 3, shape[1]), rng.uniform(0.5, 20, shape[1])
        model = setup.with_standardised_input(model, mean, variance, padded)
    elif standardise == "scalar":
        model = setup.with_standardised_input(model, np.float64(-9.5), np.float64(12.5), padded)
    elif padded:
        model = setup.with_filled_padding(model)
    return model


def moved(weight, rng):
    shape = weight.shape
    if weight.name in ("moving_variance", "gamma"):
        return rng.uniform(0.3, 2, shape)
    if weight.name == "moving_mean":
        return rng.normal(0, 0.5, shape)
    if "seed" in weight.name:
        return keras.ops.convert_to_numpy(weight)
    return 1.5 * keras.ops.convert_to_numpy(weight) + rng.normal(0, 0.1, shape)


def spectrograms(shape, n, standardise="none", padded=False):
    windows = np.random.default_rng(n).normal(size=(n, *shape)).astype(np.float32)
    if standardise != "none":
        windows = windows * 4 - 9
    if padded:
        windows[: n // 2, -7:] = np.nan
    return windows


def session(model, with_frames=False):
    return onnxruntime.InferenceSession(onnx_graph.onnx_bytes(model, with_frames))


def run(found, windows, name="scores"):
    return found.run([name], {"windows": windows})[0]


def given(model, windows):
    # not predict_on_batch, which compiles the model first: seconds for each
    return keras.ops.convert_to_numpy(model(windows, training=False))


def test_every_architecture_is_tested():
    assert set(SHAPES) == {parts(case)[0] for case in CASES} == set(zoo.names())


@pytest.mark.parametrize("case", CASES)
def test_onnxruntime_gives_the_scores_of_keras(case):
    model = trained(case)
    windows = spectrograms(parts(case)[1], 5)
    scores = given(model, windows)
    assert scores.std() > 1e-3  # a constant would agree whatever the graph
    np.testing.assert_allclose(run(session(model), windows), scores, rtol=0, atol=WITHIN)


@pytest.mark.parametrize("standardise", ["band", "scalar", "none"])
@pytest.mark.parametrize("case", ["bulbul", "crnn"])
def test_a_standardised_and_filled_input_is_part_of_the_graph(case, standardise):
    model = trained(case, standardise, padded=True)
    windows = spectrograms(parts(case)[1], 4, standardise, padded=True)
    scores = given(model, windows)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(run(session(model), windows), scores, rtol=0, atol=WITHIN)


@pytest.mark.parametrize("standardise", ["none", "band"])
@pytest.mark.parametrize("case", ["crnn attention", "crnn frames"])
def test_frame_scores_are_a_second_output(case, standardise):
    model = trained(case, standardise)
    windows = spectrograms(parts(case)[1], 4, standardise)
    scores = given(frame_output.frame_model(model), windows)
    assert scores.ndim == 3
    found = run(session(model, with_frames=True), windows, "frame_scores")
    np.testing.assert_allclose(found, scores, rtol=0, atol=WITHIN)


def test_a_model_without_frames_has_one_output():
    found = session(trained("baseline"))
    assert [one.name for one in found.get_outputs()] == ["scores"]
    assert found.get_inputs()[0].shape == ["B", 33, 18]


def test_large_logits_stay_within_what_float32_allows():
    model = trained("bulbul")
    for layer in model.layers:
        if layer.name in ("conv1", "dense1", "clip_logits"):
            layer.kernel.assign(layer.kernel * 8)
    windows = spectrograms(parts("bulbul")[1], 16)
    # differences of logits grow with them; TensorFlow differs from itself by as much
    np.testing.assert_allclose(
        run(session(model), windows), given(model, windows), rtol=0, atol=1e-4
    )


def test_any_number_of_windows_gives_each_its_own_scores():
    model = trained("crnn max")
    found, windows = session(model), spectrograms(parts("crnn max")[1], 7)
    one_by_one = np.concatenate([run(found, windows[[row]]) for row in range(7)])
    np.testing.assert_allclose(run(found, windows), one_by_one, rtol=0, atol=1e-6)


def test_an_unknown_number_of_frames_stays_unknown():
    keras.utils.set_random_seed(3)
    model = zoo.build("sparrow", (None, 27), 1, "clip", **CASES["sparrow"])
    found = session(model)
    for n_frames in (103, 150):
        windows = spectrograms((n_frames, 27), 2)
        np.testing.assert_allclose(run(found, windows), given(model, windows), rtol=0, atol=WITHIN)


def test_equal_weights_give_equal_bytes_and_the_graph_is_valid():
    first, second = (onnx_graph.onnx_bytes(trained("resnet")) for _ in range(2))
    assert first == second
    model = onnx.load_from_string(first)
    onnx.checker.check_model(model, full_check=True)
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 18)]


def test_layers_of_ones_own_networks_are_written_too():
    windows = keras.Input((12, 8))
    x = keras.layers.Reshape((12, 8, 1))(windows)
    first = keras.layers.Conv2D(3, 3, padding="same", dilation_rate=2, activation="tanh")(x)
    second = keras.layers.Dense(3, activation="softmax")(x)
    x = keras.layers.Concatenate()([keras.layers.Multiply()([first, second]), first])
    x = keras.layers.AveragePooling2D(3, padding="same")(keras.layers.SpatialDropout2D(0.2)(x))
    x = keras.layers.Flatten()(keras.layers.MaxPooling2D(3, strides=1, padding="same")(x))
    model = keras.Model(windows, keras.layers.Dense(2, activation="sigmoid")(x))
    given_windows = spectrograms((12, 8), 3)
    found = run(session(model), given_windows)
    np.testing.assert_allclose(found, given(model, given_windows), rtol=0, atol=WITHIN)


def test_what_is_written_is_what_exported_models_may_hold():
    for case in (
        "crnn attention",
        "crnn linear",
        "baseline groups",
        "pi",
        "resnet max",
        "bulbul",
        "hawk swapped",
        "puffin",
        "robin",
        "sparrow_exp",
        "pigeon",
    ):
        frames = case.startswith("crnn")
        model = trained(case, "band", padded=frames)
        operators.check_network(onnx_graph.onnx_bytes(model, frames), frames)


def test_a_layer_without_a_writer_is_named():
    windows = keras.Input((4, 3))
    x = keras.layers.Lambda(lambda x: x * 2, name="twice")(windows)
    with pytest.raises(ValueError, match="layer 'twice' of kind Lambda cannot be exported"):
        onnx_graph.onnx_bytes(keras.Model(windows, x))


def test_an_activation_that_onnx_lacks_is_named():
    windows = keras.Input((4, 3))
    x = keras.layers.Dense(2, activation="mish")(windows)
    with pytest.raises(ValueError, match="activation 'mish' cannot be exported"):
        onnx_graph.onnx_bytes(keras.Model(windows, x))
