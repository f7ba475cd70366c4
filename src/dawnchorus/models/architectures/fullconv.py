"""Fullconv: a variant of bulbul whose convolutions reach down to one cell.

A variant of the winner of the Bird Audio Detection challenge 2017, for windows of 700 frames x 80
bands. Where nothing is published of it (leaky rectifiers of slope 0.01, normalised bands, valid
convolutions with bias), it is as bulbul: an inference.

Input is time x mel band, low bands first, channels last.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from dawnchorus.settings.architecture import ArchitectureSettings, exactly, smallest_input
from dawnchorus.settings.section import Rate, Unit

if TYPE_CHECKING:
    import keras

# kernel and pool, frames x bands
STAGES = (
    ((5, 3), (3, 3)),
    ((5, 3), (3, 3)),
    ((3, 3), (3, 3)),
    ((3, 1), (3, 2)),
    ((3, 1), (3, 1)),
)


class Settings(ArchitectureSettings):
    """Fullconv of grill2017: bulbul with convolutions that reach down to one cell."""

    name: Literal["fullconv"] = "fullconv"
    """The architecture."""
    filters: exactly(5) = [32, 32, 64, 128, 256]
    """Channels of the convolutions."""
    dropout: Rate = 0.5
    """Dropout before the last convolutions."""
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
    """Build fullconv: 157,921 trainable weights for 700 x 80 and one class.

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
    # of 700 x 80: one cell of 256 channels, (B, 256)
    x = blocks.convolutions(blocks.channel(x), settings.filters, STAGES)
    x = blocks.dropout(x, settings.dropout, name="drop1")
    return keras.Model(
        spectrogram, blocks.dense_scores(x, n_classes, settings.head), name="fullconv"
    )
