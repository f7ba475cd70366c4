"""Which windows are trained on and how often, and which choose the epoch.

* `training_rows`: those with enough signal and length, within a quota.
* `noise_rows`: those without signal, kept as noise to add; `noise_by_class`: as dsr2019 draws them.
* `split_windows`: windows for training, validation and test, without regard to recordings.
* `shuffled_by_recording`: windows in the order of shuffled recordings.
* `split_recordings`: the same by recordings, as many windows of each class (dsr2019).
* `oversample`: windows of rare classes repeated; `resample`: equally many of each class.
* `window_weights`: weights under which all classes weigh the same.
* `has_class`: which recordings are of which class.

The first concerns kind ``chunks``; of the other kinds every window is trained on. Noise have ``chunks``
and ``time``. In prediction nothing is left out by score.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from dawnchorus.segments.window_source import Index

_SAME_S = 1e-3  # a chunk of 0.33 s is one of whole samples


def has_class(values: np.ndarray) -> np.ndarray:
    """Return which recordings are of which classes (N, C), bool: targets from 0.5 on."""
    # targets may be soft, as pseudo-labels are
    return values >= 0.5


def training_rows(
    index: Index,
    values: np.ndarray,
    settings: Mapping,
    rng: np.random.Generator,
    class_names: Sequence[str] = (),
) -> np.ndarray:
    """Return the windows to train on, ascending (kahl2018).

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
        are used only where it has none so long, then the longest alone, and with ``too_short:
        none`` not even that. ``max_per_class``: a recording gives at most ``max_per_class // n + 1``
        accepted chunks, n being the recordings of its class (of its rarest, where it has several);
        None: all.
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
    is_long = _is_long(index, settings["min_length_s"])
    if settings["too_short"] == "longest" and not is_long.all():
        has_long = set(index.recording[is_used & is_long].tolist())
        rows = np.flatnonzero(is_used & ~is_long)
        # of each recording the longest first, and of equal ones the earliest
        order = rows[np.lexsort((rows, -index.length_s[rows], index.recording[rows]))]
        recordings, first = np.unique(index.recording[order], return_index=True)
        is_alone = [recording not in has_long for recording in recordings.tolist()]
        is_long[order[first[is_alone]]] = True
    is_used &= is_long
    if settings["max_per_class"] is not None:
        is_used &= _within_quota(index, values, is_used, settings["max_per_class"], rng)
    rows = np.flatnonzero(is_used & is_inside)
    if len(index) and settings["too_short"] == "none" and not is_long.any():
        raise ValueError(
            f"none of {len(index)} chunks is left to train on: none has {settings['min_length_s']} s "
            "of sound; change min_length_s or too_short"
        )
    if len(index) and threshold is not None and not (index.score >= threshold).any():
        raise ValueError(
            f"none of {len(index)} chunks is left to train on: scores reach from "
            f"{index.score.min():.4g} to {index.score.max():.4g}, and signal begins at "
            f"{threshold}; lower signal_threshold"
        )
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
        ``min_score``, and of no class in ``exempt``) is kept with probability ``noise_share``. With
        ``too_short: none`` those below ``min_length_s`` are no noise either. Of kind ``time``, at most
        ``noise_slices`` of ``noise_recordings`` recordings of each class, drawn at random.
    rng : numpy.random.Generator
    """
    if settings["kind"] == "time":
        return noise_by_class(index, values, settings, rng)
    if settings["kind"] != "chunks":
        return np.arange(0)
    if settings["signal_threshold"] is not None:
        is_rejected = index.score < settings["signal_threshold"]
    else:
        is_exempt = _exempt(values, settings["exempt"], class_names)[index.recording]
        is_rejected = (index.score < settings["min_score"]) & ~is_exempt
    if settings["too_short"] == "none":
        is_rejected &= _is_long(index, settings["min_length_s"])
    # one draw for each: another noise_share keeps or drops chunks, and moves no other draw
    rejected = np.flatnonzero(is_rejected)
    return rejected[rng.random(len(rejected)) < settings["noise_share"]]


def split_windows(
    index: Index, settings: Mapping, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split windows for training, validation and test, without regard to recordings.

    toth2016 and kahl2018 chose their epochs on windows of recordings that they trained on. Scores on
    such windows are too high; the split is here to reproduce them.

    Parameters
    ----------
    index : Index
        W windows.
    settings : mapping
        ``share`` (of validation) and ``test_share``, in [0, 1]. ``order``: ``sequential``, cuts in
        the windows of shuffled recordings (toth2016), or ``random``, windows drawn at random
        (kahl2018). ``lose_border``: of ``sequential``, the first window behind either cut belongs to
        no part: validation is [int(0.94 W) + 1, int(0.99 W)) in toth2016.
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
    # rounded first: in float64 (1 - 0.05 - 0.01) * 100 is a little less than 94
    first, second = (int(round(part * n, 6)) for part in (1 - settings["share"] - test, 1 - test))
    if first < 1:
        raise ValueError(
            f"share={settings['share']} and test_share={test} of {n} windows leave none to train on; "
            "make them smaller"
        )
    if order == "random":
        parts = np.split(rng.permutation(n), [first, second])
        # ascending: the order of an epoch has a generator of its own
        train, validation, held = (np.sort(part) for part in parts)
        return train, validation, held
    rows = shuffled_by_recording(index, rng)
    lost = 1 if settings["lose_border"] else 0  # toth2016 began its slices one window late
    return rows[:first], rows[first + lost : second], rows[second + lost :]


def shuffled_by_recording(index: Index, rng: np.random.Generator) -> np.ndarray:
    """Return the rows of an index by recordings in random order, each recording's as they were."""
    found, positions = np.unique(index.recording, return_inverse=True)
    return np.argsort(rng.permutation(len(found))[positions], kind="stable")


def oversample(
    index: Index, values: np.ndarray, least: int, rng: np.random.Generator
) -> np.ndarray:
    """Return all windows, then repetitions of windows of rare classes.

    A class with fewer than ``least`` windows, but at least one, gets random ones of them again
    (with replacement), as the minimum of samples per class of kahl2018. Windows of several
    classes count for each; what one class repeats is not counted for the next.

    Parameters
    ----------
    index : Index
        W windows of N recordings.
    values : array, shape (N, C)
        Targets in [0, 1].
    least : int
    rng : numpy.random.Generator

    Returns
    -------
    array, int64
        0 to W - 1, then the repeated rows class by class.
    """
    rows = [np.arange(len(index))]
    for is_of in has_class(values).T:
        own = np.flatnonzero(is_of[index.recording])
        if 0 < len(own) < least:
            # with replacement: a class of one window may need it many times
            rows.append(rng.choice(own, least - len(own)))
    return np.concatenate(rows)


def resample(index: Index, values: np.ndarray, settings: Mapping, rng: np.random.Generator):
    """Return equally many windows of each class, drawn with replacement (dsr2019).

    Parameters
    ----------
    index : Index
        W windows of N recordings.
    values : array, shape (N, C)
        Targets in [0, 1].
    settings : mapping
        ``factor`` (1.2) and ``most`` (1,800 or None): a class gets ``int(factor n)`` windows, n being
        ``most`` or the windows of the smallest class that has any, where these are fewer.
    rng : numpy.random.Generator

    Returns
    -------
    array, int64
        Rows, class by class. A window of several classes may be drawn for each; of none, never.
    """
    by_class = [np.flatnonzero(is_of[index.recording]) for is_of in has_class(values).T]
    by_class = [rows for rows in by_class if len(rows)]
    if not by_class:
        return np.arange(0)
    wanted = _per_class(map(len, by_class), settings["most"])
    n = max(1, int(settings["factor"] * wanted))
    return np.concatenate([rng.choice(rows, n) for rows in by_class])


def split_recordings(
    index: Index, values: np.ndarray, share: float, most: int | None, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Split windows for training and validation by recordings (dsr2019).

    Of each class, recordings are taken at random until their windows are ``int(share n)``, n being as
    in `resample`, within a tolerance that grows by one with each failure. A class keeps one recording
    to train on.

    Returns
    -------
    train, validation : array, int64
        Rows of the index, ascending.
    """
    counts = np.bincount(index.recording, minlength=len(values))
    is_of = has_class(values) & (counts > 0)[:, np.newaxis]
    is_of &= np.cumsum(is_of, axis=1) == 1  # one of several classes counts for its first
    by_class = [np.flatnonzero(column) for column in is_of.T if column.any()]
    size = int(share * _per_class((counts[own].sum() for own in by_class), most)) if by_class else 0
    held: list[int] = []
    for own in by_class:
        tolerance, found = 0, np.arange(0)
        while size and len(own) > 1 and not len(found):
            order = rng.permutation(own)[: len(own) - 1]
            is_hit = np.abs(np.cumsum(counts[order]) - size) <= tolerance
            found = order[: np.argmax(is_hit) + 1] if is_hit.any() else found
            tolerance += 1
        held += found.tolist()
    is_held = np.isin(index.recording, held)
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)


def window_weights(index: Index, values: np.ndarray) -> np.ndarray:
    """Return weights of windows under which all classes weigh the same, shape (W,), float32.

    A class of n windows has the weight ``W / (K n)``, K being the classes that have any (scikit-learn's
    ``balanced``); a window of several classes has the mean of theirs, one of none 1. A single column
    means two classes, absent and present.
    """
    is_of = has_class(values)
    if is_of.shape[1] == 1:
        is_of = np.column_stack([~is_of, is_of])
    # by recording: a row of 1,500 classes for each of millions of windows would be gigabytes
    counts = np.bincount(index.recording, minlength=len(is_of)) @ is_of
    of_class = len(index) / (max(np.count_nonzero(counts), 1) * np.maximum(counts, 1))
    n_classes = is_of.sum(axis=1)
    weights = np.where(n_classes, is_of @ of_class / np.maximum(n_classes, 1), 1.0)
    return weights.astype(np.float32)[index.recording]


def _per_class(counts: Iterable[int], most: int | None) -> int:
    """Return how many windows of each class are aimed at: the fewest that a class has, or ``most``."""
    least = int(min(counts))
    return least if most is None else min(most, least)


def noise_by_class(
    index: Index, values: np.ndarray, settings: Mapping, rng: np.random.Generator
) -> np.ndarray:
    """Return some windows of some recordings of each class, as dsr2019 has it; see `noise_rows`."""
    rows: set[int] = set()
    for is_of in has_class(values).T:
        own = np.unique(index.recording[is_of[index.recording]])
        for recording in rng.permutation(own)[: settings["noise_recordings"]]:
            theirs = rng.permutation(np.flatnonzero(index.recording == recording))
            rows.update(theirs[: settings["noise_slices"]].tolist())
    return np.array(sorted(rows), np.int64)


def _exempt(values: np.ndarray, exempt: Sequence[str], class_names: Sequence[str]) -> np.ndarray:
    """Return which recordings (N,) are of an exempt class."""
    if missing := sorted(set(exempt) - set(class_names)):
        raise ValueError(
            f"exempt class {missing[0]!r} of the segments is not among the {len(class_names)} "
            f"classes {', '.join(class_names[:12])}; take it out of exempt or train it"
        )
    chosen = [number for number, name in enumerate(class_names) if name in set(exempt)]
    return has_class(values)[:, chosen].any(axis=1)


def _is_long(index: Index, least_s: float) -> np.ndarray:
    """Return which windows have enough sound."""
    is_long: np.ndarray = index.length_s >= least_s - _SAME_S
    return is_long


def _within_quota(
    index: Index,
    values: np.ndarray,
    is_candidate: np.ndarray,
    max_per_class: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the first candidates of each recording after a shuffle of all its windows."""
    is_of = has_class(values)
    is_of = np.column_stack([is_of, ~is_of.any(axis=1)])  # recordings of no class are a class too
    of_class = max_per_class // np.maximum(is_of.sum(axis=0), 1) + 1
    quotas = np.where(is_of, of_class, 0).max(axis=1)
    # all windows are shuffled, candidates or not: a threshold must not change the order of the rest
    rows = rng.permutation(len(index))
    rows = rows[is_candidate[rows]]
    # stable: within a recording the shuffled order stays
    rows = rows[np.argsort(index.recording[rows], kind="stable")]
    recordings, first, counts = np.unique(
        index.recording[rows], return_index=True, return_counts=True
    )
    rank = np.arange(len(rows)) - np.repeat(first, counts)
    is_within = np.zeros(len(index), bool)
    is_within[rows[rank < np.repeat(quotas[recordings], counts)]] = True
    return is_within
