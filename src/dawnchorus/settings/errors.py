"""One sentence for each error of a config: key path, value, what is allowed, nearest spelling.

* `validated`: a section checked by its model, or a ValueError with that sentence.
* `sentence`: the first error that a model reports, in words.
* `check_name`: whether a name can be part of paths.
* `nearest`, `check_known`, `shown`: what errors say of names and values.
"""

import difflib
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import annotated_types
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from dawnchorus.settings.section import Choice, Settings
from dawnchorus.settings.structure import section_at

_SHOWN = 80  # characters of a refused value
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_TYPES = {
    "bool_type": "true or false",
    "dict_type": "keys and values",
    "finite_number": "a number",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "list_type": "a list",
    "model_type": "keys and values",
    "none_required": "null",
    "string_type": "a text",
}
_LIMITS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
    "multiple_of": ("a multiple of", "multiple_of"),
}
_RENAMED = {"birdclef2016": "toth2016"}  # models, since config_version 2
_RENAMED_KEYS = {"framing": "baselines"}


def validated(path: str, model: type[Settings] | Choice, value: Any) -> dict[str, Any]:
    """Return a section, checked and complete.

    Raises
    ------
    ValueError
        One sentence that starts with the key's path.
    """
    try:
        if isinstance(model, Choice):
            return model.validate(value)
        return model.model_validate(value).complete()
    except ValidationError as error:
        raise ValueError(sentence(path, model, value, error.errors(include_url=False))) from None
    except ValueError as error:  # a choice that is unknown, outside any model
        context = getattr(error, "context", None) or {}
        kind = getattr(error, "type", "value_error")
        details: ErrorDetails = {
            "type": kind, "loc": (), "msg": str(error), "input": value, "ctx": context
        }  # fmt: skip
        raise ValueError(sentence(path, model, value, [details])) from None


def check_name(path: str, name: Any) -> None:
    """Raise a ValueError where a name cannot be part of paths."""
    # YAML reads 2018 as a number and yes as true
    if not isinstance(name, str):
        raise ValueError(f"{path}.{name}: is read as {type(name).__name__}; put the name in quotes")
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{path}.{name}: {name!r} becomes part of paths; expected letters, digits, "
            "'_' and '-', starting with a letter or digit, at most 64"
        )


def sentence(
    path: str, model: type[Settings] | Choice, value: Any, errors: Sequence[ErrorDetails]
) -> str:
    """Return the error that a person should mend first, as one sentence."""
    located: list[tuple[tuple[Any, ...], ErrorDetails]] = []
    for error in errors:
        place, here = [], value
        # pydantic names the members of a union on the way too, which are no keys
        for step in error["loc"]:
            if isinstance(here, Mapping) and step in here:
                here = here[step]
            elif isinstance(here, list | tuple) and isinstance(step, int) and step < len(here):
                here = here[step]
            elif error["type"] not in ("missing", "extra_forbidden") or step != error["loc"][-1]:
                continue
            place.append(step)
        if error["type"] in ("choice_missing", "choice_unknown", "misfit"):
            place.append(error["ctx"]["key"])
        elif error["type"] == "name_unknown":
            place.append(error["ctx"]["received"])
        located.append((tuple(place), error))
    # where a value has the type of one member of a union, that the others refuse it says nothing
    located = [
        (at, error)
        for at, error in located
        if error["type"] not in _TYPES
        or not any(len(deep) > len(at) and deep[: len(at)] == at for deep, _ in located)
    ]

    def weight(pair: tuple[tuple[Any, ...], ErrorDetails]) -> tuple[bool, int, list[str], bool]:
        # An unknown key is the cause where a required one is missing; what an experiment says is
        # found again, deeper, in its stages; of a union, a choice says more than a type.
        names, kind = [*map(str, pair[0])], pair[1]["type"]
        return kind != "extra_forbidden", len(names), names, kind in _TYPES

    location, first = min(located, key=weight)
    same = [error for at, error in located if at == location]
    name = ".".join([path, *map(str, location)]) if path else ".".join(map(str, location))
    return _described(name, first, same, model, value, location)


def _described(
    here: str,
    error: ErrorDetails,
    same: Sequence[ErrorDetails],
    model: type[Settings] | Choice,
    value: Any,
    location: tuple[Any, ...],
) -> str:
    """Return the sentence of an error; ``same``: all errors there, of a union one per member."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in ("missing", "choice_missing"):
        return f"{here}: missing; this key is needed"
    if kind == "choice_unknown":
        received = context["received"]
        if context["key"] == "name" and str(received) in _RENAMED:
            return (
                f"{here}: {received!r} is called {_RENAMED[received]!r} since config_version 2; write "
                "that name"
            )
        return f"{here}: {shown(received)}{nearest(received, context['known'])}"
    if kind == "misfit":
        return f"{here}: {shown(context['received'])}; expected {context['expected']}"
    if kind == "name_unknown":
        return f"{here}: unknown method{nearest(context['received'], context['known'])}"
    key = str(location[-1]) if location else ""
    section = section_at(model, value, location[:-1]) if location else None
    fields = section.model_fields.items() if section else ()
    known_keys = {field.alias or name: field for name, field in fields}
    if kind in ("extra_forbidden", "invalid_key"):
        if _RENAMED_KEYS.get(key) in known_keys:
            return f"{here}: this key is called {_RENAMED_KEYS[key]!r} now; write that name"
        return f"{here}: unknown key{nearest(key, known_keys)}"
    field = known_keys.get(key)
    if kind == "literal_error":
        known = [text.strip("'") for text in re.split(r", | or ", context["expected"])]
        known += ["null"] * _may_be_null(field)
        if isinstance(error["input"], str) or len(same) == 1:
            return f"{here}: {shown(error['input'])}{nearest(error['input'], known)}"
        return (
            f"{here}: {shown(error['input'])}; expected {' or '.join(known)}, or {_union(same[1:])}"
        )
    if kind in ("too_short", "too_long"):
        marks = field.metadata if field is not None else ()
        least = {mark.min_length for mark in marks if isinstance(mark, annotated_types.MinLen)}
        most = {mark.max_length for mark in marks if isinstance(mark, annotated_types.MaxLen)}
        if least and least == most:  # at least and at most 2 items: 2 items
            return f"{here}: {shown(error['input'])}; expected {least.pop()} items"
    null = " or null" if _may_be_null(field) else ""
    return f"{here}: {shown(error['input'])}; expected {_union(same)}{null}"


def _union(errors: Sequence[ErrorDetails]) -> str:
    """Return what would have been right, of each member of a union."""
    expected = []
    for error in errors:
        kind, context = error["type"], error.get("ctx", {})
        if kind in _TYPES:
            expected.append(_TYPES[kind])
        elif kind in _LIMITS:
            phrase, key = _LIMITS[kind]
            limit = context[key]  # 0.5, but 1 for 1.0
            expected.append(
                f"{phrase} {limit:g}" if isinstance(limit, float) else f"{phrase} {limit}"
            )
        elif kind == "too_short":
            noun = "entries" if isinstance(error["input"], Mapping) else "items"
            expected.append(f"at least {context['min_length']} {noun}")
        elif kind == "too_long":
            expected.append(f"at most {context['max_length']} items")
        elif kind == "string_too_short":
            expected.append(f"at least {context['min_length']} characters")
        elif kind == "string_pattern_mismatch":
            expected.append(f"a text like {context['pattern']}")
        else:  # of a validator of ours: it says what it expects
            expected.append(str(error["msg"]).removeprefix("Value error, "))
    return " or ".join(dict.fromkeys(expected))


def _may_be_null(field: FieldInfo | None) -> bool:
    return field is not None and type(None) in typing.get_args(field.annotation)


def nearest(name: Any, known: Iterable[Any]) -> str:
    """Return what to add to an error about an unknown name."""
    names = sorted(map(str, known))
    near = difflib.get_close_matches(str(name), names, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    expected = f"{', '.join(names[:12])}{', ...' if len(names) > 12 else ''}"
    return f"; expected {expected or 'none, there are none'}{meant}"


def check_known(said: str, name: str, known: Iterable[str]) -> None:
    """Raise a ValueError where a name is not among those there are."""
    if name not in known:
        raise ValueError(f"{said}{nearest(name, known)}")


def shown(value: Any) -> str:
    """Return a refused value as an error shows it: short."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
