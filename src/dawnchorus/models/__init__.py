"""The zoo: one module per architecture, found by its name.

Every module has ``build(input_shape, n_classes, output, **options) -> keras.Model``. A model takes
spectrograms of shape (B, T, F), time first, then bands in the order of the frontend, and gives
scores in [0, 1]; inside, one channel is added last. Models hold Keras layers and `keras.ops`, so
that every backend runs them (one layer takes another way to the same numbers on TensorFlow);
augmentation is the training's work, not theirs. A new architecture is a new module here.

* `build`: a model by name.
* `load`: a model that was saved.
* `class_scores`: the scores of a batch.
* `frames_each`: how many frames of the input one frame of the scores stands for.
* `frame_model`, `frame_scores`: the scores per frame behind those of clips.
* `names`: the names there are; like importing this package, it does not load Keras.
"""

import difflib
import importlib
import inspect
import math
import pkgutil
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

OUTPUTS = ("clip", "frame")  # an architecture has the first; its own OUTPUTS may say more
_FRAME_SCORES = "frame_scores"  # the layer, in every architecture with frame output
_frame_models = weakref.WeakKeyDictionary()


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
    output : {"clip", "frame"}
        One row of scores per clip, shape (B, C); (B, 2) for one class under a softmax head, the
        last column being the class. Or one per frame, shape (B, T', C), where the architecture has
        it.
    **options
        What the module's own ``build`` takes, by keyword.

    Raises
    ------
    ValueError
        Where the name, an option or the output is unknown, or the input is too small.
    """
    if name not in names():
        raise ValueError(f"model {name!r}; expected {', '.join(names())}{_nearest(name, names())}")
    module = importlib.import_module(f"dawnchorus.models.{name}")
    outputs = getattr(module, "OUTPUTS", OUTPUTS[:1])
    if output not in outputs:
        raise ValueError(f"model {name}: output {output!r}; expected {' or '.join(outputs)}")
    if isinstance(n_classes, bool) or not isinstance(n_classes, int) or n_classes < 1:
        raise ValueError(f"model {name}: n_classes {n_classes!r}; expected 1 or more")
    _check_options(name, module.build, options)
    return module.build(tuple(input_shape), n_classes, output, **options)


def load(path: str | Path) -> "keras.Model":
    """Load a model saved as ``.keras``, of any architecture, for predicting (not compiled)."""
    import keras

    from dawnchorus.models import _fast, _frame_pooling, _layers, _recurrent

    # Keras finds them only where they are handed over
    own = (*_layers.LAYERS, *_fast.LAYERS, *_frame_pooling.LAYERS, *_recurrent.LAYERS)
    own = {layer.__name__: layer for layer in own}
    return keras.saving.load_model(path, custom_objects=own, compile=False)


def class_scores(model: "keras.Model", windows: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the scores (B, C) of windows (B, T, F), or (B, T', C) where a model's output is frames.

    Of a softmax over absent and present, the last.
    """
    import keras

    scores = keras.ops.convert_to_numpy(model.predict_on_batch(windows))
    return scores[..., -n_classes:]


def frames_each(settings: Mapping) -> int:
    """Return how many frames of its input an architecture makes one frame of scores, by options."""
    return math.prod(settings.get("frame_pools") or [1])


def frame_model(model: "keras.Model") -> "keras.Model":
    """Return the model that gives the frame scores behind a model's clip scores.

    Both have the same weights, now and later. A model with frame output is its own. Layers in front
    of an architecture, as those that standardise its input, stay in front.

    Raises
    ------
    ValueError
        Where the architecture has no frame output.
    """
    import keras

    if model not in _frame_models:  # a new one would be compiled again
        scores = _frame_output(model)
        if scores is None:
            return model
        _frame_models[model] = keras.Model(model.input, scores, name=model.name)
    return _frame_models[model]


def frame_scores(model: "keras.Model", windows: np.ndarray) -> np.ndarray:
    """Return the scores (B, T', C) of the frames of windows (B, T, F); see `frame_model`."""
    import keras

    return keras.ops.convert_to_numpy(frame_model(model).predict_on_batch(windows))


def _frame_output(model: "keras.Model"):
    """Return the frame scores of a model as a tensor of it, or None where they are its output."""
    import keras

    last = model.layers[-1]
    if isinstance(last, keras.Model):  # an architecture behind layers of its own
        scores = _frame_output(last)
        if scores is None:
            return None
        # not the one that is kept: it would know the model it is kept for, which then stays for ever
        return keras.Model(last.input, scores, name=last.name)(model.layers[-2].output)
    if _FRAME_SCORES not in (layer.name for layer in model.layers):
        raise ValueError(f"model {model.name!r} has no frame scores; expected one such as crnn")
    scores = model.get_layer(_FRAME_SCORES).output
    return None if scores is model.output else scores


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
