"""Sparrow as the DSR bird song classifier has it (dsr2019): a dense layer over a map.

The layers are those of `dawnchorus.models.architectures.sparrow` with biases and plain rectifiers,
pooled after them; the tall kernel has 19 bands whatever their number, so that a map of 13 x 20 cells is
left, over which a dense layer stands in place of the maximum. Input is time x mel band, channels last:
(B, 216, 256) as published; the original is band x time.
"""

from typing import TYPE_CHECKING, Literal

from dawnchorus.models import dsr2019_blocks
from dawnchorus.settings.architecture import exactly
from dawnchorus.settings.section import Rate

if TYPE_CHECKING:
    import keras

# kernel and pool, frames x bands
STAGES = (
    ((3, 3), (1, 1)),
    ((3, 3), (3, 3)),
    ((3, 3), (1, 1)),
    ((3, 3), (1, 1)),
    ((3, 19), (3, 3)),
    ((9, 1), (1, 1)),
    ((1, 1), (1, 1)),
    ((1, 1), (1, 1)),
)
N_WITHOUT_DROPOUT = 5


class Settings(dsr2019_blocks.SliceSettings):
    """Sparrow as of dsr2019."""

    name: Literal["sparrow_dsr"] = "sparrow_dsr"
    """The architecture."""
    filters: exactly(7) = [32, 32, 32, 32, 64, 256, 64]
    """Channels of the convolutions but the last, which has one."""
    dropout: Rate = 0.5
    """Dropout behind the last three convolutions."""

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands of an input."""
        return dsr2019_blocks.least(*STAGES)


def build(
    input_shape: tuple[int, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build sparrow of dsr2019: 336,215 trainable weights for 216 x 256 and 100 classes.

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
    stages = zip([*settings.filters, 1], STAGES, strict=True)
    for number, (filters, (kernel, pool)) in enumerate(stages, 1):
        x = dsr2019_blocks.block(
            x, filters, kernel, str(number), pool=pool if max(pool) > 1 else None,
            rate=settings.dropout if number > N_WITHOUT_DROPOUT else 0.0,
        )  # fmt: skip
    x = layers.Flatten(name="flatten")(x)  # (B, 260)
    scores = dsr2019_blocks.scores(x, n_classes, settings.head)
    return keras.Model(spectrogram, scores, name="sparrow_dsr")
