"""Compact: a small convolutional network for a few hundred recordings on a CPU.

Four convolutions, each followed by pooling, batch normalisation and a rectifier, then the mean and the
maximum over time of what is left, so that the number of weights does not grow with the window and a
call counts wherever it stands. They see each band less its mean over the window, which another place or
recorder does not change. The statistics of the bands themselves (mean, maximum and mean square over
time), where steady sounds differ, reach the last layer: what logistic regression on band statistics
knows, the network need not find out from a few recordings. docs/defaults.md compares these choices.

Input is time x band, channels last.
"""

import math
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from dawnchorus.settings.architecture import Layers, PooledSettings
from dawnchorus.settings.section import Rate, Unit

if TYPE_CHECKING:
    import keras


class Settings(PooledSettings):
    """Small convolutional network with pooled statistics."""

    ANY_LENGTH: ClassVar[bool] = True

    name: Literal["compact"] = "compact"
    """The architecture."""
    filters: Annotated[Layers, Unit("channels")] = [16, 32, 48, 64]
    """Channels of the convolutions."""
    frame_pools: Annotated[Layers, Unit("frames")] = [4, 2, 2, 1]
    """How many frames each convolution makes one."""
    band_pools: Annotated[Layers, Unit("bands")] = [2, 2, 2, 1]
    """How many bands each convolution makes one."""
    centred: bool = True
    """Whether convolutions see each band of a window less its mean over time."""
    statistics: bool = True
    """Whether the statistics of the bands reach the last layer."""
    dropout: Rate = 0.3
    """Dropout before the last layer."""
    head: Literal["sigmoid", "softmax"] = "sigmoid"
    """Last layer; softmax scores one class as absent and present."""

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands of an input."""
        # the first convolution takes every second frame and band
        return 2 * math.prod(self.frame_pools), 2 * math.prod(self.band_pools)


def build(
    input_shape: tuple[int | None, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build the network.

    Parameters
    ----------
    input_shape : (int or None, int)
        T frames, None for any number, and F bands; at least `Settings.least_input`.
    n_classes : int
        C.
    output : {"clip"}
        Scores per clip.
    settings : Settings
        The options.

    Returns
    -------
    keras.Model
        (B, T, F) to (B, C).
    """
    import keras
    from keras import layers

    from dawnchorus.models import blocks

    spectrogram = blocks.spectrogram(input_shape)
    # by the statistics of training batches: frontends differ in unit and level
    bands = blocks.band_norm(spectrogram)
    x = blocks.Centred(name="centred")(bands) if settings.centred else bands
    x = blocks.channel(x)
    pools = zip(settings.frame_pools, settings.band_pools, strict=True)
    for number, (n_filters, pool) in enumerate(zip(settings.filters, pools, strict=True), 1):
        # every second place in the first, whose picture is large: half the time of a step
        strides = 2 if number == 1 else 1
        x = layers.Conv2D(
            n_filters, 3, strides=strides, padding="same", use_bias=False, name=f"conv{number}"
        )(x)
        # pooled first: the maximum and a rising function commute, and there is less to normalise
        x = blocks.pooling(x, pool, f"pool{number}")
        x = blocks.ChannelNorm(momentum=0.9, name=f"norm{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
    n_frames = -1 if x.shape[1] is None else x.shape[1]
    x = layers.AveragePooling2D((1, x.shape[2]), name="band_mean")(x)
    x = layers.Reshape((n_frames, x.shape[3]), name="frames")(x)  # (B, T', channels)
    found = [
        layers.GlobalAveragePooling1D(name="mean")(x),
        layers.GlobalMaxPooling1D(name="maximum")(x),
    ]
    if settings.statistics:
        squares = layers.Multiply(name="squares")([bands, bands])
        statistics = layers.Concatenate(name="band_statistics")(
            [
                layers.GlobalAveragePooling1D(name="band_means")(bands),
                layers.GlobalAveragePooling1D(name="band_powers")(squares),
                layers.GlobalMaxPooling1D(name="band_maxima")(bands),
            ]
        )
        statistics = layers.BatchNormalization(momentum=0.9, name="statistics_norm")(statistics)
        found.append(statistics)
    x = layers.Concatenate(name="pooled")(found)
    x = blocks.dropout(x, settings.dropout, name="drop")
    return keras.Model(
        spectrogram, blocks.dense_scores(x, n_classes, settings.head), name="compact"
    )
