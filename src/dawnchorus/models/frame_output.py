"""Clip scores and frame scores of a model.

Axes: B windows, T frames of the input, T' frames of the scores, F bands, C classes.

* `Averaged`: models whose scores are averaged, as one.
* `class_scores`: the scores of a batch.
* `frame_model`, `frame_scores`: the frame scores that clip scores are pooled from.
"""

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

_FRAME_SCORES = "frame_scores"  # the layer, in every architecture with frame output
_frame_models = weakref.WeakKeyDictionary()  # by model: those that are gone free their memory


class Averaged:
    """Models of one architecture whose scores of each window are averaged, as one model."""

    def __init__(self, models: Sequence["keras.Model"]):
        self.models = list(models)
        # what is asked of a model without its weights is the same of all
        self.name, self.layers = self.models[0].name, self.models[0].layers
        self.input_shape = self.models[0].input_shape
        self.output_shape = self.models[0].output_shape

    def predict_on_batch(self, windows: np.ndarray) -> np.ndarray:
        """Return the mean of what the models give for a batch, float32."""
        import keras

        total = np.zeros(())
        for model in self.models:  # in float64, so that a copy of a model changes nothing
            total = total + keras.ops.convert_to_numpy(model.predict_on_batch(windows))
        return (total / len(self.models)).astype(np.float32)


def class_scores(
    model: "keras.Model | Averaged", windows: np.ndarray, n_classes: int
) -> np.ndarray:
    """Return the scores (B, C) of windows (B, T, F), or (B, T', C) where a model's output is frames.

    Of a softmax over absent and present, the last.
    """
    import keras

    scores = keras.ops.convert_to_numpy(model.predict_on_batch(windows))
    return scores[..., -n_classes:]


def frame_model(model: "keras.Model | Averaged") -> "keras.Model | Averaged":
    """Return the model that gives the frame scores behind a model's clip scores.

    Both have the same weights, now and later. A model with frame output is its own. Layers in front
    of an architecture, as those that standardise its input, stay in front.

    Raises
    ------
    ValueError
        Where the architecture has no frame output.
    """
    import keras

    if isinstance(model, Averaged):
        return Averaged([frame_model(each) for each in model.models])
    if model not in _frame_models:  # a new one would be compiled again
        scores = _frame_output(model)
        if scores is None:
            return model
        _frame_models[model] = keras.Model(model.input, scores, name=model.name)
    return _frame_models[model]


def frame_scores(model: "keras.Model | Averaged", windows: np.ndarray) -> np.ndarray:
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
