"""Networks as ONNX, through onnxruntime.

* `Reader`: of any tensor of the graph.
"""

import numpy as np
import onnxruntime

from dawnchorus.frontends.network_file import input_shape

_ERRORS_ALONE = 3  # of the runtime's levels of logging
_BATCH = 8  # windows at once
# numbers of fields of ModelProto, GraphProto and ValueInfoProto, and the wire type of bytes
_GRAPH, _OUTPUT, _NAME, _BYTES = 7, 12, 1, 2


class Reader:
    """A network of one input; see `dawnchorus.frontends.network_file`."""

    def __init__(self, path: str, tensor: str | int, n_samples: int, threads: int):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = _ERRORS_ALONE
        providers = ["CPUExecutionProvider"]
        try:
            session = onnxruntime.InferenceSession(path, options, providers=providers)
            names = [one.name for one in session.get_outputs()]
            if isinstance(tensor, str) and tensor not in names:
                with open(path, "rb") as file:
                    content = file.read() + _further_output(tensor)
                session = onnxruntime.InferenceSession(content, options, providers=providers)
                names = [one.name for one in session.get_outputs()]
        # the runtime's errors have no class in common but this one
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"{path}: no ONNX network with a tensor {tensor!r} ({reason}); expected one in a "
                "single file, and a name or a number of its outputs"
            ) from None
        if isinstance(tensor, int) and tensor >= len(names):
            raise ValueError(f"{path}: has outputs {names}; expected one of number {tensor}")
        inputs = session.get_inputs()
        if len(inputs) != 1:
            raise ValueError(
                f"{path}: has inputs {[one.name for one in inputs]}; expected one, of windows"
            )
        self._session, self._input = session, inputs[0].name
        self._output = names[tensor] if isinstance(tensor, int) else tensor
        shape = inputs[0].shape
        self._shape = input_shape(path, shape if len(shape) > 1 else [1, *shape], n_samples)
        self._has_batch = len(shape) > 1
        self._most = shape[0] if self._has_batch and isinstance(shape[0], int) else _BATCH
        if not self._has_batch:
            self._most = 1

    def values(self, windows: np.ndarray) -> np.ndarray:
        """Return the values (B, K) of windows (B, S)."""
        found = []
        for first in range(0, len(windows), self._most):
            part = np.ascontiguousarray(windows[first : first + self._most], np.float32)
            # a network for exactly so many windows gets empty ones behind the last
            missing = self._most - len(part) if self._most != _BATCH else 0
            given = np.pad(part, ((0, missing), (0, 0))).reshape(-1, *self._shape)
            given = given if self._has_batch else given[0]
            values = self._session.run([self._output], {self._input: given})[0]
            found.append(np.reshape(values, (len(part) + missing, -1))[: len(part)])
        return np.concatenate(found).astype(np.float32, copy=False)


def _further_output(name: str) -> bytes:
    """Return what makes a tensor of the graph an output where it follows an ONNX file.

    Of messages one behind the other Protocol Buffers reads the sum:
    https://protobuf.dev/programming-guides/encoding/#last-one-wins
    """
    content = name.encode()
    for field in (_NAME, _OUTPUT, _GRAPH):
        n, length = len(content), bytearray()
        while n > 127:
            length.append(n & 127 | 128)
            n >>= 7
        length.append(n)
        content = bytes([field << 3 | _BYTES]) + bytes(length) + content
    return content
