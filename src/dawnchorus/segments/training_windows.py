"""Which windows are trained on.

* `training_rows`: those with enough signal and length, within a quota.
* `noise_rows`: those without signal, kept as noise to add.

Both concern kind ``chunks``; of the other kinds every window is trained on and none is noise. In
prediction nothing is left out by score.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from dawnchorus.segments.class_balance import has_class
from dawnchorus.segments.window_index import Index

_SAME_S = 1e-3  # a chunk of 0.33 s is one of whole samples


def training_rows(
    index: Index,
    values: np.ndarray,
    settings: Mapping,
    rng: np.random.Generator,
    class_names: Sequence[str] = (),
) -> np.ndarray:
    """Return the windows to train on, ascending (system 002, Kahl et al. 2018).

    Chunks are accepted by their score, too short ones go, a recording's quota is taken of what is
    left in random order, and of that the chunks within the score interval are used. A recording may
    come out with no window.

    Parameters
    ----------
    index : Index
        All W windows of N recordings.
    values : array, shape (N, C)
        Targets in [0, 1]; a recording is of the classes from 0.5 on.
    settings : mapping
        The ``segments`` section. ``min_score`` and ``max_score``: interval of scores, both ends
        included; classes named in ``exempt`` skip it. ``signal_threshold``: least score of an
        accepted chunk; None: the interval accepts. ``min_length_s``: a recording's shorter chunks
        are used only where it has none so long, then the longest alone. ``max_per_class``: a
        recording gives at most ``max_per_class // n + 1`` accepted chunks, n being the recordings
        of its class (of its rarest, where it has several); None: all.
    rng : numpy.random.Generator
        For the quota; nothing is drawn without one.
    class_names : sequence of str, length C, optional
        Needed for ``exempt``.

    Raises
    ------
    ValueError
        Where no window is left, and for an exempt class without a column.
    """
    if settings["kind"] != "chunks":
        return np.arange(len(index))
    is_exempt = _exempt(values, settings["exempt"], class_names)[index.recording]
    is_inside = (index.score >= settings["min_score"]) & (index.score <= settings["max_score"])
    is_inside |= is_exempt
    threshold = settings["signal_threshold"]
    is_used = is_inside.copy() if threshold is None else index.score >= threshold
    is_used &= _long_enough(index, is_used, settings["min_length_s"])
    if settings["max_per_class"] is not None:
        is_used &= _within(_quotas(values, settings["max_per_class"]), index, is_used, rng)
    rows = np.flatnonzero(is_used & is_inside)
    if len(index) and not len(rows):
        raise ValueError(
            f"none of {len(index)} chunks is left to train on: scores reach from "
            f"{index.score.min():.4g} to {index.score.max():.4g}, wanted are "
            f"{settings['min_score']} to {settings['max_score']}; change min_score or max_score"
        )
    return rows


def noise_rows(
    index: Index,
    values: np.ndarray,
    settings: Mapping,
    rng: np.random.Generator,
    class_names: Sequence[str] = (),
) -> np.ndarray:
    """Return the windows that serve as noise, ascending: a random share of those without signal.

    None of them is one that `training_rows` may choose: a chunk that is held out must not come back
    as noise.

    Parameters
    ----------
    index : Index
        Windows of training recordings alone: noise of others would tell of them.
    values, class_names
        See `training_rows`.
    settings : mapping
        The ``segments`` section: each chunk with a score below ``signal_threshold`` (None: below
        ``min_score``, and of no class in ``exempt``) is kept with probability ``noise_share``.
    rng : numpy.random.Generator
    """
    if settings["kind"] != "chunks":
        return np.arange(0)
    if settings["signal_threshold"] is not None:
        is_rejected = index.score < settings["signal_threshold"]
    else:
        is_exempt = _exempt(values, settings["exempt"], class_names)[index.recording]
        is_rejected = (index.score < settings["min_score"]) & ~is_exempt
    rejected = np.flatnonzero(is_rejected)
    return rejected[rng.random(len(rejected)) < settings["noise_share"]]


def _exempt(values: np.ndarray, exempt: Sequence[str], class_names: Sequence[str]) -> np.ndarray:
    """Return which recordings (N,) are of an exempt class."""
    if missing := sorted(set(exempt) - set(class_names)):
        raise ValueError(
            f"exempt class {missing[0]!r} of the segments is not among the {len(class_names)} "
            f"classes {', '.join(class_names[:12])}; take it out of exempt or train it"
        )
    chosen = [number for number, name in enumerate(class_names) if name in set(exempt)]
    return has_class(values)[:, chosen].any(axis=1)


def _long_enough(index: Index, is_candidate: np.ndarray, least_s: float) -> np.ndarray:
    """Return which windows are long enough, or the first of the longest of their recording."""
    is_long = index.length_s >= least_s - _SAME_S
    if is_long.all():
        return is_long
    has_long = set(index.recording[is_candidate & is_long].tolist())
    rows = np.flatnonzero(is_candidate & ~is_long)
    order = rows[np.lexsort((rows, -index.length_s[rows], index.recording[rows]))]
    recordings, first = np.unique(index.recording[order], return_index=True)
    is_alone = [recording not in has_long for recording in recordings.tolist()]
    is_long[order[first[is_alone]]] = True
    return is_long


def _quotas(values: np.ndarray, max_per_class: int) -> np.ndarray:
    """Return how many chunks each recording (N,) may give; those of no class are a class too."""
    is_of = has_class(values)
    is_of = np.column_stack([is_of, ~is_of.any(axis=1)])
    of_class = max_per_class // np.maximum(is_of.sum(axis=0), 1) + 1
    return np.where(is_of, of_class, 0).max(axis=1)


def _within(
    quotas: np.ndarray, index: Index, is_candidate: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the first candidates of each recording after a shuffle of all its windows."""
    rows = rng.permutation(len(index))
    rows = rows[is_candidate[rows]]
    rows = rows[np.argsort(index.recording[rows], kind="stable")]
    recordings, first, counts = np.unique(
        index.recording[rows], return_index=True, return_counts=True
    )
    rank = np.arange(len(rows)) - np.repeat(first, counts)
    is_within = np.zeros(len(index), bool)
    is_within[rows[rank < np.repeat(quotas[recordings], counts)]] = True
    return is_within
