"""Where a recording is cut into chunks, and the settings that both kinds of chunks have.

* `ChunkSettings`: the settings, with the values of kahl2018.
* `chunk_places`: first sample and length of each chunk.
* `chunk_samples`: samples of a chunk.
* `hop_length`, `n_frames`: its time axis.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dawnchorus.settings.frontend import FrontendSettings, check_band
from dawnchorus.settings.section import Few, Hertz, PositiveHertz, Seconds, Unit


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
