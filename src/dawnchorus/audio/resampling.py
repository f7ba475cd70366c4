"""Resample recordings block by block.

Conventions: blocks are float32, shape (S, C). The result of all blocks together has
``ceil(S * sample_rate / source_rate)`` samples (10 s are 220,500 at 22,050 Hz), does not depend on
where the blocks were cut, and has no delay. Equal rates leave the samples unchanged.

* ``soxr_hq``, ``soxr_vhq``: the SoX resampler; pass band to 0.91 of the lower Nyquist frequency.
* ``polyphase``: the filter of `scipy.signal.resample_poly` (Kaiser window of shape 5.0), -6 dB at
  the lower Nyquist frequency.
* ``shallow``: the same kind of filter with a less steep slope, `SHALLOW`.
* `stream`: start the resampling of one recording.
* `low_pass`: the filter of ``polyphase`` and ``shallow``.
"""

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from dawnchorus.audio.verdicts import Excluded

POLYPHASE = (1.0, 5.0)
# -6 dB point as a share of the lower Nyquist frequency, and shape of the Kaiser window
SHALLOW = (0.8, 12.0)
_HALF_LENGTH = 10  # samples of the lower rate on each side of the filter's centre
_MOST_PHASES = 200_000  # a filter has 20 times as many taps: 32 MB
_PIECE = 1 << 16  # samples that are filtered at once, about


class Stream(Protocol):
    """The resampling of one recording."""

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take the next samples and return those that are ready, shape (S', C)."""

    def finish(self) -> np.ndarray:
        """Return the rest, shape (S', C)."""


def stream(name: str, source_rate: int, sample_rate: int, n_channels: int) -> Stream:
    """Start the resampling of one recording.

    Parameters
    ----------
    name : str
        ``soxr_hq``, ``soxr_vhq``, ``polyphase`` or ``shallow``.
    source_rate, sample_rate : int
        From and to [Hz].
    n_channels : int
        C; each channel is resampled on its own.

    Raises
    ------
    Excluded
        AUDIO_RATE where the greatest common divisor of the rates is so small that the filter would
        have more than 20 times `_MOST_PHASES` taps.
    """
    if source_rate == sample_rate:
        return _Same(n_channels)
    return _KINDS[name](source_rate, sample_rate, n_channels)


def low_pass(up: int, down: int, cutoff: float, shape: float) -> np.ndarray:
    r"""Return the taps of a windowed sinc between two rates of ratio ``up`` / ``down``.

    With a cut-off of 1.0 and a shape of 5.0 it is the filter of `scipy.signal.resample_poly`.

    `SHALLOW` (0.8 and 12.0) approximates the low-pass of grill2017, the winning system of the Bird
    Audio Detection challenge 2017. Of that it is known by how much it lowered the upper of 80 mel
    bands (50-11,000 Hz, magnitude) from 44.1 to 22.05 kHz: -6 dB at 8.8 kHz, four fifths of the new
    Nyquist frequency. Known and ours in nats, for white noise, aliasing included:

    ====  ======  ======   ====  ======  ======   ====  ======  ======
    band  known   ours     band  known   ours     band  known   ours
    ====  ======  ======   ====  ======  ======   ====  ======  ======
    64    -0.002  -0.010   70    -0.143  -0.182   76    -1.328  -1.255
    65    -0.005  -0.017   71    -0.221  -0.265   77    -1.712  -1.631
    66    -0.012  -0.030   72    -0.337  -0.377   78    -2.140  -2.096
    67    -0.025  -0.050   73    -0.498  -0.523   79    -2.610  -2.647
    68    -0.047  -0.079   74    -0.713  -0.712
    69    -0.084  -0.122   75    -0.988  -0.953
    ====  ======  ======   ====  ======  ======   ====  ======  ======

    Parameters
    ----------
    up, down : int
        Output and input rate, reduced.
    cutoff : float
        -6 dB point as a share of the lower Nyquist frequency.
    shape : float
        Of the Kaiser window (its beta).

    Returns
    -------
    array, shape (20 * max(up, down) + 1,), float32
        Of gain ``up``, at ``up`` times the input rate.
    """
    wider = max(up, down)
    half = _HALF_LENGTH * wider
    time = np.arange(-half, half + 1) * (cutoff / wider)
    taps = np.sinc(time) * np.kaiser(2 * half + 1, shape)
    return (taps * (up / taps.sum())).astype(np.float32)


class _Same:
    def __init__(self, n_channels: int):
        self.n_channels = n_channels

    def push(self, block: np.ndarray) -> np.ndarray:
        """Return the samples of a block, shape (S, C), unchanged."""
        return block

    def finish(self) -> np.ndarray:
        """Return no samples: none are held back."""
        return np.empty((0, self.n_channels), np.float32)


class _Counted:
    """Limit the output to its length: of no prefix of the input does it give more than the length."""

    def __init__(self, source_rate: int, sample_rate: int, n_channels: int):
        self.source_rate, self.sample_rate, self.n_channels = source_rate, sample_rate, n_channels
        self.n_in = self.n_out = 0

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take a block of samples, shape (S, C), and return those that are ready, shape (S', C)."""
        self.n_in += len(block)
        return self._limited(self._resampled(block))

    def finish(self) -> np.ndarray:
        """Return the samples that were held back, up to the exact length."""
        rest = self._limited(self._rest())
        missing = self._length() - self.n_out
        self.n_out += missing
        return np.pad(rest, ((0, missing), (0, 0))) if missing else rest

    def _length(self) -> int:
        return -(-self.n_in * self.sample_rate // self.source_rate)

    def _limited(self, block: np.ndarray) -> np.ndarray:
        block = block[: self._length() - self.n_out]
        self.n_out += len(block)
        return block


class _Soxr(_Counted):
    def __init__(self, quality: str, *rates_and_channels: int):
        import soxr  # not above: the filters do not need it, nor does the parent process

        super().__init__(*rates_and_channels)
        self.soxr = soxr.ResampleStream(*rates_and_channels, dtype="float32", quality=quality)

    def _resampled(self, block: np.ndarray) -> np.ndarray:
        return self.soxr.resample_chunk(block)

    def _rest(self) -> np.ndarray:
        # soxr rounds its length to the nearest sample; silence after the end yields the last one
        n_silent = -(-self.source_rate // self.sample_rate) + 1
        silence = np.zeros((n_silent, self.n_channels), np.float32)
        return self.soxr.resample_chunk(silence, last=True)


class _Filter(_Counted):
    def __init__(self, kind: tuple[float, float], *rates_and_channels: int):
        from scipy.signal import upfirdn  # not above: it takes a second to load

        super().__init__(*rates_and_channels)
        self.upfirdn = upfirdn
        common = math.gcd(self.source_rate, self.sample_rate)
        self.up, self.down = self.sample_rate // common, self.source_rate // common
        if max(self.up, self.down) > _MOST_PHASES:
            raise Excluded(
                "AUDIO_RATE",
                f"{self.source_rate} Hz has too small a common divisor with {self.sample_rate} Hz "
                "for this resampler",
            )
        taps = low_pass(self.up, self.down, *kind)
        n_front = -(len(taps) // 2) % self.down  # makes the delay a whole number of outputs
        self.taps = np.concatenate([np.zeros(n_front, np.float32), taps])
        self.delay = (len(taps) // 2 + n_front) // self.down
        # whole periods of the two rates, so that every piece begins with an output
        reach = -(-_HALF_LENGTH * max(self.up, self.down) // self.up) + 1
        self.context = -(-reach // self.down) * self.down
        self.piece = max(1, _PIECE // self.down) * self.down
        self.waiting = np.zeros((self.context, self.n_channels), np.float32)

    def _resampled(self, block: np.ndarray) -> np.ndarray:
        self.waiting = np.concatenate([self.waiting, block])
        pieces = [np.empty((0, self.n_channels), np.float32)]
        first = 0
        while len(self.waiting) - first >= 2 * self.context + self.piece:
            segment = self.waiting[first : first + 2 * self.context + self.piece]
            filtered = self.upfirdn(self.taps, segment, self.up, self.down, axis=0)
            start = self.delay + self.context // self.down * self.up
            pieces.append(filtered[start : start + self.piece // self.down * self.up])
            first += self.piece
        self.waiting = self.waiting[first:]
        return np.concatenate(pieces)

    def _rest(self) -> np.ndarray:
        n_silent = self.context + self.piece
        return self._resampled(np.zeros((n_silent, self.n_channels), np.float32))


_KINDS: dict[str, Callable[[int, int, int], Stream]] = {
    "soxr_hq": lambda *given: _Soxr("HQ", *given),
    "soxr_vhq": lambda *given: _Soxr("VHQ", *given),
    "polyphase": lambda *given: _Filter(POLYPHASE, *given),
    "shallow": lambda *given: _Filter(SHALLOW, *given),
}
