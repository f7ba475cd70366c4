"""The zoo: one module per architecture, found by its name.

Every module has ``build(input_shape, n_classes, output, **options) -> keras.Model``. A model takes
spectrograms of shape (B, T, F), time first, then bands in the order of the frontend, and gives
scores in [0, 1]; inside, one channel is added last. Models hold Keras layers and `keras.ops`, so
that every backend runs them (one layer takes another way to the same numbers on TensorFlow);
augmentation is the training's work, not theirs. A new architecture is a new module here.

* `build`: a model by name.
* `load`: a model that was saved.
* `class_scores`: the scores of a batch.
* `names`: the names there are; like importing this package, it does not load Keras.
"""

import difflib
import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

OUTPUTS = ("clip",)


def names() -> tuple[str, ...]:
    """Return the names of the architectures, sorted."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name for name in found if not name.startswith("_")))


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
    output : {"clip"}
        One row of scores per clip, shape (B, C); (B, 2) for one class under a softmax head, the
        last column being the class.
    **options
        What the module's own ``build`` takes, by keyword.

    Raises
    ------
    ValueError
        Where the name, an option or the output is unknown, or the input is too small.
    """
    if name not in names():
        raise ValueError(f"model {name!r}; expected {', '.join(names())}{_nearest(name, names())}")
    if output not in OUTPUTS:
        raise ValueError(f"model {name}: output {output!r}; expected {', '.join(OUTPUTS)}")
    if isinstance(n_classes, bool) or not isinstance(n_classes, int) or n_classes < 1:
        raise ValueError(f"model {name}: n_classes {n_classes!r}; expected 1 or more")
    module = importlib.import_module(f"dawnchorus.models.{name}")
    _check_options(name, module.build, options)
    return module.build(tuple(input_shape), n_classes, output, **options)


def load(path: str | Path) -> "keras.Model":
    """Load a model saved as ``.keras``, of any architecture, for predicting (not compiled)."""
    import keras

    from dawnchorus.models import _fast, _layers

    # Keras finds them only where they are handed over
    own = {layer.__name__: layer for layer in (_layers.RandomOffset, *_fast.LAYERS)}
    return keras.saving.load_model(path, custom_objects=own, compile=False)


def class_scores(model: "keras.Model", windows: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the scores (B, C) of windows (B, T, F); of a softmax over absent and present, the last."""
    import keras

    scores = keras.ops.convert_to_numpy(model.predict_on_batch(windows))
    return scores[:, -n_classes:]


def _check_options(name: str, function, options: dict) -> None:
    parameters = inspect.signature(function).parameters.values()
    known = [p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            raise ValueError(
                f"model {name}: option {option!r}; expected {', '.join(known)}"
                f"{_nearest(option, known)}"
            )


def _nearest(name: str, known) -> str:
    near = difflib.get_close_matches(str(name), known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
