"""ResNet: the wide residual network of Kahl et al. (BirdCLEF 2018 baseline).

Kahl et al. (2018), "Recognizing birds from sound - the 2018 BirdCLEF baseline system",
https://arxiv.org/abs/1804.07177; the layers are those of its code of May 2018, whose default it is.
Stacks of residual blocks, normalised and rectified before their convolutions, halve time and bands
each, and the mean over what is left is scored.

Input is time x band, channels last: (B, 256, 128) as published, for chunks of 1 s. The original has
band x time and channels first, (B, 1, 128, 256); all kernels are square.
"""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from dawnchorus.models.kahl2018_blocks import BlockSettings
from dawnchorus.settings.architecture import Layers
from dawnchorus.settings.section import Unit

if TYPE_CHECKING:
    import keras

    from dawnchorus.models import kahl2018_blocks


class Settings(BlockSettings):
    """The wide residual network of kahl2018."""

    ANY_LENGTH: ClassVar[bool] = True

    name: Literal["resnet"] = "resnet"
    """The architecture."""
    filters: Annotated[Layers, Unit("channels")] = [16, 32, 64, 128]
    """Channels of the stacks before widening; the first convolution has the first of them."""
    pooling: Literal["max", "stride"] = "stride"
    """What halves time and bands on both ways through a block."""
    k: Annotated[int, Field(ge=1), Unit("1")] = 2
    """Every stack has k times its filters."""
    n: Annotated[int, Field(ge=1), Unit("blocks")] = 2
    """Blocks of a stack; the first of them halves time and bands."""

    def grouped_channels(self) -> Sequence[tuple[int, int]]:
        """Return the channels before and after the convolutions of each stack; groups divide both."""
        widths = [self.k * count for count in self.filters]
        return list(itertools.pairwise([self.filters[0], *widths]))


def build(
    input_shape: tuple[int | None, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build the ResNet: 3,179,628 weights for 256 x 128 and 1500 classes.

    Parameters
    ----------
    input_shape : (int or None, int)
        T frames, None for any number, and F bands; with pooling max at least `Settings.least_input`.
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

    from dawnchorus.models import blocks, kahl2018_blocks

    made = kahl2018_blocks.recipe(settings)
    widths = [settings.k * count for count in settings.filters]
    spectrogram = keras.Input(input_shape, name="spectrogram")
    # The normalisation of the first block is that of this convolution, and takes its bias.
    x = kahl2018_blocks.convolution(
        blocks.channel(spectrogram), made, settings.filters[0], made.kernels[0], "conv1",
        bias=not settings.batch_norm,
    )  # fmt: skip
    of_stacks = zip(widths, made.kernels, made.groups, strict=True)
    for number, (width, kernel, groups) in enumerate(of_stacks, 1):
        for within in range(1, settings.n + 1):
            name = f"stack{number}_block{within}"
            x = _block(x, made, width, kernel, name, groups=groups, halves=within == 1)
    x = kahl2018_blocks.activation(
        kahl2018_blocks.normalisation(x, made, "last_norm"), made, "last_act"
    )
    x = layers.GlobalAveragePooling2D(name="average")(x)  # (B, 256) of 16 x 8 cells
    # its dense layer is linear, and the softmax a layer of its own
    scores = kahl2018_blocks.scores(x, n_classes, settings.head, nonlinearity="identity")
    return keras.Model(spectrogram, scores, name="resnet")


def _block(
    x,
    made: "kahl2018_blocks.Recipe",
    width: int,
    kernel: int,
    name: str,
    *,
    groups: int,
    halves: bool,
):
    """Add two convolutions to a way past them, which starts after the first rectifier or before."""
    from keras import layers

    from dawnchorus.models import kahl2018_blocks

    active = kahl2018_blocks.normalisation(x, made, f"{name}_in_norm")
    active = kahl2018_blocks.activation(active, made, f"{name}_in_act")
    past = kahl2018_blocks.shortcut(active, made, width, f"{name}_shortcut") if halves else x
    y = kahl2018_blocks.block(active, made, width, kernel, name, groups=groups, halves=halves)
    y = kahl2018_blocks.dropout(y, made, f"{name}_drop")
    y = kahl2018_blocks.convolution(
        y, made, width, kernel, f"{name}_conv2", groups=groups, bias=True
    )
    return layers.Add(name=f"{name}_sum")([y, past])
