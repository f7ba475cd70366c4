"""Layers that several architectures share, and the check of an input.

Axes: B batch, T frames, F mel bands, C classes. Tensors are channels last: (B, T, F, channels).

* `check_input`: reject an input that an architecture cannot take.
* `spectrogram`, `band_norm`, `random_offset`, `channel`: from the input to the first convolution.
* `convolutions`, `subsampled`, `pooling`, `dropout`, `dense`, `leaky`: hidden layers.
* `dense_scores`, `scores`: the head, and `n_logits` it needs.
* `clip_scores`: frame scores pooled to clip scores by one of `FRAME_POOLINGS`.
* `RandomOffset`: training clips louder or softer by chance.
* `FilledPadding`: 0 in place of the padding of windows.
* `ChannelNorm`, `GroupedConvolution`: Keras layers in forms that take less of a training step on the
  CPU, with the same results.
* `Centred`: bands less their mean over time.
* `LinearSoftmax`, `AttentionMean`: weighted means of frame scores.
* `LAYERS`: what Keras needs to read a saved model.

Frame scores are pooled as in Wang, Li and Metze (2019), "A comparison of five multiple instance
learning pooling functions for sound event detection with weak labeling",
https://arxiv.org/abs/1810.09050, table 1: of y, the score of a frame, and w, its weight, the mean,
the maximum, sum(y^2) / sum(y) and sum(w y) / sum(w).
"""

from collections.abc import Sequence

import keras
from keras import layers, ops

from dawnchorus.runtime import backend

SLOPE = 0.01  # of the leaky rectifier below zero
INITIALISER = "glorot_uniform"
FRAME_POOLINGS = ("average", "max", "linear_softmax", "attention")
_LEAST_SUM = 1e-7  # of a sum that divides: where all scores are 0, so is the clip's

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
        shape = (ops.shape(inputs)[0],) + (1,) * (len(inputs.shape) - 1)
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
        return ops.where(ops.isnan(inputs), ops.zeros_like(inputs), inputs)

    def compute_output_shape(self, input_shape):
        """Return the shape of the input."""
        return input_shape


@keras.saving.register_keras_serializable(package="dawnchorus")
class ChannelNorm(layers.BatchNormalization):
    """Batch normalisation of the last axis of (B, T, F, channels), with gain and bias.

    Keras composes it of a dozen operations that TensorFlow runs one after another, each over the
    whole batch. TensorFlow's own fused operation does the same in two: a step of a small residual
    network takes up to a third less. Other backends, and prediction, take Keras' way.
    """

    def call(self, inputs, training=None, mask=None):
        """Return the inputs, normalised by the batch where training, else by running statistics."""
        # the fused operation takes images of float32 with both weights, and has no mask
        is_plain = mask is None and len(inputs.shape) == 4 and self.axis in (-1, 3)
        is_float = keras.backend.standardize_dtype(inputs.dtype) == "float32"
        has_both = self.gamma is not None and self.beta is not None
        is_tensorflow = keras.backend.backend() == "tensorflow"
        can_be_fused = is_plain and is_float and has_both and is_tensorflow
        if not (training and self.trainable and can_be_fused):
            return super().call(inputs, training=training, mask=mask)
        gain, bias = ops.convert_to_tensor(self.gamma), ops.convert_to_tensor(self.beta)
        found, mean, variance = backend.fused_normalisation(inputs, gain, bias, self.epsilon)
        n = ops.cast(ops.size(inputs[..., 0]), "float32")
        # the fused operation gives the variance over n - 1, Keras keeps the one over n
        variance = variance * (ops.maximum(n - 1, 1) / n)
        for kept, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
            kept.assign(kept * self.momentum + new * (1 - self.momentum))
        return found


@keras.saving.register_keras_serializable(package="dawnchorus")
class GroupedConvolution(layers.Conv2D):
    """A convolution in groups of channels, one convolution per group side by side.

    Keras hands groups on TensorFlow's CPU to a compiler whose convolutions take thirty times as
    long as those of all channels with all. Weights and results are those of ``Conv2D(groups=...)``.
    """

    def convolution_op(self, inputs, kernel):
        """Return the convolution of each group of channels with its kernels, (B, T, F, filters)."""
        inputs = ops.split(inputs, self.groups, axis=-1)
        kernels = ops.split(ops.convert_to_tensor(kernel), self.groups, axis=-1)
        convolve = super().convolution_op
        return ops.concatenate([convolve(*part) for part in zip(inputs, kernels, strict=True)], -1)


@keras.saving.register_keras_serializable(package="dawnchorus")
class Centred(layers.Layer):
    """Each band of a window less its mean over time: what a place or recorder adds steadily goes."""

    def call(self, spectrograms):
        """Return (B, T, F) of which every band has the mean 0."""
        return spectrograms - ops.mean(spectrograms, axis=1, keepdims=True)


@keras.saving.register_keras_serializable(package="dawnchorus")
class LinearSoftmax(layers.Layer):
    """The mean of frame scores, each weighed by itself: sum(y^2) / sum(y)."""

    def call(self, frame_scores):
        """Pool (B, T, C) to (B, C)."""
        total = ops.maximum(ops.sum(frame_scores, axis=1), _LEAST_SUM)
        return ops.minimum(ops.sum(frame_scores * frame_scores, axis=1) / total, 1)


@keras.saving.register_keras_serializable(package="dawnchorus")
class AttentionMean(layers.Layer):
    """The mean of frame scores, weighed by a softmax over time of logits of attention."""

    def call(self, inputs):
        """Pool scores and logits, each (B, T, C), to (B, C)."""
        frame_scores, attention_logits = inputs
        weights = ops.softmax(attention_logits, axis=1)
        # weights sum to 1 but for rounding
        return ops.minimum(ops.sum(weights * frame_scores, axis=1), 1)


LAYERS = (
    RandomOffset,
    FilledPadding,
    ChannelNorm,
    GroupedConvolution,
    Centred,
    LinearSoftmax,
    AttentionMean,
)


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


def dropout(x, rate: float, name: str):
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


def subsampled(x, name: str):
    """Keep every second frame and band from the first on: ``x[:, ::2, ::2]``.

    As means of one cell each, whose gradient is a pass over the tensor; that of a slice with steps
    takes as long as a convolution.
    """
    return layers.AveragePooling2D(1, strides=2, name=name)(x)


def clip_scores(frame_scores, features, pooling: str):
    """Pool frame scores (B, T, C) to clip scores (B, C).

    Parameters
    ----------
    frame_scores : tensor, shape (B, T, C)
        In [0, 1].
    features : tensor, shape (B, T, F)
        What the scores come from; attention is learnt from it.
    pooling : str
        One of `POOLINGS`.
    """
    name = "clip_scores"
    if pooling == "attention":
        logits = layers.Dense(frame_scores.shape[-1], name="attention_logits")(features)
        return AttentionMean(name=name)([frame_scores, logits])
    # attention has weights to learn, the others have none
    pool = {
        "average": layers.GlobalAveragePooling1D,
        "max": layers.GlobalMaxPooling1D,
        "linear_softmax": LinearSoftmax,
    }[pooling]
    return pool(name=name)(frame_scores)
