"""Bulbul as the DSR bird song classifier has it (dsr2019): rectified, without normalisation.

Input is time x mel band, channels last: (B, 216, 256) as published; the original is band x time. Two
dense layers follow each other without a rectifier between them, as in the original.
"""

from typing import TYPE_CHECKING, Literal

from dawnchorus.models import dsr2019_blocks
from dawnchorus.settings.architecture import exactly
from dawnchorus.settings.section import Rate

if TYPE_CHECKING:
    import keras

# kernel and pool, frames x bands
STAGES = (((3, 3), (3, 3)), ((3, 3), (3, 3)), ((3, 1), (3, 1)), ((3, 1), (3, 1)))


class Settings(dsr2019_blocks.SliceSettings):
    """Bulbul as of dsr2019."""

    name: Literal["bulbul_dsr"] = "bulbul_dsr"
    """The architecture."""
    filters: exactly(4) = [16, 16, 16, 16]
    """Channels of the convolutions."""
    dropout: Rate = 0.0
    """Dropout behind convolutions."""

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands of an input."""
        return dsr2019_blocks.least(*STAGES)


def build(
    input_shape: tuple[int, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build bulbul of dsr2019: 140,596 weights for 216 x 256 and 100 classes.

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

    from dawnchorus.models import blocks

    spectrogram = blocks.spectrogram(input_shape)
    x = blocks.channel(spectrogram)
    for number, (filters, (kernel, pool)) in enumerate(
        zip(settings.filters, STAGES, strict=True), 1
    ):
        x = dsr2019_blocks.block(
            x, filters, kernel, str(number), norm=False, rate=settings.dropout, pool=pool
        )
    x = layers.Flatten(name="flatten")(x)  # (B, 432) of 1 x 27 cells
    x = dsr2019_blocks.dense(x, 256, "dense1")
    scores = dsr2019_blocks.scores(x, n_classes, settings.head)
    return keras.Model(spectrogram, scores, name="bulbul_dsr")
