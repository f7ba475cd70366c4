"""Chunks as pictures, as in kahl2018, the baseline of BirdCLEF 2018.

Kahl et al., "A Baseline for Large-Scale Bird Species Identification in Field Recordings", CLEF 2018
working notes, https://arxiv.org/abs/1804.07177. Per chunk: padding, pre-emphasis, magnitude or power of
centred frames, bands, mean over channels, dB below the chunk's loudest band or bin, flip, cut to the
columns asked for, min-max scaling to 0..1, 8 bits. Pictures are (F, T): rows are bands, the first at
the top.

* `ChunkSettings`: the settings that both kinds of chunks have, with the values of kahl2018.
* `chunk_places`: where a recording is cut: first sample and length of each chunk.
* `chunk_samples`, `hop_length`, `n_frames`: samples of a chunk, and its time axis.
* `chunk_images`: a recording's chunks as a shard stores them.
* `chunk_image`: one chunk before it is rounded.
* `decibels`: levels below the loudest.
* `min_max_scaled`: least value 0, greatest 1.
* `quantised`: to 8 bits, or not.
* `signal_share`: how much of a chunk is signal.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from dawnchorus.frontends import base, spectra
from dawnchorus.settings.frontend import FrontendSettings, check_band
from dawnchorus.settings.section import Few, Hertz, PositiveHertz, Seconds, Unit

LEAST_MAGNITUDE = 1e-5  # amin of librosa.amplitude_to_db
ROW_FACTOR, COLUMN_FACTOR = 1.25, 1.15  # of kahl2018's signal-to-noise rule


class ChunkSettings(FrontendSettings):
    """A picture for each chunk of a recording."""

    LAYOUT: ClassVar[str] = "chunks"

    length_s: Annotated[float, Field(ge=0.05, le=600), Unit("s")] = 1.0
    """Length of a chunk."""
    overlap_s: Seconds = 0.0
    """Time that neighbours share."""
    min_length_s: Seconds = 1.0
    """A shorter remainder is left out; see last."""
    last: Literal["drop", "pad", "align_end"] = "drop"
    """What remains at the end: drop it, pad it, or end one more chunk with the recording."""
    padding: Literal["zeros", "loop"] = "zeros"
    """What fills a padded chunk."""
    n_bands: Annotated[Few, Unit("bands")] = 128
    """Rows of the picture."""
    n_frames: Annotated[int, Field(ge=2, le=10_000), Unit("frames")] = 256
    """Columns of the picture."""
    fmin: Hertz = 500.0
    """Lowest frequency."""
    fmax: PositiveHertz = 15000.0
    """Highest frequency."""
    pre_emphasis: Annotated[float, Field(ge=0, lt=1), Unit("1")] = 0.95
    """Coefficient of the first-order high-pass filter; 0: none."""
    top_db: Annotated[float, Field(gt=0), Unit("dB")] | None = 80.0
    """Range below the loudest pixel that is kept; null: no logarithm."""
    scale: Literal["min_max", "none"] = "min_max"
    """min_max: each chunk is mapped to 0..1."""
    flip: bool = True
    """Put the highest band first, so that low sounds are at the bottom of the picture."""
    store: Literal["uint8", "float32"] = "uint8"
    """Type of the stored pixels; uint8 needs scale: min_max."""

    def check(self, path: str, sample_rate: int) -> None:
        """Raise a ValueError where the chunks cannot be cut at a sample rate in Hz."""
        check_band(path, self.fmin, self.fmax, sample_rate, self.audio)
        if (
            self.overlap_s >= self.length_s
            or round((self.length_s - self.overlap_s) * sample_rate) < 1
        ):
            raise ValueError(
                f"{path}.overlap_s: {self.overlap_s!r}; expected less than length_s {self.length_s!r}"
            )
        if self.min_length_s > self.length_s:
            raise ValueError(
                f"{path}.min_length_s: {self.min_length_s!r}; expected at most length_s "
                f"{self.length_s!r}"
            )
        if int(self.length_s * sample_rate) < self.n_frames:
            raise ValueError(
                f"{path}.n_frames: {self.n_frames}; expected at most "
                f"{int(self.length_s * sample_rate)}, the samples of a chunk"
            )
        if self.store == "uint8" and self.scale != "min_max":
            raise ValueError(
                f"{path}.store: 'uint8'; expected float32 with scale: {self.scale}, since uint8 holds "
                "0..1 alone"
            )


def chunk_samples(settings: Mapping) -> int:
    """Return the samples of a chunk."""
    return round(settings["length_s"] * settings["sample_rate"])


def hop_length(settings: Mapping) -> int:
    """Return the samples from column to column: 172 for 256 columns of 1 s at 44.1 kHz."""
    return chunk_samples(settings) // (settings["n_frames"] - 1)


def n_frames(n_samples: int, settings: Mapping) -> int:
    """Return the columns of a chunk, whatever its recording's length."""
    return settings["n_frames"]


def chunk_places(n_samples: int, settings: Mapping) -> list[tuple[int, int]]:
    """Return where the chunks of a recording lie.

    Chunks begin every ``length_s - overlap_s``, up to the first that would hold less sound than
    ``min_length_s``, as in kahl2018. ``last`` says what becomes of sound after them: ``drop``;
    ``pad``, one more chunk, however short; ``align_end``, a whole chunk that ends with the recording
    (and every chunk is whole). A recording too short for any chunk is one, padded.

    Parameters
    ----------
    n_samples : int
        Length of the recording, above 0.
    settings : mapping
        ``length_s``, ``overlap_s``, ``min_length_s`` [s], ``last`` and ``sample_rate`` [Hz].

    Returns
    -------
    list of (int, int)
        First sample and samples of sound of each chunk, at least one; what a chunk lacks is padding.
    """
    length = chunk_samples(settings)
    step = round((settings["length_s"] - settings["overlap_s"]) * settings["sample_rate"])
    # in whole samples: sums of seconds in float64 would drift over hours
    least = round(settings["min_length_s"] * settings["sample_rate"])
    if settings["last"] == "align_end":
        least = length
    starts = range(0, max(0, n_samples - max(1, least) + 1), step)
    places = [(start, min(length, n_samples - start)) for start in starts]
    end = sum(places[-1]) if places else 0
    if not places:
        places.append((0, n_samples))
    elif end < n_samples and settings["last"] == "pad":
        places.append((len(places) * step, n_samples - len(places) * step))
    elif end < n_samples and settings["last"] == "align_end":
        places.append((n_samples - length, length))
    return places


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
        One picture for each of `chunk_places`.

    Raises
    ------
    ValueError
        For channels that differ in length or have no samples.
    """
    spectra.check_channels(channels)
    places = chunk_places(len(channels[0]), settings)
    return np.stack(
        [quantised(chunk_image(channels, place, settings), settings) for place in places]
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
    first, n_samples = place
    length, hop = chunk_samples(settings), hop_length(settings)
    kind, power = base.kind(settings), settings.get("power", 1.0)
    n_fft, bank = kind.n_fft(settings), kind.bank(settings)
    of_bins = getattr(kind, "REFERENCE", "bands") == "bins"
    n_rows = n_fft // 2 + 1 if of_bins else bank.shape[0]

    def levels(waveform) -> np.ndarray:
        """Return (columns, F or bins), float32, at least as many columns as wanted."""
        samples = np.asarray(waveform[first : first + n_samples], np.float32)
        if settings["padding"] == "loop":
            samples = np.resize(samples, length)
        elif len(samples) < length:
            samples = np.pad(samples, (0, length - len(samples)))
        if settings["pre_emphasis"]:
            # within the chunk: its first sample has none before it, wherever it was cut
            emphasis = np.float32(settings["pre_emphasis"])
            samples = np.concatenate([samples[:1], samples[1:] - emphasis * samples[:-1]])
        # centred: half of the first frame lies before the chunk, in zeros
        frames = spectra.frames(samples, -(n_fft // 2), hop, n_fft, 1 + length // hop)

        def of_spectra(spectrum: np.ndarray) -> np.ndarray:
            found = spectra.level(spectrum, power).T
            return found if of_bins else bank @ found

        return spectra.band_rows(frames, kind.window(n_fft), of_spectra, n_rows)

    rows = spectra.mean_over_channels(channels, levels)
    loudest = None
    if of_bins:
        loudest, rows = rows.max(), (bank @ rows.T).T
    if settings["top_db"] is not None:
        rows = decibels(rows, power, settings["top_db"], loudest)
    # cut after the dB: their reference is the loudest of all columns
    image = rows[: settings["n_frames"]].T
    image = np.ascontiguousarray(image[::-1] if settings["flip"] else image)
    return min_max_scaled(image) if settings["scale"] == "min_max" else image


def decibels(
    levels: np.ndarray, power: float, top_db: float, loudest: float | None = None
) -> np.ndarray:
    """Return dB relative to the greatest value, cut ``top_db`` below it.

    Of powers (``power`` 2) it is `librosa.power_to_db` with ``ref=np.max`` and ``amin`` 1e-10, to the
    bit. Of magnitudes (1) `librosa.amplitude_to_db` squares in float32 first, which moves values by
    up to 8e-6 dB and with them 8-bit pixels; here the logarithm is doubled instead.

    Parameters
    ----------
    levels : array, shape (T, F), float32
        Magnitudes or powers, at least 0.
    power : float
        1 or 2.
    top_db : float > 0
        In dB.
    loudest : float, optional
        The level of 0 dB; by default the greatest value.

    Returns
    -------
    array, shape (T, F), float32
    """
    factor, least = np.float32(20 / power), np.float32(LEAST_MAGNITUDE**power)
    levels = np.log10(np.maximum(levels, least))
    levels *= factor
    if loudest is None:
        levels -= levels.max()
    else:
        levels -= np.log10(np.maximum(np.float32(loudest), least)) * factor
    return np.maximum(levels, np.float32(-top_db), out=levels)


def min_max_scaled(image: np.ndarray) -> np.ndarray:
    """Return an image with its least value at 0 and its greatest at 1; an even one is all 0."""
    image = image - image.min()
    greatest = image.max()
    return image / greatest if greatest > 0 else image


def quantised(image: np.ndarray, settings: Mapping) -> np.ndarray:
    """Return an image as it is stored: 0..1 as 0..255, rounded, or as it is."""
    if settings["store"] == "float32":
        return image
    return np.clip(np.rint(image * np.float32(255)), 0, 255).astype(np.uint8)


def signal_share(image: np.ndarray) -> float:
    """Return the share of an image that stands out from its row and its column.

    A value counts where it is above 0 and at least 1.25 times the median of its row (one band over
    time) and 1.15 times that of its column. A median filter of 3 x 3 (edges repeated) takes single
    values away, a morphological closing of 3 x 3 (nothing beyond the edges) fills gaps.

    Parameters
    ----------
    image : array, shape (F, T), float32
        Of values 0 to 1, before they are rounded to 8 bits.

    Returns
    -------
    float
        0 to 1; 0 for an image with a value that is not a number.
    """
    if np.ndim(image) != 2 or 0 in np.shape(image):
        raise ValueError(f"received an image of shape {np.shape(image)}; expected (F, T)")
    # both medians are those of the image as it came, and NaN counts as no signal, as in kahl2018
    row_median = np.median(image, axis=1, keepdims=True)
    column_median = np.median(np.ascontiguousarray(image.T), axis=1)
    if np.isnan(column_median).any():
        return 0.0
    stands_out = (image > 0) & (image >= row_median * np.float32(ROW_FACTOR))
    stands_out &= image >= column_median * np.float32(COLUMN_FACTOR)
    # of nine pixels a median is 5 or more, a dilation 1 or more, and an erosion all of them
    filtered = _neighbour_counts(stands_out, mode="edge") >= 5
    dilated = _neighbour_counts(filtered, mode="constant") >= 1
    closed = _neighbour_counts(dilated, mode="constant", constant_values=True) == 9
    return float(np.count_nonzero(closed) / closed.size)


def _neighbour_counts(mask: np.ndarray, **padding) -> np.ndarray:
    """Return how many values of each 3 x 3 neighbourhood are set, beyond the edges by ``padding``.

    The median, dilation and erosion of a mask are thresholds of this, faster than general filters.
    """
    near = np.pad(mask.astype(np.uint8), 1, **padding)
    near = near[:-2] + near[1:-1] + near[2:]
    return near[:, :-2] + near[:, 1:-1] + near[:, 2:]
