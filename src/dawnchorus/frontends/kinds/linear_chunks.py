"""Chunks as pictures with linear bands, under a Hamming window.

As in the original there is no pre-emphasis, and dB are relative to the loudest bin of the chunk's whole
spectrum, in the bands or not.

* `n_fft`, `window`, `bank`: what `dawnchorus.frontends.chunk_images` makes the pictures with.
* `hop_length`, `n_frames`, `n_bands`: the axes.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from dawnchorus.frontends import filterbanks, spectra
from dawnchorus.frontends.chunk_images import ChunkSettings, hop_length, n_frames
from dawnchorus.settings.section import Unit

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["REFERENCE", "Settings", "bank", "hop_length", "n_bands", "n_fft", "n_frames", "window"]

REFERENCE = "bins"
_BANK = ("sample_rate", "n_bands", "fmin", "fmax")


class Settings(ChunkSettings):
    """Linear chunks of kahl2018: bins of the spectrum, an 8-bit picture for each chunk."""

    kind: Literal["linear_chunks"] = "linear_chunks"
    """The transform."""
    pre_emphasis: Annotated[float, Field(ge=0, lt=1), Unit("1")] = 0.0
    """Coefficient of the first-order high-pass filter; 0: none, as in kahl2018."""
    legacy_band: bool = False
    """A fault of kahl2018, to reproduce it: half of the band that was asked for."""


def n_bands(settings: Mapping) -> int:
    """Return the number of bands F."""
    return settings["n_bands"]


def n_fft(settings: Mapping) -> int:
    """Return the samples of the window: two bins per band."""
    return filterbanks.linear_n_fft(*(settings[key] for key in _BANK))


def bank(settings: Mapping) -> "scipy.sparse.csr_array":
    """Return the bands as weights of the bins, shape (F, n_fft / 2 + 1)."""
    edges = (settings[key] for key in _BANK)
    arguments = (*edges, settings["legacy_band"])
    return filterbanks.of_frontend(settings, filterbanks.linear_filterbank, *arguments)


def window(n_fft: int) -> np.ndarray:
    """Return the window of a frame, shape (n_fft,), float32."""
    return spectra.window("hamming", n_fft)
