"""Settings of an audio recipe: how recordings become waveforms at one sample rate."""

from typing import Annotated, Literal

from pydantic import Field

from dawnchorus.settings.section import PositiveSeconds, SampleRate, Seconds, Settings, Unit


class Decoder(Settings):
    """Limits of the child process that decodes recordings."""

    seconds: PositiveSeconds = 120.0
    """Time to decode one recording; one that takes longer is excluded."""
    memory_mb: Annotated[int, Field(ge=128), Unit("MiB")] = 1024
    """Memory of the child process."""


class AudioRecipe(Settings):
    """How recordings are decoded, mixed and resampled."""

    sample_rate: SampleRate = 22050
    """Sample rate after resampling."""
    resampler: Literal["soxr_hq", "soxr_vhq", "polyphase", "shallow"] = "soxr_hq"
    """Resampling filter; shallow is the gentle slope of avconv 9, which the winner of 2017 used."""
    channels: Literal["mix", "first", "each"] = "each"
    """mix: the mean of all channels; first: the first one; each: kept apart, averaged by the frontend."""
    min_duration_s: Seconds = 0.1
    """Shorter recordings are excluded."""
    max_duration_s: PositiveSeconds = 14400.0
    """Longer recordings are excluded."""
    quiet_dbfs: Annotated[float, Field(le=0), Unit("dBFS")] = -75.0
    """Recordings with a lower level (RMS about the mean) get the warning AUDIO_QUIET."""
    allow_truncated: bool = False
    """Use what is there of a cut recording, with a warning, instead of excluding it."""
    decoder: Decoder = Decoder()
    """Limits of the child process that decodes recordings."""

    def check(self, path: str) -> None:
        """Raise a ValueError where the durations exclude every recording."""
        if self.min_duration_s >= self.max_duration_s:
            raise ValueError(
                f"{path}.min_duration_s: {self.min_duration_s!r}; expected less than "
                f"max_duration_s {self.max_duration_s!r}"
            )
