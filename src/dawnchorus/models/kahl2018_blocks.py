"""Blocks of the networks of Kahl et al. (BirdCLEF 2018 baseline): normalised, then rectified.

Spectrograms are time x band here, channels last; the originals are band x time, channels first.
Their framework normalises with epsilon 1e-4 and momentum 0.9 (in the sense of Keras), and pads a
strided convolution on both sides where Keras pads more at the end: the shapes agree.

* `Recipe`, `recipe`: the options that the networks share.
* `convolution`, `normalised`, `activated`, `dropped`: single layers.
* `block`, `shortcut`: convolution to activation, and the way past two of them.
* `dense`, `scores`: after the convolutions.
* `he_normal`: the initialiser.
"""

import dataclasses

import keras
from keras import layers

from dawnchorus.models import blocks, fast_layers
from dawnchorus.models.kahl2018_settings import BlockSettings

SLOPES = {"relu": 0.0, "lrelu": 0.01, "vlrelu": 0.33}  # below zero
# which axes of (B, T, F, channels) share one draw, by kind of dropout
SHARED = {"random": (), "channel": (1, 2), "location": (3,)}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The options that all blocks of a network share; see ``architectures.baseline.build``."""

    kernels: tuple[int, ...]
    groups: int
    pooling: str
    dropout: float
    dropout_kind: str
    nonlinearity: str
    batch_norm: bool


def recipe(settings: BlockSettings) -> Recipe:
    """Return the options that all blocks of a network share.

    With ``legacy_dropout`` every kind of dropout is random, as the original's code has it without a
    word.
    """
    kernels = settings.kernels
    return Recipe(
        kernels=tuple(kernels if isinstance(kernels, list) else [kernels] * len(settings.filters)),
        groups=settings.groups,
        pooling=settings.pooling,
        dropout=settings.dropout,
        dropout_kind="random" if settings.legacy_dropout else settings.dropout_kind,
        nonlinearity=settings.nonlinearity,
        batch_norm=settings.batch_norm,
    )


def convolution(
    x, made: Recipe, filters: int, kernel: int, name: str, *, stride=1, groups=1, bias=False
):
    """Apply a square convolution that keeps, or with a stride of 2 halves, frames and bands.

    A stride of 2 never meets a kernel of 1: on some CPUs, oneDNN (TensorFlow 2.21) corrupts memory
    in training those from 4, 8 or 12 channels. Cells are left out first, which is the same.
    """
    if kernel == 1 and stride == 2:
        x, stride = fast_layers.subsampled(x, f"{name}_subsampled"), 1
    options = {
        "strides": stride, "padding": "same", "use_bias": bias, "name": name,
        "kernel_initializer": he_normal(made.nonlinearity),
    }  # fmt: skip
    if groups > 1:
        return fast_layers.GroupedConvolution(filters, kernel, groups=groups, **options)(x)
    return layers.Conv2D(filters, kernel, **options)(x)


def normalised(x, made: Recipe, name: str):
    """Normalise every channel over batches, where there is batch normalisation."""
    if not made.batch_norm:
        return x
    return fast_layers.ChannelNorm(momentum=0.9, epsilon=1e-4, name=name)(x)


def activated(x, made: Recipe, name: str):
    """Apply the nonlinearity."""
    if made.nonlinearity == "identity":
        return x
    if made.nonlinearity == "elu":
        return layers.Activation("elu", name=name)(x)
    slope = SLOPES[made.nonlinearity]
    return layers.LeakyReLU(slope, name=name)(x) if slope else layers.ReLU(name=name)(x)


def dropped(x, made: Recipe, name: str):
    """Drop cells, channels or locations of (B, T, F, channels) in training, or cells of (B, units)."""
    if not made.dropout:
        return x
    shared = SHARED[made.dropout_kind] if len(x.shape) == 4 else ()
    noise_shape = [1 if axis in shared else None for axis in range(len(x.shape))]
    return layers.Dropout(made.dropout, noise_shape if shared else None, name=name)(x)


def block(x, made: Recipe, filters: int, kernel: int, name: str, *, halves: bool = True):
    """Apply a convolution, normalisation, and the nonlinearity; by default halve frames and bands.

    With pooling max, the maximum of 2 x 2 halves, else the convolution's stride. The convolution
    has no bias where normalisation would take it away, and no groups where it sees one channel.
    """
    pools = halves and made.pooling == "max"
    options = {
        "stride": 2 if halves and not pools else 1,
        "groups": made.groups if x.shape[-1] > 1 else 1,
        "bias": not made.batch_norm,
    }
    x = convolution(x, made, filters, kernel, f"{name}_conv", **options)
    x = normalised(x, made, f"{name}_norm")
    if pools:  # before the nonlinearity, which never falls: the same numbers for less work
        x = blocks.pooling(x, (2, 2), f"{name}_pool")
    return activated(x, made, f"{name}_act")


def shortcut(x, made: Recipe, filters: int, name: str):
    """Halve frames and bands and change the channels by a convolution of one cell, without bias."""
    stride = 1 if made.pooling == "max" else 2
    x = convolution(x, made, filters, 1, name, stride=stride)
    return blocks.pooling(x, (2, 2), f"{name}_pool") if made.pooling == "max" else x


def dense(x, made: Recipe, units: int, name: str):
    """Apply a dense layer and the nonlinearity."""
    x = layers.Dense(units, kernel_initializer=he_normal(made.nonlinearity), name=name)(x)
    return activated(x, made, f"{name}_act")


def scores(x, n_classes: int, head: str):
    """Apply the last dense layer and the head: (B, C), or (B, 2) for one class under softmax."""
    units = blocks.n_logits(n_classes, head)
    logits = layers.Dense(units, kernel_initializer=he_normal("relu"), name="clip_logits")(x)
    return blocks.scores(logits, head)


def he_normal(nonlinearity: str) -> keras.initializers.Initializer:
    """Return He's normal initialiser, whose gain is sqrt(2 / (1 + slope^2)); for all else sqrt(2).

    The normal distribution is whole, where Keras' own cuts it at two deviations.
    """
    slope = SLOPES.get(nonlinearity, 0.0)
    return keras.initializers.VarianceScaling(2 / (1 + slope**2), "fan_in", "untruncated_normal")
