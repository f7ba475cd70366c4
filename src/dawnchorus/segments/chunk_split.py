"""Windows for training, validation and test, without regard to recordings.

* `split_chunks`: the split.
* `in_shuffled_recordings`: windows in the order of shuffled recordings.

Systems 001 and 002 chose their epochs on windows of recordings that they trained on; scores on such
windows are too good. It is here to reproduce them.
"""

from collections.abc import Mapping

import numpy as np

from dawnchorus.segments.window_index import Index


def split_chunks(
    index: Index, settings: Mapping, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split windows into three parts.

    Parameters
    ----------
    index : Index
        W windows.
    settings : mapping
        ``share`` (of validation) and ``test_share``, in [0, 1]. ``order``: ``sequential``, cuts in
        the windows of shuffled recordings (system 001), or ``random``, windows drawn at random
        (002). ``lose_border``: of ``sequential``, the first window behind either cut belongs to no
        part: validation is [int(0.94 W) + 1, int(0.99 W)) in system 001.
    rng : numpy.random.Generator

    Returns
    -------
    train, validation, test : array, int64
        Rows of the index; ascending for ``random``, in the order that was cut for ``sequential``.

    Raises
    ------
    ValueError
        Where nothing is left to train on, and for an unknown order.
    """
    order = settings["order"]
    if order not in ("random", "sequential"):
        raise ValueError(f"validation order={order!r} is not known; expected random or sequential")
    n, test = len(index), settings["test_share"]
    # rounded: (1 - 0.05 - 0.01) * 100 is a little less than 94
    first, second = (int(round(part * n, 6)) for part in (1 - settings["share"] - test, 1 - test))
    if first < 1:
        raise ValueError(
            f"share={settings['share']} and test_share={test} of {n} windows leave none to train on; "
            "make them smaller"
        )
    if order == "random":
        parts = np.split(rng.permutation(n), [first, second])
        train, validation, held = (np.sort(part) for part in parts)
        return train, validation, held
    rows = in_shuffled_recordings(index, rng)
    lost = 1 if settings["lose_border"] else 0
    return rows[:first], rows[first + lost : second], rows[second + lost :]


def in_shuffled_recordings(index: Index, rng: np.random.Generator) -> np.ndarray:
    """Return the rows of an index by recordings in random order, each recording's as they were."""
    found, positions = np.unique(index.recording, return_inverse=True)
    return np.argsort(rng.permutation(len(found))[positions], kind="stable")
