"""What the samples of a recording say about it, block by block.

* `Judge`: sees every block once, refuses impossible samples and ends with warnings.
"""

import numpy as np

from dawnchorus.audio.verdicts import Excluded

MOST = 1e3  # times full scale: beyond it a sample is a damaged number, not a sound
FULL_SCALE = 0.999  # from here on a sample is clipped
CLIPPED = 0.1  # share of a channel's samples
OFFSET = 0.1  # mean of a channel over its peak
CANCELLED = 0.01  # power of the mixed channels over the mean power of each: -20 dB


class Judge:
    """Judge the samples of one recording.

    Parameters
    ----------
    n_channels : int
    """

    def __init__(self, n_channels: int):
        self.n_samples = 0
        self.peaks = np.zeros(n_channels)
        self.sums = np.zeros(n_channels)
        self.n_clipped = np.zeros(n_channels, int)
        self.power = self.mixed_power = 0.0

    def see(self, block: np.ndarray, stored: np.ndarray) -> None:
        """Take a block of samples.

        Parameters
        ----------
        block : array, shape (S, C), float32
        stored : array, shape (S, C), float32 or int16
            The same as they were stored: the extremes of small numbers are found sooner.

        Raises
        ------
        Excluded
            AUDIO_NONFINITE, AUDIO_RANGE.
        """
        unit = 2**-15 if stored.dtype == np.int16 else 1.0
        for channel, samples in enumerate(block.T):
            found = stored[:, channel]
            # NaN or infinite where a sample is
            peak = unit * max(float(found.max()), -float(found.min()))
            if not peak <= MOST:
                self._refuse(samples)
            self.peaks[channel] = max(self.peaks[channel], peak)
            self.sums[channel] += samples.sum()
            if peak >= FULL_SCALE:
                self.n_clipped[channel] += np.count_nonzero(np.abs(samples) >= FULL_SCALE)
        self.n_samples += len(block)

    def _refuse(self, samples: np.ndarray) -> None:
        finite = np.isfinite(samples)
        if finite.all():
            peak = np.abs(samples).max()
            raise Excluded("AUDIO_RANGE", f"an amplitude of {peak:.3g}, at most {MOST:g} is taken")
        first = self.n_samples + int(np.argmin(finite))
        raise Excluded("AUDIO_NONFINITE", f"sample {first} is not a finite number")

    def see_mixed(self, block: np.ndarray, mixed: np.ndarray) -> None:
        """Take a block and the mean of its channels, shapes (S, C) and (S, 1)."""
        self.power += sum(float(np.dot(samples, samples)) for samples in block.T) / block.shape[1]
        self.mixed_power += float(np.dot(mixed[:, 0], mixed[:, 0]))

    def warnings(self) -> set[str]:
        """Return the codes of what is odd about the recording, but no reason to refuse it."""
        found = {
            "AUDIO_SILENT": not self.peaks.any(),
            "AUDIO_DC": np.any(np.abs(self.sums) > OFFSET * self.peaks * self.n_samples),
            "AUDIO_CLIPPED": np.any(self.n_clipped > CLIPPED * self.n_samples),
            "MIX_CANCEL": self.mixed_power < CANCELLED * self.power,
        }
        return {code for code, is_so in found.items() if is_so}
