"""Windows that sound alike: nearest neighbours of embeddings.

* `nearest`: the windows of a table that are nearest to some of them.
* `rows_of`: the windows of a recording, or of a stretch of it.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dawnchorus.exported.embeddings import Embeddings


def rows_of(
    table: Embeddings, file: str, onset_s: float | None = None, offset_s: float | None = None
) -> np.ndarray:
    """Return the rows of a recording whose middle lies within a stretch of it.

    Parameters
    ----------
    table : Embeddings
    file : str
        As the table has it, or the end of that after a ``/``.
    onset_s, offset_s : float, optional
        [s]; all of the recording where left out. The nearest row where none has its middle there.

    Raises
    ------
    ValueError
        Where there is no such recording, or several.
    """
    names = set(table.files)
    if file not in names:
        found = sorted(name for name in names if name.endswith(f"/{Path(file).name}"))
        if len(found) != 1:
            said = (
                f"may be {', '.join(found[:5])}" if found else f"is none of {len(names)} recordings"
            )
            raise ValueError(
                f"recording {file!r} {said}; expected one as in the table of embeddings"
            )
        file = found[0]
    rows = np.flatnonzero(np.array(table.files) == file)
    middle = (table.onset_s[rows] + table.offset_s[rows]) / 2
    low, high = (0.0 if onset_s is None else onset_s), (np.inf if offset_s is None else offset_s)
    within = (middle >= low) & (middle < high)
    if not within.any():
        within = np.arange(len(rows)) == np.argmin(np.abs(middle - (low + min(high, low + 1)) / 2))
    return rows[within]


def nearest(
    table: Embeddings, asked: np.ndarray, count: int, left_out: Sequence[str] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that are nearest to any of those asked for, and how near.

    Of a recording there is its nearest row alone, so that the list is one of recordings.

    Parameters
    ----------
    table : Embeddings
    asked : array of int
        Rows, or embeddings of the shape (n, K).
    count : int
        Recordings at most.
    left_out : sequence of str
        Recordings that are not wanted, such as those that were asked about.

    Returns
    -------
    rows : array of int
        The nearest first; of equal ones the first in the table.
    similarity : array, float64
        Cosine of the angle, (1 + cos) / 2, in [0, 1].
    """
    from sklearn.neighbors import NearestNeighbors

    given = table.values[asked] if asked.ndim == 1 else asked
    is_kept = ~np.isin(table.files, list(left_out))
    kept = np.flatnonzero(is_kept)
    if not len(kept):
        return kept, np.empty(0)
    # from each row that may be wanted to the nearest of those asked for: these are few
    search = NearestNeighbors(n_neighbors=1, metric="cosine", algorithm="brute").fit(given)
    distance = search.kneighbors(table.values[kept])[0][:, 0]
    order = np.argsort(distance, kind="stable")
    _, first = np.unique(np.array(table.files)[kept][order], return_index=True)
    chosen = order[np.sort(first)][:count]
    return kept[chosen], 1 - distance[chosen] / 2
