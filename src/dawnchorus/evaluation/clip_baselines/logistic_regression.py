"""Logistic regression on the statistics of bands, by scikit-learn.

Each statistic is standardised over the training recordings. Where each of these has exactly one of
several classes the regression is multinomial, else there is one for each class.
"""

import warnings
from collections.abc import Callable

import numpy as np

MOST_CLASSES = None
C = 0.01  # inverse strength of the L2 penalty: a few hundred recordings, a few hundred statistics
ITERATIONS = 300
# training recordings x statistics x classes: at most four seconds on one core, a twentieth of the
# seventy that a training of the default 1000 steps takes
MOST_WORK = 1e8


def fit(statistics: np.ndarray, targets: np.ndarray, rng: np.random.Generator) -> Callable:
    """Return scores that are probabilities; see `baseline_scores` for shapes."""
    known = statistics.reshape(len(statistics), -1).astype(np.float64)
    mean, deviation = known.mean(axis=0), known.std(axis=0)
    deviation[deviation == 0] = 1  # a band without sound says nothing
    known = (known - mean) / deviation
    is_single = targets.shape[1] > 1 and bool((targets.sum(axis=1) == 1).all())
    fitted = _multinomial(known, targets) if is_single else _one_for_each(known, targets)

    def scores(scored: np.ndarray) -> np.ndarray:
        return fitted((scored.reshape(len(scored), -1) - mean) / deviation)

    return scores


def _regression(known: np.ndarray, labels: np.ndarray):
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    # one thread: sums in another order give other bits, and a job has one core
    with threadpool_limits(1), warnings.catch_warnings():
        # a baseline that is not quite settled is one all the same
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=C, max_iter=ITERATIONS).fit(known, labels)


def _multinomial(known: np.ndarray, targets: np.ndarray) -> Callable:
    labels, n_classes = targets.argmax(axis=1), targets.shape[1]
    if len(np.unique(labels)) == 1:
        return lambda scored: np.tile(targets[0].astype(float), (len(scored), 1))
    model = _regression(known, labels)

    def scores(scored: np.ndarray) -> np.ndarray:
        # a class that no training recording has gets 0
        found = np.zeros((len(scored), n_classes))
        found[:, model.classes_] = model.predict_proba(scored)
        return found

    return scores


def _one_for_each(known: np.ndarray, targets: np.ndarray) -> Callable:
    # a class that all training recordings have, or none, is not fitted
    models = [None if len(set(column)) == 1 else _regression(known, column) for column in targets.T]

    def scores(scored: np.ndarray) -> np.ndarray:
        found = [
            np.full(len(scored), float(column[0]))
            if model is None
            else model.predict_proba(scored)[:, 1]
            for model, column in zip(models, targets.T, strict=True)
        ]
        return np.stack(found, axis=1)

    return scores
