"""Zilpzalp: two stacks of long kernels, along frequency and along time (dsr2019).

The DSR bird song classifier (2019), whose README says that kernels that are not square improved its
results. Input is time x mel band, channels last: (B, 216, 256) as published. The original is band x
time, so its kernel of 9 x 3 is 3 x 9 here. The last kernels of the original leave 3 x 3 cells for the
last pooling; here they do so for any input, so that other slices can be trained on.
"""

from typing import TYPE_CHECKING, Literal

from dawnchorus.models import dsr2019_blocks
from dawnchorus.settings.architecture import exactly

if TYPE_CHECKING:
    import keras

LONG, SHORT, POOL = 9, 3, 3  # kernels along the axis of a stack and across it; maxima of squares


class Settings(dsr2019_blocks.SliceSettings):
    """Zilpzalp of dsr2019: two stacks, of kernels along frequency and along time."""

    name: Literal["zilpzalp"] = "zilpzalp"
    """The architecture."""
    filters: exactly(4) = [32, 64, 128, 256]
    """Channels of the convolutions of either stack."""

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands of an input: 3 x 3 cells for the last pooling."""
        stages = [((LONG, LONG), (POOL, POOL))] * 3
        return dsr2019_blocks.least(*stages, ((1, 1), (POOL, POOL)))


def build(
    input_shape: tuple[int, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build Zilpzalp: 1,599,332 trainable weights for 216 x 256 and 100 classes.

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
    stacks = [
        stack(x, settings, kernel, name)
        for name, kernel in (("_bands", (SHORT, LONG)), ("_frames", (LONG, SHORT)))
    ]
    x = layers.Concatenate(name="stacks")(stacks)  # (B, 512)
    x = dsr2019_blocks.rectified(dsr2019_blocks.dense(x, 256, "dense1"), "dense1_relu")
    x = blocks.dropout(x, settings.dropout, "dense1_drop")
    scores = dsr2019_blocks.scores(x, n_classes, settings.head)
    return keras.Model(spectrogram, scores, name="zilpzalp")


def stack(x, settings: Settings, kernel: tuple[int, int], name: str):
    """Apply four convolutions with pooling, dropout in the last two: (B, 256)."""
    from keras import layers

    for number, filters in enumerate(settings.filters, 1):
        if number == len(settings.filters):
            kernel = (x.shape[1] - POOL + 1, x.shape[2] - POOL + 1)
        x = dsr2019_blocks.block(
            x, filters, kernel, f"{number}{name}", pool=(POOL, POOL),
            rate=settings.dropout if number > 2 else 0.0,
        )  # fmt: skip
    return layers.Flatten(name=f"flatten{name}")(x)
