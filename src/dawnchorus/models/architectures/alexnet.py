"""AlexNet for spectrograms: the default network of Toth and Czeba (BirdCLEF 2016).

Toth and Czeba (2016), "Convolutional neural networks for large-scale bird song classification in
noisy environment", CLEF working notes; the layers are those of their code. Five convolutions,
then two wide dense layers over the whole window, whose length is therefore fixed.

Input is time x band, low bands first, channels last: (B, 310, 200) as published. The original has
band x time and channels first, (B, 1, 200, 310), and normalises along time by mistake: `norm_axis`.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from dawnchorus.settings.architecture import ArchitectureSettings, Layers, exactly
from dawnchorus.settings.section import Rate, Unit

if TYPE_CHECKING:
    import keras

KERNEL, STRIDE = 16, 6  # of the first convolution, both axes
SMALLEST = (82, 82)  # frames, bands: one cell is left after the last pooling


class Settings(ArchitectureSettings):
    """AlexNet of toth2016."""

    name: Literal["alexnet"] = "alexnet"
    """The architecture."""
    filters: exactly(5) = [96, 256, 384, 384, 256]
    """Channels of the convolutions."""
    dense: Annotated[Layers, Unit("units")] = [4096, 4096]
    """Units of the dense layers before the last."""
    dropout: Rate = 0.5
    """Dropout before every dense layer."""
    head: Literal["softmax", "sigmoid"] = "softmax"
    """Last layer; softmax scores one class as absent and present."""
    norm_axis: Literal["channel", "time"] = "channel"
    """What has its own mean and variance in batch normalisation; time as the original's code."""

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands of an input."""
        return SMALLEST


def build(
    input_shape: tuple[int, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build AlexNet: 39,953,095 weights for 310 x 200 and 999 classes (39,950,999 by time).

    Parameters
    ----------
    input_shape : (int, int)
        T frames and F bands, at least `Settings.least_input`.
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

    from dawnchorus.models import blocks, toth2016_blocks

    convolution, norm_axis = toth2016_blocks.convolution, settings.norm_axis
    glorot_normal = toth2016_blocks.glorot_normal()
    filters = settings.filters
    spectrogram = keras.Input(input_shape, name="spectrogram")
    x = blocks.channel(spectrogram)
    # shapes are those of 310 x 200; the first convolution alone has other initial weights
    x = convolution(x, filters[0], (KERNEL, KERNEL), "conv1", STRIDE, initialiser=glorot_normal)
    x = toth2016_blocks.normalisation(x, norm_axis, "norm1")
    x = toth2016_blocks.pooling(x, "pool1")  # (B, 25, 15, 96)
    x = convolution(x, filters[1], (3, 3), "conv2")
    x = toth2016_blocks.normalisation(x, norm_axis, "norm2")
    x = toth2016_blocks.pooling(x, "pool2")  # (B, 11, 6, 256)
    for number in (3, 4, 5):  # the paper normalises and pools after the last of them alone
        x = convolution(x, filters[number - 1], (3, 3), f"conv{number}", padding="same")
    x = toth2016_blocks.normalisation(x, norm_axis, "norm5")
    x = toth2016_blocks.pooling(x, "pool5")  # (B, 5, 3, 256)
    x = layers.Flatten(name="flatten")(x)
    for number, units in enumerate(settings.dense, 1):
        x = blocks.dropout(x, settings.dropout, f"drop{number}")
        x = toth2016_blocks.dense(x, units, f"dense{number}")
    x = blocks.dropout(x, settings.dropout, f"drop{len(settings.dense) + 1}")
    return keras.Model(
        spectrogram, blocks.dense_scores(x, n_classes, settings.head), name="alexnet"
    )
