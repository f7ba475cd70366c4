"""What a pretrained network says itself: its own class scores, by the names of the classes.

Nothing is trained. The frontend gives the scores of the classes that its key ``classes`` names; those
that the experiment has under the same names become its scores, and a class that is not named gets 0.
"""

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from dawnchorus.settings.architecture import ArchitectureSettings

if TYPE_CHECKING:
    import keras


class Settings(ArchitectureSettings):
    """Class scores of a pretrained network, as they are."""

    ANY_LENGTH: ClassVar[bool] = True
    OUTPUTS: ClassVar[tuple[str, ...]] = ("clip", "frame")

    name: Literal["class_scores"] = "class_scores"
    """The architecture."""
    pooling: Literal["average", "max"] = "max"
    """From the scores of rows to that of a clip."""

    def is_solved(self) -> bool:
        """Return True: `solve` sets the weights, in place of steps."""
        return True


def build(
    input_shape: tuple[int | None, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build the choice of columns, as a layer without bias.

    Parameters
    ----------
    input_shape : (int or None, int)
        T rows, None for any number, and F scores.
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

    given = keras.Input(input_shape, name="scores")
    scores = layers.Dense(
        n_classes, use_bias=False, kernel_initializer="zeros", name="frame_scores"
    )(given)
    if output == "clip":
        scores = blocks.clip_scores(scores, given, settings.pooling)
    return keras.Model(given, scores, name="class_scores")


def solve(
    model: "keras.Model",
    rows: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    settings: Settings,
    names: tuple,
) -> None:
    """Choose the columns of the experiment's classes.

    Parameters
    ----------
    model : keras.Model
        As `build` returns it, changed in place.
    rows, targets, weights : array
        Of no effect.
    settings : Settings
    names : (sequence of str or None, sequence of str)
        Of the F scores, and of the C classes.

    Raises
    ------
    ValueError
        Where the frontend names no classes, or none of the experiment's.
    """
    theirs, ours = names
    if not theirs or not set(theirs) & set(ours):
        raise ValueError(
            f"model class_scores: the frontend has classes {list(theirs or ())[:5]}, the experiment "
            f"{list(ours)[:5]}; expected a frontend with output scores that names some of them under "
            "classes"
        )
    kernel = np.zeros((len(theirs), len(ours)))
    for column, name in enumerate(ours):
        if name in theirs:
            kernel[list(theirs).index(name), column] = 1
    model.get_layer("frame_scores").set_weights([kernel])
