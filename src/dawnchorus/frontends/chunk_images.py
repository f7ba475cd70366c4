"""Chunks as pictures, as in the baseline of BirdCLEF 2018 (system 002).

Kahl et al., "A Baseline for Large-Scale Bird Species Identification in Field Recordings", CLEF 2018
working notes, https://arxiv.org/abs/1804.07177. Per chunk: padding, pre-emphasis, magnitude or power of
centred frames, bands, mean over channels, dB below the chunk's loudest, flip, cut to the columns
asked for, stretch to 0..1, 8 bits. Pictures are (F, T): rows are bands, the first at the top.

* `chunk_images`: a recording's chunks as a shard stores them.
* `chunk_image`: one chunk before it is rounded.
* `stretched`: least value 0, greatest 1.
* `as_stored`: to 8 bits, or not.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from dawnchorus.frontends import base, spectra
from dawnchorus.frontends.chunk_grid import chunk_places, chunk_samples, hop_length, padded

LEAST_MAGNITUDE = 1e-5  # below it no dB are told apart, as in librosa


def chunk_images(channels: Sequence, settings: Mapping) -> np.ndarray:
    """Return the chunks of a recording as a shard stores them.

    Parameters
    ----------
    channels : sequence of array-like, each of shape (S,)
        Waveforms of one and the same length at ``settings["sample_rate"]``, full scale 1.
    settings : mapping
        Frontend settings of kind ``mel_chunks`` or ``linear_chunks``.

    Returns
    -------
    array, shape (n, F, T), uint8 or float32
        One picture for each of `dawnchorus.frontends.chunk_grid.chunk_places`.

    Raises
    ------
    ValueError
        For channels that differ in length or have no samples.
    """
    spectra.check_channels(channels)
    places = chunk_places(len(channels[0]), settings)
    return np.stack(
        [as_stored(chunk_image(channels, place, settings), settings) for place in places]
    )


def chunk_image(channels: Sequence, place: tuple[int, int], settings: Mapping) -> np.ndarray:
    """Return one chunk of a recording.

    Parameters
    ----------
    channels : sequence of array-like, each of shape (S,)
        Anything with a length that gives samples for a slice.
    place : (int, int)
        First sample and samples of sound.
    settings : mapping
        Frontend settings.

    Returns
    -------
    array, shape (F, T), float32
        0..1 with ``scale: min_max``, else dB (or linear, without ``top_db``).
    """
    rows = spectra.mean_over_channels(channels, lambda w: _bands(w, place, settings))
    if settings["top_db"] is not None:
        rows = _decibels(rows, settings.get("power", 1.0), settings["top_db"])
    # cut after the dB: their reference is the loudest of all columns
    image = rows[: settings["n_frames"]].T
    image = np.ascontiguousarray(image[::-1] if settings["flip"] else image)
    return stretched(image) if settings["scale"] == "min_max" else image


def stretched(image: np.ndarray) -> np.ndarray:
    """Return an image with its least value at 0 and its greatest at 1; an even one is all 0."""
    image = image - image.min()
    greatest = image.max()
    return image / greatest if greatest > 0 else image


def as_stored(image: np.ndarray, settings: Mapping) -> np.ndarray:
    """Return an image as it is stored: 0..1 as 0..255, rounded, or as it is."""
    if settings["store"] == "float32":
        return image
    return np.clip(np.rint(image * np.float32(255)), 0, 255).astype(np.uint8)


def _bands(waveform, place: tuple[int, int], settings: Mapping) -> np.ndarray:
    """Return the bands of a chunk: (columns, F), float32, at least as many columns as wanted."""
    first, n_samples = place
    length, hop = chunk_samples(settings), hop_length(settings)
    samples = np.asarray(waveform[first : first + n_samples], np.float32)
    samples = padded(samples, length, settings["padding"])
    if settings["pre_emphasis"]:
        emphasis = np.float32(settings["pre_emphasis"])
        samples = np.concatenate([samples[:1], samples[1:] - emphasis * samples[:-1]])
    kind = base.kind(settings)
    n_fft, power = kind.n_fft(settings), settings.get("power", 1.0)
    frames = spectra.framed(samples, -(n_fft // 2), hop, n_fft, 1 + length // hop)
    bank = kind.bank(settings)

    def bands(spectrum: np.ndarray) -> np.ndarray:
        level = np.abs(spectrum) if power == 1 else spectrum.real**2 + spectrum.imag**2
        return bank @ level.T

    return spectra.transformed(frames, kind.window(n_fft), bands, bank.shape[0])


def _decibels(rows: np.ndarray, power: float, top_db: float) -> np.ndarray:
    """Return dB relative to the greatest value, cut ``top_db`` below it.

    ``librosa.amplitude_to_db`` for magnitudes (power 1), ``power_to_db`` for powers (power 2).
    """
    levels = np.log10(np.maximum(rows, np.float32(LEAST_MAGNITUDE**power)))
    levels *= np.float32(20 / power)
    levels -= levels.max()
    return np.maximum(levels, np.float32(-top_db), out=levels)
