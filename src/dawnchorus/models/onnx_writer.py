"""A graph of ONNX that is being written, and what the writers of layers share.

* `GraphWriter`: nodes and weights of a graph.
* `writes`: registers a function as the writer of some kinds of layers.
* `axis_in_graph`, `channels_last`, `channels_first`: axes of Keras and of the graph.
* `activated`, `reduced`: an activation, and a sum, mean or maximum.
* `check_channels_last`: refuse options that ONNX cannot express.

Inside a graph tensors of four axes have their channels first, as ONNX has them; Keras has them last.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

ACTIVATIONS = {"elu": "Elu", "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}


class GraphWriter:
    """Nodes and weights of a graph that is being written.

    Parameters
    ----------
    writers : mapping
        The function of each kind of layer. It gets this object, the layer, the names of its inputs in
        the graph and these as Keras has them, and returns the name of the output.

    Attributes
    ----------
    nodes, initializers : list
        What the graph holds so far.
    """

    def __init__(self, writers: Mapping[str, Callable]):
        self._writers = writers
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
        if kind not in self._writers:
            # by kind: what a class of one's own adds to a layer of Keras would be left out
            raise ValueError(
                f"layer {layer.name!r} of kind {kind} cannot be exported; expected one of "
                f"{', '.join(sorted(self._writers))}"
            )
        return self._writers[kind](self, layer, names, inputs)


def writes(writers: dict[str, Callable], *kinds: str) -> Callable:
    """Register a function in ``writers`` as the one of some kinds of layers, see `GraphWriter`."""

    def registered(function: Callable) -> Callable:
        writers.update(dict.fromkeys(kinds, function))
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
