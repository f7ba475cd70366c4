"""The power spectral density of toth2016, in powers of ten.

Toth and Czeba, "Convolutional Neural Networks for Large-Scale Bird Song Classification in Noisy
Environment", CLEF 2016 working notes. Samples count as 16-bit integers (full scale 32,768), because
the system's rule for what is signal compares levels with 0. The density is one-sided as
``matplotlib.mlab.specgram`` computes it: symmetric Hann window, no detrending, divided by sample
rate and window energy, doubled but for 0 Hz and the Nyquist frequency. Of its rows the lowest stay.

Frames lie only where they are whole; a recording shorter than one is padded with zeros to one.
Frame ``t`` covers samples ``t * hop`` to ``t * hop + n_fft``.

* `hop_length`, `n_frames`, `onset_s`: the time axis; `n_bands`: the other one.
* `blocks`: channels to rows, in bounded memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from dawnchorus.frontends import spectra
from dawnchorus.settings.frontend import FrontendSettings
from dawnchorus.settings.section import Count, EvenSamples, Few, Unit

FULL_SCALE = 32768.0  # of 16-bit integers


class Settings(FrontendSettings):
    """Power spectral density of toth2016: log10 of the power density of 16-bit integers."""

    kind: Literal["psd"] = "psd"
    """The transform."""
    n_fft: EvenSamples = 512
    """Length of the Fourier transform; 32 ms at 16 kHz."""
    hop: Annotated[Count, Unit("samples")] = 256
    """Samples from one frame to the next."""
    n_bands: Annotated[Few, Unit("rows")] = 200
    """Rows that are kept, from 0 Hz on."""
    floor: Annotated[float, Field(ge=0), Unit("density")] = 1e-5
    """Densities below it are raised to it; 0: none, as the original (-inf in silence)."""
    cell_columns: Annotated[Few, Unit("frames")] = 30
    """Frames of a cell, which is signal or not."""
    cell_borders: Annotated[int, Field(ge=2, le=10_000), Unit("borders")] = 20
    """Borders between row bands; 20 borders make 19 bands."""

    def check(self, path: str, sample_rate: int) -> None:
        """Raise a ValueError where the rows, cells and steps do not fit the transform."""
        bins = self.n_fft // 2 + 1
        if self.n_bands > bins:
            raise ValueError(
                f"{path}.n_bands: {self.n_bands}; expected at most {bins}, the bins of n_fft "
                f"{self.n_fft}"
            )
        if self.hop > self.n_fft:
            raise ValueError(
                f"{path}.hop: {self.hop}; expected at most n_fft {self.n_fft}, or there are gaps "
                "between windows"
            )
        if self.cell_borders > self.n_bands:
            raise ValueError(
                f"{path}.cell_borders: {self.cell_borders}; expected at most n_bands {self.n_bands}"
            )
        if 0 < self.floor <= 1e-37:
            raise ValueError(
                f"{path}.floor: {self.floor!r}; expected a density above 1e-37 (float32), or 0 for none"
            )

    def frame_s(self, sample_rate: int) -> float:
        """Return the seconds from one frame to the next."""
        return self.hop / sample_rate


def hop_length(settings: Mapping) -> int:
    """Return the samples from one frame to the next."""
    return settings["hop"]


def n_frames(n_samples: int, settings: Mapping) -> int:
    """Return how many whole frames there are: 5 s at 16 kHz are 311 (window 512, hop 256)."""
    return 1 + max(0, n_samples - settings["n_fft"]) // settings["hop"]


def n_bands(settings: Mapping) -> int:
    """Return the number of bands F."""
    return settings["n_bands"]


def onset_s(frame: int, settings: Mapping) -> float:
    """Return the time on which a frame is centred, in seconds."""
    return (frame * settings["hop"] + settings["n_fft"] / 2) / settings["sample_rate"]


def blocks(
    channels: Sequence, settings: Mapping, first: int, last: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield frames ``first`` to ``last`` of a recording, block by block, as log10 of the density.

    The densities of the channels are averaged before the logarithm. Without a ``floor`` (0) digital
    silence is -inf, as in the original. Parameters and yields are those of
    `dawnchorus.frontends.spectra.mean_blocks`.
    """
    n_fft, hop, n_rows = settings["n_fft"], settings["hop"], settings["n_bands"]
    hann = np.hanning(n_fft)  # symmetric, as matplotlib's
    window = (hann * FULL_SCALE).astype(np.float32)
    # one-sided: every bin but 0 Hz and the Nyquist frequency stands for its mirror image, too
    scale = np.full(n_fft // 2 + 1, 2.0)
    scale[[0, -1]] = 1.0
    scale /= settings["sample_rate"] * np.square(hann).sum()
    scale = scale[:n_rows].astype(np.float32)

    def densities(waveform, start: int, stop: int) -> np.ndarray:
        frames = spectra.frames(waveform, start * hop, hop, n_fft, stop - start)
        return spectra.band_rows(
            frames, window, lambda s: (spectra.level(s[:, :n_rows], 2) * scale).T, n_rows
        )

    for start, rows in spectra.mean_blocks(channels, densities, first, last):
        if settings["floor"] > 0:
            np.maximum(rows, np.float32(settings["floor"]), out=rows)
        with np.errstate(divide="ignore"):
            yield start, np.log10(rows, out=rows)
