"""Networks as TensorFlow Lite, through ai-edge-litert.

The interpreter frees tensors that are no outputs while it goes on; to keep all takes twice the memory.
So the tensor that is asked for becomes an output, in a copy of the file. Several windows in a call
take as long as one after another, so there is one.

* `Reader`: of any tensor of the first graph.
"""

import struct
import tempfile
from pathlib import Path

import numpy as np

from dawnchorus.frontends.network_file import input_shape

# numbers of fields, https://github.com/google-ai-edge/LiteRT/blob/main/tflite/converter/schema/schema.fbs
_MODEL_GRAPHS, _GRAPH_TENSORS, _GRAPH_OUTPUTS, _TENSOR_NAME = 2, 0, 2, 3


class Reader:
    """A network of one input; see `dawnchorus.frontends.network_file`."""

    def __init__(self, path: str, tensor: str | int, n_samples: int, threads: int):
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError:
            raise ValueError(
                f"{path} is a TensorFlow Lite network, and the package ai-edge-litert is not "
                "installed; expected it: pip install 'dawnchorus[tflite]'"
            ) from None
        content = Path(path).read_bytes()
        try:
            changed, place = _with_output(content, tensor)
        except (struct.error, IndexError, UnicodeDecodeError):
            raise ValueError(f"{path} is no whole TensorFlow Lite network; get it again") from None
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        del content
        with tempfile.NamedTemporaryFile(suffix=".tflite") as copy:
            copy.write(changed)
            copy.flush()
            del changed
            # mapped: what is mapped stays when the name is gone
            self._interpreter = Interpreter(model_path=copy.name, num_threads=threads)
        inputs = self._interpreter.get_input_details()
        if len(inputs) != 1:
            raise ValueError(f"{path}: has {len(inputs)} inputs; expected one, of windows")
        shape = [-1, *inputs[0]["shape"][1:].tolist()]
        self._shape = (1, *input_shape(path, shape, n_samples))
        self._interpreter.resize_tensor_input(inputs[0]["index"], self._shape)
        self._interpreter.allocate_tensors()
        self._input = inputs[0]["index"]
        self._output = self._interpreter.get_output_details()[place]["index"]

    def values(self, windows: np.ndarray) -> np.ndarray:
        """Return the values (B, K) of windows (B, S)."""
        found = []
        for window in windows:
            given = np.ascontiguousarray(window, np.float32).reshape(self._shape)
            self._interpreter.set_tensor(self._input, given)
            self._interpreter.invoke()
            found.append(self._interpreter.get_tensor(self._output).reshape(-1))
        return np.stack(found)


def _with_output(content: bytes, tensor: str | int) -> tuple[bytes, int]:
    """Return the file with a tensor among its outputs, and which of these it is.

    Parameters
    ----------
    content : bytes
    tensor : str or int
        Name of a tensor, or number of an output.
    """
    if content[4:8] != b"TFL3":
        raise ValueError("is no TensorFlow Lite network; get it again")

    def number(at: int) -> int:
        return struct.unpack_from("<I", content, at)[0]

    def field(table: int, index: int) -> int:
        """Return where the value of a field of a table points to, or 0."""
        layout = table - struct.unpack_from("<i", content, table)[0]
        size = struct.unpack_from("<H", content, layout)[0]
        entry = 4 + 2 * index
        offset = struct.unpack_from("<H", content, layout + entry)[0] if entry < size else 0
        return table + offset if offset else 0

    def behind(at: int) -> int:
        return at + number(at)

    graphs = behind(field(number(0), _MODEL_GRAPHS))
    graph = behind(graphs + 4)
    pointer = field(graph, _GRAPH_OUTPUTS)
    vector = behind(pointer)
    outputs = list(struct.unpack_from(f"<{number(vector)}i", content, vector + 4))
    if isinstance(tensor, int):
        if tensor >= len(outputs):
            raise ValueError(f"has {len(outputs)} outputs; expected one of number {tensor}")
        return content, tensor
    tensors = behind(field(graph, _GRAPH_TENSORS))
    names = []
    for index in range(number(tensors)):
        entry = behind(tensors + 4 + 4 * index)
        text = behind(field(entry, _TENSOR_NAME))
        names.append(content[text + 4 : text + 4 + number(text)].decode())
    if tensor not in names:
        raise ValueError(f"has no tensor {tensor!r}; expected one of its {len(names)} names")
    outputs.append(names.index(tensor))
    changed = bytearray(content) + bytes(-len(content) % 4)
    struct.pack_into("<I", changed, pointer, len(changed) - pointer)
    changed += struct.pack(f"<I{len(outputs)}i", len(outputs), *outputs)
    return bytes(changed), len(outputs) - 1
