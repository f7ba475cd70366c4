"""CRNN: convolutions, then gated recurrent units, of the DCASE 2018 task 4 baseline.

Serizel et al. (2018), "Large-scale weakly labeled semi-supervised sound event detection in domestic
environments", https://arxiv.org/abs/1807.10501; the layers are those of its code, which runs the
recurrent units in both directions. Every frame has a score per class; a clip's is pooled from them.
So a model with clip output, trained on weak labels, has frame scores too (`frame_output.frame_scores`),
and models with either output have the same layers, by name, as far as ``frame_scores``.

Input is time x mel band, channels last: (B, 500, 64) as published, for clips of 10 s.
"""

import math
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from dawnchorus.settings.architecture import Layers, PooledSettings
from dawnchorus.settings.section import Rate, Unit

if TYPE_CHECKING:
    import keras


class Settings(PooledSettings):
    """CRNN of serizel2018: convolutions, then recurrent units in both directions."""

    ANY_LENGTH: ClassVar[bool] = True

    OUTPUTS: ClassVar[tuple[str, ...]] = ("clip", "frame")

    LAYER: ClassVar[str] = "block"

    name: Literal["crnn"] = "crnn"
    """The architecture."""
    filters: Annotated[Layers, Unit("channels")] = [64, 64, 64]
    """Channels of the blocks."""
    band_pools: Annotated[Layers, Unit("bands")] = [4, 4, 4]
    """How many bands each block makes one."""
    frame_pools: Annotated[Layers, Unit("frames")] | None = None
    """How many frames each block makes one; null: none."""
    units: Annotated[Layers, Unit("units")] = [64]
    """Units per direction of each recurrent layer."""
    pooling: Literal["average", "max", "linear_softmax", "attention"] = "average"
    """From frame scores to clip scores; of no effect on frame output."""
    dropout: Rate = 0.3
    """Dropout after every block."""
    input_dropout: Rate = 0.3
    """Dropout of what a recurrent layer gets from below."""
    recurrent_dropout: Rate = 0.0
    """Dropout of what a recurrent layer gets from the frame before."""
    reset_after: bool = True
    """Apply the reset gate after the recurrent product (Keras 3), or before it (as published)."""
    recurrent_activation: Literal["sigmoid", "hard_sigmoid"] = "sigmoid"
    """Activation of the gates; hard_sigmoid as published."""

    def frames_per_score(self) -> int:
        """Return how many frames of the input one frame of the scores stands for."""
        return math.prod(self.frame_pools or [1])

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands of an input."""
        return (math.prod(self.frame_pools or [1]), math.prod(self.band_pools))


def build(
    input_shape: tuple[int | None, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build the CRNN: 126,474 weights for 64 bands and ten classes, 126,090 of them trainable.

    With ``reset_after=False`` and ``recurrent_activation="hard_sigmoid"`` it is the published one,
    126,090 weights in all; Keras 3 has other defaults than Keras 2 had.

    Parameters
    ----------
    input_shape : (int or None, int)
        T frames, None for any number, and F mel bands; at least `Settings.least_input`.
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

    from dawnchorus.models import blocks, recurrent

    frame_pools = settings.frame_pools or [1] * len(settings.filters)
    spectrogram = blocks.spectrogram(input_shape)
    x = blocks.channel(spectrogram)
    pools = zip(frame_pools, settings.band_pools, strict=True)
    for number, (n_filters, pool) in enumerate(zip(settings.filters, pools, strict=True), 1):
        x = layers.Conv2D(n_filters, 3, padding="same", name=f"conv{number}")(x)
        x = blocks.ChannelNorm(name=f"norm{number}")(x)
        # The maximum and a rising function commute: rectified after pooling, as the original does
        # before it, the numbers are the same.
        x = blocks.pooling(x, pool, f"pool{number}")
        x = layers.ReLU(name=f"relu{number}")(x)
        x = blocks.dropout(x, settings.dropout, f"drop{number}")
    n_frames = -1 if x.shape[1] is None else x.shape[1]
    x = layers.Reshape((n_frames, x.shape[2] * x.shape[3]), name="side_by_side")(x)  # (B, T', 64)
    for number, n_units in enumerate(settings.units, 1):
        x = recurrent.BidirectionalGRU(
            n_units, dropout=settings.input_dropout, recurrent_dropout=settings.recurrent_dropout,
            reset_after=settings.reset_after, recurrent_activation=settings.recurrent_activation,
            name=f"gru{number}",
        )(x)  # fmt: skip
    # x holds both directions, (B, T', 2 units); one dense layer for every frame
    scores = layers.Dense(n_classes, name="frame_logits")(x)
    scores = layers.Activation("sigmoid", name="frame_scores")(scores)
    if output == "clip":
        scores = blocks.clip_scores(scores, x, settings.pooling)
    return keras.Model(spectrogram, scores, name="crnn")
