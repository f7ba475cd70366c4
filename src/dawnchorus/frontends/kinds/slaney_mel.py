"""The log-mel spectrogram of serizel2018, the baseline of DCASE 2018 task 4.

Magnitude or power of centred frames, summed by the bands of ``librosa.filters.mel`` (Slaney's scale,
triangles of unit area), then the natural logarithm. A window of ``window_length`` samples, periodic,
lies in the middle of the ``n_fft`` samples of a frame. ``epsilon`` is added to every sample and to
every sum of a band, so digital silence has a logarithm.

Frame ``t`` is centred on sample ``t * hop``; beyond the recording's ends are zeros. The original ran
with a librosa that reflected the sound there: the first frame and the last one differ from it.

* `hop_length`, `n_frames`, `onset_s`: the time axis; `n_bands`, `bank`: the other one.
* `blocks`: channels to rows, in bounded memory.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from dawnchorus.frontends import filterbanks, spectra
from dawnchorus.settings.frontend import (
    FrontendSettings,
    Power,
    check_band,
    check_mel_bands,
    slaney_hz,
    slaney_mel,
)
from dawnchorus.settings.section import Count, EvenSamples, Few, Hertz, PositiveHertz, Unit

if TYPE_CHECKING:
    import scipy.sparse


class Settings(FrontendSettings):
    """Log-mel spectrogram of serizel2018: nats of librosa's mel bands."""

    kind: Literal["slaney_mel"] = "slaney_mel"
    """The transform."""
    n_fft: EvenSamples = 2048
    """Length of the Fourier transform."""
    window_length: Annotated[int, Field(ge=2), Unit("samples")] = 1764
    """Length of the window, at most n_fft; 40 ms at 44.1 kHz."""
    window: Literal["hamming", "hann"] = "hamming"
    """Periodic window."""
    hop: Annotated[Count, Unit("samples")] = 882
    """Samples from one frame to the next; 20 ms at 44.1 kHz."""
    n_bands: Annotated[Few, Unit("bands")] = 64
    """Mel bands."""
    fmin: Hertz = 0.0
    """Lowest frequency."""
    fmax: PositiveHertz = 22050.0
    """Highest frequency."""
    power: Power = 1
    """1: magnitude; 2: power."""
    epsilon: Annotated[float, Field(gt=1e-37), Unit("1")] = 2.22e-16
    """Added to samples and to sums of bands."""

    def check(self, path: str, sample_rate: int) -> None:
        """Raise a ValueError where the spectrogram cannot be computed at a sample rate in Hz."""
        check_band(path, self.fmin, self.fmax, sample_rate, self.audio)
        if self.window_length > self.n_fft:
            raise ValueError(
                f"{path}.window_length: {self.window_length}; expected at most n_fft {self.n_fft}"
            )
        if self.hop > self.window_length:
            raise ValueError(
                f"{path}.hop: {self.hop}; expected at most window_length {self.window_length}, or "
                "there are gaps between windows"
            )
        scale = (slaney_mel, slaney_hz)
        band_hz = (self.fmin, self.fmax)
        check_mel_bands(f"{path}.n_bands", self.n_bands, self.n_fft, band_hz, sample_rate, scale)

    def frame_s(self, sample_rate: int) -> float:
        """Return the seconds from one frame to the next."""
        return self.hop / sample_rate


def hop_length(settings: Mapping) -> int:
    """Return the samples from one frame to the next."""
    return settings["hop"]


def n_frames(n_samples: int, settings: Mapping) -> int:
    """Return how many frames a waveform has: 10 s at 44.1 kHz are 501 (hop 882)."""
    return 1 + n_samples // settings["hop"]


def n_bands(settings: Mapping) -> int:
    """Return the number of bands F."""
    return settings["n_bands"]


def onset_s(frame: int, settings: Mapping) -> float:
    """Return the time on which a frame is centred, in seconds."""
    return frame * settings["hop"] / settings["sample_rate"]


def bank(settings: Mapping) -> "scipy.sparse.csr_array":
    """Return the bands as weights of the bins, shape (F, n_fft / 2 + 1)."""
    edges = (settings[key] for key in ("sample_rate", "n_fft", "n_bands", "fmin", "fmax"))
    return filterbanks.of_frontend(settings, filterbanks.slaney_filterbank, *edges)


def blocks(
    channels: Sequence, settings: Mapping, first: int, last: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the log-mel frames ``first`` to ``last`` of a recording, block by block, in nats.

    The linear mel spectra of the channels are averaged before the logarithm. A frame's value does
    not depend on the block it is in. Parameters and yields are those of
    `dawnchorus.frontends.spectra.mean_blocks`.
    """
    n_fft, hop, power = settings["n_fft"], settings["hop"], settings["power"]
    window = spectra.window(settings["window"], settings["window_length"], n_fft)
    weights = bank(settings)

    def levels(waveform, start: int, stop: int) -> np.ndarray:
        # lifted first: the zeros beyond the ends, which framing adds, stay zero
        waveform = _Lifted(waveform, settings["epsilon"])
        frames = spectra.frames(waveform, start * hop - n_fft // 2, hop, n_fft, stop - start)
        return spectra.band_rows(
            frames, window, lambda s: weights @ spectra.level(s, power).T, weights.shape[0]
        )

    for start, rows in spectra.mean_blocks(channels, levels, first, last):
        # added, as in the original; log_mel raises what is lower to its floor instead
        rows += np.float32(settings["epsilon"])
        yield start, np.log(rows, out=rows)


@dataclasses.dataclass(frozen=True)
class _Lifted:
    """A waveform with a constant added to the samples that it has, not to the zeros beyond them."""

    waveform: Sequence
    epsilon: float

    def __getitem__(self, part: slice) -> np.ndarray:
        return np.asarray(self.waveform[part], np.float32) + np.float32(self.epsilon)
