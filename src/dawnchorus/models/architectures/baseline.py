"""Baseline: the plain convolutional network of Kahl et al. (BirdCLEF 2018 baseline).

Kahl et al. (2018), "Recognizing birds from sound - the 2018 BirdCLEF baseline system",
https://arxiv.org/abs/1804.07177; the layers are those of its code. Blocks of convolution,
normalisation and rectifier halve time and bands, and the mean over what is left is scored.

Input is time x band, channels last: (B, 256, 128) as published, for chunks of 1 s. The original has
band x time and channels first, (B, 1, 128, 256); all kernels are square.
"""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from dawnchorus.models.kahl2018_blocks import BlockSettings
from dawnchorus.settings.architecture import Layers
from dawnchorus.settings.section import Unit

if TYPE_CHECKING:
    import keras


class Settings(BlockSettings):
    """The plain convolutional network of kahl2018."""

    ANY_LENGTH: ClassVar[bool] = True

    name: Literal["baseline"] = "baseline"
    """The architecture."""
    filters: Annotated[Layers, Unit("channels")] = [64, 128, 256, 512, 1024]
    """Channels of the blocks; a last convolution of one cell has twice the last."""
    pooling: Literal["max", "stride"] = "max"
    """What halves time and bands: the maximum of 2 x 2, or the stride of the convolution."""


def build(
    input_shape: tuple[int | None, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build the baseline of April 2018: 11,454,236 weights for 256 x 128 and 1500 classes.

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
    spectrogram = keras.Input(input_shape, name="spectrogram")
    x = blocks.channel(spectrogram)
    of_blocks = zip(settings.filters, made.kernels, made.groups, strict=True)
    for number, (count, kernel, groups) in enumerate(of_blocks, 1):
        x = kahl2018_blocks.block(x, made, count, kernel, f"block{number}", groups=groups)
        x = kahl2018_blocks.dropout(x, made, f"drop{number}")
    # (B, 8, 4, 1024) of 256 x 128; this convolution is linear, but for its normalisation
    x = kahl2018_blocks.convolution(
        x, made, 2 * settings.filters[-1], 1, "last_conv",
        bias=not settings.batch_norm, nonlinearity="identity",
    )  # fmt: skip
    x = kahl2018_blocks.normalisation(x, made, "last_norm")
    x = layers.GlobalAveragePooling2D(name="average")(x)  # (B, 2048)
    return keras.Model(
        spectrogram, kahl2018_blocks.scores(x, n_classes, settings.head), name="baseline"
    )
