"""Frame scores to clip scores, inside a model.

* `clip_scores`: frame scores pooled by one of `POOLINGS`.
* `LinearSoftmax`, `AttentionMean`: pooling that weighs frames.
* `LAYERS`: what a saved model needs to be read.

Wang, Li and Metze (2019), "A comparison of five multiple instance learning pooling functions for
sound event detection with weak labeling", https://arxiv.org/abs/1810.09050, table 1: of y, the score
of a frame, and w, its weight, the mean, the maximum, sum(y^2) / sum(y) and sum(w y) / sum(w).

Axes: B batch, T frames, F features, C classes.
"""

import keras
from keras import layers, ops

POOLINGS = ("average", "max", "linear_softmax", "attention")
_LEAST = 1e-7  # of a sum that divides: where all scores are 0, so is the clip's


@keras.saving.register_keras_serializable(package="dawnchorus")
class LinearSoftmax(layers.Layer):
    """The mean of frame scores, each weighed by itself: sum(y^2) / sum(y)."""

    def call(self, frame_scores):
        """Pool (B, T, C) to (B, C)."""
        total = ops.maximum(ops.sum(frame_scores, axis=1), _LEAST)
        return ops.minimum(ops.sum(frame_scores * frame_scores, axis=1) / total, 1)


@keras.saving.register_keras_serializable(package="dawnchorus")
class AttentionMean(layers.Layer):
    """The mean of frame scores, weighed by a softmax over time of logits of attention."""

    def call(self, inputs):
        """Pool scores and logits, each (B, T, C), to (B, C)."""
        frame_scores, attention_logits = inputs
        weights = ops.softmax(attention_logits, axis=1)
        # weights sum to 1 but for rounding
        return ops.minimum(ops.sum(weights * frame_scores, axis=1), 1)


LAYERS = (LinearSoftmax, AttentionMean)


def clip_scores(frame_scores, features, pooling: str):
    """Pool frame scores (B, T, C) to clip scores (B, C).

    Parameters
    ----------
    frame_scores : tensor, shape (B, T, C)
        In [0, 1].
    features : tensor, shape (B, T, F)
        What the scores come from; attention is learnt from it.
    pooling : str
        One of `POOLINGS`.
    """
    name = "clip_scores"
    if pooling == "attention":
        logits = layers.Dense(frame_scores.shape[-1], name="attention_logits")(features)
        return AttentionMean(name=name)([frame_scores, logits])
    pool = {
        "average": layers.GlobalAveragePooling1D,
        "max": layers.GlobalMaxPooling1D,
        "linear_softmax": LinearSoftmax,
    }[pooling]
    return pool(name=name)(frame_scores)
