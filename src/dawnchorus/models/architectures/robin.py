"""Robin: two views of averages, side by side, then two convolutions (dsr2019).

The DSR bird song classifier (2019). Known are the branches of `owl` with ELU, as two channels,
convolutions of 16 filters and of one, and dense layers of 600, 400 and 200. Left open, and chosen:
kernels of 3 x 3 with maxima of 2 x 2, normalised, and ELU behind all hidden layers. Input is time x mel
band, channels last: (B, 216, 256); the original is band x time.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from dawnchorus.models import dsr2019_blocks, dsr2019_views
from dawnchorus.settings.architecture import Layers, exactly
from dawnchorus.settings.section import Unit

if TYPE_CHECKING:
    import keras


class Settings(dsr2019_blocks.SliceSettings):
    """Robin of dsr2019: two views of averages, side by side."""

    name: Literal["robin"] = "robin"
    """The architecture."""
    filters: exactly(2) = [16, 1]
    """Channels of the convolutions."""
    dense: Annotated[Layers, Unit("units")] = [600, 400, 200]
    """Units of the dense layers before the last."""

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands of an input: ten of each in a view."""
        return dsr2019_views.least_input(10)


def build(
    input_shape: tuple[int, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build Robin: 425,821 trainable weights for 216 x 256 and 100 classes.

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
    views = dsr2019_views.views(blocks.channel(spectrogram), "elu")
    x = layers.Concatenate(name="views")(views)  # (B, 49, 62, 2)
    for number, filters in enumerate(settings.filters, 1):
        x = dsr2019_blocks.block(x, filters, (3, 3), str(number), nonlinearity="elu", pool=(2, 2))
    x = layers.Flatten(name="flatten")(x)  # (B, 140) of 10 x 14 cells
    for number, units in enumerate(settings.dense, 1):
        x = dsr2019_blocks.dense(x, units, f"dense{number}")
        x = layers.Activation("elu", name=f"dense{number}_elu")(x)
        x = blocks.dropout(x, settings.dropout, f"dense{number}_drop")
    scores = dsr2019_blocks.scores(x, n_classes, settings.head)
    return keras.Model(spectrogram, scores, name="robin")
