"""Owl: two views of averages, added, then three convolutions (dsr2019).

The DSR bird song classifier (2019). Known are two branches of an average, a convolution of one filter
of 4 x 4, normalised and rectified, and a maximum, both 49 frames x 62 bands, added; convolutions of 16,
32 and 16 filters of 3 x 3 with pools; a dense layer of 336. Left open, and chosen: the averages (of 16
frames x 6 bands at every place, and of 16 x 4 at every second), padded convolutions with maxima of 2 x 2,
which leave twice 336 values, and a rectifier behind the dense layer. Input is time x mel band, channels
last: (B, 216, 256); the original is band x time.
"""

from typing import TYPE_CHECKING, Literal

from dawnchorus.models import dsr2019_blocks, dsr2019_views
from dawnchorus.settings.architecture import exactly

if TYPE_CHECKING:
    import keras


class Settings(dsr2019_blocks.SliceSettings):
    """Owl of dsr2019: two views of averages, added."""

    name: Literal["owl"] = "owl"
    """The architecture."""
    filters: exactly(3) = [16, 32, 16]
    """Channels of the convolutions."""

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands of an input: eight of each in a view."""
        return dsr2019_views.least_input(8)


def build(
    input_shape: tuple[int, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build Owl: 269,418 trainable weights for 216 x 256 and 100 classes.

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
    views = dsr2019_views.views(blocks.channel(spectrogram), "relu")
    x = layers.Add(name="views")(views)  # (B, 49, 62, 1)
    for number, filters in enumerate(settings.filters, 1):
        x = dsr2019_blocks.block(x, filters, (3, 3), str(number), pool=(2, 2), padding="same")
    x = layers.Flatten(name="flatten")(x)  # (B, 672) of 6 x 7 cells
    x = dsr2019_blocks.rectified(dsr2019_blocks.dense(x, 336, "dense1"), "dense1_relu")
    x = blocks.dropout(x, settings.dropout, "dense1_drop")
    scores = dsr2019_blocks.scores(x, n_classes, settings.head)
    return keras.Model(spectrogram, scores, name="owl")
