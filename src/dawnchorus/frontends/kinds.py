"""The kinds of frontends, and what each says of its axes.

* `layout`: how the spectrograms of a frontend are stored.
* `FRAMES`: modules of the kinds that store frames.
* `hop_length`, `n_frames`, `n_bands`: sizes by the settings.
"""

from collections.abc import Mapping

from dawnchorus.frontends import chunking, mel, psd, slaney

# kind -> module with hop_length, n_frames, onset_s and blocks
FRAMES = {"log_mel": mel, "psd": psd, "slaney_mel": slaney}


def layout(settings: Mapping) -> str:
    """Return ``frames`` (rows of a recording, one after another) or ``chunks`` (pictures)."""
    return "frames" if settings["kind"] in FRAMES else "chunks"


def hop_length(settings: Mapping) -> int:
    """Return the samples from one frame (or column of a chunk) to the next."""
    return FRAMES.get(settings["kind"], chunking).hop_length(settings)


def n_frames(n_samples: int, settings: Mapping) -> int:
    """Return how many frames a waveform of ``n_samples`` has before any is cut, or a chunk has."""
    return FRAMES.get(settings["kind"], chunking).n_frames(n_samples, settings)


def n_bands(settings: Mapping) -> int:
    """Return the number of bands F."""
    return settings["n_mels" if settings["kind"] == "log_mel" else "n_bands"]
