"""What the settings of a frontend must be.

* `check_settings`: refuse settings that cannot work, naming the key.
"""

from collections.abc import Mapping
from numbers import Integral, Real

DENOISE = ("mean", "median", "none")
ATTENUATION = ("none", "shallow")
ATTENUATED_BANDS = 80  # the published attenuation is a table for exactly this many bands


def check_settings(settings: Mapping) -> None:
    """Refuse frontend settings that cannot work.

    Parameters
    ----------
    settings : mapping
        ``kind`` (``log_mel``), ``sample_rate`` (Hz), ``n_fft`` (samples, even),
        ``frames_per_second`` (at most ``sample_rate``), ``n_mels``, ``fmin`` and ``fmax`` (Hz),
        ``floor`` (magnitude > 0), ``denoise`` (``mean``, ``median``, ``none``),
        ``band_attenuation`` (``none``, ``shallow``), ``edge_offset`` (nats), ``cut_edge_frames``
        (frames), ``trim_stddevs`` (0: no trimming) and ``trim_ignore`` (frames).

    Raises
    ------
    ValueError
        For a missing key or a value out of range: key, value and what is allowed.
    """
    if (kind := settings.get("kind")) != "log_mel":
        raise ValueError(f"frontend kind={kind!r} is not known; expected 'log_mel'")
    for key, accepts, expected in _rules(settings):
        if key not in settings:
            raise ValueError(f"frontend settings have no {key!r}; expected {expected}")
        if not accepts(settings[key]):
            raise ValueError(
                f"frontend setting {key}={settings[key]!r} is out; expected {expected}"
            )
    if settings["band_attenuation"] == "shallow" and settings["n_mels"] != ATTENUATED_BANDS:
        raise ValueError(
            f"band_attenuation='shallow' is a table for {ATTENUATED_BANDS} bands, received "
            f"n_mels={settings['n_mels']!r}; set n_mels: {ATTENUATED_BANDS} or band_attenuation: none"
        )


def _rules(settings: Mapping) -> list[tuple]:
    """Return (key, condition, what is expected), in an order in which each may rely on the last."""
    return [
        ("sample_rate", lambda v: _whole(v, 1), "a whole number of Hz above 0"),
        ("n_fft", lambda v: _whole(v, 4) and v % 2 == 0, "an even number of samples, at least 4"),
        (
            "frames_per_second",
            lambda v: _number(v) and 0 < v <= settings["sample_rate"],
            "a number above 0 and at most sample_rate",
        ),
        ("n_mels", lambda v: _whole(v, 1), "a whole number of bands above 0"),
        ("fmin", lambda v: _number(v) and v >= 0, "a frequency in Hz, 0 or above"),
        (
            "fmax",
            lambda v: _number(v) and settings["fmin"] < v <= settings["sample_rate"] / 2,
            "a frequency in Hz above fmin and at most half of sample_rate",
        ),
        ("floor", lambda v: _number(v) and v > 1e-37, "a magnitude above 1e-37 (float32)"),
        ("denoise", lambda v: v in DENOISE, f"one of {', '.join(DENOISE)}"),
        ("band_attenuation", lambda v: v in ATTENUATION, f"one of {', '.join(ATTENUATION)}"),
        ("edge_offset", _number, "a number of nats"),
        ("cut_edge_frames", lambda v: _whole(v, 0), "a whole number of frames, 0 or above"),
        ("trim_stddevs", lambda v: _number(v) and v >= 0, "standard deviations, 0 (off) or above"),
        ("trim_ignore", lambda v: _whole(v, 0), "a whole number of frames, 0 or above"),
    ]


def _number(value) -> bool:
    is_real = isinstance(value, Real) and not isinstance(value, bool)
    return is_real and abs(value) < float("inf")


def _whole(value, least: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= least
