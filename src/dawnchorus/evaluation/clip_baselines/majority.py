"""The share of training recordings that each class has, the same for every recording."""

from collections.abc import Callable

import numpy as np

MOST_CLASSES = None
MOST_WORK = None


def fit(statistics: np.ndarray, targets: np.ndarray, rng: np.random.Generator) -> Callable:
    """Return scores that are the shares of the classes; see `baseline_scores` for shapes."""
    shares = targets.mean(axis=0)
    return lambda scored: np.tile(shares, (len(scored), 1))
