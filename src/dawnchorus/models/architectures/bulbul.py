"""Bulbul: the winner of the Bird Audio Detection challenge 2017, by Thomas Grill.

Grill and Schlueter (2017), "Two convolutional neural networks for bird detection in audio
signals", EUSIPCO; the layers are those of the winning code. Four convolutions with pooling, then
dense layers over the whole clip, whose length is therefore fixed.

Input is time x mel band, low bands first, channels last: (B, 1000, 80) as published. The original
has channels first (B, 1, 1000, 80) with the same order of time and bands.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from dawnchorus.settings.architecture import ArchitectureSettings, Layers, exactly, smallest_input
from dawnchorus.settings.section import Rate, Unit

if TYPE_CHECKING:
    import keras

# kernel and pool, frames x bands
STAGES = (
    ((3, 3), (3, 3)),
    ((3, 3), (3, 3)),
    ((3, 1), (3, 1)),
    ((3, 1), (3, 1)),
)


class Settings(ArchitectureSettings):
    """Bulbul of grill2017."""

    name: Literal["bulbul"] = "bulbul"
    """The architecture."""
    filters: exactly(4) = [16, 16, 16, 16]
    """Channels of the convolutions."""
    dense: Annotated[Layers, Unit("units")] = [256, 32]
    """Units of the dense layers before the last."""
    dropout: Rate = 0.5
    """Dropout before every dense layer."""
    head: Literal["sigmoid", "softmax"] = "sigmoid"
    """Last layer; softmax scores one class as absent and present."""
    input_offset: Annotated[float, Field(ge=0), Unit("deviations")] = 0.0
    """In training, each clip is shifted by up to so many deviations of the normalised input."""

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands of an input."""
        return smallest_input(STAGES)


def build(
    input_shape: tuple[int, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build bulbul: 373,009 trainable weights for 1000 x 80 and one class.

    Parameters
    ----------
    input_shape : (int, int)
        T frames and F mel bands, at least `Settings.least_input`.
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

    from dawnchorus.models import blocks

    spectrogram = blocks.spectrogram(input_shape)
    x = blocks.band_norm(spectrogram)
    x = blocks.random_offset(x, settings.input_offset)
    # of 1000 x 80: 11 frames x 8 bands x 16 channels, (B, 1408)
    x = blocks.convolutions(blocks.channel(x), settings.filters, STAGES)
    for number, units in enumerate(settings.dense, 1):
        x = blocks.dropout(x, settings.dropout, name=f"drop{number}")
        x = blocks.dense(x, units, name=f"dense{number}")
    x = blocks.dropout(x, settings.dropout, name=f"drop{len(settings.dense) + 1}")
    return keras.Model(spectrogram, blocks.dense_scores(x, n_classes, settings.head), name="bulbul")
