"""Pi: the small network of Kahl et al. for a single-board computer (BirdCLEF 2018).

Kahl et al. (2018), "Recognizing birds from sound - the 2018 BirdCLEF baseline system",
https://arxiv.org/abs/1804.07177; the layers are those of its code. Blocks of strided convolution,
normalisation and rectifier, then dense layers over the whole chunk, whose length is therefore fixed.

Input is time x band, channels last: (B, 256, 128) as published, for chunks of 1 s. The original has
band x time and channels first, (B, 1, 128, 256); all kernels are square.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from dawnchorus.models.kahl2018_blocks import BlockSettings
from dawnchorus.settings.architecture import Layers
from dawnchorus.settings.section import Unit

if TYPE_CHECKING:
    import keras


class Settings(BlockSettings):
    """The small network of kahl2018 for a single-board computer."""

    name: Literal["pi"] = "pi"
    """The architecture."""
    filters: Annotated[Layers, Unit("channels")] = [16, 32, 64, 128]
    """Channels of the blocks."""
    pooling: Literal["max", "stride"] = "stride"
    """What halves time and bands: the maximum of 2 x 2, or the stride of the convolution."""
    dense: Annotated[Layers, Unit("units")] = [512, 512]
    """Units of the dense layers before the last."""


def build(
    input_shape: tuple[int, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build Pi: 9,519,148 weights for 256 x 128 and 1500 classes.

    Parameters
    ----------
    input_shape : (int, int)
        T frames and F bands; with pooling max at least `Settings.least_input`.
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
    x = layers.Flatten(name="flatten")(x)  # (B, 16384) of 256 x 128
    for number, units in enumerate(settings.dense, 1):
        x = kahl2018_blocks.dense(x, made, units, f"dense{number}")
        x = kahl2018_blocks.dropout(x, made, f"drop{number}")
    return keras.Model(spectrogram, kahl2018_blocks.scores(x, n_classes, settings.head), name="pi")
