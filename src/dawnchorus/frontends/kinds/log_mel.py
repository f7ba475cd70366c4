"""The log-mel spectrogram of grill2017, the winner of the Bird Audio Detection challenge 2017.

Magnitude (not power) of frames under a symmetric Hann window, summed by triangles of unit area that
are equally wide on the mel scale ``1127 ln(1 + f / 700)``, then the natural logarithm with a floor.
Frame ``t`` is centred on sample ``t * hop_length``: the recording is padded by half a window of
zeros at both ends.

* `hop_length`, `n_frames`, `onset_s`: the time axis; `n_bands`, `bank`: the other one.
* `log_mel`: waveform to (T, F).
* `blocks`: the same for any length and number of channels, in bounded memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from dawnchorus.frontends import filterbanks, spectra
from dawnchorus.settings.frontend import (
    FrontendSettings,
    check_band,
    check_mel_bands,
    natural_hz,
    natural_mel,
)
from dawnchorus.settings.section import Count, EvenSamples, Hertz, PositiveHertz, Unit

if TYPE_CHECKING:
    import scipy.sparse

ATTENUATED_BANDS = 80  # the published attenuation is a table for exactly this many bands


class Settings(FrontendSettings):
    """Log-mel spectrogram of grill2017: nats of mel magnitude."""

    kind: Literal["log_mel"] = "log_mel"
    """The transform."""
    n_fft: EvenSamples = 1024
    """Length of the Fourier transform; 46 ms at 22,050 Hz."""
    frames_per_second: Annotated[float, Field(gt=0), Unit("frames/s")] = 70.0
    """Frame rate; the hop is int(sample_rate / frames_per_second)."""
    n_mels: Annotated[Count, Unit("bands")] = 80
    """Mel bands."""
    fmin: Hertz = 50.0
    """Lowest frequency."""
    fmax: PositiveHertz = 11000.0
    """Highest frequency."""
    floor: Annotated[float, Field(gt=1e-37), Unit("magnitude")] = 2.22e-16
    """Magnitudes below it are raised to it before the logarithm."""
    denoise: Literal["mean", "median", "none"] = "mean"
    """What is subtracted from each band: its mean or median over time."""
    band_attenuation: Literal["none", "shallow"] = "none"
    """shallow: the roll-off of the winner's resampling filter, added in nats."""
    edge_offset: Annotated[float, Unit("nats")] = 0.0
    """Added to the first and to the last frame."""
    cut_edge_frames: Annotated[int, Field(ge=0), Unit("frames")] = 0
    """Frames that are dropped at either end."""
    trim_stddevs: Annotated[float, Field(ge=0), Unit("deviations")] = 0.0
    """Ends more than so many deviations below the mean loudness are cut; 0: none."""
    trim_ignore: Annotated[int, Field(ge=0), Unit("frames")] = 4
    """Clicks: so many loud frames between quiet ones, or fewer, count as quiet."""

    def check(self, path: str, sample_rate: int) -> None:
        """Raise a ValueError where the spectrogram cannot be computed at a sample rate in Hz."""
        check_band(path, self.fmin, self.fmax, sample_rate, self.audio)
        if not sample_rate / self.n_fft <= self.frames_per_second <= sample_rate:
            raise ValueError(
                f"{path}.frames_per_second: {self.frames_per_second:g}; expected at least "
                f"{sample_rate / self.n_fft:.4g}, or there are gaps between windows of n_fft "
                f"{self.n_fft}, and at most the sample rate {sample_rate}"
            )
        if self.band_attenuation == "shallow" and self.n_mels != ATTENUATED_BANDS:
            raise ValueError(
                f"{path}.n_mels: {self.n_mels!r}; expected {ATTENUATED_BANDS}, which the table of "
                "band_attenuation shallow is for"
            )
        scale = (natural_mel, natural_hz)
        band_hz = (self.fmin, self.fmax)
        check_mel_bands(f"{path}.n_mels", self.n_mels, self.n_fft, band_hz, sample_rate, scale)

    def frame_s(self, sample_rate: int) -> float:
        """Return the seconds from one frame to the next."""
        return int(sample_rate / self.frames_per_second) / sample_rate


def hop_length(settings: Mapping) -> int:
    """Return the samples from one frame to the next: ``int(sample_rate / frames_per_second)``."""
    # rounded down, as in the original: 315 samples at 22,050 Hz and 70 frames per second
    return int(settings["sample_rate"] / settings["frames_per_second"])


def n_frames(n_samples: int, settings: Mapping) -> int:
    """Return how many frames a waveform of ``n_samples`` has.

    Frames lie at 0, ``hop_length``, ... strictly below the padded length less one window, which is
    ``n_samples``: 10 s at 22,050 Hz and 70 frames per second are 700 frames.
    """
    return -(-n_samples // hop_length(settings))


def n_bands(settings: Mapping) -> int:
    """Return the number of bands F."""
    return settings["n_mels"]


def onset_s(frame: int, settings: Mapping) -> float:
    """Return the time on which a frame is centred, in seconds."""
    # by the rate, not by samples: the quotient is part of the bytes of a shard
    return frame / (settings["sample_rate"] / hop_length(settings))


def bank(settings: Mapping) -> "scipy.sparse.csr_array":
    """Return the bands as weights of the bins, shape (F, n_fft / 2 + 1)."""
    edges = (settings[key] for key in ("sample_rate", "n_fft", "n_mels", "fmin", "fmax"))
    return filterbanks.of_frontend(settings, filterbanks.mel_filterbank, *edges)


def log_mel(waveform: np.ndarray, settings: Mapping) -> np.ndarray:
    """Return the log-mel spectrogram of one waveform, before any correction.

    Parameters
    ----------
    waveform : array, shape (S,)
        Samples at ``settings["sample_rate"]``, full scale 1.
    settings : mapping
        Frontend settings of this kind, with ``sample_rate`` in Hz.

    Returns
    -------
    array, shape (T, F), float32
        In nats, at least ``ln(floor)``.

    Raises
    ------
    ValueError
        For a waveform that is not one-dimensional or has no samples.
    """
    spectra.check_channels([waveform])
    rows = np.empty((n_frames(len(waveform), settings), settings["n_mels"]), np.float32)
    for first, block in blocks([waveform], settings, 0, len(rows)):
        rows[first : first + len(block)] = block
    return rows


def blocks(
    channels: Sequence, settings: Mapping, first: int, last: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the log-mel frames ``first`` to ``last`` of a recording, block by block, in nats.

    The linear mel spectra of the channels are averaged before the logarithm ("mix after"), so
    channels in opposite phase do not cancel. A frame's value does not depend on the block it is in.
    Parameters and yields are those of `dawnchorus.frontends.spectra.mean_blocks`.
    """
    n_fft, hop = settings["n_fft"], hop_length(settings)
    window = np.hanning(n_fft).astype(np.float32)  # symmetric, as the original's
    weights = bank(settings)

    def magnitudes(waveform, start: int, stop: int) -> np.ndarray:
        frames = spectra.frames(waveform, start * hop - n_fft // 2, hop, n_fft, stop - start)
        return spectra.band_rows(frames, window, lambda s: weights @ np.abs(s).T, weights.shape[0])

    for start, rows in spectra.mean_blocks(channels, magnitudes, first, last):
        np.maximum(rows, np.float32(settings["floor"]), out=rows)
        yield start, np.log(rows, out=rows)
