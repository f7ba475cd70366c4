"""The methods of augmentation as a table, and whether settings can work.

This module imports nothing but the standard library: it is read at every start of a workflow.

* `TABLE`: what each method does, and its options with defaults and ranges.
* `with_defaults`: the options of a method, complete.
* `check`: refuse settings that cannot work.
"""

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Option(NamedTuple):
    """An option of a method.

    ``default`` says the type as well: a whole number, a number, or so many numbers; each of them
    is at least ``low`` and at most ``high``.
    """

    default: int | float | tuple[float, ...]
    low: float
    high: float
    meaning: str


class Method(NamedTuple):
    """A method: what it does to an image of F rows and T columns, and its options by name."""

    effect: str
    options: dict[str, Option]


TABLE: dict[str, Method] = {
    "roll_frequency": Method(
        "shifts the rows circularly by int(F u), u uniform in ±amount",
        {"amount": Option(0.15, 0.0, 1.0, "share of the rows")},
    ),
    "roll_time": Method(
        "shifts the columns circularly by int(T u), u uniform in ±amount",
        {"amount": Option(0.5, 0.0, 1.0, "share of the columns")},
    ),
    "add_noise": Method(
        "weighted mean with a noise image from the bank, both weights uniform in 1 to 2", {}
    ),
    "crop": Method(
        "removes max(1, int(size u)) pixels of each side, u uniform in 0 to its amount; bicubic "
        "resize to F x T",
        {
            "amounts": Option(
                (0.1, 0.0, 0.05, 0.0), 0.0, 0.45, "shares of top, left, bottom and right"
            )
        },
    ),
    "gaussian": Method(
        "adds normal noise, its deviation uniform in 0 to √amount",
        {"amount": Option(0.05, 0.0, 1.0, "largest variance")},
    ),
    "dropout": Method(
        "sets pixels to zero, each with probability amount",
        {"amount": Option(0.25, 0.0, 1.0, "share of the pixels")},
    ),
    "blackout": Method(
        "sets one block of int(T amount) columns to zero, at a random start",
        {"amount": Option(0.1, 0.0, 1.0, "share of the columns")},
    ),
    "blur": Method(
        "mean of kernel x kernel pixels, edges replicated",
        {"kernel": Option(3, 1, 99, "pixels")},
    ),
    "zoom": Method(
        "enlarges about the centre by 1 + u, u uniform in 0 to amount; bicubic",
        {"amount": Option(0.25, 0.0, 4.0, "largest u")},
    ),
    "rotate_image": Method(
        "turns about the centre by an angle uniform in ±degrees; bilinear, zeros move in",
        {"degrees": Option(10.0, 0.0, 180.0, "largest angle of the picture")},
    ),
    "brightness": Method(
        "multiplies with one factor, uniform in 1 ± amount",
        {"amount": Option(0.15, 0.0, 1.0, "largest change")},
    ),
    "multiply": Method(
        "multiplies each pixel with its own factor, uniform in 1 ± amount",
        {"amount": Option(0.25, 0.0, 1.0, "largest change")},
    ),
    "subtract_mean": Method(
        "subtracts the mean, sets what is negative to zero, divides by the maximum", {}
    ),
    "flip": Method("mirrors the columns: time runs backwards", {}),
}

_MASKS = {
    "time_masks": lambda v: _whole(v, 0),
    "time_width": lambda v: _number(v, 0, 1),
    "frequency_masks": lambda v: _whole(v, 0),
    "frequency_width": lambda v: _number(v, 0, 1),
    "replace": lambda v: v in ("mean", "zero"),
}
_MASKS_EXPECTED = {"masks": "a whole number, 0 or more", "width": "a share, 0 to 1"}

# key: (condition, what is expected); `methods` and `spec_augment` have checks of their own
_SETTINGS = {
    "rotate": (lambda v: isinstance(v, bool), "true or false"),
    "shift_bands": (lambda v: _whole(v, 0), "a whole number of bands, 0 or more"),
    "count": (lambda v: _whole(v, 0), "a whole number of tries, 0 or more"),
    "probability": (lambda v: _number(v, 0, 1), "a number from 0 to 1"),
    "methods": (lambda v: isinstance(v, Mapping), "names of methods with their options"),
    "clip": (lambda v: v is None or _is_range(v), "null, or [low, high] with low below high"),
    "drop_without_noise": (lambda v: isinstance(v, bool), "true or false"),
    "mixup": (lambda v: _number(v, 0, math.inf), "alpha, a number of 0 (none) or more"),
    "spec_augment": (
        lambda v: v is None or isinstance(v, Mapping),
        f"null, or {', '.join(_MASKS)}",
    ),
}


def with_defaults(name: str, options: Mapping) -> dict:
    """Return the options of a method: those given, and the defaults of the others."""
    known = TABLE[name].options
    return {key: option.default for key, option in known.items()} | dict(options)


def check(settings: Mapping) -> None:
    """Refuse augmentation settings that cannot work.

    Parameters
    ----------
    settings : mapping
        The ``augmentation`` section of a stage; keys that are absent are not judged.

    Raises
    ------
    ValueError
        For the first key, method or option that is unknown, or value that is out of range: which,
        what was received, what is expected, and the nearest name.
    """
    for key, value in settings.items():
        if key not in _SETTINGS:
            raise ValueError(f"{key}: unknown key{_nearest(key, _SETTINGS)}")
        accepts, expected = _SETTINGS[key]
        if not accepts(value):
            raise ValueError(f"{key}: {value!r}; expected {expected}")
    for name, options in settings.get("methods", {}).items():
        _check_method(name, options)
    if settings.get("spec_augment") is not None:
        _check_masks(settings["spec_augment"])


def _check_method(name, options) -> None:
    here = f"methods.{name}"
    if name not in TABLE:
        raise ValueError(f"{here}: unknown method{_nearest(name, TABLE)}")
    if not isinstance(options, Mapping):
        raise ValueError(f"{here}: {options!r}; expected options, {{}} for the defaults")
    known = TABLE[name].options
    for key, value in options.items():
        if key not in known:
            raise ValueError(f"{here}.{key}: unknown option{_nearest(key, known)}")
        if not _fits(value, known[key]):
            raise ValueError(f"{here}.{key}: {value!r}; expected {_expected(known[key])}")


def _check_masks(masks: Mapping) -> None:
    for key in masks:
        if key not in _MASKS:
            raise ValueError(f"spec_augment.{key}: unknown key{_nearest(key, _MASKS)}")
    for key, accepts in _MASKS.items():
        if key not in masks:
            raise ValueError(f"spec_augment.{key}: missing; this key is needed")
        if not accepts(masks[key]):
            expected = _MASKS_EXPECTED.get(key.split("_")[-1], "mean or zero")
            raise ValueError(f"spec_augment.{key}: {masks[key]!r}; expected {expected}")


def _fits(value, option: Option) -> bool:
    if isinstance(option.default, tuple):
        is_list = isinstance(value, (list, tuple)) and len(value) == len(option.default)
        return is_list and all(_number(each, option.low, option.high) for each in value)
    whole = isinstance(option.default, int)
    return _number(value, option.low, option.high) and (_whole(value, 0) or not whole)


def _expected(option: Option) -> str:
    span = f"from {option.low:g} to {option.high:g} ({option.meaning})"
    if isinstance(option.default, tuple):
        return f"{len(option.default)} numbers {span}"
    return f"a {'whole ' if isinstance(option.default, int) else ''}number {span}"


def _nearest(name, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return f"; expected {', '.join(names) or 'none, there are none'}{meant}"


def _is_range(value) -> bool:
    is_pair = isinstance(value, (list, tuple)) and len(value) == 2
    return is_pair and all(_number(v, -math.inf, math.inf) for v in value) and value[0] < value[1]


def _number(value, low: float, high: float) -> bool:
    is_real = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_real and math.isfinite(value) and low <= value <= high


def _whole(value, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
