"""Keras models as ONNX, layer by layer.

Every layer of the zoo, and of Keras the common ones, has a function that writes its nodes
(`dawnchorus.models.onnx_layers`, `dawnchorus.models.onnx_recurrent`). A graph holds standard operators of
opset 18, its weights, and nothing else; it gives the scores of inference: what a layer does in training
alone (dropout, shifts) is left out. Equal weights give equal bytes.

* `onnx_bytes`: a model as ONNX.

Axes: B windows (any number), T frames, F bands, C classes.
"""

from typing import TYPE_CHECKING

from dawnchorus.models import frame_output, onnx_layers, onnx_recurrent, onnx_writer

if TYPE_CHECKING:
    import keras

OPSET, IR_VERSION = 18, 8  # of 2022 and after: any onnxruntime from 1.14 on reads them
INPUT, SCORES, FRAME_SCORES = "windows", "scores", "frame_scores"
WRITERS = onnx_layers.WRITERS | onnx_recurrent.WRITERS


def onnx_bytes(model: "keras.Model", with_frames: bool = False) -> bytes:
    """Return a model as ONNX.

    Parameters
    ----------
    model : keras.Model
        Functional, of windows (B, T, F). Its layers may be models again, as behind a standardised
        input.
    with_frames : bool, optional
        Whether the scores of frames are an output, too.

    Returns
    -------
    bytes
        A graph with the input ``windows`` (B, T, F), float32, the output ``scores`` (what the model
        gives) and, where it is asked for, ``frame_scores`` (B, T', C).

    Raises
    ------
    ValueError
        For a layer that has no writer, options of one that ONNX cannot express, or frames of an
        architecture that scores none.
    """
    from onnx import TensorProto, helper

    writer = onnx_writer.GraphWriter(WRITERS)
    windows = model.inputs[0]
    found = {id(windows): INPUT}
    outputs = {SCORES: model.outputs[0]}
    named = {SCORES: writer.tensor(model.outputs[0], found)}
    if with_frames:
        frames = frame_output.frame_model(model)
        outputs[FRAME_SCORES] = frames.outputs[0]
        found[id(frames.inputs[0])] = INPUT
        named[FRAME_SCORES] = writer.tensor(frames.outputs[0], found)
    for name, tensor in named.items():
        writer.node("Identity", [tensor], output=name)
    infos = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", *tensor.shape[1:]])
        for name, tensor in [(INPUT, windows), *outputs.items()]
    ]
    graph = helper.make_graph(writer.nodes, "model", infos[:1], infos[1:], writer.initializers)
    found = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    found.ir_version = IR_VERSION
    # set by the library's own version otherwise, and equal models have equal bytes
    found.producer_name, found.producer_version = "dawnchorus", ""
    return found.SerializeToString(deterministic=True)
