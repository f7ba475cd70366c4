"""Layers that several architectures share, and the check of an input.

Axes: B batch, T frames, F mel bands, C classes. Tensors are channels last: (B, T, F, channels).

* `spectrogram`, `band_norm`, `random_offset`, `channel`: from the input to the first convolution.
* `convolutions`, `pooling`, `dropped`, `dense`, `leaky`: blocks.
* `dense_scores`, `scores`: the head, and `n_logits` it needs.
* `RandomOffset`: training clips louder or softer by chance.
* `FilledPadding`: what pads a window made 0.
* `LAYERS`: what a saved model needs to be read.
* `check_input`: the door.
"""

from collections.abc import Sequence

import keras
from keras import layers

SLOPE = 0.01  # of the leaky rectifier below zero
INITIALISER = "glorot_uniform"

Stage = tuple[tuple[int, int], tuple[int, int]]  # kernel and pool, each frames x bands


@keras.saving.register_keras_serializable(package="dawnchorus")
class RandomOffset(layers.Layer):
    """Add one random number to all of a clip, in training only.

    Parameters
    ----------
    limit : float
        The number is uniform from -limit to limit, in the unit of the input.
    seed : int, optional
        By default drawn from Keras' global seed.
    """

    def __init__(self, limit: float, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.limit = limit
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        """Return the inputs, shifted where training."""
        if not training:
            return inputs
        shape = (keras.ops.shape(inputs)[0],) + (1,) * (len(inputs.shape) - 1)
        offset = keras.random.uniform(
            shape, -self.limit, self.limit, dtype=inputs.dtype, seed=self.seed_generator
        )
        return inputs + offset

    def compute_output_shape(self, input_shape):
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict:
        """Return what makes an equal layer."""
        return super().get_config() | {"limit": self.limit, "seed": self.seed}


@keras.saving.register_keras_serializable(package="dawnchorus")
class FilledPadding(layers.Layer):
    """Make NaN, by which windows are padded, 0; infinities stay."""

    def call(self, inputs):
        """Return the inputs, filled."""
        return keras.ops.where(keras.ops.isnan(inputs), keras.ops.zeros_like(inputs), inputs)

    def compute_output_shape(self, input_shape):
        """Return the shape of the input."""
        return input_shape


LAYERS = (RandomOffset, FilledPadding)


def check_input(
    name: str,
    input_shape: tuple[int | None, int],
    smallest: tuple[int, int],
    any_length: bool = False,
) -> None:
    """Raise where an input is not frames x bands or is smaller than an architecture can take.

    Parameters
    ----------
    name : str
        Of the architecture.
    input_shape : (int or None, int)
        T, F.
    smallest : (int, int)
        The fewest frames and bands.
    any_length : bool
        Whether T may be None.
    """
    fixed = input_shape[1:] if any_length else input_shape
    if len(input_shape) != 2 or None in fixed:
        raise ValueError(
            f"model {name}: input shape {input_shape!r}; expected (frames, bands)"
            f"{', frames may be None' if any_length else ''}"
        )
    sizes = zip(input_shape, smallest, strict=True)
    if any(size is not None and size < least for size, least in sizes):
        raise ValueError(
            f"model {name}: input shape {input_shape!r} is too small; the smallest is {smallest} "
            "(frames, bands): use longer windows or more bands"
        )


def spectrogram(input_shape: tuple[int | None, int]):
    """Return the input of a model: log-mel spectrograms, (B, T, F)."""
    return keras.Input(input_shape, name="log_mel")


def band_norm(x):
    """Normalise every mel band by its mean and variance over batch and time, without gain and bias.

    As bulbul does it (Lasagne's alpha 0.1 is momentum 0.9 here; epsilon 1e-4). Lasagne keeps a
    running inverse deviation where Keras keeps a running variance; both settle on the same.
    """
    return layers.BatchNormalization(
        axis=-1, momentum=0.9, epsilon=1e-4, center=False, scale=False, name="band_norm"
    )(x)


def random_offset(x, limit: float):
    """Apply `RandomOffset`, or nothing for a limit of 0."""
    return RandomOffset(limit, name="random_offset")(x) if limit else x


def channel(x):
    """Give spectrograms the one channel that convolutions need: (B, T, F) to (B, T, F, 1)."""
    n_frames = -1 if x.shape[1] is None else x.shape[1]
    return layers.Reshape((n_frames, x.shape[2], 1), name="channel")(x)


def leaky(x, name: str):
    """Apply a leaky rectifier of slope 0.01."""
    return layers.LeakyReLU(negative_slope=SLOPE, name=name)(x)


def pooling(x, size: tuple[int, int], name: str):
    """Take the maximum of blocks that do not overlap; what is left over at the end is dropped."""
    return layers.MaxPooling2D(size, name=name)(x)


def convolutions(x, filters: Sequence[int], stages: Sequence[Stage]):
    """Apply stages of valid convolution with bias, leaky rectifier and pooling, then flatten."""
    for number, (n_filters, (kernel, pool)) in enumerate(zip(filters, stages, strict=True), 1):
        x = layers.Conv2D(n_filters, kernel, kernel_initializer=INITIALISER, name=f"conv{number}")(
            x
        )
        # The maximum and a rising function commute: rectified after pooling, the same numbers cost
        # a tenth less of a training step.
        x = leaky(pooling(x, pool, name=f"pool{number}"), name=f"leaky{number}")
    return layers.Flatten(name="flatten")(x)


def dropped(x, rate: float, name: str):
    """Drop a part of the values in training."""
    return layers.Dropout(rate, name=name)(x)


def dense(x, units: int, name: str):
    """Apply a dense layer and a leaky rectifier."""
    x = layers.Dense(units, kernel_initializer=INITIALISER, name=name)(x)
    return leaky(x, name=f"{name}_leaky")


def n_logits(n_classes: int, head: str) -> int:
    """Return how many logits a head needs: softmax over one class has also its absence."""
    return 2 if head == "softmax" and n_classes == 1 else n_classes


def dense_scores(x, n_classes: int, head: str):
    """Apply the last dense layer and the head."""
    units = n_logits(n_classes, head)
    logits = layers.Dense(units, kernel_initializer=INITIALISER, name="clip_logits")(x)
    return scores(logits, head)


def scores(logits, head: str):
    """Turn logits to scores in [0, 1]."""
    return layers.Activation(head, name="clip_scores")(logits)
