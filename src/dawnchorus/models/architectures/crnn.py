"""CRNN: convolutions, then gated recurrent units, of the DCASE 2018 task 4 baseline (system 004).

Serizel et al. (2018), "Large-scale weakly labeled semi-supervised sound event detection in domestic
environments", https://arxiv.org/abs/1807.10501; the layers are those of its code, which runs the
recurrent units in both directions. Every frame has a score per class; a clip's is pooled from them.
So a model with clip output, trained on weak labels, has frame scores too (`models.frame_scores`),
and models with either output have the same layers, by name, as far as ``frame_scores``.

Input is time x mel band, channels last: (B, 500, 64) as published, for clips of 10 s.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

HEAD = "sigmoid"  # by default

OUTPUTS = ("clip", "frame")


def frames_per_score(options: Mapping) -> int:
    """Return how many frames of the input one frame of the scores stands for."""
    return math.prod(options.get("frame_pools") or [1])


def build(
    input_shape: tuple[int | None, int],
    n_classes: int,
    output: str,
    *,
    filters: Sequence[int] = (64, 64, 64),
    band_pools: Sequence[int] = (4, 4, 4),
    frame_pools: Sequence[int] | None = None,
    units: Sequence[int] = (64,),
    pooling: str = "average",
    dropout: float = 0.3,
    input_dropout: float = 0.3,
    recurrent_dropout: float = 0.0,
    reset_after: bool = True,
    recurrent_activation: str = "sigmoid",
) -> "keras.Model":
    """Build the CRNN: 126,474 weights for 64 bands and ten classes, 126,090 of them trainable.

    With ``reset_after=False`` and ``recurrent_activation="hard_sigmoid"`` it is the published one,
    126,090 weights in all; Keras 3 has other defaults than Keras 2 had.

    Parameters
    ----------
    input_shape : (int or None, int)
        T frames, None for any number, and F mel bands; at least the products of the pools.
    n_classes : int
        C.
    output : {"clip", "frame"}
        Scores per clip, (B, C), or per frame, (B, T', C), T' being T over the product of
        ``frame_pools``.
    filters : ints
        Channels of the blocks, as many as there are numbers.
    band_pools, frame_pools : ints
        How many bands and frames each block makes one, one number per block; frames: by default
        none. Bands that are left over in the end stand side by side.
    units : ints
        Units per direction of each recurrent layer, as many as there are numbers.
    pooling : {"average", "max", "linear_softmax", "attention"}
        Of frame scores to clip scores; of no effect on frame output.
    dropout : float
        Rate after every block, in [0, 1).
    input_dropout, recurrent_dropout : float
        Rates of what a recurrent layer gets from below and from the frame before, in [0, 1).
    reset_after : bool
        Whether the reset gate is applied after the recurrent product (Keras 3) or before it.
    recurrent_activation : {"sigmoid", "hard_sigmoid"}
        Of the gates.

    Returns
    -------
    keras.Model
        (B, T, F) to (B, C) or (B, T', C).
    """
    import keras
    from keras import layers

    from dawnchorus.models import blocks, frame_pooling, options, recurrent

    frame_pools = [1] * len(filters) if frame_pools is None else frame_pools
    _check_counts(filters, band_pools, frame_pools, units)
    options.check_choices("crnn", frame_pooling.POOLINGS, pooling=pooling)
    _check_recurrent(input_dropout, recurrent_dropout, reset_after, recurrent_activation)
    options.check_dropout("crnn", dropout)
    smallest = (math.prod(frame_pools), math.prod(band_pools))
    blocks.check_input("crnn", input_shape, smallest, any_length=True)
    spectrogram = blocks.spectrogram(input_shape)
    x = blocks.channel(spectrogram)
    pools = zip(frame_pools, band_pools, strict=True)
    for number, (n_filters, pool) in enumerate(zip(filters, pools, strict=True), 1):
        x = _block(x, n_filters, pool, dropout, number)
    n_frames = -1 if x.shape[1] is None else x.shape[1]
    x = layers.Reshape((n_frames, x.shape[2] * x.shape[3]), name="side_by_side")(x)
    for number, n_units in enumerate(units, 1):
        x = recurrent.BidirectionalGRU(
            n_units, dropout=input_dropout, recurrent_dropout=recurrent_dropout,
            reset_after=reset_after, recurrent_activation=recurrent_activation, name=f"gru{number}",
        )(x)  # fmt: skip
    scores = layers.Dense(n_classes, name="frame_logits")(x)
    scores = layers.Activation("sigmoid", name="frame_scores")(scores)
    if output == "clip":
        scores = frame_pooling.clip_scores(scores, x, pooling)
    return keras.Model(spectrogram, scores, name="crnn")


def _block(x, n_filters: int, pool: tuple[int, int], dropout: float, number: int):
    from keras import layers

    from dawnchorus.models import blocks, fast_layers

    x = layers.Conv2D(n_filters, 3, padding="same", name=f"conv{number}")(x)
    x = fast_layers.ChannelNorm(name=f"norm{number}")(x)
    # The maximum and a rising function commute: rectified after pooling, as the original does
    # before it, the numbers are the same.
    x = blocks.pooling(x, pool, f"pool{number}")
    x = layers.ReLU(name=f"relu{number}")(x)
    return blocks.dropped(x, dropout, f"drop{number}")


def _check_counts(filters, band_pools, frame_pools, units) -> None:
    from dawnchorus.models import options

    options.check_counts("crnn", filters=filters, units=units)
    pools = {"band_pools": band_pools, "frame_pools": frame_pools}
    options.check_counts("crnn", len(filters), **pools)


def _check_recurrent(input_dropout, recurrent_dropout, reset_after, recurrent_activation) -> None:
    from dawnchorus.models import options, recurrent

    options.check_flags("crnn", reset_after=reset_after)
    known = recurrent.ACTIVATIONS
    options.check_choices("crnn", known, recurrent_activation=recurrent_activation)
    rates = {"input_dropout": input_dropout, "recurrent_dropout": recurrent_dropout}
    for option, rate in rates.items():
        try:
            options.check_dropout("crnn", rate)
        except ValueError as error:
            raise ValueError(str(error).replace("dropout", option, 1)) from None
