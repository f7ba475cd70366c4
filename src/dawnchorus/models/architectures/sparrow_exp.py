"""SparrowExpA: a wide sparrow behind a learned power of the spectrogram (dsr2019).

The DSR bird song classifier (2019). Known are the power, kernels, channels, pools, the rectifier behind
the last convolution and the maximum over its map. Left open, and chosen here as in `sparrow_dsr`: every
convolution has a bias, normalised channels and a rectifier, and dropout stands behind the long kernel.
Input is time x mel band, not negative, channels last: (B, 216, 256); the original is band x time.
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
    ((3, 17), (1, 1)),
    ((9, 1), (1, 1)),
)
TALL, TALL_POOL, TALL_STEP = 5, (3, 5), (3, 3)  # which convolution has a pool that overlaps
POWERS = (-1.73, -1.21)  # logits of the power: 0.15 to 0.23


class Settings(dsr2019_blocks.SliceSettings):
    """SparrowExpA of dsr2019: a wide sparrow behind a learned power."""

    name: Literal["sparrow_exp"] = "sparrow_exp"
    """The architecture."""
    filters: exactly(6) = [64, 64, 128, 128, 128, 1024]
    """Channels of the convolutions but the last, which has one for each class."""
    dropout: Rate = 0.5
    """Dropout behind the long kernel."""

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands of an input."""
        (frames, bands), (step, _) = TALL_POOL, TALL_STEP
        # pools that overlap need what a kernel would that spans all of them
        spanned = ((STAGES[TALL][0][0] - 1) * step + frames, bands)
        return dsr2019_blocks.least(*STAGES[:TALL], (spanned, (1, 1)))


def build(
    input_shape: tuple[int, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build SparrowExpA: 2,380,965 trainable weights for 216 x 256 and 100 classes.

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
    x = dsr2019_layers.LearnedPower(POWERS, name="power")(spectrogram)
    x = blocks.channel(x)
    stages = zip(settings.filters, STAGES, strict=True)
    for number, (filters, (kernel, pool)) in enumerate(stages, 1):
        x = dsr2019_blocks.block(
            x, filters, kernel, str(number), pool=pool if max(pool) > 1 else None,
            rate=settings.dropout if number > TALL else 0.0,
        )  # fmt: skip
        if number == TALL:
            x = layers.MaxPooling2D(TALL_POOL, strides=TALL_STEP, name=f"pool{number}")(x)
    n_logits = blocks.n_logits(n_classes, settings.head)
    x = dsr2019_blocks.convolution(x, n_logits, (1, 1), "class_map")
    x = dsr2019_blocks.rectified(x, "class_map_relu")  # (B, 13, 20, C)
    logits = layers.GlobalMaxPooling2D(name="clip_logits")(x)
    return keras.Model(spectrogram, blocks.scores(logits, settings.head), name="sparrow_exp")
