"""Whether a complete config has the keys, types and ranges of the schema.

* `check_schema`: the first thing the schema refuses, as one sentence.
* `check_name`: whether a name can be part of paths.

What no schema can say is judged in `meaning`.
"""

import math
import re
from collections.abc import Iterator, Mapping

import jsonschema

from dawnchorus.config.merging import NAMED, nearest, shown

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

_KINDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "keys and values",
    "string": "a text",
}


def check_schema(config: Mapping, schema: Mapping) -> None:
    """Raise a ValueError with the first key that the schema refuses."""
    for section in NAMED:
        for name in config.get(section, {}):
            check_name(section, name)
    errors = sorted(_leaves(_Validator(schema).iter_errors(config)), key=_weight)
    if errors:
        raise ValueError(_sentence(errors[0]))


def check_name(path: str, name) -> None:
    """Raise a ValueError where a name cannot be part of paths."""
    if not isinstance(name, str):
        raise ValueError(f"{path}.{name}: is read as {type(name).__name__}; put the name in quotes")
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{path}.{name}: {name!r} becomes part of paths; expected letters, digits, "
            "'_' and '-', starting with a letter or digit, at most 64"
        )


def _is_whole(_, value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(checker, value) -> bool:
    return _is_whole(checker, value) or (isinstance(value, float) and math.isfinite(value))


_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    # JSON takes 64.0 for an integer, and Python has numbers that are none
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_whole, "number": _is_number}
    ),
)


def _leaves(errors) -> Iterator[jsonschema.ValidationError]:
    for error in errors:
        if error.context:
            yield from _leaves(error.context)
        else:
            yield error


def _weight(error: jsonschema.ValidationError) -> tuple:
    # an unknown key is the cause where a required one is missing, and what an experiment says is
    # found again, deeper, in its stages
    path = [*map(str, error.absolute_path)]
    return (error.validator != "additionalProperties", len(path), path)


def _sentence(error: jsonschema.ValidationError) -> str:
    path = ".".join(map(str, error.absolute_path))
    below = f"{path}." if path else ""
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = next(key for key in error.instance if key not in known)
        return f"{below}{unknown}: unknown key{nearest(unknown, known)}"
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return f"{below}{missing}: missing; this key is needed"
    if error.validator == "enum":
        return f"{path}: {shown(error.instance)}{nearest(error.instance, error.validator_value)}"
    return f"{path}: {shown(error.instance)}; expected {_expected(error)}"


def _expected(error: jsonschema.ValidationError) -> str:
    value = error.validator_value
    kinds = [value] if isinstance(value, str) else value
    phrases = {
        "const": lambda: f"{value}",
        "type": lambda: " or ".join(_KINDS[kind] for kind in kinds),
        "minimum": lambda: f"at least {value}",
        "maximum": lambda: f"at most {value}",
        "exclusiveMinimum": lambda: f"more than {value}",
        "exclusiveMaximum": lambda: f"less than {value}",
        "multipleOf": lambda: f"a multiple of {value}",
        "minItems": lambda: f"at least {value} items",
        "maxItems": lambda: f"at most {value} items",
        "minProperties": lambda: f"at least {value} entries",
        "minLength": lambda: f"at least {value} characters",
        "uniqueItems": lambda: "no item twice",
    }
    return phrases.get(error.validator, lambda: f"{error.validator} {value}")()
