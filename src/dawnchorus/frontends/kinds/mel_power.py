"""The mel spectrogram of dsr2019, and which of its frames hold signal.

Power of centred frames, summed by the bands of ``librosa.filters.mel`` (Slaney's scale, triangles of unit
area), as it is: the original has no logarithm; it knew a power of 0.17 and did not use it. Frame ``t`` is
centred on sample ``t * hop``; beyond the recording's ends are zeros, where the original's librosa
reflected the sound.

The magnitudes of the same frames say which of them hold signal (`dawnchorus.frontends.signal_mask`). That
is stored beside the frames; how far signal reaches, and what is cut from it, is the matter of a training.

* `hop_length`, `n_frames`, `onset_s`: the time axis; `n_bands`, `bank`: the other one.
* `blocks`: channels to rows, in bounded memory; `frame_signal`: which of them hold signal.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from dawnchorus.frontends import filterbanks, signal_mask, spectra
from dawnchorus.settings.frontend import (
    FrontendSettings,
    check_mel_bands,
    slaney_hz,
    slaney_mel,
)
from dawnchorus.settings.section import (
    Count,
    EvenSamples,
    Few,
    Hertz,
    Positive,
    PositiveHertz,
    Unit,
)

if TYPE_CHECKING:
    import scipy.sparse

EXPONENT = 0.17  # of compression: power; the original ignored another and always used this one
LEAST_POWER = 1e-10  # before a logarithm; librosa's floor of powers


class Settings(FrontendSettings):
    """Mel power spectrogram of dsr2019, with the frames that hold signal."""

    kind: Literal["mel_power"] = "mel_power"
    """The transform."""
    n_fft: EvenSamples = 2048
    """Length of the Fourier transform and of its periodic Hann window; 93 ms at 22.05 kHz."""
    hop: Annotated[Count, Unit("samples")] = 512
    """Samples from one frame to the next; 23 ms at 22.05 kHz."""
    n_bands: Annotated[Few, Unit("bands")] = 256
    """Mel bands."""
    fmin: Hertz = 0.0
    """Lowest frequency."""
    fmax: PositiveHertz = 12_000.0
    """Highest frequency; bands above half of the sample rate are zero, as published."""
    compression: Literal["none", "log", "power"] = "none"
    """none as published; log: natural logarithm; power: to the power of 0.17."""
    signal_factor: Positive = 3.0
    """A cell is signal above so many times the median of its row and of its column."""
    signal_cells: Annotated[int, Field(ge=1, le=100), Unit("cells")] = 4
    """Side of the squares of opening and dilation."""

    def check(self, path: str, sample_rate: int) -> None:
        """Raise a ValueError where the spectrogram cannot be computed at a sample rate in Hz."""
        if not self.fmin < self.fmax <= sample_rate:
            raise ValueError(
                f"{path}.fmax: {self.fmax!r}; expected more than fmin {self.fmin!r} and at most the "
                f"sample rate of audio.{self.audio}, {sample_rate} Hz"
            )
        if self.hop > self.n_fft:
            raise ValueError(
                f"{path}.hop: {self.hop}; expected at most n_fft {self.n_fft}, or there are gaps "
                "between windows"
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
    """Return how many frames a waveform has: 5 s at 22.05 kHz are 216 (hop 512)."""
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
    return filterbanks.of_frontend(settings, filterbanks.slaney_filterbank, *edges, True)


def frame_signal(channels: Sequence, settings: Mapping) -> np.ndarray:
    """Return which frames of a recording hold signal, (T,) bool; shards store it beside them."""
    return signal_mask.signal_frames(channels, settings)


def blocks(
    channels: Sequence, settings: Mapping, first: int, last: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the mel frames ``first`` to ``last`` of a recording, block by block, as powers.

    The mel spectra of the channels are averaged before the compression. Parameters and yields are
    those of `dawnchorus.frontends.spectra.mean_blocks`.
    """
    n_fft, hop = settings["n_fft"], settings["hop"]
    window = spectra.window("hann", n_fft)
    weights = bank(settings)

    def powers(waveform, start: int, stop: int) -> np.ndarray:
        frames = spectra.frames(waveform, start * hop - n_fft // 2, hop, n_fft, stop - start)
        return spectra.band_rows(
            frames, window, lambda s: weights @ spectra.level(s, 2).T, weights.shape[0]
        )

    for start, rows in spectra.mean_blocks(channels, powers, first, last):
        if settings["compression"] == "log":
            np.log(np.maximum(rows, np.float32(LEAST_POWER), out=rows), out=rows)
        elif settings["compression"] == "power":
            np.power(rows, np.float32(EXPONENT), out=rows)
        yield start, rows
