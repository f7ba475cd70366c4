"""Keras models as ONNX, layer by layer.

Every layer of the zoo, and of Keras the common ones, has a function here that writes its nodes. A graph
holds standard operators of opset 18, its weights, and nothing else; it gives the scores of inference:
what a layer does in training alone (dropout, shifts) is left out. Equal weights give equal bytes.

* `onnx_bytes`: a model as ONNX.
* `GraphWriter`: a graph that is being written.
* `WRITERS`: the function of each kind of layer; `writes` adds one.

Axes: B windows (any number), T frames, F bands, C classes. Inside a graph tensors of four axes have
their channels first, as ONNX has them; Keras has them last.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dawnchorus.models import frame_output

if TYPE_CHECKING:
    import keras
    import onnx

OPSET, IR_VERSION = 18, 8  # of 2022 and after: any onnxruntime from 1.14 on reads them
INPUT, SCORES, FRAME_SCORES = "windows", "scores", "frame_scores"
_LEAST_SUM = 1e-7  # as of `dawnchorus.models.blocks.LinearSoftmax`


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

    writer = GraphWriter()
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


class GraphWriter:
    """Nodes and weights of a graph that is being written.

    Attributes
    ----------
    nodes, initializers : list
        What the graph holds so far.
    """

    def __init__(self):
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._names: dict[tuple, str] = {}

    def node(self, kind: str, inputs: Sequence[str], *, output: str | None = None, **attributes):
        """Add a node and return the name of its output."""
        from onnx import helper

        output = output or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, values, dtype: type = np.float32) -> str:
        """Add an array of weights, each only once, and return its name."""
        from onnx import numpy_helper

        values = np.ascontiguousarray(values, dtype)
        key = (values.dtype.str, values.shape, values.tobytes())
        if key not in self._names:
            self._names[key] = f"w{len(self._names)}"
            self.initializers.append(numpy_helper.from_array(values, self._names[key]))
        return self._names[key]

    def tensor(self, tensor, found: dict[int, str]) -> str:
        """Return the name of a Keras tensor in the graph, after what it comes from.

        ``found`` has the names of tensors that are written already, by their `id`.
        """
        if id(tensor) not in found:
            layer, node_index, _ = tensor._keras_history
            inputs = layer._inbound_nodes[node_index].input_tensors
            names = [self.tensor(one, found) for one in inputs]
            found[id(tensor)] = self.layer(layer, names, inputs)
        return found[id(tensor)]

    def layer(self, layer, names: Sequence[str], inputs: Sequence) -> str:
        """Write one layer, given the names of its inputs; return that of its output."""
        if hasattr(layer, "outputs") and hasattr(layer, "inputs"):  # a model inside a model
            return self.tensor(layer.outputs[0], {id(layer.inputs[0]): names[0]})
        kind = type(layer).__name__
        if kind not in WRITERS:
            # by kind: what a class of one's own adds to a layer of Keras would be left out
            raise ValueError(
                f"layer {layer.name!r} of kind {kind} cannot be exported; expected one of "
                f"{', '.join(sorted(WRITERS))}"
            )
        return WRITERS[kind](self, layer, names, inputs)


WRITERS: dict[str, Callable] = {}
ACTIVATIONS = {"elu": "Elu", "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}
_PADDINGS = {"valid": "VALID", "same": "SAME_UPPER"}  # both put what is odd at the end
_IN_TRAINING_ALONE = (
    "ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise",
    "RandomOffset", "SpatialDropout1D", "SpatialDropout2D",
)  # fmt: skip


def writes(*kinds: str) -> Callable:
    """Register a function as the writer of some kinds of layers.

    It gets the `GraphWriter`, the layer, the names of its inputs in the graph and these as Keras has
    them, and returns the name of the output.
    """

    def registered(function: Callable) -> Callable:
        WRITERS.update(dict.fromkeys(kinds, function))
        return function

    return registered


def axis_in_graph(axis: int, rank: int) -> int:
    """Return where an axis of Keras stands in the graph."""
    axis %= rank
    return {1: 2, 2: 3, 3: 1}.get(axis, 0) if rank == 4 else axis


def channels_last(writer: GraphWriter, name: str, rank: int) -> str:
    """Return a tensor with its axes in the order of Keras."""
    return writer.node("Transpose", [name], perm=[0, 2, 3, 1]) if rank == 4 else name


def channels_first(writer: GraphWriter, name: str, rank: int) -> str:
    """Return a tensor of Keras with its axes in the order of the graph."""
    return writer.node("Transpose", [name], perm=[0, 3, 1, 2]) if rank == 4 else name


def activated(writer: GraphWriter, name: str, activation, rank: int) -> str:
    """Apply an activation, given as a layer holds it."""
    kind = getattr(activation, "__name__", str(activation))
    if kind == "linear":
        return name
    if kind == "softmax":
        return writer.node("Softmax", [name], axis=axis_in_graph(-1, rank))
    if kind not in ACTIVATIONS:
        raise ValueError(
            f"activation {kind!r} cannot be exported; expected one of linear, softmax, "
            f"{', '.join(ACTIVATIONS)}"
        )
    return writer.node(ACTIVATIONS[kind], [name])


def reduced(writer: GraphWriter, kind: str, name: str, axes: Sequence[int]) -> str:
    """Apply a sum, mean or maximum over axes of the graph."""
    return writer.node(kind, [name, writer.constant(axes, np.int64)], keepdims=0)


def check_channels_last(layer) -> None:
    """Raise a ValueError for a layer with its channels first, or one that keeps reduced axes."""
    is_last = getattr(layer, "data_format", "channels_last") == "channels_last"
    if not is_last or getattr(layer, "keepdims", False):
        raise ValueError(
            f"layer {layer.name!r} cannot be exported; expected channels_last, without keepdims"
        )


@writes(*_IN_TRAINING_ALONE)
def same(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write nothing: the layer works in training alone."""
    return names[0]


@writes("Activation")
def activation(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write an activation."""
    return activated(writer, names[0], layer.activation, len(inputs[0].shape))


@writes("ReLU", "LeakyReLU")
def rectifier(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write a rectifier, of slope 0 or another below zero."""
    if getattr(layer, "max_value", None) is not None or getattr(layer, "threshold", 0):
        raise ValueError(f"layer {layer.name!r}: only a rectifier without limits can be exported")
    slope = float(layer.negative_slope or 0)
    return writer.node("LeakyRelu", names, alpha=slope) if slope else writer.node("Relu", names)


@writes("Conv2D", "GroupedConvolution")
def convolution(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write a convolution, its groups too."""
    check_channels_last(layer)
    # Keras: rows, columns, channels of a group, filters; ONNX: filters first
    kernel = np.transpose(np.asarray(layer.kernel), (3, 2, 0, 1))
    weights = [writer.constant(kernel)]
    if layer.use_bias:
        weights.append(writer.constant(layer.bias))
    padding: dict = {"auto_pad": _PADDINGS[layer.padding]}
    if layer.padding == "same" and max(layer.dilation_rate) > 1:
        # written out: runtimes pad dilated kernels by numbers alone. Keras has them without strides.
        reach = [d * (k - 1) for d, k in zip(layer.dilation_rate, kernel.shape[2:], strict=True)]
        padding = {"pads": [*(r // 2 for r in reach), *(r - r // 2 for r in reach)]}
    found = writer.node(
        "Conv", [names[0], *weights], kernel_shape=list(kernel.shape[2:]),
        strides=list(layer.strides), dilations=list(layer.dilation_rate), group=layer.groups,
        **padding,
    )  # fmt: skip
    return activated(writer, found, layer.activation, 4)


@writes("MaxPooling2D", "AveragePooling2D")
def pooling(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write the maximum or mean of blocks."""
    check_channels_last(layer)
    is_maximum = type(layer).__name__ == "MaxPooling2D"
    own = {} if is_maximum else {"count_include_pad": 0}  # as TensorFlow
    return writer.node(
        "MaxPool" if is_maximum else "AveragePool", names, kernel_shape=list(layer.pool_size),
        strides=list(layer.strides), auto_pad=_PADDINGS[layer.padding], **own,
    )  # fmt: skip


@writes(*(f"Global{kind}Pooling{n}D" for kind in ("Average", "Max") for n in (1, 2)))
def global_pooling(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write the mean or maximum over time, or over time and bands."""
    check_channels_last(layer)
    kind = type(layer).__name__
    axes = [1] if kind.endswith("1D") else [2, 3]
    return reduced(writer, "ReduceMax" if "Max" in kind else "ReduceMean", names[0], axes)


@writes("BatchNormalization", "ChannelNorm")
def batch_norm(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write running statistics, gain and bias as one product and one sum."""
    # in float64: the folded numbers are rounded once
    mean, variance = (
        np.asarray(values, np.float64) for values in (layer.moving_mean, layer.moving_variance)
    )
    gain = np.asarray(layer.gamma, np.float64) if layer.scale else np.ones_like(mean)
    bias = np.asarray(layer.beta, np.float64) if layer.center else np.zeros_like(mean)
    factor = gain / np.sqrt(variance + layer.epsilon)
    rank = len(inputs[0].shape)
    shape = [1] * rank  # which broadcasts over all axes but the layer's
    shape[axis_in_graph(layer.axis, rank)] = -1
    scaled = writer.node("Mul", [names[0], writer.constant(np.reshape(factor, shape))])
    return writer.node("Add", [scaled, writer.constant(np.reshape(bias - mean * factor, shape))])


@writes("Normalization")
def standardisation(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write a standardised input: not folded, since means may be large beside deviations."""
    if layer.invert:
        raise ValueError(f"layer {layer.name!r}: an inverted normalisation cannot be exported")
    mean, variance = (np.asarray(values, np.float32) for values in (layer.mean, layer.variance))
    least = np.float32(1e-7)  # Keras' epsilon: a constant band is not divided by zero
    less = writer.node("Sub", [names[0], writer.constant(mean)])
    return writer.node("Div", [less, writer.constant(np.maximum(np.sqrt(variance), least))])


@writes("Dense")
def dense(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write a dense layer over the last axis of Keras."""
    rank = len(inputs[0].shape)
    x = channels_last(writer, names[0], rank)
    found = writer.node("MatMul", [x, writer.constant(layer.kernel)])
    if layer.use_bias:
        found = writer.node("Add", [found, writer.constant(layer.bias)])
    return activated(writer, channels_first(writer, found, rank), layer.activation, rank)


@writes("Reshape")
def reshape(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write a change of shape, in the order of Keras."""
    x = channels_last(writer, names[0], len(inputs[0].shape))
    shape = [0, *layer.target_shape]  # 0: as the input's, any number of windows
    found = writer.node("Reshape", [x, writer.constant(shape, np.int64)])
    return channels_first(writer, found, len(shape))


@writes("Flatten")
def flatten(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write all values of a window in a row, in the order of Keras."""
    check_channels_last(layer)
    x = channels_last(writer, names[0], len(inputs[0].shape))
    return writer.node("Flatten", [x], axis=1)


@writes("Add", "Multiply")
def combination(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write the sum or product of two tensors or more."""
    kind, found = {"Add": "Add", "Multiply": "Mul"}[type(layer).__name__], names[0]
    for other in names[1:]:
        found = writer.node(kind, [found, other])
    return found


@writes("Concatenate")
def concatenation(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write tensors side by side."""
    return writer.node("Concat", names, axis=axis_in_graph(layer.axis, len(inputs[0].shape)))


@writes("FilledPadding")
def filled_padding(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write `dawnchorus.models.blocks.FilledPadding`."""
    is_padding = writer.node("IsNaN", names)
    return writer.node("Where", [is_padding, writer.constant(0.0), names[0]])


@writes("LinearSoftmax")
def linear_softmax(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write `dawnchorus.models.blocks.LinearSoftmax`."""
    total = reduced(writer, "ReduceSum", names[0], [1])
    total = writer.node("Max", [total, writer.constant(_LEAST_SUM)])
    squares = writer.node("Mul", [names[0], names[0]])
    found = writer.node("Div", [reduced(writer, "ReduceSum", squares, [1]), total])
    return writer.node("Min", [found, writer.constant(1.0)])


@writes("AttentionMean")
def attention_mean(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write `dawnchorus.models.blocks.AttentionMean`."""
    weights = writer.node("Softmax", [names[1]], axis=1)
    weighted = writer.node("Mul", [weights, names[0]])
    found = reduced(writer, "ReduceSum", weighted, [1])
    return writer.node("Min", [found, writer.constant(1.0)])


@writes("BidirectionalGRU")
def bidirectional_gru(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write both directions as one GRU of ONNX, whose gates are in the order of Keras, too."""
    cells = [layer.forward_layer.cell, layer.backward_layer.cell]
    options = layer.get_config()
    kernels, states, biases = ([np.asarray(getattr(cell, what)) for cell in cells]
                               for what in ("kernel", "recurrent_kernel", "bias"))  # fmt: skip
    if not options["reset_after"]:
        # one bias for each gate; ONNX has a second, of the states
        biases = [np.stack([bias, np.zeros_like(bias)]) for bias in biases]
    weights = [
        writer.constant(np.stack([values.T for values in kernels])),
        writer.constant(np.stack([values.T for values in states])),
        writer.constant(np.stack([bias.reshape(-1) for bias in biases])),
    ]
    attributes = {
        "direction": "bidirectional", "hidden_size": int(options["units"]),
        "linear_before_reset": int(options["reset_after"]), "activations": ["Sigmoid", "Tanh"] * 2,
    }  # fmt: skip
    if options["recurrent_activation"] == "hard_sigmoid":
        attributes["activations"] = ["HardSigmoid", "Tanh"] * 2
        attributes |= {"activation_alpha": [0.2, 0.2], "activation_beta": [0.5, 0.5]}
    frames_first = writer.node("Transpose", names, perm=[1, 0, 2])
    both = writer.node("GRU", [frames_first, *weights], **attributes)  # (T, 2, B, H)
    turned = writer.node("Transpose", [both], perm=[2, 0, 1, 3])
    return writer.node("Reshape", [turned, writer.constant([0, 0, -1], np.int64)])
