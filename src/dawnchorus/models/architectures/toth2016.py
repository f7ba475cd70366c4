"""The "BirdClef" network of Toth and Czeba (BirdCLEF 2016).

Toth and Czeba (2016), "Convolutional neural networks for large-scale bird song classification in
noisy environment", CLEF working notes; the layers are those of their code. Four convolutions,
then two dense layers over the whole window, whose length is therefore fixed.

Input is time x band, low bands first, channels last: (B, 310, 200) as published. The original has
band x time and channels first, (B, 1, 200, 310), so its kernel of 5 x 3 is 3 x 5 here; it
normalises along time by mistake: `norm_axis`.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from dawnchorus.settings.architecture import ArchitectureSettings, Layers, exactly
from dawnchorus.settings.section import Rate, Unit

if TYPE_CHECKING:
    import keras

KERNEL, STRIDE = 16, 8  # of the first convolution, both axes
SMALLEST = (104, 136)  # frames, bands: one cell is left after the last pooling


class Settings(ArchitectureSettings):
    """The smaller network of toth2016."""

    name: Literal["toth2016"] = "toth2016"
    """The architecture."""
    filters: exactly(4) = [128, 256, 384, 384]
    """Channels of the convolutions."""
    dense: Annotated[Layers, Unit("units")] = [2048, 2048]
    """Units of the dense layers before the last."""
    dropout: Rate = 0.5
    """Dropout after every dense layer but the last; none before the first, as published."""
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
    """Build BirdClef: 15,276,647 weights for 310 x 200 and 999 classes (15,274,183 by time).

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
    filters = settings.filters
    spectrogram = keras.Input(input_shape, name="spectrogram")
    x = blocks.channel(spectrogram)
    x = convolution(x, filters[0], (KERNEL, KERNEL), "conv1", STRIDE)
    # no normalisation here, as in the original; shapes are those of 310 x 200
    x = toth2016_blocks.pooling(x, "pool1")  # (B, 18, 12, 128)
    # 5 bands x 3 frames in the original's order of axes
    x = convolution(x, filters[1], (3, 5), "conv2")
    x = toth2016_blocks.normalisation(x, norm_axis, "norm2")
    x = toth2016_blocks.pooling(x, "pool2")  # (B, 8, 4, 256)
    x = convolution(x, filters[2], (3, 3), "conv3", padding="same")
    x = convolution(x, filters[3], (3, 3), "conv4", padding="same")
    x = toth2016_blocks.normalisation(x, norm_axis, "norm4")
    x = toth2016_blocks.pooling(x, "pool4")  # (B, 4, 2, 384)
    x = layers.Flatten(name="flatten")(x)
    # dropout comes behind each of them: the original has none before the first, as AlexNet has
    for number, units in enumerate(settings.dense, 1):
        x = toth2016_blocks.dense(x, units, f"dense{number}")
        x = blocks.dropout(x, settings.dropout, f"drop{number}")
    return keras.Model(
        spectrogram, blocks.dense_scores(x, n_classes, settings.head), name="toth2016"
    )
