"""What the settings of a frontend must be.

* `check_settings`: refuse settings that cannot work, naming the key.
"""

from collections.abc import Mapping
from numbers import Integral, Real

DENOISE = ("mean", "median", "none")
ATTENUATION = ("none", "shallow")
ATTENUATED_BANDS = 80  # the published attenuation is a table for exactly this many bands
LAST = ("drop", "pad", "align_end")
PADDING = ("zeros", "loop")
SCALE = ("min_max", "none")
STORE = ("uint8", "float32")
WINDOW = ("hamming", "hann")


def check_settings(settings: Mapping) -> None:
    """Refuse frontend settings that cannot work.

    Parameters
    ----------
    settings : mapping
        ``kind``, ``sample_rate`` (Hz), and by kind:

        ``log_mel``: ``n_fft`` (samples, even), ``frames_per_second`` (at most ``sample_rate``),
        ``n_mels``, ``fmin`` and ``fmax`` (Hz), ``floor`` (magnitude > 0), ``denoise`` (``mean``,
        ``median``, ``none``), ``band_attenuation`` (``none``, ``shallow``), ``edge_offset`` (nats),
        ``cut_edge_frames`` (frames), ``trim_stddevs`` (0: no trimming) and ``trim_ignore`` (frames).

        ``psd``: ``n_fft`` (samples, even), ``hop`` (samples, at most ``n_fft``), ``n_bands`` (lowest
        rows, at most ``n_fft / 2 + 1``), ``floor`` (density; 0: none), ``cell_columns`` (frames of a
        cell) and ``cell_borders`` (of row bands, at most ``n_bands + 1``).

        ``slaney_mel``: ``n_fft`` (samples, even), ``window_length`` (samples, at most ``n_fft``),
        ``window`` (``hamming``, ``hann``), ``hop`` (samples, at most ``window_length``), ``n_bands``,
        ``fmin`` and ``fmax`` (Hz), ``power`` (1 magnitude, 2 power) and ``epsilon`` (added to samples
        and to sums of bands, > 0).

        ``mel_chunks``: ``length_s``, ``overlap_s``, ``min_length_s`` (s), ``last`` (``drop``,
        ``pad``, ``align_end``), ``padding`` (``zeros``, ``loop``), ``n_bands``, ``n_frames``,
        ``n_fft`` (samples; None: ``8 * n_bands``), ``fmin`` and ``fmax`` (Hz), ``pre_emphasis`` (0:
        none, to 1), ``power`` (1 magnitude, 2 power), ``top_db`` (dB; None: no logarithm), ``scale``
        (``min_max``, ``none``), ``flip`` (highest band at the top) and ``store`` (``uint8``, only
        with ``min_max``; ``float32``).

        ``linear_chunks``: the same without ``n_fft`` and ``power``, and ``legacy_band``.

    Raises
    ------
    ValueError
        For a missing key or a value out of range: key, value and what is allowed.
    """
    kind = settings.get("kind")
    if kind not in _RULES:
        known = ", ".join(map(repr, _RULES))
        raise ValueError(f"frontend kind={kind!r} is not known; expected one of {known}")
    for key, accepts, expected in _RULES[kind](settings):
        if key not in settings:
            raise ValueError(f"frontend settings have no {key!r}; expected {expected}")
        if not accepts(settings[key]):
            raise ValueError(
                f"frontend setting {key}={settings[key]!r} is out; expected {expected}"
            )


def _log_mel_rules(settings: Mapping) -> list[tuple]:
    """Return (key, condition, what is expected), in an order in which each may rely on the last."""
    return [
        _SAMPLE_RATE,
        _EVEN_N_FFT,
        (
            "frames_per_second",
            lambda v: _number(v) and 0 < v <= settings["sample_rate"],
            "a number above 0 and at most sample_rate",
        ),
        ("n_mels", lambda v: _whole(v, 1), "a whole number of bands above 0"),
        *_band_rules(settings),
        ("floor", lambda v: _number(v) and v > 1e-37, "a magnitude above 1e-37 (float32)"),
        _choice("denoise", DENOISE),
        _choice("band_attenuation", ATTENUATION),
        (
            "n_mels",
            lambda v: settings["band_attenuation"] == "none" or v == ATTENUATED_BANDS,
            f"{ATTENUATED_BANDS} bands, which band_attenuation='shallow' is a table for, or 'none'",
        ),
        ("edge_offset", _number, "a number of nats"),
        ("cut_edge_frames", lambda v: _whole(v, 0), "a whole number of frames, 0 or above"),
        ("trim_stddevs", lambda v: _number(v) and v >= 0, "standard deviations, 0 (off) or above"),
        ("trim_ignore", lambda v: _whole(v, 0), "a whole number of frames, 0 or above"),
    ]


def _psd_rules(settings: Mapping) -> list[tuple]:
    return [
        _SAMPLE_RATE,
        _EVEN_N_FFT,
        (
            "hop",
            lambda v: _whole(v, 1) and v <= settings["n_fft"],
            "samples, at least 1 and at most n_fft",
        ),
        (
            "n_bands",
            lambda v: _whole(v, 1) and v <= settings["n_fft"] // 2 + 1,
            "rows, at least 1 and at most n_fft / 2 + 1",
        ),
        (
            "floor",
            lambda v: _number(v) and (v == 0 or v > 1e-37),
            "a density above 1e-37 (float32), or 0 for none",
        ),
        ("cell_columns", lambda v: _whole(v, 1), "a whole number of frames above 0"),
        (
            "cell_borders",
            lambda v: _whole(v, 2) and v <= settings["n_bands"] + 1,
            "a number of borders, at least 2 and at most n_bands + 1",
        ),
    ]


def _slaney_mel_rules(settings: Mapping) -> list[tuple]:
    return [
        _SAMPLE_RATE,
        _EVEN_N_FFT,
        (
            "window_length",
            lambda v: _whole(v, 2) and v <= settings["n_fft"],
            "samples, at least 2 and at most n_fft",
        ),
        _choice("window", WINDOW),
        (
            "hop",
            lambda v: _whole(v, 1) and v <= settings["window_length"],
            "samples, at least 1 and at most window_length",
        ),
        ("n_bands", lambda v: _whole(v, 1), "a whole number of bands above 0"),
        *_band_rules(settings),
        _POWER,
        ("epsilon", lambda v: _number(v) and v > 1e-37, "a number above 1e-37 (float32)"),
    ]


def _chunk_rules(settings: Mapping) -> list[tuple]:
    """Return the rules of what both kinds of chunks have."""
    return [
        _SAMPLE_RATE,
        ("length_s", lambda v: _number(v) and v > 0, "seconds above 0"),
        (
            "overlap_s",
            lambda v: _number(v) and v >= 0 and _samples(settings, settings["length_s"] - v) > 0,
            "seconds, 0 or above and less than length_s",
        ),
        (
            "min_length_s",
            lambda v: _number(v) and 0 <= v <= settings["length_s"],
            "seconds, 0 or above and at most length_s",
        ),
        _choice("last", LAST),
        _choice("padding", PADDING),
        ("n_bands", lambda v: _whole(v, 1), "a whole number of bands above 0"),
        (
            "n_frames",
            lambda v: _whole(v, 2) and v <= _samples(settings, settings["length_s"]),
            "columns, at least 2 and at most the samples of length_s",
        ),
        *_band_rules(settings),
        ("pre_emphasis", lambda v: _number(v) and 0 <= v <= 1, "0 (none) to 1"),
        ("top_db", lambda v: v is None or (_number(v) and v > 0), "dB above 0, or null"),
        _choice("scale", SCALE),
        ("flip", lambda v: isinstance(v, bool), "true or false"),
        _choice("store", STORE),
        (
            "store",
            lambda v: v == "float32" or settings["scale"] == "min_max",
            "float32: uint8 holds 0 to 1 alone, which scale='min_max' makes",
        ),
    ]


def _mel_chunk_rules(settings: Mapping) -> list[tuple]:
    return [
        *_chunk_rules(settings),
        ("n_fft", lambda v: v is None or _whole(v, 4), "samples, at least 4, or null"),
        _POWER,
    ]


def _linear_chunk_rules(settings: Mapping) -> list[tuple]:
    return [
        *_chunk_rules(settings),
        ("legacy_band", lambda v: isinstance(v, bool), "true or false"),
    ]


def _band_rules(settings: Mapping) -> list[tuple]:
    return [
        ("fmin", lambda v: _number(v) and v >= 0, "a frequency in Hz, 0 or above"),
        (
            "fmax",
            lambda v: _number(v) and settings["fmin"] < v <= settings["sample_rate"] / 2,
            "a frequency in Hz above fmin and at most half of sample_rate",
        ),
    ]


def _choice(key: str, allowed: tuple[str, ...]) -> tuple:
    return key, lambda v: v in allowed, f"one of {', '.join(allowed)}"


def _samples(settings: Mapping, duration_s: float) -> int:
    return round(duration_s * settings["sample_rate"])


def _number(value) -> bool:
    is_real = isinstance(value, Real) and not isinstance(value, bool)
    return is_real and abs(value) < float("inf")


def _whole(value, least: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= least


_POWER = ("power", lambda v: _number(v) and v in (1, 2), "1 (magnitude) or 2 (power)")
_SAMPLE_RATE = ("sample_rate", lambda v: _whole(v, 1), "a whole number of Hz above 0")
_EVEN_N_FFT = (
    "n_fft",
    lambda v: _whole(v, 4) and v % 2 == 0,
    "an even number of samples, at least 4",
)
_RULES = {
    "log_mel": _log_mel_rules,
    "psd": _psd_rules,
    "mel_chunks": _mel_chunk_rules,
    "linear_chunks": _linear_chunk_rules,
    "slaney_mel": _slaney_mel_rules,
}
