"""Attention over the embeddings of a clip: each class learns which of its rows count.

Weak labels say that a sound is somewhere in a clip; the mean over rows would spread it over all of them.
A clip's score is the weighted mean of Wang, Li and Metze (2019), https://arxiv.org/abs/1810.09050.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from dawnchorus.models.embedding_blocks import EmbeddingSettings, scored
from dawnchorus.settings.section import Rate, Unit

if TYPE_CHECKING:
    import keras


class Settings(EmbeddingSettings):
    """Attention over the embeddings of a clip."""

    name: Literal["attention"] = "attention"
    """The architecture."""
    units: Annotated[int, Field(ge=0, le=10_000), Unit("units")] = 128
    """Units of the hidden layer; 0: none."""
    dropout: Rate = 0.3
    """Dropout of the embedding and after the hidden layer."""


def build(
    input_shape: tuple[int | None, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build the network: 133,780 weights for 1,024 values, 128 units and ten classes.

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
    if settings.units:
        x = layers.Dense(settings.units, kernel_initializer=blocks.INITIALISER, name="dense1")(x)
        x = layers.ReLU(name="relu1")(x)
        x = blocks.dropout(x, settings.dropout, "drop1")
    return scored(embeddings, x, n_classes, output, settings.head, "attention", "attention")
