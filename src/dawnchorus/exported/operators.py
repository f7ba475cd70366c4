"""Operators and tensors of an ONNX file, read without any library, before a runtime gets it.

A runtime trusts what it is given: a tensor may name another file of the machine that holds its numbers,
and a loop may run for ever. Networks that `dawnchorus.models.onnx_graph` writes have neither.

* `check_network`: refuse an ONNX file that is not as those that are written here.
* `check_node`: the same of one node.
* `check_bundled`: refuse a pretrained network that reaches beyond its file, or has no end.
* `OPERATORS`: the operators that there are.

The fields of the messages are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, their
encoding that of https://protobuf.dev/programming-guides/encoding.
"""

import hashlib
from collections.abc import Iterator

OPERATORS = frozenset(
    (
        "Add", "AveragePool", "Concat", "Conv", "Div", "Elu", "Flatten", "GRU", "HardSigmoid", "Identity",
        "IsNaN", "LSTM", "LeakyRelu", "MatMul", "Max", "MaxPool", "Min", "Mul", "Pad", "Pow", "ReduceMax",
        "ReduceMean", "ReduceSum", "Relu", "Reshape", "Sigmoid", "Slice", "Softmax", "Sub",
        "Tanh", "Transpose", "Where",
    )
)  # fmt: skip
OUTPUTS = ("scores", "frame_scores")
INPUT = "windows"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # how a value is encoded
# numbers of fields, by message
_MODEL_GRAPH = 7
_MODEL_FUNCTIONS, _MODEL_TRAINING = 25, 20
_GRAPH_NODE, _GRAPH_TENSOR, _GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_SPARSE = 1, 5, 11, 12, 15
_NODE_KIND, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS = frozenset((5, 10)), frozenset((6, 11))
_ATTRIBUTE_ALLOWED = frozenset((1, 2, 3, 4, 7, 8, 9, 13, 20, 21))  # names, numbers and texts alone
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14
_VALUE_NAME = 1


def check_network(content: bytes, has_frames: bool) -> None:
    """Refuse an ONNX file with other operators, tensors outside of it, or other inputs and outputs.

    Parameters
    ----------
    content : bytes
    has_frames : bool
        Whether it has the scores of frames as an output, too.

    Raises
    ------
    ValueError
        What was found.
    """
    graphs = []
    for number, value in _fields(memoryview(content)):
        if number == _MODEL_GRAPH:
            graphs.append(value)
        elif number in (_MODEL_FUNCTIONS, _MODEL_TRAINING):
            raise ValueError("holds functions or a training, which no network here does")
    if len(graphs) != 1:
        raise ValueError(f"holds {len(graphs)} graphs, expected one")
    named: dict[int, list[str]] = {_GRAPH_INPUT: [], _GRAPH_OUTPUT: []}
    for number, value in _fields(graphs[0]):
        if number == _GRAPH_NODE:
            check_node(value)
        elif number == _GRAPH_TENSOR:
            if {_TENSOR_EXTERNAL, _TENSOR_LOCATION} & {key for key, _ in _fields(value)}:
                raise ValueError("holds a tensor that stands in another file")
        elif number == _GRAPH_SPARSE:
            raise ValueError("holds a sparse tensor, which no network here does")
        elif number in named:
            found = [bytes(text) for key, text in _fields(value) if key == _VALUE_NAME]
            named[number] += [text.decode(errors="replace") for text in found]
    outputs = list(OUTPUTS[: 1 + has_frames])
    if named != {_GRAPH_INPUT: [INPUT], _GRAPH_OUTPUT: outputs}:
        raise ValueError(
            f"has inputs {named[_GRAPH_INPUT]} and outputs {named[_GRAPH_OUTPUT]}; expected "
            f"{[INPUT]} and {outputs}"
        )


def check_node(node: memoryview) -> None:
    """Refuse a node of another operator, or one that holds a graph or a tensor."""
    for number, value in _fields(node):
        if (
            number == _NODE_KIND
            and (kind := bytes(value).decode(errors="replace")) not in OPERATORS
        ):
            raise ValueError(f"has an operator {kind!r}, which no network here has")
        if number == _NODE_DOMAIN and bytes(value) not in (b"", b"ai.onnx"):
            raise ValueError("has an operator that is none of ONNX itself")
        # a graph or a tensor in an attribute would be a loop, or numbers from elsewhere
        if number == _NODE_ATTRIBUTE and not {n for n, _ in _fields(value)} <= _ATTRIBUTE_ALLOWED:
            raise ValueError("has an attribute that is neither number nor text")


def check_bundled(content: bytes, sha256: str | None) -> None:
    """Refuse a network of others with functions, graphs in nodes, or tensors in another file.

    Its operators may be any of ONNX itself. A graph in a node is a loop or a branch.

    Parameters
    ----------
    content : bytes
    sha256 : str or None
        The digest that it has to have.

    Raises
    ------
    ValueError
        What was found.
    """
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError("is another network")
    for number, graph in _fields(memoryview(content)):
        if number in (_MODEL_FUNCTIONS, _MODEL_TRAINING):
            raise ValueError("holds functions or a training")
        if number != _MODEL_GRAPH:
            continue
        for part, value in _fields(graph):
            tensors = [value] if part == _GRAPH_TENSOR else []
            if part == _GRAPH_SPARSE:
                raise ValueError("holds a sparse tensor")
            for key, inner in _fields(value) if part == _GRAPH_NODE else ():
                if key == _NODE_DOMAIN and bytes(inner) not in (b"", b"ai.onnx"):
                    raise ValueError("has an operator that is none of ONNX itself")
                for kind, held in _fields(inner) if key == _NODE_ATTRIBUTE else ():
                    if kind in _ATTRIBUTE_GRAPHS:
                        raise ValueError("has a loop or a branch")
                    tensors += [held] if kind in _ATTRIBUTE_TENSORS else []
            for tensor in tensors:
                if {_TENSOR_EXTERNAL, _TENSOR_LOCATION} & {key for key, _ in _fields(tensor)}:
                    raise ValueError("holds a tensor that stands in another file")


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield number and content of each field of a message; of a number the content is empty."""
    place, end = 0, len(message)
    while place < end:
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        length = 0
        if kind == _VARINT:
            _, place = _varint(message, place)
        elif kind == _BYTES:
            length, place = _varint(message, place)
        elif kind in (_FIXED32, _FIXED64):
            place += 4 if kind == _FIXED32 else 8
        else:
            raise ValueError("is no ONNX file")
        if place + length > end:
            raise ValueError("is no whole ONNX file")
        yield number, message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and the place behind it."""
    value = shift = 0
    while place < len(message) and shift < 64:
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
    raise ValueError("is no whole ONNX file")
