"""Settings that both kinds of chunks have: pictures of pieces of a recording, as kahl2018 made them."""

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
