"""The contract of frontends: what every module in ``kinds/`` defines.

A frontend is a named recipe; its settings are a dict, given whole to every function here. Axes: S
samples, T frames, F bands. Rows of a spectrogram are frames and run forward in time; a picture is
(F, T), its first row at the top. Frequencies are in Hz.

A kind is a module, found by its name, with a class ``Settings`` (its keys, and ``LAYOUT``),
``hop_length(settings)``, ``n_frames(n_samples, settings)`` and ``n_bands(settings)``. One whose layout
is ``frames`` (the spectrogram of a recording, row by row) has ``onset_s(frame, settings)`` and
``blocks(channels, settings, first, last)``, and, where it knows which frames hold signal,
``frame_signal(channels, settings)``; one whose layout is ``chunks`` (pictures of equal size) has
``n_fft(settings)``, ``window(n_fft)`` and ``bank(settings)``; with ``REFERENCE = "bins"`` its dB are
relative to the loudest bin of the whole spectrum, else to the loudest band. A kind whose bands are sums
of weighted bins has ``bank(settings)`` in any layout; an exported model brings it under ``bank``.

* `kind`: the module.
* `check`: reject settings that cannot work.
* `layout`: how the spectrograms of a frontend are stored.
* `hop_length`, `n_frames`, `n_bands`, `n_fft`, `n_bins`: sizes by the settings.
"""

from collections.abc import Mapping
from types import ModuleType

from dawnchorus.settings.errors import validated
from dawnchorus.settings.frontend import KINDS, frontend_model
from dawnchorus.settings.section import SampleRate, Settings


class _Waveform(Settings):
    """What a frontend has to know about its waveforms."""

    sample_rate: SampleRate
    """Samples per second."""


def kind(settings: Mapping) -> ModuleType:
    """Return the module of a frontend's kind."""
    return KINDS.module(settings["kind"])


def check(settings: Mapping) -> None:
    """Reject settings of a frontend that cannot work.

    Parameters
    ----------
    settings : mapping
        ``kind``, the keys of the kind, and ``sample_rate`` in Hz.

    Raises
    ------
    ValueError
        The key, its value, and what is allowed.
    """
    given = dict(settings)
    # the rate is that of the audio recipe, and no key of any kind
    waveform = {"sample_rate": given.pop("sample_rate")} if "sample_rate" in given else {}
    sample_rate = validated("frontend", _Waveform, waveform)["sample_rate"]
    frontend_model(validated("frontend", KINDS, given)).check("frontend", sample_rate)


def layout(settings: Mapping) -> str:
    """Return ``frames`` (rows of a recording, one after another) or ``chunks`` (pictures)."""
    return kind(settings).Settings.LAYOUT


def hop_length(settings: Mapping) -> int:
    """Return the samples from one frame (or column of a chunk) to the next."""
    return kind(settings).hop_length(settings)


def n_frames(n_samples: int, settings: Mapping) -> int:
    """Return how many frames a waveform of ``n_samples`` has before any is cut, or a chunk has."""
    return kind(settings).n_frames(n_samples, settings)


def n_bands(settings: Mapping) -> int:
    """Return the number of bands F."""
    return kind(settings).n_bands(settings)


def n_fft(settings: Mapping) -> int:
    """Return the samples that a frame is computed from."""
    own = getattr(kind(settings), "n_fft", None)
    return settings["n_fft"] if own is None else own(settings)


def n_bins(settings: Mapping) -> int:
    """Return the number of bins of a spectrum, which bands are sums of."""
    return n_fft(settings) // 2 + 1
