"""The spectrogram of a recording, every step of a frontend in its order.

Bands of the spectrum, mean over channels, logarithm; where the kind has them: band attenuation, edge
offset, cut of edge frames, trimming, denoising.

* `spectrogram`: the whole, in memory.
* `kept_frames`, `spectrogram_into`: the same for a recording of any length, into a file.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dawnchorus.frontends import base, corrections, spectra

# What the settings of a kind without corrections would say of them.
_UNCORRECTED = {
    "denoise": "none", "band_attenuation": "none", "edge_offset": 0.0, "cut_edge_frames": 0,
    "trim_stddevs": 0.0,
}  # fmt: skip


def spectrogram(channels: Sequence, settings: Mapping) -> np.ndarray:
    """Return the spectrogram of a recording as a shard stores it.

    Parameters
    ----------
    channels : sequence of array-like, each of shape (S,)
        Waveforms of one and the same length at ``settings["sample_rate"]``, full scale 1.
    settings : mapping
        Frontend settings of kind ``log_mel``, ``psd`` or ``slaney_mel``.

    Returns
    -------
    array, shape (T, F), float32
        ``log_mel``: nats; without denoising absolute, with it relative to the level of each band.
        ``psd``: log10 of the density of 16-bit integers, per Hz. ``slaney_mel``: nats.

    Raises
    ------
    ValueError
        For channels that differ in length or have no samples.
    """
    first, last = kept_frames(channels, settings)
    rows = np.empty((last - first, base.n_bands(settings)), np.float32)
    spectrogram_into(rows, 0, channels, settings, (first, last))
    return rows


def kept_frames(channels: Sequence, settings: Mapping) -> tuple[int, int]:
    """Return which frames of a recording are kept: the first, and the one after the last.

    Edge frames are cut only so far that one frame stays. With trimming on, the log-mel spectrogram
    is computed once for its loudness alone and again when it is stored: the size of a shard must be
    known before its first row is written.
    """
    spectra.check_channels(channels)
    settings = {**_UNCORRECTED, **settings}
    total = base.n_frames(len(channels[0]), settings)
    cut = min(settings["cut_edge_frames"], (total - 1) // 2)
    first, last = cut, total - cut
    if settings["trim_stddevs"] > 0:
        blocks = _corrected_blocks(channels, settings, first, last)
        frame_loudness = np.concatenate([corrections.loudness(rows) for _, rows in blocks])
        start, stop = corrections.trimmed(
            frame_loudness, settings["trim_stddevs"], settings["trim_ignore"]
        )
        first, last = first + start, first + stop
    return first, last


def spectrogram_into(
    rows, row: int, channels: Sequence, settings: Mapping, kept: tuple[int, int]
) -> None:
    """Write the kept frames of a recording, denoised, from row ``row`` on.

    Parameters
    ----------
    rows : array or HDF5 dataset, shape (R, F), float32
        Where to.
    row : int
        Row of the first kept frame.
    channels, settings
        As of `spectrogram`.
    kept : (int, int)
        As `kept_frames` returned it.
    """
    first, last = kept
    settings = {**_UNCORRECTED, **settings}
    for start, block in _corrected_blocks(channels, settings, first, last):
        rows[row + start - first : row + start - first + len(block)] = block
    corrections.denoise(rows, row, row + last - first, settings["denoise"])


def _corrected_blocks(
    channels: Sequence, settings: Mapping, first: int, last: int
) -> Iterator[tuple[int, np.ndarray]]:
    total = base.n_frames(len(channels[0]), settings)
    for start, rows in base.kind(settings).blocks(channels, settings, first, last):
        corrections.correct_edges_and_bands(rows, start, total, settings)
        yield start, rows
