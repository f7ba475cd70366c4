"""Layers of the architectures for embeddings: a row of an input is a vector, not a spectrum.

* `EmbeddingSettings`: what they have in common.
* `scored`: from hidden values of rows to scores of rows and clips.

Axes: B batch, T rows (windows of the network that made them), F values, C classes. A clip's score is
pooled from those of its rows, so that a model trained on clips has scores of rows too.
"""

from typing import TYPE_CHECKING, ClassVar, Literal

from dawnchorus.settings.architecture import ArchitectureSettings

if TYPE_CHECKING:
    import keras


class EmbeddingSettings(ArchitectureSettings):
    """Scores of rows, pooled to those of clips."""

    ANY_LENGTH: ClassVar[bool] = True
    OUTPUTS: ClassVar[tuple[str, ...]] = ("clip", "frame")

    head: Literal["sigmoid", "softmax"] = "sigmoid"
    """Last layer; softmax where classes exclude each other."""


def scored(
    embeddings, hidden, n_classes: int, output: str, head: str, pooling: str, name: str
) -> "keras.Model":
    """Return the model from embeddings (B, T, F) and what hidden layers make of them.

    Parameters
    ----------
    embeddings : tensor, shape (B, T, F)
        The input.
    hidden : tensor, shape (B, T, units)
    n_classes : int
        C.
    output : {"clip", "frame"}
    head : {"sigmoid", "softmax"}
    pooling : str
        One of `dawnchorus.models.blocks.FRAME_POOLINGS`.
    name : str
        Of the model.
    """
    import keras
    from keras import layers

    from dawnchorus.models import blocks

    logits = layers.Dense(
        blocks.n_logits(n_classes, head), kernel_initializer=blocks.INITIALISER, name="frame_logits"
    )(hidden)
    scores = layers.Activation(head, name="frame_scores")(logits)
    if output == "clip":
        scores = blocks.clip_scores(scores, hidden, pooling)
    return keras.Model(embeddings, scores, name=name)
