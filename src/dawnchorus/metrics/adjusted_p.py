"""P-values of several comparisons at once.

* `holm`: adjusted so that the chance of any false finding among them stays at the level of one.

Ours, because SciPy has the false discovery rate alone, and a package of its own for six lines of
arithmetic would have to be installed and locked.
"""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Return p-values adjusted for their number, by the step-down method.

    Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6(2), 65-70. The k-th smallest of m is multiplied by m - k + 1; none is smaller than one
    before it. It holds whatever the comparisons have in common.

    Parameters
    ----------
    p_values : sequence of K floats
        In [0, 1]. NaN stays NaN, and does not count.

    Returns
    -------
    array, shape (K,)
        In [0, 1].

    Raises
    ------
    ValueError
        Where one is outside [0, 1].
    """
    given = np.asarray(p_values, dtype=np.float64)
    known = ~np.isnan(given)
    if ((given[known] < 0) | (given[known] > 1)).any():
        raise ValueError(f"p-values {given[known].tolist()!r}; expected numbers in 0 to 1")
    adjusted = np.full(given.shape, np.nan)
    order = np.flatnonzero(known)[np.argsort(given[known], kind="stable")]
    steps = given[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
