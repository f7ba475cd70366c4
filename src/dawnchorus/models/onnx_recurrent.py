"""Nodes of ONNX for recurrent layers.

* `WRITERS`: the function of each kind, see `dawnchorus.models.onnx_writer.GraphWriter`.

Axes: B windows, T frames, H units.
"""

from collections.abc import Callable, Sequence

import numpy as np

from dawnchorus.models.onnx_writer import GraphWriter, writes

WRITERS: dict[str, Callable] = {}


@writes(WRITERS, "BidirectionalGRU")
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


@writes(WRITERS, "LSTM")
def long_short_term(writer: GraphWriter, layer, names: Sequence[str], inputs: Sequence) -> str:
    """Write an LSTM, whose gates have another order and two biases in ONNX."""
    given = {
        "go_backwards": layer.go_backwards, "stateful": layer.stateful, "use_bias": not layer.use_bias,
        "activation": layer.activation.__name__ != "tanh",
        "recurrent_activation": layer.recurrent_activation.__name__ != "sigmoid",
    }  # fmt: skip
    if others := [name for name, is_other in given.items() if is_other]:
        raise ValueError(
            f"layer {layer.name!r} cannot be exported: {', '.join(others)}; expected Keras' defaults"
        )
    cell = layer.cell
    # Keras has input, forget, candidate and output; ONNX input, output, forget and candidate
    kernel, states, bias = (
        np.concatenate([parts[number] for number in (0, 3, 1, 2)], axis=-1)
        for parts in (
            np.split(np.asarray(values), 4, axis=-1)
            for values in (cell.kernel, cell.recurrent_kernel, cell.bias)
        )
    )
    weights = [
        writer.constant(kernel.T[None]),
        writer.constant(states.T[None]),
        writer.constant(np.concatenate([bias, np.zeros_like(bias)])[None]),
    ]
    frames_first = writer.node("Transpose", names, perm=[1, 0, 2])
    found = writer.node("LSTM", [frames_first, *weights], hidden_size=int(layer.units))
    # (T, 1, B, H): one direction
    turned = writer.node("Transpose", [found], perm=[2, 0, 1, 3])
    found = writer.node("Reshape", [turned, writer.constant([0, 0, -1], np.int64)])
    if layer.return_sequences:
        return found
    n_frames = inputs[0].shape[1]
    limits = [writer.constant([number], np.int64) for number in (n_frames - 1, n_frames, 1)]
    return writer.node("Flatten", [writer.node("Slice", [found, *limits])], axis=1)
