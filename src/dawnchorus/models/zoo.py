"""Architectures by name: one module each in ``architectures/``.

Every module has a class ``Settings`` (its options, and its properties: outputs, head, least
input) and ``build(input_shape, n_classes, output, settings) -> keras.Model``. A model takes
spectrograms of shape (B, T, F), time first, then bands in the order of the frontend, and gives scores
in [0, 1]; inside, one channel is added last. Models hold Keras layers and `keras.ops`, so that every
backend runs them (one layer takes another way to the same numbers on TensorFlow); augmentation is the
training's work, not theirs. A new architecture is a new module there.

* `names`: the names there are.
* `build`: a model by name.
* `is_solved`, `solve`: the weights of a model that is not trained by steps.
* `frames_per_score`: how many frames of the input one frame of the scores stands for.

Nothing here loads Keras before a model is built.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dawnchorus.settings.architecture import ARCHITECTURES
from dawnchorus.settings.errors import validated
from dawnchorus.settings.section import is_own_file

if TYPE_CHECKING:
    import keras
    import numpy as np


def names() -> tuple[str, ...]:
    """Return the names of the architectures, sorted."""
    return ARCHITECTURES.names()


def build(
    name: str, input_shape: tuple[int | None, int], n_classes: int, output: str, **options
) -> "keras.Model":
    """Build a model with fresh weights, drawn from Keras' global seed as its architecture has it.

    Parameters
    ----------
    name : str
        One of `names`.
    input_shape : (int or None, int)
        T frames and F bands; None where the architecture takes any number of frames.
    n_classes : int
        C, at least 1.
    output : {"clip", "frame"}
        One row of scores per clip, shape (B, C); (B, 2) for one class under a softmax head, the
        last column being the class. Or one per frame, shape (B, T', C), where the architecture has
        it.
    **options
        Keys of the module's ``Settings``; sequences are lists.

    Raises
    ------
    ValueError
        Where the name, an option or the output is unknown, or the input is too small.
    """
    complete = validated("model", ARCHITECTURES, {"name": name, **options})
    settings = ARCHITECTURES.model(name).model_validate(complete)
    if output not in settings.OUTPUTS:
        raise ValueError(
            f"model {name}: output {output!r}; expected {' or '.join(settings.OUTPUTS)}"
        )
    if isinstance(n_classes, bool) or not isinstance(n_classes, int) or n_classes < 1:
        raise ValueError(f"model {name}: n_classes {n_classes!r}; expected 1 or more")
    # imported here: it imports Keras
    from dawnchorus.models import blocks

    blocks.check_input(name, input_shape, settings.least_input(), any_length=settings.ANY_LENGTH)
    module = ARCHITECTURES.module(name)
    model = module.build(tuple(input_shape), n_classes, output, settings)
    # a prediction loads the model without the file that its network stands in
    own = sorted(
        {type(one).__name__ for one in model.layers if type(one).__module__ == module.__name__}
    )
    if own and is_own_file(name):
        raise ValueError(
            f"model {name}: layers {', '.join(own)} are defined in it; expected layers of Keras or of "
            "dawnchorus.models, which a saved model finds again"
        )
    return model


def is_solved(settings: Mapping) -> bool:
    """Return whether a model is solved (see `solve`) and not trained by steps."""
    return ARCHITECTURES.model(settings["name"])(**settings).is_solved()


def solve(
    model: "keras.Model",
    rows: "np.ndarray",
    targets: "np.ndarray",
    weights: "np.ndarray",
    settings: Mapping,
    names: tuple,
) -> None:
    """Set the weights of a model at once, by the ``solve`` of its architecture.

    Parameters
    ----------
    model : keras.Model
        As `build` returns it, changed in place.
    rows : array, shape (N, F), float64
        What it gets, row by row.
    targets : array, shape (N, C)
        In [0, 1].
    weights : array, shape (N,)
    settings : mapping
        ``name`` of the architecture and its options.
    names : (sequence of str or None, sequence of str)
        Of the F values, where they are scores of classes, and of the C classes.
    """
    chosen = ARCHITECTURES.model(settings["name"])(**settings)
    ARCHITECTURES.module(settings["name"]).solve(model, rows, targets, weights, chosen, names)


def frames_per_score(settings: Mapping) -> int:
    """Return how many frames of the input one frame of a model's scores stands for.

    Parameters
    ----------
    settings : mapping
        ``name`` of the architecture and its options.
    """
    return ARCHITECTURES.model(settings["name"])(**settings).frames_per_score()
