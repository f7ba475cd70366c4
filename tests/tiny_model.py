"""A tiny exported model, made without Keras and without training.

The score of a class is a logistic function of a weighted mean of bands: low bands speak for the first
class, high ones for the second.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dawnchorus.exported import model_file
from dawnchorus.frontends import base
from dawnchorus.settings.audio import AudioRecipe
from dawnchorus.settings.experiment import SegmentSettings

SAMPLE_RATE = 8000  # Hz
CLASSES = ("low", "high")
FRONTEND = {
    "kind": "log_mel", "audio": "tiny", "sample_rate": SAMPLE_RATE, "n_fft": 256,
    "frames_per_second": 70.0, "n_mels": 20, "fmin": 50.0, "fmax": 3900.0, "floor": 2.22e-16,
    "denoise": "none", "band_attenuation": "none", "edge_offset": 0.0, "cut_edge_frames": 0,
    "trim_stddevs": 0.0, "trim_ignore": 4,
}  # fmt: skip
POOLING = {"pooling": "max", "average": "mean", "average_unit": "recording", "ignored_classes": []}
WINDOW = 70  # frames, about a second


def network(n_bands=20, window=WINDOW, shift=0.0, frames=True):
    """Return an ONNX network of two classes."""
    nodes, half = [], n_bands // 2
    weights = np.zeros((n_bands, 2), np.float32)
    weights[:half, 0] = weights[half:, 1] = 1 / half
    arrays = {
        "kernel": weights, "bias": np.array([4.0 + shift] * 2, np.float32), "time": np.array([1])
    }  # fmt: skip
    initializers = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    nodes = [
        helper.make_node("MatMul", ["windows", "kernel"], ["sums"]),
        helper.make_node("Add", ["sums", "bias"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["frame_scores"]),
        helper.make_node("ReduceMax", ["frame_scores", "time"], ["scores"], keepdims=0),
    ]
    info = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", *shape])
        for name, shape in (
            ("windows", (window, n_bands)), ("scores", (2,)), ("frame_scores", (window, 2))
        )
    ]  # fmt: skip
    graph = helper.make_graph(nodes, "tiny", info[:1], info[1 : 2 + frames], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def tiny_model(frames=True, **changed):
    """Return an exported model of two members; fields are replaced by those that are given."""
    audio = AudioRecipe(sample_rate=SAMPLE_RATE).complete()
    frontend = FRONTEND | {"bank": base.kind(FRONTEND).bank(FRONTEND)}
    networks = tuple(
        model_file.Network(f"f{fold}p0s1", "last", network(shift=0.2 * fold, frames=frames), frames)
        for fold in (1, 2)
    )
    stage = model_file.Stage(
        "first", "tiny", SegmentSettings().complete(), WINDOW, "average", 1, networks
    )
    decoding = {"threshold": [0.5, 0.5], "filter_s": [0.0, 0.0], "gap_s": [0.0, 0.0],
                "minimum_s": [0.0, 0.0]}  # fmt: skip
    fields = {
        "name": "tiny/first", "classes": CLASSES, "stages": (stage,), "pooling": POOLING,
        "frontends": {"tiny": model_file.Frontend(frontend, audio)},
        "decodings": {"plain": decoding} if frames else {},
        "thresholds": {"low": 0.5, "high": 0.25},
        "about": {"threshold_rule": "f1 on out-of-fold scores of tiny", "caveats": []},
    }  # fmt: skip
    return model_file.ExportedModel(**(fields | changed))


def write_tiny_model(path, **changed):
    """Write a tiny exported model and return it as it is read."""
    model_file.write(path, tiny_model(**changed))
    return model_file.load(path)
