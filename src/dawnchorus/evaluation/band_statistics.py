"""Statistics of the bands of recordings: what baselines see of a spectrogram.

* `STATISTICS`: their names, K of them.
* `band_statistics`: of one recording.
* `read_statistics`: of the recordings of some shards.

Of all frames of a recording as the frontend stores them, so that nothing is decoded or computed again.
Axes: N recordings, T frames, F bands, K statistics.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dawnchorus.frontends import shard_reader

STATISTICS = ("mean", "deviation", "quantile10", "median", "quantile90", "rise")
_QUANTILES = (0.1, 0.5, 0.9)
_MOST_FRAMES = (
    20_000  # of a recording: 5 minutes at 70 frames/s; of longer ones every second, third, ...
)
_LEAST = -100.0  # where a frontend has no floor, digital silence is log 0


def band_statistics(frames: np.ndarray) -> np.ndarray:
    """Return the statistics of each band of one recording.

    Parameters
    ----------
    frames : array, shape (T, F)
        T at least 1; in the unit of the frontend, a logarithm of power for most.

    Returns
    -------
    array, shape (F, K), float32
        Mean, deviation, three quantiles, and the rise: the largest value less the mean.
    """
    found = np.maximum(frames, _LEAST, dtype=np.float32)
    mean, rise = found.mean(axis=0, dtype=np.float64), found.max(axis=0)
    rise = rise - mean
    # sound that lasts longer than the gaps between them tells the same in fewer frames
    found = found[:: -(-len(found) // _MOST_FRAMES)]
    deviation = found.std(axis=0, dtype=np.float64)
    quantiles = np.quantile(found, _QUANTILES, axis=0)
    return np.stack([mean, deviation, *quantiles, rise], axis=1).astype(np.float32)


def read_statistics(paths: Sequence[str | Path]) -> tuple[list[str], np.ndarray]:
    """Return the statistics of the recordings of some shards, one shard open at a time.

    Parameters
    ----------
    paths : sequence of path
        Shards of spectrograms of one frontend; of pictures all columns count as frames.

    Returns
    -------
    ids : list of str
        N, in the order of the shards.
    statistics : array, shape (N, F, K), float32
    """
    ids: list[str] = []
    found = []
    for path in paths:
        shard = shard_reader.open_shards([path])
        for name in shard.ids:
            if shard.layout == "chunks":
                images = shard.images(name)  # (n, F, T)
                frames = images.transpose(0, 2, 1).reshape(-1, images.shape[1])
            else:
                frames = shard.frames(name)
            found.append(band_statistics(frames))
        ids += shard.ids
    return ids, np.stack(found) if found else np.zeros((0, 0, len(STATISTICS)), np.float32)
