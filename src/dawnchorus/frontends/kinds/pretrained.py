"""Embeddings by a network that others have trained: a row for each of its windows.

The network takes windows of a fixed length. Window ``t`` has the time from ``t`` to ``t + 1`` hops in
its middle: where windows overlap, the first begins before the recording, and outside of it are zeros. So
rows tile the recording, whatever the hop, and stand for what happens in their hop.

* `hop_length`, `n_frames`, `onset_s`, `n_fft`: the time axis; `n_bands`: values of a row.
* `blocks`: channels to rows, in bounded memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from dawnchorus.frontends import network_file, spectra
from dawnchorus.frontends.network_card import About, Network, described
from dawnchorus.settings.frontend import FrontendSettings
from dawnchorus.settings.section import Few, PositiveSeconds, Unit

_WINDOWS_HELD = 32  # windows computed at a time; 18 MB of samples of 3 s at 48 kHz


class Settings(FrontendSettings):
    """Embeddings or class scores by a pretrained network, which a card describes."""

    kind: Literal["pretrained"] = "pretrained"
    """The transform."""
    audio: str = "mono-48k"
    """Name of the audio recipe; it has the sample rate of the network."""
    card: str | None = "birdnet-2.4"
    """A card that is shipped, by name, or the path of one; null: network and about say it all."""
    file: str | None = None
    """Path of the network in place of the card's."""
    output: str = "embedding"
    """Which output of the card."""
    classes: dict[str, str | Annotated[int, Field(ge=0), Unit("1")]] | list[str] | None = None
    """Classes of the output that are used: names, or names or columns by your name; null: all."""
    hop_s: PositiveSeconds | None = None
    """From one window to the next, at most the network's length; null: as the card says."""
    least_s: Annotated[float, Field(gt=0), Unit("s")] = 1.0
    """Sound in the hop of a last window; one with less is left out, but never the only one."""
    store: Literal["float16", "float32"] = "float16"
    """Type of the stored values."""
    threads: Annotated[Few, Unit("threads")] = 1
    """Threads of the network in a job."""
    network: Network | None = None
    """What the card says of the network; filled in."""
    about: About | None = None
    """What else the card says: licence, source, what was seen; filled in."""

    @model_validator(mode="before")
    @classmethod
    def _with_card(cls, given: Any) -> Any:
        """Fill in what the card says; a section that has it needs no card any more."""
        if not isinstance(given, Mapping) or given.get("network"):
            return given
        defaults = {key: field.default for key, field in cls.model_fields.items()}
        said = defaults | dict(given)
        if not isinstance(said["card"], str) or not isinstance(said["output"], str):
            return given  # an error, told below
        classes = said["classes"]
        if isinstance(classes, list):
            classes = {name: name for name in classes}
        elif isinstance(classes, Mapping):
            # as a complete config has its keys: columns and names are to be in one order
            classes = {name: classes[name] for name in sorted(classes, key=str)}
        network, about = described(said["card"], said["output"], said["file"], classes)
        return {**given, "network": network.complete(), "about": about.complete()}

    def check(self, path: str, sample_rate: int) -> None:
        """Raise a ValueError where the network takes another sample rate or shorter windows."""
        if self.network is None:
            raise ValueError(f"{path}.card: {self.card!r}; expected a card, or network")
        hop_s = self.hop_s or self.network.hop_s
        name = self.about.name if self.about else "the network"
        if sample_rate != self.network.sample_rate:
            raise ValueError(
                f"{path}.audio: {self.audio!r} has {sample_rate} Hz; expected a recipe with "
                f"{self.network.sample_rate} Hz, which {name} takes"
            )
        if not 1 / sample_rate <= hop_s <= self.network.length_s:
            raise ValueError(
                f"{path}.hop_s: {hop_s!r}; expected at most {self.network.length_s:g} s, the "
                f"windows of {name}, and at least a sample"
            )

    def frame_s(self, sample_rate: int) -> float:
        """Return the seconds from one window to the next."""
        assert self.network is not None
        return round((self.hop_s or self.network.hop_s) * sample_rate) / sample_rate

    @property
    def n_bands(self) -> int:
        """Values of a row."""
        assert self.network is not None
        columns = self.network.columns
        return self.network.values if columns is None else len(columns)


def hop_length(settings: Mapping) -> int:
    """Return the samples from one window to the next."""
    return round((settings["hop_s"] or settings["network"]["hop_s"]) * settings["sample_rate"])


def n_fft(settings: Mapping) -> int:
    """Return the samples of a window."""
    return round(settings["network"]["length_s"] * settings["sample_rate"])


def n_frames(n_samples: int, settings: Mapping) -> int:
    """Return how many windows a waveform of ``n_samples`` has, at least one."""
    hop = hop_length(settings)
    least = min(hop, round(settings["least_s"] * settings["sample_rate"]))
    return max(1, (n_samples + hop - least) // hop)


def n_bands(settings: Mapping) -> int:
    """Return the values of a row."""
    columns = settings["network"]["columns"]
    return settings["network"]["values"] if columns is None else len(columns)


def onset_s(frame: int, settings: Mapping) -> float:
    """Return the time at which the hop of a window begins, in seconds."""
    return frame * hop_length(settings) / settings["sample_rate"]


def blocks(
    channels: Sequence, settings: Mapping, first: int, last: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the rows of windows ``first`` to ``last`` of a recording, block by block.

    The rows of the channels are averaged. Values are rounded to the type that they are stored in.
    Parameters and yields are those of `dawnchorus.frontends.spectra.mean_blocks`; ``settings`` has the
    path of the network under ``file``.

    Raises
    ------
    ValueError
        Where a value is not finite, or too large for the type.
    """
    hop, length = hop_length(settings), n_fft(settings)
    values = network_file.opened(settings["file"], settings["network"], settings["threads"])
    for start in range(first, last, _WINDOWS_HELD):
        stop = min(start + _WINDOWS_HELD, last)

        def rows_of(waveform, start: int = start, stop: int = stop) -> np.ndarray:
            begin = start * hop - (length - hop) // 2
            return values(spectra.frames(waveform, begin, hop, length, stop - start))

        rows = spectra.mean_over_channels(channels, rows_of)
        with np.errstate(over="ignore"):
            rounded = rows.astype(settings["store"]).astype(np.float32)
        if not np.isfinite(rounded).all():
            raise ValueError(
                f"network {settings['file']} gives a value of {np.abs(rows).max():.4g}, which "
                f"{settings['store']} cannot hold; expected finite ones, or store: float32"
            )
        yield start, rounded
