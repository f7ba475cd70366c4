"""Chunks as pictures with mel bands, under a Hann window.

* `n_fft`, `window`, `bank`: what `dawnchorus.frontends.chunk_images` makes the pictures with.
* `hop_length`, `n_frames`, `n_bands`: the axes.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from dawnchorus.frontends import filterbanks, spectra
from dawnchorus.frontends.chunk_images import ChunkSettings, hop_length, n_frames
from dawnchorus.settings.frontend import Power
from dawnchorus.settings.section import EvenSamples

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["Settings", "bank", "hop_length", "n_bands", "n_fft", "n_frames", "window"]


class Settings(ChunkSettings):
    """Mel chunks of kahl2018: dB of mel magnitude, an 8-bit picture for each chunk."""

    kind: Literal["mel_chunks"] = "mel_chunks"
    """The transform."""
    n_fft: EvenSamples | None = None
    """Length of the Fourier transform; null: 8 * n_bands."""
    power: Power = 1
    """1: magnitude; 2: power."""


def n_bands(settings: Mapping) -> int:
    """Return the number of bands F."""
    return settings["n_bands"]


def n_fft(settings: Mapping) -> int:
    """Return the samples of the window: as set, or 8 per band."""
    return 8 * settings["n_bands"] if settings["n_fft"] is None else settings["n_fft"]


def bank(settings: Mapping) -> "scipy.sparse.csr_array":
    """Return the bands as weights of the bins, shape (F, n_fft / 2 + 1)."""
    edges = (settings[key] for key in ("n_bands", "fmin", "fmax"))
    return filterbanks.of_frontend(
        settings, filterbanks.slaney_filterbank, settings["sample_rate"], n_fft(settings), *edges
    )


def window(n_fft: int) -> np.ndarray:
    """Return the window of a frame, shape (n_fft,), float32."""
    return spectra.window("hann", n_fft)
