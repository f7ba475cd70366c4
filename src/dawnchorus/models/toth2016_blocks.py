"""Blocks of the networks of Toth and Czeba (BirdCLEF 2016): rectified, normalised after that.

Spectrograms are time x band here, channels last; the originals are band x time, channels first.

* `convolution`, `normalisation`, `pooling`, `dense`: from layer to layer.
* `glorot_normal`: the initial weights of AlexNet's first convolution.

All other convolutions have LeCun uniform initial weights, as published; dense layers those that Keras
gave by default then as now, Glorot uniform.
"""

import keras
from keras import layers

from dawnchorus.models import blocks

CONVOLUTION_WEIGHTS, DENSE_WEIGHTS = "lecun_uniform", "glorot_uniform"


def convolution(
    x,
    filters: int,
    kernel: tuple[int, int],
    name: str,
    stride: int = 1,
    padding: str = "valid",
    initialiser=CONVOLUTION_WEIGHTS,
):
    """Apply a convolution with bias (kernel frames x bands) and a rectifier."""
    return layers.Conv2D(
        filters, kernel, strides=stride, padding=padding, activation="relu",
        kernel_initializer=initialiser, name=name,
    )(x)  # fmt: skip


def glorot_normal() -> keras.initializers.Initializer:
    """Return Keras' "glorot_normal" as it was in 2016: today's is cut at two deviations."""
    return keras.initializers.VarianceScaling(1.0, "fan_avg", "untruncated_normal")


def normalisation(x, norm_axis: str, name: str):
    """Normalise batches per channel, or per frame as the originals do.

    They say axis -1, which with channels first is time: each of the few columns of the tensor has
    statistics of its own over bands and channels. Keras 1.1.1 has epsilon 1e-5 and momentum 0.99.
    """
    options = {"momentum": 0.99, "epsilon": 1e-5, "name": name}
    if norm_axis == "time":
        return layers.BatchNormalization(axis=1, **options)(x)
    return blocks.ChannelNorm(**options)(x)


def pooling(x, name: str):
    """Take the maximum of blocks of 2 x 2; an odd row at the end is dropped."""
    return blocks.pooling(x, (2, 2), name)


def dense(x, units: int, name: str):
    """Apply a dense layer and a rectifier."""
    return layers.Dense(units, activation="relu", kernel_initializer=DENSE_WEIGHTS, name=name)(x)
