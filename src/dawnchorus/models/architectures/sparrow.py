"""Sparrow: a convolutional net that scores every moment and keeps the highest, by Jan Schlueter.

Grill and Schlueter (2017), "Two convolutional neural networks for bird detection in audio
signals", EUSIPCO; the layers are those of the author's own port. It sees 103 frames at a time,
every 9 frames, and takes clips of any length from 103 frames on.

Input is time x mel band, low bands first, channels last: (B, T, 80). That port has
frequency x time and channels first, so a kernel written 19 x 3 there is 3 x 19 here. Normalisation
has the defaults of that port's framework (epsilon 1e-5, momentum 0.9 in the sense of Keras).
"""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from dawnchorus.settings.architecture import ArchitectureSettings, exactly
from dawnchorus.settings.section import Rate, Unit

if TYPE_CHECKING:
    import keras

SMALLEST = (103, 25)  # frames: the receptive field; bands: the tall kernel keeps one


class Settings(ArchitectureSettings):
    """Sparrow of grill2017."""

    ANY_LENGTH: ClassVar[bool] = True

    name: Literal["sparrow"] = "sparrow"
    """The architecture."""
    filters: exactly(7) = [32, 32, 32, 32, 64, 256, 64]
    """Channels of the convolutions before the last."""
    dropout: Rate = 0.5
    """Dropout before each of the last three convolutions."""
    head: Literal["sigmoid", "softmax"] = "sigmoid"
    """Last layer; softmax scores one class as absent and present."""
    input_offset: Annotated[float, Field(ge=0), Unit("1")] = 0.0
    """In training, each clip is shifted by up to this number, in the unit of the input."""

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands of an input."""
        return SMALLEST


def build(
    input_shape: tuple[int | None, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build sparrow: 309,600 trainable weights for 80 bands and one class.

    Parameters
    ----------
    input_shape : (int or None, int)
        T frames, None for any number, and F mel bands; at least `Settings.least_input`.
    n_classes : int
        C.
    output : {"clip"}
        Scores per clip: the maximum over time.
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

    # leaves three bands whatever their number, which the pooling after it makes one
    tall = (input_shape[1] - 4) // 3 - 6
    spectrogram = blocks.spectrogram(input_shape)
    x = blocks.channel(blocks.random_offset(spectrogram, settings.input_offset))
    x = _block(x, settings.filters[0], (3, 3), 1)  # (B, T - 2, 78, 32) of 80 bands
    x = _block(x, settings.filters[1], (3, 3), 2, pool=True)  # (B, (T - 4) // 3, 25, 32)
    x = _block(x, settings.filters[2], (3, 3), 3)
    x = _block(x, settings.filters[3], (3, 3), 4)
    x = _block(x, settings.filters[4], (3, tall), 5, pool=True)  # (B, T', 1, 64)
    x = _block(blocks.dropout(x, settings.dropout, "drop6"), settings.filters[5], (9, 1), 6)
    x = _block(blocks.dropout(x, settings.dropout, "drop7"), settings.filters[6], (1, 1), 7)
    x = blocks.dropout(x, settings.dropout, "drop8")
    x = _convolution(x, blocks.n_logits(n_classes, settings.head), (1, 1), "frame_logits")
    logits = layers.GlobalMaxPooling2D(name="clip_logits")(x)  # (B, C)
    return keras.Model(spectrogram, blocks.scores(logits, settings.head), name="sparrow")


def _block(x, filters: int, kernel: tuple[int, int], number: int, pool: bool = False):
    from keras import layers

    from dawnchorus.models import blocks

    x = _convolution(x, filters, kernel, f"conv{number}")
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"norm{number}")(x)
    if pool:
        x = blocks.pooling(x, (3, 3), f"pool{number}")
    return blocks.leaky(x, name=f"leaky{number}")


def _convolution(x, filters: int, kernel: tuple[int, int], name: str):
    from keras import layers

    from dawnchorus.models import blocks

    return layers.Conv2D(
        filters, kernel, use_bias=False, kernel_initializer=blocks.INITIALISER, name=name
    )(x)
