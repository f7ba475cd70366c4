"""Blocks of the networks of the DSR bird song classifier (dsr2019), and the settings they share.

Spectrograms are time x band here, channels last; the originals are band x time, channels first, in
PyTorch. Published for slices of 216 frames x 256 bands. Its framework normalises with epsilon 1e-5 and
momentum 0.9 (in the sense of Keras), and draws initial weights of convolutions and dense layers
uniformly up to 1 / sqrt(inputs). Recurrent layers have one bias, as Keras has it, where PyTorch adds
two, and Keras' initial weights (orthogonal, a forget bias of 1), which are a choice of this port.

* `SliceSettings`: settings that all of the networks have.
* `block`: convolution, normalisation, rectifier, dropout and pooling, as far as they are asked for.
* `convolution`, `normalisation`, `rectified`: single layers.
* `dense`, `scores`: after the convolutions.
* `long_short_term`: recurrent layers on top of each other.
* `least`: the smallest input of a stack of convolutions and pools.

Settings are read without Keras, so functions import it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from dawnchorus.settings.architecture import ArchitectureSettings, smallest_input
from dawnchorus.settings.section import Rate

if TYPE_CHECKING:
    import keras


class SliceSettings(ArchitectureSettings):
    """Settings that all networks of dsr2019 have."""

    dropout: Rate = 0.3
    """Dropout behind convolutions."""
    head: Literal["softmax", "sigmoid"] = "softmax"
    """Last layer; softmax scores one class as absent and present."""


def least(*stages: tuple[tuple[int, int], tuple[int, int]]) -> tuple[int, int]:
    """Return the fewest frames and bands that leave one cell after all stages of kernel and pool."""
    return smallest_input(stages)


def framework_uniform() -> "keras.initializers.Initializer":
    """Return PyTorch's initialiser of convolutions and dense layers: up to 1 / sqrt(inputs)."""
    import keras

    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def convolution(x, filters: int, kernel: tuple[int, int], name: str, padding: str = "valid"):
    """Apply a convolution with bias (kernel frames x bands)."""
    from keras import layers

    return layers.Conv2D(
        filters, kernel, padding=padding, kernel_initializer=framework_uniform(), name=name
    )(x)


def normalisation(x, name: str, axis: int = -1):
    """Normalise every channel over batches."""
    from keras import layers

    return layers.BatchNormalization(axis=axis, momentum=0.9, epsilon=1e-5, name=name)(x)


def rectified(x, name: str):
    """Apply a rectifier."""
    from keras import layers

    return layers.ReLU(name=name)(x)


def block(
    x,
    filters: int,
    kernel: tuple[int, int],
    name: str,
    *,
    norm: bool = True,
    nonlinearity: str = "relu",
    rate: float = 0.0,
    pool: tuple[int, int] | None = None,
    padding: str = "valid",
):
    """Apply a convolution and what follows it, in the order of the original.

    Parameters
    ----------
    x : tensor, shape (B, T, F, channels)
    filters : int
    kernel : (int, int)
        Frames x bands.
    name : str
        Ends the names of the layers.
    norm : bool, optional
        Whether channels are normalised.
    nonlinearity : {"relu", "elu"}, optional
    rate : float, optional
        Of dropout behind the rectifier.
    pool : (int, int), optional
        Of the maximum at the end, frames x bands.
    padding : {"valid", "same"}, optional
    """
    from keras import layers

    x = convolution(x, filters, kernel, f"conv{name}", padding)
    if norm:
        x = normalisation(x, f"norm{name}")
    if nonlinearity == "relu":
        x = rectified(x, f"relu{name}")
    else:
        x = layers.Activation(nonlinearity, name=f"{nonlinearity}{name}")(x)
    if rate:
        x = layers.Dropout(rate, name=f"drop{name}")(x)
    return x if pool is None else layers.MaxPooling2D(pool, name=f"pool{name}")(x)


def long_short_term(x, units: Sequence[int], rate: float, name: str, is_last: bool = False):
    """Apply recurrent layers over the frames of (B, T, F), with dropout between them.

    Parameters
    ----------
    x : tensor, shape (B, T, F)
    units : sequence of int
        Of each layer.
    rate : float
        Of dropout behind every layer but the last.
    name : str
        Starts the names of the layers.
    is_last : bool, optional
        Whether the last step alone is returned.

    Returns
    -------
    tensor, shape (B, T, units[-1]) or (B, units[-1])
    """
    from keras import layers

    for number, size in enumerate(units, 1):
        is_end = number == len(units)
        x = layers.LSTM(size, return_sequences=not (is_end and is_last), name=f"{name}{number}")(x)
        if rate and not is_end:
            x = layers.Dropout(rate, name=f"{name}{number}_drop")(x)
    return x


def dense(x, units: int, name: str):
    """Apply a dense layer without a rectifier."""
    from keras import layers

    return layers.Dense(units, kernel_initializer=framework_uniform(), name=name)(x)


def scores(x, n_classes: int, head: str):
    """Apply the last dense layer and the head: (B, C), or (B, 2) for one class under softmax."""
    from dawnchorus.models import blocks

    return blocks.scores(dense(x, blocks.n_logits(n_classes, head), "clip_logits"), head)
