"""ResNet: the wide residual network of Kahl et al. (BirdCLEF 2018 baseline, system 002).

Kahl et al. (2018), "Recognizing birds from sound - the 2018 BirdCLEF baseline system",
https://arxiv.org/abs/1804.07177; the layers are those of its code of May 2018, whose default it is.
Stacks of residual blocks, normalised and rectified before their convolutions, halve time and bands
each, and the mean over what is left is scored.

Input is time x band, channels last: (B, 256, 128) as published, for chunks of 1 s. The original has
band x time and channels first, (B, 1, 128, 256); all kernels are square.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from dawnchorus.models import kahl2018_blocks

OUTPUTS = ("clip",)
HEAD = "softmax"  # by default


def build(
    input_shape: tuple[int | None, int],
    n_classes: int,
    output: str,
    *,
    filters: Sequence[int] = (16, 32, 64, 128),
    k: int = 2,
    n: int = 2,
    kernels: int | Sequence[int] = 3,
    groups: int = 1,
    pooling: str = "stride",
    dropout: float = 0.0,
    dropout_kind: str = "random",
    legacy_dropout: bool = False,
    nonlinearity: str = "relu",
    batch_norm: bool = True,
    head: str = "softmax",
) -> "keras.Model":
    """Build the ResNet: 3,179,628 weights for 256 x 128 and 1500 classes.

    Parameters
    ----------
    input_shape : (int or None, int)
        T frames, None for any number, and F bands; with pooling max at least 2 to the power of the
        number of stacks.
    n_classes : int
        C.
    output : {"clip"}
        Scores per clip.
    filters : ints
        Channels of the stacks before widening, as many as there are numbers; the first convolution
        has the first of them.
    k : int
        Every stack has k times its filters.
    n : int
        Blocks per stack, at least 1; the first of them halves time and bands.
    kernels : int or ints
        Side of the square kernels, for all stacks or per stack; the first convolution has the
        first of them.
    groups : int
        Of the convolutions in blocks; a divisor of the first filters and of all widened ones.
    pooling : {"max", "stride"}
        What halves time and bands on both ways through a block: the maximum of 2 x 2, or the
        convolution's stride.
    dropout : float
        Rate between the two convolutions of a block, in [0, 1).
    dropout_kind, legacy_dropout, nonlinearity, batch_norm, head
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
        "resnet", filters, kernels, groups=groups, pooling=pooling, dropout=dropout,
        dropout_kind=dropout_kind, legacy_dropout=legacy_dropout, nonlinearity=nonlinearity,
        batch_norm=batch_norm,
    )  # fmt: skip
    options.check_choices("resnet", blocks.HEADS, head=head)
    options.check_wholes("resnet", k=k, n=n)
    widths = [k * count for count in filters]
    kahl2018_blocks.check_groups("resnet", groups, [filters[0], *widths])
    smallest = kahl2018_blocks.smallest_input(pooling, len(filters))
    blocks.check_input("resnet", input_shape, smallest, any_length=True)
    spectrogram = keras.Input(input_shape, name="spectrogram")
    # The normalisation of the first block is that of this convolution, and takes its bias.
    x = kahl2018_blocks.convolution(
        blocks.channel(spectrogram), made, filters[0], made.kernels[0], "conv1",
        bias=not batch_norm,
    )  # fmt: skip
    for number, (width, kernel) in enumerate(zip(widths, made.kernels, strict=True), 1):
        x = _stack(x, made, width, kernel, n, f"stack{number}")
    x = kahl2018_blocks.activated(
        kahl2018_blocks.normalised(x, made, "last_norm"), made, "last_act"
    )
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(spectrogram, kahl2018_blocks.scores(x, n_classes, head), name="resnet")


def _stack(x, made: "kahl2018_blocks.Recipe", width: int, kernel: int, n_blocks: int, name: str):
    for number in range(1, n_blocks + 1):
        x = _block(x, made, width, kernel, f"{name}_block{number}", halves=number == 1)
    return x


def _block(x, made: "kahl2018_blocks.Recipe", width: int, kernel: int, name: str, *, halves: bool):
    """Add two convolutions to a way past them, which starts after the first rectifier or before."""
    from keras import layers

    from dawnchorus.models import kahl2018_blocks

    active = kahl2018_blocks.normalised(x, made, f"{name}_in_norm")
    active = kahl2018_blocks.activated(active, made, f"{name}_in_act")
    past = kahl2018_blocks.shortcut(active, made, width, f"{name}_shortcut") if halves else x
    y = kahl2018_blocks.block(active, made, width, kernel, name, halves=halves)
    y = kahl2018_blocks.dropped(y, made, f"{name}_drop")
    y = kahl2018_blocks.convolution(
        y, made, width, kernel, f"{name}_conv2", groups=made.groups, bias=True
    )
    return layers.Add(name=f"{name}_sum")([y, past])
