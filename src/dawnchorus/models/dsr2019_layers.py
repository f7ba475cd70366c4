"""Keras layers of dsr2019's networks that Keras does not have.

* `LearnedPower`: a power of the spectrogram between 0 and 1 that is learnt.
* `CircularPadding`: frames of the other end at either end.
* `LAYERS`: what Keras needs to read a saved model.

Axes: B batch, T frames, F bands.
"""

from collections.abc import Sequence

import keras
from keras import layers, ops

LEAST = 1e-7  # the slope of a power below 1 is infinite at 0


@keras.saving.register_keras_serializable(package="dawnchorus")
class LearnedPower(layers.Layer):
    """Raise what is not negative to the power of sigmoid(a), a learned number.

    Parameters
    ----------
    limits : (float, float)
        The first a is uniform between them.
    """

    def __init__(self, limits: Sequence[float], **kwargs):
        super().__init__(**kwargs)
        self.limits = tuple(limits)

    def build(self, input_shape):
        """Make the one weight."""
        drawn = keras.initializers.RandomUniform(*self.limits)
        self.logit = self.add_weight(shape=(), initializer=drawn, name="logit")

    def call(self, inputs):
        """Return the power of (B, T, F)."""
        return ops.power(ops.maximum(inputs, LEAST), ops.sigmoid(self.logit))

    def compute_output_shape(self, input_shape):
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict:
        """Return what makes an equal layer."""
        return super().get_config() | {"limits": self.limits}


@keras.saving.register_keras_serializable(package="dawnchorus")
class CircularPadding(layers.Layer):
    """Put the last frames before the first and the first behind the last.

    Parameters
    ----------
    frames : int
        At either end, at most T.
    """

    def __init__(self, frames: int, **kwargs):
        super().__init__(**kwargs)
        self.frames = frames

    def call(self, inputs):
        """Return (B, T + 2 frames, F)."""
        return ops.concatenate([inputs[:, -self.frames :], inputs, inputs[:, : self.frames]], 1)

    def compute_output_shape(self, input_shape):
        """Return the shape of the input, longer."""
        batch, n_frames, *others = input_shape
        return (batch, n_frames + 2 * self.frames, *others)

    def get_config(self) -> dict:
        """Return what makes an equal layer."""
        return super().get_config() | {"frames": self.frames}


LAYERS = (LearnedPower, CircularPadding)
