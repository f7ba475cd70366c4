"""The largest rise of a band over its mean: a sound that stands out, without any training.

A call is short and narrow, so that one band rises far above its mean; wind and rain raise all bands for
long. It says that something calls, not what: for one class alone.
"""

from collections.abc import Callable

import numpy as np

from dawnchorus.evaluation.band_statistics import STATISTICS

MOST_CLASSES = 1
MOST_WORK = None


def fit(statistics: np.ndarray, targets: np.ndarray, rng: np.random.Generator) -> Callable:
    """Return scores that learn nothing; see `baseline_scores` for shapes."""

    def scores(scored: np.ndarray) -> np.ndarray:
        rise = scored[:, :, STATISTICS.index("rise")].max(axis=1).astype(np.float64)
        # to [0, 1) in the same order, as scores are; a rise has no upper end
        return (rise / (1 + rise))[:, None]

    return scores
