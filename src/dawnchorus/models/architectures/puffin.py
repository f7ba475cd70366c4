"""Puffin: convolutions, then five recurrent layers over what is left of time (dsr2019).

The DSR bird song classifier (2019). Input is time x mel band, channels last: (B, 216, 256) as
published; the original is band x time. Its recurrent layers have two biases, 9,488,132 weights in all.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from dawnchorus.models import dsr2019_blocks
from dawnchorus.settings.architecture import Layers, exactly
from dawnchorus.settings.section import Rate, Unit

if TYPE_CHECKING:
    import keras

KERNEL = (3, 3)
POOLS = (None, None, (2, 2), (2, 3), (1, 3))  # frames x bands, by convolution
N_NORMALISED = 2  # convolutions
N_WITHOUT_DROPOUT = 1


class Settings(dsr2019_blocks.SliceSettings):
    """Puffin of dsr2019: convolutions and recurrent layers."""

    name: Literal["puffin"] = "puffin"
    """The architecture."""
    filters: exactly(5) = [16, 32, 64, 128, 128]
    """Channels of the convolutions."""
    units: Annotated[Layers, Unit("units")] = [500, 500, 500]
    """Units of the first recurrent layers."""
    last_units: Annotated[Layers, Unit("units")] = [200, 200]
    """Units of the recurrent layers after them, the last step of which is scored."""
    recurrent_dropout: Rate = 0.5
    """Dropout between the recurrent layers of either kind."""

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands of an input."""
        return dsr2019_blocks.least(*((KERNEL, pool or (1, 1)) for pool in POOLS))


def build(
    input_shape: tuple[int, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build Puffin: 9,480,532 trainable weights for 216 x 256 and 100 classes.

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
    for number, (filters, pool) in enumerate(zip(settings.filters, POOLS, strict=True), 1):
        x = dsr2019_blocks.block(
            x, filters, KERNEL, str(number), norm=number <= N_NORMALISED, pool=pool,
            rate=settings.dropout if number > N_WITHOUT_DROPOUT else 0.0,
        )  # fmt: skip
    x = layers.Reshape((x.shape[1], -1), name="steps")(x)  # (B, 49, 1664) of 49 x 13 cells
    rate = settings.recurrent_dropout
    x = dsr2019_blocks.long_short_term(x, settings.units, rate, "lstm")
    x = dsr2019_blocks.long_short_term(x, settings.last_units, rate, "last_lstm", is_last=True)
    scores = dsr2019_blocks.scores(x, n_classes, settings.head)
    return keras.Model(spectrogram, scores, name="puffin")
