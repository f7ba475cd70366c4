"""Baseline: the plain convolutional network of Kahl et al. (BirdCLEF 2018 baseline, system 002).

Kahl et al. (2018), "Recognizing birds from sound - the 2018 BirdCLEF baseline system",
https://arxiv.org/abs/1804.07177; the layers are those of its code. Blocks of convolution,
normalisation and rectifier halve time and bands, and the mean over what is left is scored.

Input is time x band, channels last: (B, 256, 128) as published, for chunks of 1 s. The original has
band x time and channels first, (B, 1, 128, 256); all kernels are square.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

OUTPUTS = ("clip",)
HEAD = "softmax"  # by default


def build(
    input_shape: tuple[int | None, int],
    n_classes: int,
    output: str,
    *,
    filters: Sequence[int] = (64, 128, 256, 512, 1024),
    kernels: int | Sequence[int] = 3,
    groups: int = 1,
    pooling: str = "max",
    dropout: float = 0.0,
    dropout_kind: str = "random",
    legacy_dropout: bool = False,
    nonlinearity: str = "relu",
    batch_norm: bool = True,
    head: str = "softmax",
) -> "keras.Model":
    """Build the baseline of April 2018: 11,454,236 weights for 256 x 128 and 1500 classes.

    Parameters
    ----------
    input_shape : (int or None, int)
        T frames, None for any number, and F bands; with pooling max at least 2 to the power of the
        number of blocks.
    n_classes : int
        C.
    output : {"clip"}
        Scores per clip.
    filters : ints
        Channels of the blocks, as many as there are numbers; a last convolution of one cell has
        twice the last.
    kernels : int or ints
        Side of the square kernels, for all blocks or per block.
    groups : int
        Of the convolutions from the second block on; a divisor of all filters.
    pooling : {"max", "stride"}
        What halves time and bands: the maximum of 2 x 2, or the convolution's stride.
    dropout : float
        Rate after every block, in [0, 1).
    dropout_kind : {"random", "channel", "location"}
        What is dropped as one: cells, whole channels, or all channels of a place.
    legacy_dropout : bool
        As the original's code: channel silently means random, and location never worked.
    nonlinearity : {"relu", "lrelu", "vlrelu", "elu", "identity"}
        Slope 0.01 (lrelu) or 0.33 (vlrelu) below zero.
    batch_norm : bool
        Whether blocks are normalised; if not, their convolutions have a bias.
    head : {"softmax", "sigmoid"}
        Softmax gives (B, 2) for one class: absent, present.

    Returns
    -------
    keras.Model
        (B, T, F) to (B, C).
    """
    import keras
    from keras import layers

    from dawnchorus.models import blocks, kahl2018_blocks, options

    made = kahl2018_blocks.recipe(
        "baseline", filters, kernels, groups=groups, pooling=pooling, dropout=dropout,
        dropout_kind=dropout_kind, legacy_dropout=legacy_dropout, nonlinearity=nonlinearity,
        batch_norm=batch_norm,
    )  # fmt: skip
    options.check_choices("baseline", blocks.HEADS, head=head)
    kahl2018_blocks.check_groups("baseline", groups, filters)
    smallest = kahl2018_blocks.smallest_input(pooling, len(filters))
    blocks.check_input("baseline", input_shape, smallest, any_length=True)
    spectrogram = keras.Input(input_shape, name="spectrogram")
    x = blocks.channel(spectrogram)
    for number, (count, kernel) in enumerate(zip(filters, made.kernels, strict=True), 1):
        x = kahl2018_blocks.block(x, made, count, kernel, f"block{number}")
        x = kahl2018_blocks.dropped(x, made, f"drop{number}")
    x = kahl2018_blocks.convolution(x, made, 2 * filters[-1], 1, "last_conv", bias=not batch_norm)
    x = kahl2018_blocks.normalised(x, made, "last_norm")
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(spectrogram, kahl2018_blocks.scores(x, n_classes, head), name="baseline")
