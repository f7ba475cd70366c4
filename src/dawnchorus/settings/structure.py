"""How settings models hang together: which model a key of a section has.

* `content`: what stands in a field: a model, a choice, a mapping of either, or plain values.
* `section_at`: the model of a section inside another, for given values.
* `keys`: the fields of a model with type, default, unit, range and sentence.
"""

import ast
import functools
import inspect
import types
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import annotated_types
from pydantic.fields import FieldInfo

from dawnchorus.settings.section import Choice, Each, Settings, Unit


@dataclass(frozen=True)
class Entries:
    """A mapping from names that a person gives to sections."""

    of: "type[Settings] | Choice"


Content = type[Settings] | Choice | Each | Entries | None


def content(field: FieldInfo) -> Content:
    """Return what a field holds; None for plain values."""
    return _content(field.annotation, field.metadata)


def _content(annotation: Any, metadata: Sequence[Any] = ()) -> Content:
    for mark in metadata:
        if isinstance(mark, Choice | Each):
            return mark
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _content(arguments[0], arguments[1:])
    if origin in (typing.Union, types.UnionType):
        return next((found for found in map(_content, arguments) if found is not None), None)
    if origin is dict:
        inner = _content(arguments[1])
        return Entries(inner) if isinstance(inner, type | Choice) else None
    is_model = isinstance(annotation, type) and issubclass(annotation, Settings)
    return annotation if is_model else None


def section_at(
    model: "type[Settings] | Choice", value: Any, location: Sequence[Any]
) -> type[Settings] | None:
    """Return the model of the section at a location of a value; None where there is none."""
    current: Any = model
    # None: what stands at the location itself may be a choice still
    for step in [*location, None]:
        if isinstance(current, Choice):
            current = current.model(value.get(current.key, current.default))
        if step is None:
            break
        if isinstance(current, Entries):
            current = current.of
        elif isinstance(current, Each):
            current = current.model(step)
        elif isinstance(current, type) and issubclass(current, Settings):
            named = {field.alias or name: field for name, field in current.model_fields.items()}
            current = content(named[step]) if step in named else None
        value = value[step]
    is_model = isinstance(current, type) and issubclass(current, Settings)
    return current if is_model else None


@dataclass(frozen=True)
class Key:
    """One key of a section, in words."""

    name: str
    type: str
    default: Any  # the value, or `...` where the key is required
    unit: str
    range: str
    sentence: str
    content: Content


def keys(model: type[Settings]) -> list[Key]:
    """Return the keys of a model, in the order of its fields."""
    said = sentences(model)
    found = []
    for name, field in model.model_fields.items():
        marks = list(_marks(field.annotation, field.metadata))
        choices = [
            str(value)
            for m in marks
            if typing.get_origin(m) is Literal
            for value in typing.get_args(m)
        ]
        limits: dict[str, str] = {}
        for mark in marks:
            for kind in _LIMITS:
                if isinstance(mark, kind):
                    # a mark has one slot, called as its limit: Ge.ge, MinLen.min_length
                    slot = type(mark).__slots__[0]
                    limits.setdefault(slot, f"{getattr(mark, slot):,}")
        # what has a phrase of its own for two limits is taken first, then each limit that is left
        allowed = []
        if "ge" in limits and "le" in limits:
            allowed.append(f"{limits.pop('ge')} to {limits.pop('le')}")
        least, most = limits.pop("min_length", None), limits.pop("max_length", None)
        allowed += [_PHRASES[slot].format(limit) for slot, limit in limits.items()]
        if least is not None:
            allowed.append(f"{least} entries" if least == most else f"at least {least} entries")
        default = ... if field.is_required() else field.get_default(call_default_factory=True)
        found.append(
            Key(
                name=field.alias or name,
                type=_type_name(field.annotation),
                default=default.complete() if isinstance(default, Settings) else default,
                unit=next((m.name for m in marks if isinstance(m, Unit) and m.name != "1"), ""),
                range=", ".join(dict.fromkeys([*choices, *allowed])),
                sentence=said.get(name, ""),
                content=content(field),
            )
        )
    return found


@functools.cache
def sentences(model: type[Settings]) -> dict[str, str]:
    """Return the sentence below each field of a model and of its bases, read from their source."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if not issubclass(base, Settings) or base is Settings:
            continue
        # pydantic knows no strings below fields; a class in a function stands indented
        body = ast.parse(inspect.cleandoc("\n" + inspect.getsource(base))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, text in zip(body.body, body.body[1:], strict=False):
            if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
                continue
            if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                found[field.target.id] = " ".join(str(text.value.value).split())
    return found


def _marks(annotation: Any, metadata: Sequence[Any] = ()) -> Iterator[Any]:
    """Yield the marks of a type and of what it is made of, outermost first."""
    for mark in metadata:
        inner = getattr(mark, "metadata", None)  # a Field inside Annotated
        yield from inner if isinstance(mark, FieldInfo) and inner else [mark]
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is Literal:
        yield annotation
    elif typing.get_origin(annotation) is Annotated:
        yield from _marks(arguments[0], arguments[1:])
    else:
        for argument in arguments:
            yield from _marks(argument)


_LIMITS = (
    annotated_types.Ge, annotated_types.Gt, annotated_types.Le, annotated_types.Lt,
    annotated_types.MultipleOf, annotated_types.MinLen, annotated_types.MaxLen,
)  # fmt: skip
_PHRASES = {
    "ge": "at least {}", "gt": "above {}", "le": "at most {}", "lt": "below {}",
    "multiple_of": "a multiple of {}",
}  # fmt: skip
_NAMES = {
    bool: "true or false", int: "whole number", float: "number", str: "text",
    type(None): "null", Any: "value",
}  # fmt: skip


def _type_name(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _type_name(arguments[0])
    if origin is Literal:
        return "choice"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(_type_name, arguments)))
    if origin is list:
        return f"list of {_type_name(arguments[0])}"
    if origin is dict or (isinstance(annotation, type) and issubclass(annotation, Settings)):
        return "section"
    return _NAMES.get(annotation, str(annotation))
