"""The recurrent network of the DSR bird song classifier (dsr2019), which its page served.

Convolutions see timbre, an average of large fields sees rhythm, and three recurrent layers run over
both. Input is time x mel band, channels last: (B, 216, 256) as published; the original is band x time.
Its recurrent layers have two biases, 2,181,956 weights in all.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from dawnchorus.models import dsr2019_blocks
from dawnchorus.settings.architecture import Layers, exactly
from dawnchorus.settings.section import Rate, Unit

if TYPE_CHECKING:
    import keras

# kernel and pool, frames x bands
STAGES = (((3, 9), (1, 1)), ((3, 5), (3, 3)), ((5, 5), (1, 3)))
FIELD, STEP = (19, 150), (3, 5)  # of the averages that see rhythm, frames x bands


class Settings(dsr2019_blocks.SliceSettings):
    """The recurrent network that dsr2019 served."""

    name: Literal["lstm"] = "lstm"
    """The architecture."""
    filters: exactly(3) = [16, 32, 64]
    """Channels of the convolutions."""
    units: Annotated[Layers, Unit("units")] = [200, 200, 200]
    """Units of the recurrent layers, the last step of which is scored."""
    recurrent_dropout: Rate = 0.5
    """Dropout between the recurrent layers."""

    def least_input(self) -> tuple[int, int]:
        """Return the fewest frames and bands of an input."""
        convolved = dsr2019_blocks.least(*STAGES)
        return max(convolved[0], FIELD[0]), max(convolved[1], FIELD[1])


def build(
    input_shape: tuple[int, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build the network: 2,179,556 trainable weights for 216 x 256 and 100 classes.

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
    image = x = blocks.channel(spectrogram)
    for number, (filters, (kernel, pool)) in enumerate(
        zip(settings.filters, STAGES, strict=True), 1
    ):
        is_first = number == 1
        x = dsr2019_blocks.block(
            x, filters, kernel, str(number), norm=is_first, pool=None if is_first else pool,
            rate=0.0 if is_first else settings.dropout,
        )  # fmt: skip
    timbre = layers.Reshape((x.shape[1], -1), name="timbre")(x)  # (B, 66, 1600) of 66 x 25 cells
    x = layers.AveragePooling2D(FIELD, strides=STEP, name="fields")(image)
    rhythm = layers.Reshape((x.shape[1], -1), name="rhythm")(x)  # (B, 66, 22)
    # both have a step in three frames; of some lengths one of them ends a step later
    n_steps = min(timbre.shape[1], rhythm.shape[1])
    parts = [
        part if part.shape[1] == n_steps
        else layers.Cropping1D((0, part.shape[1] - n_steps), name=f"{part_name}_steps")(part)
        for part_name, part in (("timbre", timbre), ("rhythm", rhythm))
    ]  # fmt: skip
    x = layers.Concatenate(name="both")(parts)
    x = dsr2019_blocks.long_short_term(
        x, settings.units, settings.recurrent_dropout, "lstm", is_last=True
    )
    scores = dsr2019_blocks.scores(x, n_classes, settings.head)
    return keras.Model(spectrogram, scores, name="lstm")
