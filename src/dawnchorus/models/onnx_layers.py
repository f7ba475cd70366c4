"""Nodes of ONNX for every kind of layer without a state.

* `WRITERS`: the function of each kind, see `dawnchorus.models.onnx_writer.GraphWriter`.
"""

from collections.abc import Callable, Sequence

import numpy as np

from dawnchorus.models import dsr2019_layers
from dawnchorus.models.onnx_writer import (
    GraphWriter,
    activated,
    axis_in_graph,
    channels_first,
    channels_last,
    check_channels_last,
    reduced,
    writes,
)

WRITERS: dict[str, Callable] = {}
_LEAST_SUM = 1e-7  # as of `dawnchorus.models.blocks.LinearSoftmax`
_PADDINGS = {"valid": "VALID", "same": "SAME_UPPER"}  # both put what is odd at the end
_IN_TRAINING_ALONE = (
    "ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise",
    "RandomOffset", "SpatialDropout1D", "SpatialDropout2D",
)  # fmt: skip


@writes(WRITERS, *_IN_TRAINING_ALONE)
def same(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write nothing: the layer works in training alone."""
    return names[0]


@writes(WRITERS, "Activation")
def activation(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write an activation."""
    return activated(writer, names[0], layer.activation, len(inputs[0].shape))


@writes(WRITERS, "ReLU", "LeakyReLU")
def rectifier(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write a rectifier, of slope 0 or another below zero."""
    if getattr(layer, "max_value", None) is not None or getattr(layer, "threshold", 0):
        raise ValueError(f"layer {layer.name!r}: only a rectifier without limits can be exported")
    slope = float(layer.negative_slope or 0)
    return writer.node("LeakyRelu", names, alpha=slope) if slope else writer.node("Relu", names)


@writes(WRITERS, "Conv2D", "GroupedConvolution")
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


@writes(WRITERS, "MaxPooling2D", "AveragePooling2D")
def pooling(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write the maximum or mean of blocks."""
    check_channels_last(layer)
    is_maximum = type(layer).__name__ == "MaxPooling2D"
    own = {} if is_maximum else {"count_include_pad": 0}  # as TensorFlow
    return writer.node(
        "MaxPool" if is_maximum else "AveragePool", names, kernel_shape=list(layer.pool_size),
        strides=list(layer.strides), auto_pad=_PADDINGS[layer.padding], **own,
    )  # fmt: skip


@writes(WRITERS, *(f"Global{kind}Pooling{n}D" for kind in ("Average", "Max") for n in (1, 2)))
def global_pooling(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write the mean or maximum over time, or over time and bands."""
    check_channels_last(layer)
    kind = type(layer).__name__
    axes = [1] if kind.endswith("1D") else [2, 3]
    return reduced(writer, "ReduceMax" if "Max" in kind else "ReduceMean", names[0], axes)


@writes(WRITERS, "BatchNormalization", "ChannelNorm")
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


@writes(WRITERS, "Normalization")
def standardisation(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write a standardised input: not folded, since means may be large beside deviations."""
    if layer.invert:
        raise ValueError(f"layer {layer.name!r}: an inverted normalisation cannot be exported")
    mean, variance = (np.asarray(values, np.float32) for values in (layer.mean, layer.variance))
    least = np.float32(1e-7)  # Keras' epsilon: a constant band is not divided by zero
    less = writer.node("Sub", [names[0], writer.constant(mean)])
    return writer.node("Div", [less, writer.constant(np.maximum(np.sqrt(variance), least))])


@writes(WRITERS, "Dense")
def dense(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write a dense layer over the last axis of Keras."""
    rank = len(inputs[0].shape)
    x = channels_last(writer, names[0], rank)
    found = writer.node("MatMul", [x, writer.constant(layer.kernel)])
    if layer.use_bias:
        found = writer.node("Add", [found, writer.constant(layer.bias)])
    return activated(writer, channels_first(writer, found, rank), layer.activation, rank)


@writes(WRITERS, "Reshape")
def reshape(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write a change of shape, in the order of Keras."""
    x = channels_last(writer, names[0], len(inputs[0].shape))
    shape = [0, *layer.target_shape]  # 0: as the input's, any number of windows
    found = writer.node("Reshape", [x, writer.constant(shape, np.int64)])
    return channels_first(writer, found, len(shape))


@writes(WRITERS, "Flatten")
def flatten(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write all values of a window in a row, in the order of Keras."""
    check_channels_last(layer)
    x = channels_last(writer, names[0], len(inputs[0].shape))
    return writer.node("Flatten", [x], axis=1)


@writes(WRITERS, "Add", "Multiply")
def combination(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write the sum or product of two tensors or more."""
    kind, found = {"Add": "Add", "Multiply": "Mul"}[type(layer).__name__], names[0]
    for other in names[1:]:
        found = writer.node(kind, [found, other])
    return found


@writes(WRITERS, "Concatenate")
def concatenation(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write tensors side by side."""
    return writer.node("Concat", names, axis=axis_in_graph(layer.axis, len(inputs[0].shape)))


@writes(WRITERS, "FilledPadding")
def filled_padding(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write `dawnchorus.models.blocks.FilledPadding`."""
    is_padding = writer.node("IsNaN", names)
    return writer.node("Where", [is_padding, writer.constant(0.0), names[0]])


@writes(WRITERS, "Centred")
def centred(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write `dawnchorus.models.blocks.Centred`."""
    mean = writer.node("ReduceMean", [names[0], writer.constant([1], np.int64)], keepdims=1)
    return writer.node("Sub", [names[0], mean])


@writes(WRITERS, "LinearSoftmax")
def linear_softmax(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write `dawnchorus.models.blocks.LinearSoftmax`."""
    total = reduced(writer, "ReduceSum", names[0], [1])
    total = writer.node("Max", [total, writer.constant(_LEAST_SUM)])
    squares = writer.node("Mul", [names[0], names[0]])
    found = writer.node("Div", [reduced(writer, "ReduceSum", squares, [1]), total])
    return writer.node("Min", [found, writer.constant(1.0)])


@writes(WRITERS, "AttentionMean")
def attention_mean(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write `dawnchorus.models.blocks.AttentionMean`."""
    weights = writer.node("Softmax", [names[1]], axis=1)
    weighted = writer.node("Mul", [weights, names[0]])
    found = reduced(writer, "ReduceSum", weighted, [1])
    return writer.node("Min", [found, writer.constant(1.0)])


@writes(WRITERS, "Permute")
def permutation(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write a change of the order of axes."""
    rank = len(inputs[0].shape)
    x = channels_last(writer, names[0], rank)
    found = writer.node("Transpose", [x], perm=[0, *layer.dims])
    return channels_first(writer, found, rank)


@writes(WRITERS, "ZeroPadding2D")
def zero_padding(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write zeros around time and bands."""
    check_channels_last(layer)
    (top, bottom), (left, right) = layer.padding
    pads = [0, 0, top, left, 0, 0, bottom, right]
    return writer.node("Pad", [names[0], writer.constant(pads, np.int64)])


@writes(WRITERS, "Cropping1D", "Cropping2D")
def cropping(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write a tensor without its first and last frames, and bands."""
    check_channels_last(layer)
    rank = len(inputs[0].shape)
    is_two = type(layer).__name__ == "Cropping2D"
    cuts = layer.cropping if is_two else [layer.cropping]
    x = names[0]
    for axis, (first, last) in enumerate(cuts, 1):
        x = sliced(writer, x, axis_in_graph(axis, rank), first, inputs[0].shape[axis] - last)
    return x


@writes(WRITERS, "LearnedPower")
def learned_power(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write `dawnchorus.models.dsr2019_layers.LearnedPower`."""
    power = 1 / (1 + np.exp(-np.float64(np.asarray(layer.logit))))
    least = writer.node("Max", [names[0], writer.constant(dsr2019_layers.LEAST)])
    return writer.node("Pow", [least, writer.constant(power)])


@writes(WRITERS, "CircularPadding")
def circular_padding(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write `dawnchorus.models.dsr2019_layers.CircularPadding`."""
    n_frames = inputs[0].shape[1]
    before = sliced(writer, names[0], 1, n_frames - layer.frames, n_frames)
    behind = sliced(writer, names[0], 1, 0, layer.frames)
    return writer.node("Concat", [before, names[0], behind], axis=1)


def sliced(writer: GraphWriter, name: str, axis: int, first: int, end: int) -> str:
    """Write a part of a tensor along an axis of the graph."""
    limits = [writer.constant([number], np.int64) for number in (first, end, axis)]
    return writer.node("Slice", [name, *limits])
