"""Hidden layers on embeddings, row by row.

Dropout holds what a few hundred clips can learn of a thousand values. Batch normalisation is off: its
statistics are those of the training windows, and on silence and noise, which these hardly have, such a
head answers with confidence.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from dawnchorus.models.embedding_blocks import EmbeddingSettings, scored
from dawnchorus.settings.architecture import Layers
from dawnchorus.settings.section import Rate, Unit

if TYPE_CHECKING:
    import keras


class Settings(EmbeddingSettings):
    """Hidden layers on embeddings."""

    name: Literal["mlp"] = "mlp"
    """The architecture."""
    units: Annotated[Layers, Unit("units")] = [256]
    """Units of the hidden layers."""
    dropout: Rate = 0.5
    """Dropout of the embedding and after every hidden layer."""
    batch_norm: bool = False
    """Normalise the hidden layers over the batch."""
    pooling: Literal["average", "max", "linear_softmax"] = "average"
    """From the scores of rows to that of a clip."""


def build(
    input_shape: tuple[int | None, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build the network: 264,970 weights for 1,024 values, 256 units and ten classes.

    Parameters
    ----------
    input_shape : (int or None, int)
        T rows, None for any number, and F values.
    n_classes : int
        C.
    output : {"clip", "frame"}
        Scores per clip, (B, C), or per row, (B, T, C).
    settings : Settings
        The options.

    Returns
    -------
    keras.Model
        (B, T, F) to (B, C) or (B, T, C).
    """
    import keras
    from keras import layers

    from dawnchorus.models import blocks

    embeddings = keras.Input(input_shape, name="embeddings")
    x = blocks.dropout(embeddings, settings.dropout, "drop0")
    for number, units in enumerate(settings.units, 1):
        x = layers.Dense(units, kernel_initializer=blocks.INITIALISER, name=f"dense{number}")(x)
        if settings.batch_norm:
            x = layers.BatchNormalization(name=f"norm{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
        x = blocks.dropout(x, settings.dropout, f"drop{number}")
    return scored(embeddings, x, n_classes, output, settings.head, settings.pooling, "mlp")
