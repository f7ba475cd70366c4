"""The classes of the nearest training recordings, by the mean of what the first stage sees.

Made for embeddings of a pretrained network, where it is the least that a model on them should beat; of
spectrograms it compares mean spectra. Nearness is the cosine of the angle.
"""

from collections.abc import Callable

import numpy as np

MOST_CLASSES, MOST_WORK = None, None
NEIGHBOURS = 5
_MEAN = 0  # of `dawnchorus.evaluation.band_statistics.STATISTICS`


def fit(statistics: np.ndarray, targets: np.ndarray, rng: np.random.Generator) -> Callable:
    """Return the share of the nearest that have a class, the nearer counting more."""
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_limits

    search = NearestNeighbors(
        n_neighbors=min(NEIGHBOURS, len(targets)), metric="cosine", algorithm="brute"
    )
    search.fit(statistics[..., _MEAN])

    def scores(scored: np.ndarray) -> np.ndarray:
        with threadpool_limits(1):
            distance, neighbour = search.kneighbors(scored[..., _MEAN])
        weights = 1 - distance / 2  # in [0, 1]
        total = np.maximum(weights.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        found = (weights[..., None] * targets[neighbour]).sum(axis=1) / total
        return np.clip(found, 0, 1)

    return scores
