"""What every settings model stands on: strict types, units, and choices by name.

A settings model is a class of typed fields. Below each field stands a string: the sentence that the
reference page, the JSON schema and ``dawnchorus config KEY`` show. It is no statement of the program,
so an edit of it makes no result stale (`dawnchorus.runtime.provenance`).

* `Settings`: the base of all models: strict types, no unknown keys, no NaN.
* `GivenKeys`: a section in which null is the same as an absent key.
* `Unit`: the unit of a number, for the documentation.
* `ByName`, `ByKey`: a section whose keys depend on a name in it: ``kind: plateau``, ``name: bulbul``,
  or ``name: my_model.py``, a file outside the package.
* `Each`: a mapping from names of modules to the settings of each.
* `misfit`: the error of a key that does not go with other keys of its section.
* `Hertz`, `Seconds`, `Share`, ...: numbers with range and unit; `Names`: lists without repeats.
"""

import functools
import hashlib
import importlib
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    create_model,
    model_serializer,
)
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


class GivenKeys(Settings):
    """A section that is complete without the keys that are null: whoever reads it has its own default."""

    @model_serializer(mode="wrap")
    def _given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}


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
        if not isinstance(name, str) or not self.has(name):
            context = {"key": self.key, "received": name, "known": self.known()}
            raise PydanticCustomError("choice_unknown", "unknown", context)
        return self.model(name).model_validate({**value, self.key: name}).complete()

    def has(self, name: str) -> bool:
        """Return whether there is a choice of this name."""
        return name in self.names()

    def known(self) -> list[str]:
        """Return what an error lists as expected."""
        return list(self.names())

    def __get_pydantic_core_schema__(self, *_: Any) -> core_schema.CoreSchema:
        """Let pydantic check fields of this type with `validate`."""
        return core_schema.no_info_plain_validator_function(self.validate)


@dataclass(frozen=True)
class ByName(Choice):
    """A choice among the modules of a folder, each with a class ``Settings``.

    A new choice is a new module; nothing else has to know of it. It may also be a file outside the
    package: then the name is its path from the working directory, and ends in ``.py``.

    Parameters
    ----------
    folder : str
        Package of the modules, such as ``dawnchorus.models.architectures``.
    key, default
        See `Choice`.
    base : type
        What the class ``Settings`` is derived from.
    own_file : tuple of str
        Names that a file outside the package must define; without any none is accepted.
    """

    folder: str
    key: str
    default: str | None = None
    base: type[Settings] = Settings
    own_file: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """Return the names of the modules, sorted."""
        return _modules(self.folder)

    def known(self) -> list[str]:
        """Return what an error lists as expected: names, and that a path of a file would do."""
        return [*self.names(), *(["your/file.py"] if self.own_file else [])]

    def has(self, name: str) -> bool:
        """Return whether there is a choice of this name; a path is checked when it is loaded."""
        return super().has(name) or (bool(self.own_file) and is_own_file(name))

    def model(self, name: str) -> type[Settings]:
        """Return the class ``Settings`` of one module."""
        found: type[Settings] = self.module(name).Settings
        return found

    def module(self, name: str) -> ModuleType:
        """Return the module of one choice.

        Raises
        ------
        PydanticCustomError
            Where a file outside the package cannot be imported: its line, and why; or where it does
            not define what such a file must.
        """
        if not is_own_file(name):
            return importlib.import_module(f"{self.folder}.{name}")
        try:
            content = Path(name).read_bytes()
        except OSError as error:
            expected = f"a file that can be read from the working directory ({error.strerror})"
            raise misfit(self.key, name, expected) from None
        module = _own_module(name, content, self.key)
        missing = [one for one in self.own_file if not hasattr(module, one)]
        if missing:
            raise misfit(self.key, name, f"a file that defines {', '.join(missing)} too")
        if not (isinstance(module.Settings, type) and issubclass(module.Settings, self.base)):
            base = f"{self.base.__module__}.{self.base.__name__}"
            raise misfit(self.key, name, f"its class Settings to be derived from {base}")
        return module


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
        # one model of all names, so that errors come with the name before the key
        fields: dict[str, Any] = {name: (self.model(name), ...) for name in value}
        return create_model("Each", __base__=Settings, **fields).model_validate(value).complete()

    def __get_pydantic_core_schema__(self, *_: Any) -> core_schema.CoreSchema:
        """Let pydantic check fields of this type with `validate`."""
        return core_schema.no_info_plain_validator_function(self.validate)


def misfit(key: str, received: Any, expected: str) -> PydanticCustomError:
    """Return the error of a key whose value does not go with other keys of its section."""
    context = {"key": key, "received": received, "expected": expected}
    return PydanticCustomError("misfit", "{expected}", context)


def is_own_file(name: str) -> bool:
    """Return whether the name of a choice is the path of a file outside the package."""
    return name.endswith(".py")


@functools.cache
def _own_module(path: str, content: bytes, key: str) -> ModuleType:
    name = f"dawnchorus_own_{hashlib.sha256(content).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pydantic looks types up there
    try:
        # what was read, and not what Python may have kept compiled of another content
        exec(compile(content, path, "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        lines = [step.lineno for step in traceback.extract_tb(error.__traceback__)
                 if step.filename == path]  # fmt: skip
        line = lines[-1] if lines else getattr(error, "lineno", None)
        reason = error.msg if isinstance(error, SyntaxError) else error
        expected = f"a file that Python can import; line {line}: {type(error).__name__}: {reason}"
        raise misfit(key, path, expected) from None
    return module


@functools.cache
def _modules(folder: str) -> tuple[str, ...]:
    package = importlib.import_module(folder)
    return tuple(sorted(module.name for module in pkgutil.iter_modules(package.__path__)))


def _unique(value: list[Any]) -> list[Any]:
    if len(set(value)) < len(value):
        raise PydanticCustomError("not_unique", "no item twice")
    return value


def _ascending(value: list[float] | None) -> list[float] | None:
    if value is not None and value[0] >= value[1]:
        raise PydanticCustomError("not_ascending", "[low, high] with low below high")
    return value


Unique = AfterValidator(_unique)  # of a list
Ascending = AfterValidator(_ascending)  # of two numbers
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
