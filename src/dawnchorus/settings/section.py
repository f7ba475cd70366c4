"""What every settings model stands on: strict types, units, and choices by name.

A settings model is a class of typed fields. Below each field stands a string: the sentence that the
reference page, the JSON schema and ``dawnchorus config KEY`` show. It is no statement of the program,
so an edit of it makes no result stale (`dawnchorus.runtime.provenance`).

* `Settings`: the base of all models: strict types, no unknown keys, no NaN.
* `Unit`: the unit of a number, for the documentation.
* `ByName`, `ByKey`: a section whose keys depend on a name in it: ``kind: plateau``, ``name: bulbul``.
* `Each`: a mapping from names of modules to the settings of each.
* `misfit`: the error of a key that does not go with other keys of its section.
* `Hertz`, `Seconds`, `Share`, ...: numbers with range and unit; `Names`: lists without repeats.
"""

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model
from pydantic_core import PydanticCustomError, core_schema


class Settings(BaseModel):
    """The base of every section: unknown keys, other types and numbers that are not finite are errors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, populate_by_name=True
    )

    def complete(self) -> dict[str, Any]:
        """Return the section as plain values, defaults filled in."""
        return self.model_dump(by_alias=True)


@dataclass(frozen=True)
class Unit:
    """The unit of a number; ``1`` where it has none."""

    name: str


class Choice:
    """A section whose model is chosen by a name that stands in it.

    Attributes
    ----------
    key : str
        The key that holds the name.
    default : str or None
        The choice where the key is absent; without one the key is required.
    """

    key: str
    default: str | None

    def names(self) -> tuple[str, ...]:
        """Return the choices there are, sorted."""
        raise NotImplementedError

    def model(self, name: str) -> type[Settings]:
        """Return the settings model of one choice."""
        raise NotImplementedError

    def validate(self, value: Any) -> dict[str, Any]:
        """Return a section, checked by the model of its choice and complete."""
        if not isinstance(value, Mapping):
            raise PydanticCustomError("dict_type", "expected keys and values")
        name = value.get(self.key, self.default)
        if name is None:
            raise PydanticCustomError("choice_missing", "missing", {"key": self.key})
        if not isinstance(name, str) or name not in self.names():
            context = {"key": self.key, "received": name, "known": list(self.names())}
            raise PydanticCustomError("choice_unknown", "unknown", context)
        return self.model(name).model_validate({**value, self.key: name}).complete()

    def __get_pydantic_core_schema__(self, *_: Any) -> core_schema.CoreSchema:
        """Let pydantic check fields of this type with `validate`."""
        return core_schema.no_info_plain_validator_function(self.validate)


@dataclass(frozen=True)
class ByName(Choice):
    """A choice among the modules of a folder, each with a class ``Settings``.

    A new choice is a new module; nothing else has to know of it.

    Parameters
    ----------
    folder : str
        Package of the modules, such as ``dawnchorus.models.architectures``.
    key, default
        See `Choice`.
    """

    folder: str
    key: str
    default: str | None = None

    def names(self) -> tuple[str, ...]:
        """Return the names of the modules, sorted."""
        return _modules(self.folder)

    def model(self, name: str) -> type[Settings]:
        """Return the class ``Settings`` of one module."""
        found: type[Settings] = importlib.import_module(f"{self.folder}.{name}").Settings
        return found


@dataclass(frozen=True)
class ByKey(Choice):
    """A choice among some models that are parts of the workflow, not modules by name."""

    models: Mapping[str, type[Settings]]
    key: str
    default: str | None = None

    def names(self) -> tuple[str, ...]:
        """Return the names of the models, sorted."""
        return tuple(sorted(self.models))

    def model(self, name: str) -> type[Settings]:
        """Return one of the models."""
        return self.models[name]


@dataclass(frozen=True)
class Each:
    """A mapping from names of modules to their settings, such as the methods of augmentation."""

    folder: str

    def names(self) -> tuple[str, ...]:
        """Return the names of the modules, sorted."""
        return _modules(self.folder)

    def model(self, name: str) -> type[Settings]:
        """Return the class ``Settings`` of one module."""
        found: type[Settings] = importlib.import_module(f"{self.folder}.{name}").Settings
        return found

    def validate(self, value: Any) -> dict[str, Any]:
        """Return the settings of each name, checked and complete."""
        if not isinstance(value, Mapping):
            raise PydanticCustomError("dict_type", "expected keys and values")
        for name in value:
            if name not in self.names():
                context = {"received": name, "known": list(self.names())}
                raise PydanticCustomError("name_unknown", "unknown", context)
        fields: dict[str, Any] = {name: (self.model(name), ...) for name in value}
        return create_model("Each", __base__=Settings, **fields).model_validate(value).complete()

    def __get_pydantic_core_schema__(self, *_: Any) -> core_schema.CoreSchema:
        """Let pydantic check fields of this type with `validate`."""
        return core_schema.no_info_plain_validator_function(self.validate)


def misfit(key: str, received: Any, expected: str) -> PydanticCustomError:
    """Return the error of a key whose value does not go with other keys of its section."""
    context = {"key": key, "received": received, "expected": expected}
    return PydanticCustomError("misfit", "{expected}", context)


@functools.cache
def _modules(folder: str) -> tuple[str, ...]:
    package = importlib.import_module(folder)
    return tuple(sorted(module.name for module in pkgutil.iter_modules(package.__path__)))


def _unique(value: list[Any]) -> list[Any]:
    if len(set(value)) < len(value):
        raise PydanticCustomError("not_unique", "no item twice")
    return value


Unique = AfterValidator(_unique)  # of a list
Names = Annotated[list[str], Unique]
SomeNames = Annotated[list[str], Field(min_length=1), Unique]
Share = Annotated[float, Field(ge=0, le=1), Unit("share")]
Probability = Annotated[float, Field(ge=0, le=1), Unit("probability")]
Score = Annotated[float, Field(ge=0, le=1), Unit("score")]
Rate = Annotated[float, Field(ge=0, lt=1), Unit("share")]  # of dropout
Positive = Annotated[float, Field(gt=0), Unit("1")]
NotNegative = Annotated[float, Field(ge=0), Unit("1")]
Seconds = Annotated[float, Field(ge=0), Unit("s")]
PositiveSeconds = Annotated[float, Field(gt=0), Unit("s")]
Hertz = Annotated[float, Field(ge=0), Unit("Hz")]
PositiveHertz = Annotated[float, Field(gt=0), Unit("Hz")]
SampleRate = Annotated[int, Field(ge=1000, le=768_000), Unit("Hz")]
# Files, jobs or layers grow with these.
Few = Annotated[int, Field(ge=1, le=10_000)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Seed = Annotated[int, Field(ge=0), Unit("1")]
EvenSamples = Annotated[int, Field(ge=16, multiple_of=2), Unit("samples")]
