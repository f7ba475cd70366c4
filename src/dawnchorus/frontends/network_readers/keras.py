"""Networks as ``.keras`` files, through Keras and its backend.

* `Reader`: of an output, or of the output of a layer by its name.
"""

import keras
import numpy as np

from dawnchorus.frontends.network_file import input_shape

_BATCH = 8  # windows at once


class Reader:
    """A network of one input; see `dawnchorus.frontends.network_file`."""

    def __init__(self, path: str, tensor: str | int, n_samples: int, threads: int):
        # safe: a lambda, which would be a stranger's code, is refused
        try:
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
        except (ValueError, TypeError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{path} cannot be loaded as a Keras network: {reason}") from None
        if len(model.inputs) != 1:
            raise ValueError(f"{path}: has {len(model.inputs)} inputs; expected one, of windows")
        if isinstance(tensor, int):
            if tensor >= len(model.outputs):
                raise ValueError(
                    f"{path}: has {len(model.outputs)} outputs; expected one of number {tensor}"
                )
            output = model.outputs[tensor]
        else:
            names = [layer.name for layer in model.layers]
            if tensor not in names:
                raise ValueError(f"{path}: has no layer {tensor!r}; expected one of {names[:12]}")
            output = model.get_layer(tensor).output
        self._shape = input_shape(path, model.inputs[0].shape, n_samples)
        self._model = keras.Model(model.inputs[0], output)

    def values(self, windows: np.ndarray) -> np.ndarray:
        """Return the values (B, K) of windows (B, S)."""
        found = []
        for first in range(0, len(windows), _BATCH):
            part = np.ascontiguousarray(windows[first : first + _BATCH], np.float32)
            values = self._model(part.reshape(len(part), *self._shape), training=False)
            found.append(keras.ops.convert_to_numpy(values).reshape(len(part), -1))
        return np.concatenate(found).astype(np.float32, copy=False)
