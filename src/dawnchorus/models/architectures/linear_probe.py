"""Logistic regression on embeddings: by steps as any other network, or solved exactly.

Scores of rows are those of one layer; a clip's is their mean or maximum.
"""

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np

from dawnchorus.models.embedding_blocks import EmbeddingSettings, scored
from dawnchorus.settings.section import Positive, Unit

if TYPE_CHECKING:
    import keras

_ITERATIONS = 1000
_SURE = 10.0  # logit of a class that all training windows have; of one that none has its negative


class Settings(EmbeddingSettings):
    """Logistic regression on embeddings."""

    name: Literal["linear_probe"] = "linear_probe"
    """The architecture."""
    pooling: Literal["average", "max", "linear_softmax"] = "average"
    """From the scores of rows to that of a clip."""
    solver: Literal["steps", "exact"] = "steps"
    """steps: the usual training; exact: scikit-learn's solution for all training windows at once."""
    strength: Annotated[Positive, Unit("1")] = 1.0
    """exact: strength of the L2 penalty, the inverse of C of scikit-learn."""

    def is_solved(self) -> bool:
        """Return whether `solve` sets the weights, in place of steps."""
        return self.solver == "exact"


def build(
    input_shape: tuple[int | None, int],
    n_classes: int,
    output: str,
    settings: Settings,
) -> "keras.Model":
    """Build logistic regression: F + 1 weights for each class.

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

    x = keras.Input(input_shape, name="embeddings")
    return scored(x, x, n_classes, output, settings.head, settings.pooling, "linear_probe")


def solve(
    model: "keras.Model",
    rows: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    settings: Settings,
    names: tuple,
) -> None:
    """Set the weights to the solution of the penalised problem.

    A target between 0 and 1 counts as so much of a present window and the rest of an absent one.

    Parameters
    ----------
    model : keras.Model
        As `build` returns it, changed in place.
    rows : array, shape (N, F)
    targets : array, shape (N, C)
        In [0, 1].
    weights : array, shape (N,)
    settings : Settings
    names : tuple
        Of no effect.
    """
    layer = model.get_layer("frame_logits")
    kernel, bias = (np.zeros(tuple(variable.shape)) for variable in layer.weights)
    if settings.head == "softmax" and targets.shape[1] > 1:
        bias[:] = -_SURE
        classes, coefficients, intercepts = _solved(rows, targets, weights, settings.strength)
        kernel[:, classes], bias[classes] = coefficients.T, intercepts
    else:
        for column, present in enumerate(targets.T):
            column = -1 if settings.head == "softmax" else column  # the last of absent and present
            both = np.stack([1 - present, present], axis=1)
            classes, coefficients, intercepts = _solved(rows, both, weights, settings.strength)
            if len(classes) == 1:
                bias[column] = _SURE if classes[0] else -_SURE
            else:
                kernel[:, column], bias[column] = coefficients[0], intercepts[0]
    layer.set_weights([kernel, bias])


def _solved(
    rows: np.ndarray, targets: np.ndarray, weights: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the classes that there are, coefficients and intercepts."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    which, classes = np.nonzero(targets)
    each = weights[which] * targets[which, classes]
    there = np.unique(classes)
    if len(there) == 1:
        return there, np.zeros((1, rows.shape[1])), np.full(1, _SURE)
    # one thread: sums in another order give other bits
    with threadpool_limits(1):
        fitted = LogisticRegression(C=1 / strength, max_iter=_ITERATIONS)
        fitted.fit(rows[which], classes, sample_weight=each)
    coefficients, intercepts = fitted.coef_, fitted.intercept_
    if len(there) == 2 and targets.shape[1] > 2:
        # of two classes scikit-learn has the difference of their logits alone
        halves = (-0.5, 0.5)
        coefficients = np.concatenate([half * coefficients for half in halves])
        intercepts = np.concatenate([half * intercepts for half in halves])
    return there, coefficients, intercepts
