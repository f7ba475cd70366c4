"""Blocks of the networks of Kahl et al. (BirdCLEF 2018 baseline), and the settings they share.

A block is a convolution, then normalisation, then the rectifier. Spectrograms are time x band here,
channels last; the originals are band x time, channels first. Their framework normalises with epsilon
1e-4 and momentum 0.9 (in the sense of Keras), and pads a strided convolution on both sides where
Keras pads more at the end: the shapes agree.

* `BlockSettings`: settings that all of the networks have.
* `Recipe`, `recipe`: the options of their blocks.
* `convolution`, `normalisation`, `activation`, `dropout`: single layers.
* `block`, `shortcut`: convolution to activation, and the way past two of them.
* `dense`, `scores`: after the convolutions.
* `he_normal`: the initialiser.

Settings are read without Keras, so functions import it.
"""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from dawnchorus.settings.architecture import ArchitectureSettings, Layers
from dawnchorus.settings.section import Rate, Unit, misfit

if TYPE_CHECKING:
    import keras

SLOPES = {"relu": 0.0, "lrelu": 0.01, "vlrelu": 0.33}  # below zero
UNIT_GAIN = ("elu", "softmax", "sigmoid")  # what has initial weights of gain 1
# which axes of (B, T, F, channels) share one draw, by kind of dropout
SHARED = {"random": (), "channel": (1, 2), "location": (3,)}


class BlockSettings(ArchitectureSettings):
    """Settings that all networks of kahl2018 have."""

    kernels: Annotated[Annotated[int, Field(ge=1)] | Layers, Unit("cells")] = 3
    """Side of the square kernels, for all blocks or for each."""
    groups: Annotated[Annotated[int, Field(ge=1)] | Layers, Unit("groups")] = 1
    """Groups of the convolutions that see several channels, for all blocks or for each."""
    dropout: Rate = 0.0
    """Dropout after every block."""
    dropout_kind: Literal["random", "channel", "location"] = "random"
    """What is dropped as one: cells, whole channels, or all channels of a place."""
    legacy_dropout: bool = False
    """A fault of kahl2018, to reproduce it: channel silently means random, location never worked."""
    nonlinearity: Literal["relu", "lrelu", "vlrelu", "elu", "identity"] = "relu"
    """Slope 0.01 (lrelu) or 0.33 (vlrelu) below zero."""
    batch_norm: bool = True
    """Normalise blocks; where they are not, their convolutions have a bias."""
    head: Literal["softmax", "sigmoid"] = "softmax"
    """Last layer; softmax scores one class as absent and present."""

    filters: Layers
    """Channels of the blocks."""
    pooling: Literal["max", "stride"]
    """What halves time and bands."""

    def grouped_channels(self) -> Sequence[tuple[int, int]]:
        """Return the channels before and after the convolutions of each block; groups divide both."""
        return list(itertools.pairwise([1, *self.filters]))

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands: pooling drops what is left over, a stride does not."""
        side = 2 ** len(self.filters) if self.pooling == "max" else 1
        return side, side

    @model_validator(mode="after")
    def _fit(self) -> Self:
        """Refuse kernels, groups and kinds of dropout that the blocks cannot have."""
        if isinstance(self.kernels, list) and len(self.kernels) != len(self.filters):
            expected = f"{len(self.filters)} numbers, one for each block"
            raise misfit("kernels", self.kernels, expected)
        channels, groups = self.grouped_channels(), self.groups
        if isinstance(groups, list) and len(groups) != len(channels):
            raise misfit("groups", groups, f"{len(channels)} numbers, one for each block")
        if isinstance(groups, list):
            for block, (count, pair) in enumerate(zip(groups, channels, strict=True)):
                if any(each % count for each in pair):
                    listed = ", ".join(map(str, dict.fromkeys(pair)))
                    raise misfit(f"groups.{block}", count, f"a divisor of the channels {listed}")
        else:
            # a spectrogram has one channel, and its convolution no groups
            numbers = [count for pair in channels for count in pair if count > 1]
            if any(count % groups for count in numbers):
                listed = ", ".join(map(str, dict.fromkeys(numbers)))
                raise misfit("groups", groups, f"a divisor of all channels: {listed}")
        if self.legacy_dropout and self.dropout_kind == "location":
            expected = (
                "random or channel with legacy_dropout: true, since location never worked in the "
                "original"
            )
            raise misfit("dropout_kind", self.dropout_kind, expected)
        return self


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The options that all blocks of a network share; see ``architectures.baseline.build``."""

    kernels: tuple[int, ...]
    groups: tuple[int, ...]
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
    kernels, groups, n = settings.kernels, settings.groups, len(settings.filters)
    return Recipe(
        kernels=tuple(kernels if isinstance(kernels, list) else [kernels] * n),
        groups=tuple(groups if isinstance(groups, list) else [groups] * n),
        pooling=settings.pooling,
        dropout=settings.dropout,
        dropout_kind="random" if settings.legacy_dropout else settings.dropout_kind,
        nonlinearity=settings.nonlinearity,
        batch_norm=settings.batch_norm,
    )


def convolution(
    x,
    made: Recipe,
    filters: int,
    kernel: int,
    name: str,
    *,
    stride=1,
    groups=1,
    bias=False,
    nonlinearity: str | None = None,
):
    """Apply a square convolution that keeps, or with a stride of 2 halves, frames and bands.

    Initial weights are those for the nonlinearity of all blocks, or for the one that is given.
    A stride of 2 never meets a kernel of 1: on some CPUs, oneDNN (TensorFlow 2.21) corrupts memory
    in training those from 4, 8 or 12 channels. Cells are left out first, which is the same.
    """
    from keras import layers

    from dawnchorus.models import blocks

    if kernel == 1 and stride == 2:
        x, stride = blocks.subsampled(x, f"{name}_subsampled"), 1
    options = {
        "strides": stride, "padding": "same", "use_bias": bias, "name": name,
        "kernel_initializer": he_normal(nonlinearity or made.nonlinearity),
    }  # fmt: skip
    if groups > 1:
        return blocks.GroupedConvolution(filters, kernel, groups=groups, **options)(x)
    return layers.Conv2D(filters, kernel, **options)(x)


def normalisation(x, made: Recipe, name: str):
    """Normalise every channel over batches, where there is batch normalisation."""
    from dawnchorus.models import blocks

    if not made.batch_norm:
        return x
    return blocks.ChannelNorm(momentum=0.9, epsilon=1e-4, name=name)(x)


def activation(x, made: Recipe, name: str):
    """Apply the nonlinearity."""
    from keras import layers

    if made.nonlinearity == "identity":
        return x
    if made.nonlinearity == "elu":
        return layers.Activation("elu", name=name)(x)
    slope = SLOPES[made.nonlinearity]
    return layers.LeakyReLU(slope, name=name)(x) if slope else layers.ReLU(name=name)(x)


def dropout(x, made: Recipe, name: str):
    """Drop cells, channels or locations of (B, T, F, channels) in training, or cells of (B, units)."""
    from keras import layers

    if not made.dropout:
        return x
    shared = SHARED[made.dropout_kind] if len(x.shape) == 4 else ()
    # 1: one draw for all along this axis; None: a draw for each
    noise_shape = [1 if axis in shared else None for axis in range(len(x.shape))]
    return layers.Dropout(made.dropout, noise_shape if shared else None, name=name)(x)


def block(
    x, made: Recipe, filters: int, kernel: int, name: str, *, groups: int, halves: bool = True
):
    """Apply a convolution, normalisation, and the nonlinearity; by default halve frames and bands.

    With pooling max, the maximum of 2 x 2 halves, else the convolution's stride. The convolution
    has no bias where normalisation would take it away, and no groups where it sees one channel.
    """
    from dawnchorus.models import blocks

    pools = halves and made.pooling == "max"
    options = {
        "stride": 2 if halves and not pools else 1,
        "groups": groups if x.shape[-1] > 1 else 1,
        "bias": not made.batch_norm,
    }
    x = convolution(x, made, filters, kernel, f"{name}_conv", **options)
    x = normalisation(x, made, f"{name}_norm")
    if pools:  # before the nonlinearity, which never falls: the same numbers for less work
        x = blocks.pooling(x, (2, 2), f"{name}_pool")
    return activation(x, made, f"{name}_act")


def shortcut(x, made: Recipe, filters: int, name: str):
    """Halve frames and bands and change the channels by a convolution of one cell, without bias."""
    from dawnchorus.models import blocks

    stride = 1 if made.pooling == "max" else 2
    x = convolution(x, made, filters, 1, name, stride=stride)
    return blocks.pooling(x, (2, 2), f"{name}_pool") if made.pooling == "max" else x


def dense(x, made: Recipe, units: int, name: str):
    """Apply a dense layer and the nonlinearity."""
    from keras import layers

    x = layers.Dense(units, kernel_initializer=he_normal(made.nonlinearity), name=name)(x)
    return activation(x, made, f"{name}_act")


def scores(x, n_classes: int, head: str, nonlinearity: str | None = None):
    """Apply the last dense layer and the head: (B, C), or (B, 2) for one class under softmax.

    Initial weights are those for the head, or for the nonlinearity that is given.
    """
    from keras import layers

    from dawnchorus.models import blocks

    units = blocks.n_logits(n_classes, head)
    logits = layers.Dense(
        units, kernel_initializer=he_normal(nonlinearity or head), name="clip_logits"
    )(x)
    return blocks.scores(logits, head)


def he_normal(nonlinearity: str) -> "keras.initializers.Initializer":
    """Return He's normal initialiser with the gain that the original has for a nonlinearity.

    That is sqrt(2 / (1 + slope^2)) for rectifiers, sqrt(2) for identity and 1 for `UNIT_GAIN`. The
    normal distribution is whole, where Keras' own cuts it at two deviations.
    """
    import keras

    slope = SLOPES.get(nonlinearity, 0.0)
    scale = 1.0 if nonlinearity in UNIT_GAIN else 2 / (1 + slope**2)
    return keras.initializers.VarianceScaling(scale, "fan_in", "untruncated_normal")
