"""A small pretrained network as ONNX, and its card."""

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

SAMPLE_RATE = 8000  # Hz
LENGTH_S, N_SAMPLES, N_VALUES, N_CLASSES = 0.5, 4000, 6, 3
NAMES = ("Parus major_Great Tit", "Regulus regulus_Goldcrest", "Noise")


def arrays(seed=1):
    rng = np.random.default_rng(seed)
    time_s = np.arange(N_SAMPLES) / SAMPLE_RATE
    # correlation with tones, so that what is heard decides the values
    tones = np.sin(2 * np.pi * np.array([500, 900, 1400, 2000, 2500, 3100]) * time_s[:, None])
    return tones.astype(np.float32) / 20, rng.normal(0, 1, (N_VALUES, N_CLASSES)).astype(np.float32)


def write_network(path, seed=1):
    """Write a network of windows (B, 4000): `squares` within the graph, `logits` as its output."""
    nodes = [
        helper.make_node("MatMul", ["audio", "tones"], ["sums"]),
        helper.make_node("Mul", ["sums", "sums"], ["squares"]),
        helper.make_node("MatMul", ["squares", "head"], ["logits"]),
    ]
    named = zip(("tones", "head"), arrays(seed), strict=True)
    infos = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", n])
        for name, n in (("audio", N_SAMPLES), ("logits", N_CLASSES))
    ]
    weights = [numpy_helper.from_array(array, name) for name, array in named]
    graph = helper.make_graph(nodes, "small", infos[:1], infos[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))


def write_keras_network(path, seed=1):
    """Write the same network as a file of Keras: a layer `squares`, and the logits."""
    import keras  # seconds, and needed here alone

    tones, head = arrays(seed)
    audio = keras.Input((N_SAMPLES,))
    sums = keras.layers.Dense(N_VALUES, use_bias=False, name="sums")(audio)
    squares = keras.layers.Multiply(name="squares")([sums, sums])
    logits = keras.layers.Dense(N_CLASSES, use_bias=False, name="logits")(squares)
    model = keras.Model(audio, logits)
    model.set_weights([tones, head])
    model.save(path)


def write_card(folder, seed=1, **changed):
    """Write the network, the names of its classes and its card; return the path of the card."""
    folder.mkdir(exist_ok=True)
    write_network(folder / "small.onnx", seed)
    (folder / "names.txt").write_text("\n".join(NAMES) + "\n")
    card = {
        "name": "Small", "file": "small.onnx", "sample_rate": SAMPLE_RATE, "length_s": LENGTH_S,
        "outputs": {
            "embedding": {"tensor": "squares", "values": N_VALUES},
            "scores": {"tensor": 0, "values": N_CLASSES, "activation": "softmax", "classes": "names.txt"},
        },
        "licence": "CC0-1.0", "source": "the tests",
    }  # fmt: skip
    path = folder / "card.yaml"
    path.write_text(yaml.safe_dump({**card, **changed}))
    return path


def expected(windows, output="embedding", seed=1):
    """Return what the network gives for windows (B, S), float64."""
    tones, head = (array.astype(np.float64) for array in arrays(seed))
    squares = (windows.astype(np.float64) @ tones) ** 2
    if output == "embedding":
        return squares
    logits = np.exp(squares @ head - (squares @ head).max(axis=1, keepdims=True))
    return logits / logits.sum(axis=1, keepdims=True)
