"""Compact frames: a small convolutional network that scores frames, for events on a CPU.

Convolutions that pool bands and keep time, then convolutions along time alone whose reach doubles from
one to the next, each added to what it sees. Every frame has a score per class; a clip's is pooled from
them. Without a recurrent layer, whose frames wait for each other, a step takes a fraction of a CRNN's;
what a frame knows of its neighbours ends some frames away (``reaches``). docs/defaults.md
compares the two.

Input is time x band, channels last, standardised (``training.standardise``).
"""

import math
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from dawnchorus.settings.architecture import Layers, PooledSettings
from dawnchorus.settings.section import Rate, Unit

if TYPE_CHECKING:
    import keras


class Settings(PooledSettings):
    """Small convolutional network with a score for each frame."""

    ANY_LENGTH: ClassVar[bool] = True
    OUTPUTS: ClassVar[tuple[str, ...]] = ("clip", "frame")

    name: Literal["compact_frames"] = "compact_frames"
    """The architecture."""
    filters: Annotated[Layers, Unit("channels")] = [16, 32, 48]
    """Channels of the convolutions over time and bands."""
    band_pools: Annotated[Layers, Unit("bands")] = [4, 2, 2]
    """How many bands each of them makes one."""
    frame_pools: Annotated[Layers, Unit("frames")] = [1, 1, 1]
    """How many frames each of them makes one."""
    units: Annotated[int, Field(ge=1), Unit("channels")] = 64
    """Channels of the convolutions along time."""
    reaches: Annotated[Layers, Unit("frames")] = [1, 2, 4, 8]
    """How far each of these looks to either side, in frames of the scores."""
    centred: bool = False
    """Whether convolutions see each band of a window less its mean over time."""
    pooling: Literal["average", "max", "linear_softmax", "attention"] = "linear_softmax"
    """From frame scores to clip scores; of no effect on frame output."""
    dropout: Rate = 0.2
    """Dropout before the last layer."""

    def frames_per_score(self) -> int:
        """Return how many frames of the input one frame of the scores stands for."""
        return math.prod(self.frame_pools)

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands of an input."""
        return math.prod(self.frame_pools), math.prod(self.band_pools)


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
    output : {"clip", "frame"}
        Scores per clip, (B, C), or per frame, (B, T', C), T' being T over the product of
        ``frame_pools``.
    settings : Settings
        The options.

    Returns
    -------
    keras.Model
        (B, T, F) to (B, C) or (B, T', C).
    """
    import keras
    from keras import layers

    from dawnchorus.models import blocks

    spectrogram = blocks.spectrogram(input_shape)
    x = blocks.Centred(name="centred")(spectrogram) if settings.centred else spectrogram
    x = blocks.channel(x)
    pools = zip(settings.frame_pools, settings.band_pools, strict=True)
    for number, (n_filters, pool) in enumerate(zip(settings.filters, pools, strict=True), 1):
        x = layers.Conv2D(n_filters, 3, padding="same", use_bias=False, name=f"conv{number}")(x)
        # pooled first: the maximum and a rising function commute, and there is less to normalise
        x = blocks.pooling(x, pool, f"pool{number}")
        x = blocks.ChannelNorm(momentum=0.9, name=f"norm{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
    n_frames = -1 if x.shape[1] is None else x.shape[1]
    # bands side by side, so that high and low are told apart
    x = layers.Reshape((n_frames, 1, x.shape[2] * x.shape[3]), name="side_by_side")(x)
    x = layers.Conv2D(settings.units, 1, use_bias=False, name="joined")(x)
    x = blocks.ChannelNorm(momentum=0.9, name="joined_norm")(x)
    x = layers.ReLU(name="joined_relu")(x)  # (B, T', 1, units)
    for number, reach in enumerate(settings.reaches, 1):
        further = layers.Conv2D(
            settings.units, (3, 1), padding="same", dilation_rate=(reach, 1), use_bias=False,
            name=f"along{number}",
        )(x)  # fmt: skip
        further = blocks.ChannelNorm(momentum=0.9, name=f"along{number}_norm")(further)
        further = layers.ReLU(name=f"along{number}_relu")(further)
        x = layers.Add(name=f"added{number}")([x, further])
    x = layers.Reshape((n_frames, settings.units), name="frames")(x)
    x = blocks.dropout(x, settings.dropout, name="drop")
    scores = layers.Dense(n_classes, name="frame_logits")(x)
    scores = layers.Activation("sigmoid", name="frame_scores")(scores)
    if output == "clip":
        scores = blocks.clip_scores(scores, x, settings.pooling)
    return keras.Model(spectrogram, scores, name="compact_frames")
