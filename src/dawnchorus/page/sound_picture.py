"""The spectrogram and the waveform of a sound that comes in pieces, small enough for a page.

What a person looks at, whatever the model sees: powers on a linear axis of frequency, up to half the
sample rate. A long recording has fewer columns per second, each with the highest of its values.

* `SoundPicture`: takes the sound and returns a `Picture`.

Axes: C channels, S samples, T columns, F bands.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

MOST_COLUMNS = 1 << 15  # of a picture, an even number; ten minutes have 50 a second
BANDS = 128
_COLUMNS_PER_S = 100
_FRAME_S = 0.023  # of the Fourier transform: songs of birds keep their pitch for about as long
_SHOWN = (40.0, 99.9)  # percentiles of the powers that are the first and the last shade
_LEAST_RANGE_DB = 30.0  # of the shades: noise alone is to look like noise
_FLOOR = 1e-12  # power of digital silence
_BLOCK = 1 << 16  # samples transformed at once


@dataclasses.dataclass(frozen=True)
class Picture:
    """A sound as it is drawn.

    Attributes
    ----------
    shades : array, shape (T, F), uint8
        The lowest band first.
    peaks : array, shape (T,), uint8
        Highest amplitude of each column; 255 is that of the loudest.
    columns_per_s : float
    top_hz : float
        The highest frequency.
    """

    shades: np.ndarray
    peaks: np.ndarray
    columns_per_s: float
    top_hz: float


class SoundPicture:
    """Draws a sound while it is decoded.

    Parameters
    ----------
    sample_rate : int
        [Hz].
    """

    def __init__(self, sample_rate: int):
        self._rate, self._hop = sample_rate, max(1, sample_rate // _COLUMNS_PER_S)
        self._n_fft = 2 ** round(np.log2(max(16.0, _FRAME_S * sample_rate)))
        self._window = np.hanning(self._n_fft + 1)[:-1].astype(np.float32)  # periodic
        # frames are centred on their columns
        self._before = (self._n_fft - self._hop) // 2
        self._samples = np.zeros(self._before, np.float32)
        n_bands = min(BANDS, self._n_fft // 2)
        # memory that is never written takes none; the last column is the peak
        self._columns = np.empty((MOST_COLUMNS, n_bands + 1), np.float32)
        self._fresh = np.empty((0, n_bands + 1), np.float32)  # too few for a column
        self._joined = 1  # hundredths of a second that a column stands for
        self._n = 0

    def add(self, pieces: Sequence[np.ndarray]) -> None:
        """Take the next samples of each channel, shape (S,) float32 each."""
        self._samples = np.concatenate([self._samples, np.mean(pieces, axis=0, dtype=np.float32)])
        self._draw((len(self._samples) - self._n_fft) // self._hop + 1)

    def finish(self) -> Picture:
        """Return the picture of what has come."""
        # silence behind the end, so that the last column is whole
        left = len(self._samples) - self._before
        n = max(-(-left // self._hop), 0 if self._n or len(self._fresh) else 1)
        padding = max(0, (n - 1) * self._hop + self._n_fft - len(self._samples))
        self._samples = np.concatenate([self._samples, np.zeros(padding, np.float32)])
        self._draw(n)
        found = self._columns[: self._n]
        if len(self._fresh):
            found = np.concatenate([found, self._fresh.max(axis=0, keepdims=True)])
        levels, peaks = found[:, :-1], found[:, -1]
        low, high = np.percentile(levels, _SHOWN)
        low = min(low, high - _LEAST_RANGE_DB)
        shades = np.clip((levels - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
        drawn_peaks = np.round(peaks * (255 / max(peaks.max(), _FLOOR))).astype(np.uint8)
        per_s = self._rate / self._hop / self._joined
        return Picture(shades, drawn_peaks, per_s, self._rate / 2)

    def _draw(self, n: int) -> None:
        """Draw the next columns, whose samples are there, and let go of what no later one needs."""
        n, at_once = max(n, 0), max(1, _BLOCK // self._n_fft)
        for first in range(0, n, at_once):
            last = min(first + at_once, n)
            samples = self._samples[first * self._hop : (last - 1) * self._hop + self._n_fft]
            frames = np.lib.stride_tricks.sliding_window_view(samples, self._n_fft)[:: self._hop]
            powers = np.abs(np.fft.rfft(frames * self._window, axis=1)[:, 1:]) ** 2
            n_bands = self._columns.shape[1] - 1
            bands = powers.reshape(len(powers), n_bands, -1).mean(axis=2)
            own = frames[:, self._before : self._before + self._hop]
            peaks = np.abs(own).max(axis=1, keepdims=True)
            rows = np.concatenate([10 * np.log10(bands + _FLOOR), peaks], axis=1)
            # columns of a hundredth of a second; where there is no room, two become one
            rows = np.concatenate([self._fresh, rows])
            while len(rows) >= self._joined:
                n_new = min(len(rows) // self._joined, MOST_COLUMNS - self._n)
                whole = rows[: n_new * self._joined].reshape(n_new, self._joined, -1)
                self._columns[self._n : self._n + n_new] = whole.max(axis=1)
                self._n, rows = self._n + n_new, rows[n_new * self._joined :]
                if self._n == MOST_COLUMNS:
                    pairs = self._columns.reshape(MOST_COLUMNS // 2, 2, -1).max(axis=1)
                    self._n, self._joined = len(pairs), 2 * self._joined
                    self._columns[: self._n] = pairs
            self._fresh = rows
        self._samples = self._samples[n * self._hop :]
