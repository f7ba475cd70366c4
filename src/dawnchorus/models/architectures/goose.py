"""Goose: convolutions along frequency alone, and the highest value of each frame (dsr2019).

The DSR bird song classifier (2019). Known are convolutions along frequency only, the maximum of every
column, and dense layers of 864 and 432: 864 is four channels of 216 frames. Left open, and chosen: three
convolutions of 16, 8 and 4 filters of nine bands, normalised and rectified, with maxima of three bands.
Input is time x mel band, channels last: (B, 216, 256); the original is band x time.
"""

from typing import TYPE_CHECKING, Literal

from dawnchorus.models import dsr2019_blocks
from dawnchorus.settings.architecture import exactly

if TYPE_CHECKING:
    import keras

KERNEL, POOL = (1, 9), (1, 3)  # frames x bands


class Settings(dsr2019_blocks.SliceSettings):
    """Goose of dsr2019: convolutions along frequency alone."""

    name: Literal["goose"] = "goose"
    """The architecture."""
    filters: exactly(3) = [16, 8, 4]
    """Channels of the convolutions."""

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands of an input."""
        return dsr2019_blocks.least(*[(KERNEL, POOL)] * 3)


def build(
    input_shape: tuple[int, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build Goose: 418,648 trainable weights for 216 x 256 and 100 classes.

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
    for number, filters in enumerate(settings.filters, 1):
        x = dsr2019_blocks.block(x, filters, KERNEL, str(number), pool=POOL)
    x = layers.MaxPooling2D((1, x.shape[2]), name="columns")(x)  # (B, 216, 1, 4)
    x = layers.Flatten(name="flatten")(x)  # (B, 864)
    x = dsr2019_blocks.rectified(dsr2019_blocks.dense(x, 432, "dense1"), "dense1_relu")
    x = blocks.dropout(x, settings.dropout, "dense1_drop")
    scores = dsr2019_blocks.scores(x, n_classes, settings.head)
    return keras.Model(spectrogram, scores, name="goose")
