"""Which frames of a recording hold signal: the signal extraction of dsr2019.

After Sprengel et al. (2016), "Audio based bird species identification using deep learning techniques",
and Lasseck: a cell of the magnitude spectrogram, scaled to 0..1, is signal where it is above a factor
times the median of its row and above that of its column. An opening by squares of cells removes specks, a
dilation widens what is left. A frame with any such cell holds signal; noise is the complement, without a
threshold of its own. How far signal reaches in time is the matter of `dawnchorus.segments.kinds.time`.

The median of a row is that of a recording; a recording of more than `PART_S` seconds, which the original
did not load, is looked at in parts of as many.

* `signal_frames`: waveforms to frames with signal.
* `signal_mask`: cells of a spectrogram.
* `magnitudes`: the spectrogram that they are of.
* `timestamps`: parts with signal, in seconds.

Axes: T frames, K bins.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from dawnchorus.frontends import spectra

PART_S = 1000  # the original left longer recordings out; 43,000 frames take 180 MB


def signal_frames(channels: Sequence, settings: Mapping) -> np.ndarray:
    """Return which frames of a recording hold a cell with signal, shape (T,), bool.

    Parameters
    ----------
    channels : sequence of array-like, each of shape (S,)
        Waveforms of equal length; their magnitudes are averaged.
    settings : mapping
        Of a frontend of kind ``mel_power``.
    """
    total = 1 + len(channels[0]) // settings["hop"]
    part = max(1, PART_S * settings["sample_rate"] // settings["hop"])
    found = np.zeros(total, bool)
    for first in range(0, total, part):
        last = min(first + part, total)
        rows = magnitudes(channels, settings, first, last)
        found[first:last] = signal_mask(rows, settings).any(axis=1)
    return found


def magnitudes(channels: Sequence, settings: Mapping, first: int, last: int) -> np.ndarray:
    """Return the magnitude spectrogram of frames ``first`` to ``last``: (T, K) float32."""
    n_fft, hop = settings["n_fft"], settings["hop"]
    window, n_bins = spectra.window("hann", n_fft), n_fft // 2 + 1
    found = np.empty((last - first, n_bins), np.float32)

    def rows_of(waveform, start: int, stop: int) -> np.ndarray:
        frames = spectra.frames(waveform, start * hop - n_fft // 2, hop, n_fft, stop - start)
        return spectra.band_rows(frames, window, lambda s: spectra.level(s, 1).T, n_bins)

    for start, rows in spectra.mean_blocks(channels, rows_of, first, last):
        found[start - first : start - first + len(rows)] = rows
    return found


def signal_mask(rows: np.ndarray, settings: Mapping) -> np.ndarray:
    """Return which cells of a magnitude spectrogram are signal, shape (T, K), bool.

    Parameters
    ----------
    rows : array, shape (T, K), float32
        Magnitudes; scaled in place to 0..1.
    settings : mapping
        ``signal_factor`` (3 in the original) and ``signal_cells`` (4).
    """
    # imported here: shards are masked with it in jobs alone
    import scipy.ndimage

    low, high = rows.min(), rows.max()
    if low == high:  # silence: no cell is above the others
        return np.zeros(rows.shape, bool)
    rows -= low
    rows /= high - low
    factor = np.float32(settings["signal_factor"])
    of_row, of_column = np.median(rows, axis=0), np.median(rows, axis=1)
    mask = (rows > factor * of_row) & (rows > factor * of_column[:, np.newaxis])
    square = np.ones((settings["signal_cells"],) * 2, bool)
    mask = scipy.ndimage.binary_opening(mask, square)
    found: np.ndarray = scipy.ndimage.binary_dilation(mask, square)
    return found


def timestamps(is_signal: np.ndarray, n_samples: int, sample_rate: int) -> list[list[float]]:
    """Return the parts with signal as [start, stop] in seconds, rounded to 3 decimals.

    As dsr2019 has it, a frame lasts ``n_samples / (T + 2) / sample_rate`` seconds, which is a little
    less than the step of its frames.

    Parameters
    ----------
    is_signal : array, shape (T,), bool
    n_samples : int
        Of the recording.
    sample_rate : int
        Hz.
    """
    frame_s = n_samples / (len(is_signal) + 2) / sample_rate
    steps = np.diff(np.concatenate([[0], is_signal.astype(np.int8), [0]]))
    starts, stops = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    return [
        [round(float(start * frame_s), 3), round(float(stop * frame_s), 3)]
        for start, stop in zip(starts, stops, strict=True)
    ]
