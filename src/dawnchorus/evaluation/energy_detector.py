"""Energy above a floor as frame scores: what a detector of events is worth that learns two numbers.

The noise floor of a band is a low quantile of a recording's own frames, so that another place or gain
needs no other threshold. A class has one contiguous range of bands, that in which the mean rise above
the floor separates frames of its training events best from all others (d', Green and Swets 1966), and
a scale, the mean rise there. Of several classes a frame is shared out by a linear discriminant of the
rise of all bands: means of the frames of each class, their pooled covariance, equal priors (Fisher 1936).

* `fit_detector`: the detector of some training recordings.
* `Detector`: bands, scales and discriminant by class; its scores.
* `rise`: frames above their floor; `noise_floor`: that floor.
* `loud_frames`: which frames stand for the classes of a recording without known events.

Axes: T frames, F bands, C classes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

_FLOOR = 0.2  # quantile of frames: an event may fill most of a recording
_LOUD = 0.1  # share of frames that stand for a recording with a class
_LEAST = -100.0  # where a frontend has no floor, digital silence is log 0
_MOST_FRAMES = 20_000  # of a recording, that its floor is taken from
_BLOCK = 20_000  # frames that are scored at once
_N_EDGES = 17  # of the ranges of bands that are tried
_RIDGE = 0.01  # of the mean variance, added to the pooled covariance: neighbouring bands overlap


@dataclass(frozen=True)
class Detector:
    """What the energy of frames says about C classes.

    ``ranges`` (C, 2): first band and the one after the last, 0 and 0 of a class that no training
    frame shows, which scores 0; ``scales`` (C,): mean rise of its frames in that range; ``separation``
    (C,): d' there; ``weights`` (F, C) and ``offsets`` (C,): the discriminant, whose columns are 0 and
    -inf for such a class.
    """

    ranges: np.ndarray
    scales: np.ndarray
    separation: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray

    def scores(self, frames: np.ndarray) -> np.ndarray:
        """Return the scores (T, C), float32 in [0, 1), of a recording's frames (T, F).

        The rise e in the range of a class is e / (e + scale), times the share of the class.
        """
        floor, found = noise_floor(frames), np.zeros((len(frames), len(self.ranges)), np.float32)
        is_known = self.ranges[:, 1] > 0
        for start in range(0, len(frames) if is_known.any() else 0, _BLOCK):
            own = rise(frames[start : start + _BLOCK], floor)
            share = own @ self.weights + self.offsets
            share = np.exp(share - share.max(axis=1, keepdims=True))
            share /= share.sum(axis=1, keepdims=True)
            for label in np.flatnonzero(is_known):
                first, beyond = self.ranges[label]
                energy = np.maximum(own[:, first:beyond].mean(axis=1), 0)
                energy /= energy + self.scales[label]
                found[start : start + _BLOCK, label] = energy * share[:, label]
        return found


def noise_floor(frames: np.ndarray) -> np.ndarray:
    """Return the floor of each band of a recording: (T, F) to (F,), in the unit of the frames."""
    # a long recording tells the same in fewer frames
    own = frames[:: -(-len(frames) // _MOST_FRAMES)]
    return np.quantile(np.maximum(own, _LEAST).astype(np.float64), _FLOOR, axis=0)


def rise(frames: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Return frames (T, F) above a floor (F,), float64; negative below it."""
    return np.maximum(frames, _LEAST).astype(np.float64) - floor


def loud_frames(risen: np.ndarray, is_present: np.ndarray) -> np.ndarray:
    """Return the loudest tenth of a recording's frames for each of its classes: (T, C), bool.

    Parameters
    ----------
    risen : array, shape (T, F)
    is_present : array, shape (C,), bool
        Classes of the recording.
    """
    level = risen.mean(axis=1)
    return (level >= np.quantile(level, 1 - _LOUD))[:, None] & is_present


def fit_detector(recordings: Iterable[tuple[np.ndarray, np.ndarray]], n_classes: int) -> Detector:
    """Return the detector that training recordings give.

    Parameters
    ----------
    recordings : iterable of (array of shape (T, F), array of shape (T, C))
        `rise` of the frames, and which of them are of which class (bool).
    n_classes : int
        C.

    Returns
    -------
    Detector
        It scores 0 where there is no recording.
    """
    total, of_class = None, [None] * n_classes
    for risen, is_active in recordings:
        total = _with(total, risen)
        for label in np.flatnonzero(is_active.any(axis=0)):
            of_class[label] = _with(of_class[label], risen[is_active[:, label]])
    n_bands = 0 if total is None else len(total[1])
    ranges = np.zeros((n_classes, 2), np.int64)
    scales, separation = np.ones(n_classes), np.full(n_classes, np.nan)
    weights, offsets = np.zeros((n_bands, n_classes)), np.full(n_classes, -np.inf)
    edges = np.unique(np.linspace(0, n_bands, _N_EDGES).round().astype(int)).tolist()
    pairs = [(low, high) for low in edges for high in edges if low < high]
    # all bands first: of equals the widest is taken
    pairs.sort(key=lambda pair: pair[0] - pair[1])
    known = [label for label in range(n_classes) if of_class[label] is not None]
    inside = {label: _mean_and_covariance(of_class[label]) for label in known}
    for label in known:
        others = [one - own for one, own in zip(total, of_class[label], strict=True)]
        # a class that fills all training recordings is told from silence alone
        outside = (
            _mean_and_covariance(others) if others[0] else (np.zeros(n_bands), inside[label][1])
        )
        best = max(pairs, key=lambda pair: _separation(inside[label], outside, *pair))
        ranges[label], separation[label] = best, _separation(inside[label], outside, *best)
        level = float(inside[label][0][slice(*best)].mean())
        scales[label] = max(level, np.finfo(np.float32).eps)
    if known:
        n_all = sum(of_class[label][0] for label in known)
        pooled = sum(of_class[label][0] / n_all * inside[label][1] for label in known)
        pooled += (_RIDGE * np.trace(pooled) / n_bands + _RIDGE**2) * np.eye(n_bands)
        means = np.stack([inside[label][0] for label in known], axis=1)  # (F, known)
        weights[:, known] = np.linalg.solve(pooled, means)
        offsets[known] = -0.5 * (means * weights[:, known]).sum(axis=0)
    return Detector(ranges, scales, separation, weights, offsets)


def _with(sums: list | None, rows: np.ndarray) -> list:
    """Return number, sum (F,) and sum of products (F, F) of rows, added to those there are."""
    own = [len(rows), rows.sum(axis=0), rows.T @ rows]
    return own if sums is None else [one + other for one, other in zip(sums, own, strict=True)]


def _mean_and_covariance(sums: list) -> tuple[np.ndarray, np.ndarray]:
    mean = sums[1] / sums[0]
    return mean, sums[2] / sums[0] - np.outer(mean, mean)


def _separation(inside: tuple, outside: tuple, first: int, beyond: int) -> float:
    """Return d' of the mean over a range of bands: frames of a class and all others."""
    (mean, spread), (other_mean, other_spread) = inside, outside
    own, n = slice(first, beyond), beyond - first
    variance = 0.5 * (spread[own, own].sum() + other_spread[own, own].sum()) / n**2
    return float((mean[own] - other_mean[own]).mean() / np.sqrt(max(variance, 1e-12)))
