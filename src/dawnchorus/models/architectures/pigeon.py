"""Pigeon: convolutions over a slice whose ends are joined (dsr2019).

The DSR bird song classifier (2019), whose configuration names it as the default. Known are circular
padding of 20 frames on either side, which makes 216 x 256 square, convolutions of 16 and 32 filters of
3 x 3, 64, 128, 256 and 256 of 5 x 5 and 512 of 2 x 2, and a dense layer of 256. Left open, and chosen:
normalised and rectified convolutions, maxima of 2 x 2 behind all but the fifth and the last, which leaves
one cell, and a rectifier behind the dense layer. Input is time x mel band, channels last; the original
is band x time.
"""

from typing import TYPE_CHECKING, Literal

from dawnchorus.models import dsr2019_blocks
from dawnchorus.settings.architecture import exactly

if TYPE_CHECKING:
    import keras

PADDING = 20  # frames at either end
# kernel and pool, frames x bands
STAGES = (
    ((3, 3), (2, 2)),
    ((3, 3), (2, 2)),
    ((5, 5), (2, 2)),
    ((5, 5), (2, 2)),
    ((5, 5), (1, 1)),
    ((5, 5), (2, 2)),
    ((2, 2), (1, 1)),
)


class Settings(dsr2019_blocks.SliceSettings):
    """Pigeon of dsr2019: the ends of a slice are joined."""

    name: Literal["pigeon"] = "pigeon"
    """The architecture."""
    filters: exactly(7) = [16, 32, 64, 128, 256, 256, 512]
    """Channels of the convolutions."""

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands of an input."""
        frames, bands = dsr2019_blocks.least(*STAGES)
        return max(frames - 2 * PADDING, PADDING), bands


def build(
    input_shape: tuple[int, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build Pigeon: 3,403,460 trainable weights for 216 x 256 and 100 classes.

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

    from dawnchorus.models import blocks, dsr2019_layers

    spectrogram = blocks.spectrogram(input_shape)
    x = dsr2019_layers.CircularPadding(PADDING, name="joined")(spectrogram)  # (B, 256, 256)
    x = blocks.channel(x)
    stages = zip(settings.filters, STAGES, strict=True)
    for number, (filters, (kernel, pool)) in enumerate(stages, 1):
        pool = pool if max(pool) > 1 else None
        x = dsr2019_blocks.block(x, filters, kernel, str(number), pool=pool)
    x = layers.Flatten(name="flatten")(x)  # (B, 512)
    x = dsr2019_blocks.rectified(dsr2019_blocks.dense(x, 256, "dense1"), "dense1_relu")
    x = blocks.dropout(x, settings.dropout, "dense1_drop")
    scores = dsr2019_blocks.scores(x, n_classes, settings.head)
    return keras.Model(spectrogram, scores, name="pigeon")
