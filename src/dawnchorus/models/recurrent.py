"""Gated recurrent units that run over the frames of a clip, in both directions.

* `BidirectionalGRU`: the layer, in a form that takes less of a training step on the CPU.
* `hard_sigmoid`: the gates' activation of Keras 2.
* `LAYERS`: what a saved model needs to be read.

Axes: B batch, T frames, F features, H units. Both directions at once are an axis of 2.
"""

import keras
from keras import layers, ops

ACTIVATIONS = ("sigmoid", "hard_sigmoid")


@keras.saving.register_keras_serializable(package="dawnchorus")
def hard_sigmoid(x):
    """Return 0.2 x + 0.5, cut off at 0 and 1: what Keras 2 called so; Keras 3 has x / 6 + 0.5."""
    return ops.clip(0.2 * x + 0.5, 0, 1)


@keras.saving.register_keras_serializable(package="dawnchorus")
class BidirectionalGRU(layers.Bidirectional):
    """Keras' bidirectional layer over a GRU, with the same weights, draws and results.

    Keras projects the inputs of every frame inside its loop over frames, loops once per direction,
    and leaves the gradient to automatic differentiation, which sums those of all weights frame by
    frame. Here both directions share one loop that holds only what depends on the frame before, and
    so does the gradient: a step of the layer takes half as long on TensorFlow's CPU. On a GPU, on
    other backends, and with options that this form has not, Keras' way is taken.

    Parameters
    ----------
    units : int
        H, per direction.
    dropout : float
        Rate of the inputs: each direction drops the same ones in all frames of a clip. Keras 2 drew
        such a mask for each gate, Keras 3 draws one for all three.
    recurrent_dropout : float
        Rate of the states.
    reset_after : bool
        Whether the reset gate is applied after the recurrent product (Keras 3) or before it.
    recurrent_activation : {"sigmoid", "hard_sigmoid"}
        Of the gates.
    """

    def __init__(
        self,
        units: int,
        *,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        recurrent_activation: str = "sigmoid",
        dtype=None,
        **kwargs,
    ):
        options = {
            "units": units, "dropout": dropout, "recurrent_dropout": recurrent_dropout,
            "reset_after": reset_after,
        }  # fmt: skip
        gates = hard_sigmoid if recurrent_activation == "hard_sigmoid" else recurrent_activation
        one_way = layers.GRU(
            **options, recurrent_activation=gates, return_sequences=True, dtype=dtype, name="gru"
        )
        super().__init__(one_way, dtype=dtype, **kwargs)
        self._options = options | {"recurrent_activation": recurrent_activation}

    def get_config(self) -> dict:
        """Return what makes an equal layer.

        Keras' own writes addresses of initialisers, so that files of equal layers differ.
        """
        return layers.Layer.get_config(self) | self._options

    @classmethod
    def from_config(cls, config: dict, custom_objects=None) -> "BidirectionalGRU":
        """Make a layer of a config."""
        return cls(**config)

    def call(self, sequences, initial_state=None, mask=None, training=None):
        """Return the states of both directions side by side, (B, T, 2 H)."""
        if initial_state is not None or mask is not None or not self.is_plain():
            return super().call(sequences, initial_state, mask, training)
        cells = (self.forward_layer.cell, self.backward_layer.cell)
        projected = []  # what the gates get from the inputs: (B, T, 3 H) of each direction
        for cell, inputs in zip(cells, (sequences, ops.flip(sequences, axis=1)), strict=True):
            if training and cell.dropout:
                # one draw for all frames of a clip and all gates, as Keras 3 has it
                ones = ops.ones_like(inputs[:, 0])
                mask = keras.random.dropout(ones, cell.dropout, seed=cell.seed_generator)
                inputs = inputs * mask[:, None]
            projected.append(ops.matmul(inputs, cell.kernel) + cell.bias[0])
        kernels = ops.concatenate([cell.recurrent_kernel[None] for cell in cells], axis=0)
        biases = ops.concatenate([cell.bias[None, 1:] for cell in cells], axis=0)
        states = _states(ops.transpose(ops.stack(projected), (2, 0, 1, 3)), kernels, biases)
        forward, backward = ops.unstack(ops.transpose(states, (1, 2, 0, 3)), 2)
        return ops.concatenate([forward, ops.flip(backward, axis=1)], axis=-1)

    def is_plain(self) -> bool:
        """Return whether this form is taken: usual options, TensorFlow, no GPU; else Keras' way is."""
        is_usual = (
            self._options["reset_after"]
            and self._options["recurrent_activation"] == "sigmoid"
            and not self._options["recurrent_dropout"]
            and self.compute_dtype == "float32"
        )
        is_tensorflow = keras.backend.backend() == "tensorflow"
        return is_usual and is_tensorflow and not keras.distribution.list_devices("gpu")


LAYERS = (BidirectionalGRU,)


def _gates(projected, recurrent):
    """Return update gate, reset gate and candidate from what inputs and the state before give."""
    size = projected.shape[-1] // 3
    both = ops.sigmoid(projected[..., : 2 * size] + recurrent[..., : 2 * size])
    update, reset = both[..., :size], both[..., size:]
    candidate = ops.tanh(projected[..., 2 * size :] + reset * recurrent[..., 2 * size :])
    return update, reset, candidate


@ops.custom_gradient
def _states(projected, kernels, biases):
    """Return the states of a GRU with reset after the product, and their gradient.

    Cho et al. (2014), https://arxiv.org/abs/1406.1078, eqs. 5 to 8, in Keras' form.

    Parameters
    ----------
    projected : tensor, shape (T, 2, B, 3 H)
        Of the inputs, for update, reset and candidate.
    kernels : tensor, shape (2, H, 3 H)
    biases : tensor, shape (2, 1, 3 H)
        Of the recurrent product.

    Returns
    -------
    tensor, shape (T, 2, B, H)
    """

    def step(state, frame):
        update, _, candidate = _gates(frame, ops.matmul(state, kernels) + biases)
        state = candidate + update * (state - candidate)
        return state, state

    first = ops.zeros_like(projected[0, ..., : kernels.shape[1]])
    states = ops.scan(step, first, projected)[1]

    def gradient(wanted):
        """Return the gradients of the arguments from those of the states, (T, 2, B, H)."""
        # The state before each frame is known by now: gates and slopes of all frames are found at
        # once, and the loop back in time has one product.
        before = ops.concatenate([first[None], states[:-1]], axis=0)
        rows = _by_direction(before)
        recurrent = ops.matmul(rows, kernels) + biases  # (2, T B, 3 H)
        n_frames, _, n_clips, n_gates = ops.shape(projected)
        recurrent = ops.reshape(recurrent, (2, n_frames, n_clips, n_gates))
        recurrent = ops.transpose(recurrent, (1, 0, 2, 3))  # (T, 2, B, 3 H)
        update, reset, candidate = _gates(projected, recurrent)
        size = kernels.shape[1]
        slope = (1 - update) * (1 - candidate * candidate)  # of a state by its candidate's argument
        slope_reset = slope * recurrent[..., 2 * size :] * reset * (1 - reset)
        slope_update = (before - candidate) * update * (1 - update)
        slopes = ops.concatenate([slope_update, slope_reset, slope * reset], axis=-1)
        turned = ops.transpose(kernels, (0, 2, 1))

        def step_back(later, frame):
            found = later + frame[..., :size]
            by_product = ops.tile(found, (1, 1, 3)) * frame[..., 2 * size :]
            return found * frame[..., size : 2 * size] + ops.matmul(by_product, turned), found

        frames = ops.concatenate([wanted, update, slopes], axis=-1)
        found = ops.scan(step_back, ops.zeros_like(before[0]), frames, reverse=True)[1]
        by_product = _by_direction(ops.tile(found, (1, 1, 1, 3)) * slopes)
        by_input = ops.concatenate(
            [found * slope_update, found * slope_reset, found * slope], axis=-1
        )
        by_kernels = ops.matmul(ops.transpose(rows, (0, 2, 1)), by_product)
        return by_input, by_kernels, ops.sum(by_product, axis=1, keepdims=True)

    return states, gradient


def _by_direction(x):
    """Put all frames and clips of a direction in a row: (T, 2, B, n) to (2, T B, n)."""
    return ops.reshape(ops.transpose(x, (1, 0, 2, 3)), (2, -1, x.shape[-1]))
