"""Pi: the small network of Kahl et al. for a single-board computer (BirdCLEF 2018, system 002).

Kahl et al. (2018), "Recognizing birds from sound - the 2018 BirdCLEF baseline system",
https://arxiv.org/abs/1804.07177; the layers are those of its code. Blocks of strided convolution,
normalisation and rectifier, then dense layers over the whole chunk, whose length is therefore fixed.

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
    input_shape: tuple[int, int],
    n_classes: int,
    output: str,
    *,
    filters: Sequence[int] = (16, 32, 64, 128),
    kernels: int | Sequence[int] = 3,
    groups: int = 1,
    pooling: str = "stride",
    dense: Sequence[int] = (512, 512),
    dropout: float = 0.0,
    dropout_kind: str = "random",
    legacy_dropout: bool = False,
    nonlinearity: str = "relu",
    batch_norm: bool = True,
    head: str = "softmax",
) -> "keras.Model":
    """Build Pi: 9,519,148 weights for 256 x 128 and 1500 classes.

    Parameters
    ----------
    input_shape : (int, int)
        T frames and F bands; with pooling max at least 2 to the power of the number of blocks.
    n_classes : int
        C.
    output : {"clip"}
        Scores per clip.
    filters, kernels, groups, pooling
        As for `dawnchorus.models.architectures.baseline.build`.
    dense : ints
        Units of the dense layers before the last.
    dropout : float
        Rate after every dense layer but the last, in [0, 1).
    dropout_kind, legacy_dropout
        As for `dawnchorus.models.architectures.baseline.build`; on the values of dense layers every
        kind is random.
    nonlinearity, batch_norm, head
        As for `dawnchorus.models.architectures.baseline.build`.

    Returns
    -------
    keras.Model
        (B, T, F) to (B, C).
    """
    import keras
    from keras import layers

    from dawnchorus.models import blocks, kahl2018_blocks, options

    made = kahl2018_blocks.recipe(
        "pi", filters, kernels, groups=groups, pooling=pooling, dropout=dropout,
        dropout_kind=dropout_kind, legacy_dropout=legacy_dropout, nonlinearity=nonlinearity,
        batch_norm=batch_norm,
    )  # fmt: skip
    options.check_choices("pi", blocks.HEADS, head=head)
    options.check_counts("pi", dense=dense)
    kahl2018_blocks.check_groups("pi", groups, filters)
    blocks.check_input("pi", input_shape, kahl2018_blocks.smallest_input(pooling, len(filters)))
    spectrogram = keras.Input(input_shape, name="spectrogram")
    x = blocks.channel(spectrogram)
    for number, (count, kernel) in enumerate(zip(filters, made.kernels, strict=True), 1):
        x = kahl2018_blocks.block(x, made, count, kernel, f"block{number}")
    x = layers.Flatten(name="flatten")(x)
    for number, units in enumerate(dense, 1):
        x = kahl2018_blocks.dense(x, made, units, f"dense{number}")
        x = kahl2018_blocks.dropped(x, made, f"drop{number}")
    return keras.Model(spectrogram, kahl2018_blocks.scores(x, n_classes, head), name="pi")
