"""Classes with few positives, many at once: sums over positives as matrix products.

What a weighted metric needs of a positive is the weight of all that score at least as much. For a
class with many positives that is a cumulative sum along its ranked list, (R, N) for each class; for
a class with few it is a product with a 0/1 matrix of positives x recordings, which takes all such
classes at once and is some tens of times faster for hundreds of rare species.

* `Positives`: the positives of some classes, ranked.
* `blocks`: the classes with few positives in blocks of bounded memory, and the others.

Axes: N recordings, C classes, P positives, R weightings.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

FEW = 40  # positives of a class up to which the product is faster
ENTRIES = 4 * 10**6  # of a 0/1 matrix at once


@dataclass(frozen=True)
class Positives:
    """P positives sorted by class and, within a class, by falling score.

    ``rows`` and ``scores`` (P,) of each; ``columns`` (P,) of its class in all scores; ``starts``:
    where each class starts; ``first`` and ``last`` (P,): of those of its class and score.
    """

    rows: np.ndarray
    scores: np.ndarray
    columns: np.ndarray
    starts: np.ndarray
    first: np.ndarray
    last: np.ndarray

    @classmethod
    def of(cls, targets: np.ndarray, scores: np.ndarray, classes: np.ndarray) -> "Positives":
        """Return the positives of some classes, each of which has one or more."""
        which, rows = np.nonzero(targets.T[classes])
        own = scores[rows, classes[which]]
        order = np.lexsort((-own, which))
        which, rows, own = which[order], rows[order], own[order]
        starts = np.flatnonzero(np.diff(which, prepend=-1))
        is_new = (np.diff(which, prepend=-1) != 0) | (np.diff(own, prepend=np.inf) != 0)
        heads = np.flatnonzero(is_new)
        group = np.cumsum(is_new) - 1
        tails = np.append(heads[1:], len(rows)) - 1
        return cls(rows, own, classes[which], starts, heads[group], tails[group])

    def at_least(self, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the weight of all that score at least as much as each positive, shape (R, P)."""
        return self._product(weights, lambda own, mine: own >= mine, scores)

    def passed(self, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the weight of all that score more, twice, and of all that score as much (R, P)."""
        return self._product(weights, lambda own, mine: (own >= mine) + 1.0 * (own > mine), scores)

    def ranked(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the weight of each positive, of those of its class at or above it, and above it."""
        own = weights[:, self.rows]
        total = np.cumsum(own, axis=1)
        before = total - own
        base = before[:, np.repeat(self.starts, np.diff(np.append(self.starts, len(self.rows))))]
        return own, total[:, self.last] - base, before[:, self.first] - base

    def per_class(self, values: np.ndarray) -> np.ndarray:
        """Return sums of values (R, P) over the positives of each class."""
        return np.add.reduceat(values, self.starts, axis=1)

    def _product(self, weights: np.ndarray, compared: Callable, scores: np.ndarray) -> np.ndarray:
        found = np.empty((len(weights), len(self.rows)))
        step = max(1, ENTRIES // max(1, len(scores)))
        for begin in range(0, len(self.rows), step):
            here = slice(begin, begin + step)
            matrix = compared(scores.T[self.columns[here]], self.scores[here, None])
            found[:, here] = weights @ matrix.T.astype(np.float64)
        return found


def blocks(targets: np.ndarray) -> tuple[Iterator[np.ndarray], np.ndarray]:
    """Return blocks of the classes with few positives, and the classes with many.

    A block has about as many positives as there are recordings.
    """
    counts = targets.sum(axis=0)
    few = np.flatnonzero((counts > 0) & (counts <= FEW))
    block = np.cumsum(counts[few]) // max(1, len(targets))
    return (few[block == number] for number in np.unique(block)), np.flatnonzero(counts > FEW)
