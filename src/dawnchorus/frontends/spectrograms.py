"""The spectrogram of a recording, every step of a frontend in its order.

Bands of the spectrum, mean over channels, logarithm; where the kind has them: band attenuation, edge
offset, cut of edge frames, trimming, denoising. Rows are frames. The functions work on part of a
recording at a time where they can, and in place, so that a recording of hours needs little memory.

* `spectrogram`: the whole, in memory.
* `kept_frames`, `write_spectrogram`: the same for a recording of any length, into a file.
* `corrected_blocks`, `kept_bounds`: their parts, for a recording whose end has not come yet.
* `correct_edges_and_bands`: band attenuation and the offset of the outermost frames.
* `loudness`, `trim_bounds`: which frames to keep by loudness.
* `denoise`: subtract each band's mean or median over the recording.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from dawnchorus.frontends import base, spectra

# The shallow anti-alias slope of the resampler behind grill2017, in nats per band.
SHALLOW = np.zeros(80, np.float32)
SHALLOW[64:] = [
    *(-0.002, -0.005, -0.012, -0.025, -0.047, -0.084, -0.143, -0.221),
    *(-0.337, -0.498, -0.713, -0.988, -1.328, -1.712, -2.140, -2.610),
]
# Settings that leave a spectrogram as it is, for kinds without corrections.
UNCORRECTED = {
    "denoise": "none", "band_attenuation": "none", "edge_offset": 0.0, "cut_edge_frames": 0,
    "trim_stddevs": 0.0,
}  # fmt: skip
_ROWS_HELD = 16384  # rows read at a time; part of the definition of the mean's rounding
_VALUES_HELD = 8 << 20  # values held at a time for a median


def spectrogram(channels: Sequence, settings: Mapping) -> np.ndarray:
    """Return the spectrogram of a recording as a shard stores it.

    Parameters
    ----------
    channels : sequence of array-like, each of shape (S,)
        Waveforms of one and the same length at ``settings["sample_rate"]``, full scale 1.
    settings : mapping
        Frontend settings of kind ``log_mel``, ``mel_power``, ``psd`` or ``slaney_mel``.

    Returns
    -------
    array, shape (T, F), float32
        ``log_mel``: nats; without denoising absolute, with it relative to the level of each band.
        ``psd``: log10 of the density of 16-bit integers, per Hz. ``slaney_mel``: nats.
        ``mel_power``: powers, their 0.17th power or nats.

    Raises
    ------
    ValueError
        For channels that differ in length or have no samples.
    """
    first, last = kept_frames(channels, settings)
    rows = np.empty((last - first, base.n_bands(settings)), np.float32)
    write_spectrogram(rows, 0, channels, settings, (first, last))
    return rows


def kept_frames(channels: Sequence, settings: Mapping) -> tuple[int, int]:
    """Return which frames of a recording are kept: the first, and the one after the last.

    Edge frames are cut only so far that one frame stays. With trimming on, the log-mel spectrogram
    is computed once for its loudness alone and again when it is stored: the size of a shard must be
    known before its first row is written.
    """
    spectra.check_channels(channels)
    settings = {**UNCORRECTED, **settings}
    total = base.n_frames(len(channels[0]), settings)

    def frame_loudness(first: int, last: int) -> np.ndarray:
        blocks = corrected_blocks(channels, settings, first, last, total)
        return np.concatenate([loudness(rows) for _, rows in blocks])

    return kept_bounds(total, settings, frame_loudness)


def kept_bounds(
    total: int, settings: Mapping, frame_loudness: Callable[[int, int], np.ndarray]
) -> tuple[int, int]:
    """Return which frames of a recording are kept, as `kept_frames` does, by their loudness.

    Parameters
    ----------
    total : int
        Frames of the recording.
    settings : mapping
        Frontend settings, complete.
    frame_loudness : callable
        Of a first frame and the one after the last: as `loudness` gives it; asked only where
        recordings are trimmed.
    """
    cut = min(settings["cut_edge_frames"], (total - 1) // 2)
    first, last = cut, total - cut
    if settings["trim_stddevs"] > 0:
        found = frame_loudness(first, last)
        start, stop = trim_bounds(found, settings["trim_stddevs"], settings["trim_ignore"])
        first, last = first + start, first + stop
    return first, last


def write_spectrogram(
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
    settings = {**UNCORRECTED, **settings}
    total = base.n_frames(len(channels[0]), settings)
    for start, block in corrected_blocks(channels, settings, first, last, total):
        rows[row + start - first : row + start - first + len(block)] = block
    denoise(rows, row, row + last - first, settings["denoise"])


def corrected_blocks(
    channels: Sequence, settings: Mapping, first: int, last: int, total: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield frames ``first`` to ``last``, block by block, after `correct_edges_and_bands`.

    Parameters
    ----------
    channels : sequence of array-like, each of shape (S,)
    settings : mapping
        Frontend settings, complete.
    first, last : int
        Frames wanted.
    total : int
        Frames of the recording.

    Yields
    ------
    int, array of shape (T, F), float32
        Index of the block's first frame, and its rows.
    """
    for start, rows in base.kind(settings).blocks(channels, settings, first, last):
        correct_edges_and_bands(rows, start, total, settings)
        yield start, rows


def correct_edges_and_bands(rows: np.ndarray, first: int, total: int, settings: Mapping) -> None:
    """Apply ``band_attenuation`` and ``edge_offset`` in place.

    Parameters
    ----------
    rows : array, shape (T, F)
        Frames ``first`` to ``first + T`` of a recording.
    first : int
        Index of the first of them in the recording.
    total : int
        Number of frames of the recording: the first and the last are its edges.
    settings : mapping
        Frontend settings.
    """
    edges = {0, total - 1}
    inner = rows[int(first == 0) : len(rows) - int(first + len(rows) == total)]
    if settings["band_attenuation"] == "shallow":
        inner += SHALLOW
    if settings["edge_offset"]:
        for edge in edges:
            if first <= edge < first + len(rows):
                rows[edge - first] += settings["edge_offset"]


def loudness(rows: np.ndarray) -> np.ndarray:
    """Return ``ln(sum(exp(row)))`` of every row: shape (T,), float64, in nats."""
    return np.log(np.exp(rows, dtype=np.float64).sum(axis=1))


def trim_bounds(frame_loudness: np.ndarray, stddevs: float, ignore: int) -> tuple[int, int]:
    """Return the part of a recording from its first to its last frame that is not too quiet.

    A frame is quiet where its loudness lies more than ``stddevs`` standard deviations below the mean
    of the recording. As in the original, a maximum filter of length ``ignore + 1`` widens the quiet
    runs: up to ``ignore`` loud frames between two of them are a click and count as quiet, and a quiet
    end goes whole, with about ``ignore / 2`` frames beside it. Runs within a recording stay. Where
    nothing is left (the original fails there) the whole recording is kept.

    Parameters
    ----------
    frame_loudness : array, shape (T,)
        As `loudness` gives it.
    stddevs : float > 0
        Depth in standard deviations.
    ignore : int >= 0
        In frames.

    Returns
    -------
    int, int
        First frame kept and the one after the last.
    """
    # imported here: SciPy takes longer to import than a dry run needs for the rest
    from scipy.ndimage import maximum_filter1d

    is_quiet = frame_loudness - frame_loudness.mean() < -stddevs * frame_loudness.std()
    kept = np.flatnonzero(maximum_filter1d(is_quiet.astype(np.uint8), ignore + 1) == 0)
    return (int(kept[0]), int(kept[-1]) + 1) if len(kept) else (0, len(frame_loudness))


def denoise(rows, first: int, last: int, mode: str) -> None:
    """Subtract each band's level over rows ``first`` to ``last``, in place.

    Parameters
    ----------
    rows : array or HDF5 dataset, shape (R, F), float32
        Rows of one or more recordings.
    first, last : int
        The rows of the recording.
    mode : str
        ``mean``, ``median`` or ``none``.
    """
    if mode == "none":
        return
    n_bands, n_rows = rows.shape[1], last - first
    if mode == "median":
        level = np.empty(n_bands, np.float32)
        step = max(1, _VALUES_HELD // n_rows)  # a median needs all rows, so bands go by blocks
        for band in range(0, n_bands, step):
            level[band : band + step] = np.median(rows[first:last, band : band + step], axis=0)
    else:
        total = np.zeros(n_bands)
        for start in range(first, last, _ROWS_HELD):
            total += rows[start : min(start + _ROWS_HELD, last)].sum(axis=0, dtype=np.float64)
        level = (total / n_rows).astype(np.float32)
    for start in range(first, last, _ROWS_HELD):
        stop = min(start + _ROWS_HELD, last)
        rows[start:stop] = rows[start:stop] - level
