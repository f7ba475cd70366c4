"""What people read of the settings, from their models.

* `config_schema`: a JSON schema for editors: completion, sentences and first checks while typing.
* `page`: the text of ``docs/reference/config.md``.
* `explanation`: a key, or the keys of a section, for the terminal.

A definition may leave keys out, inherit them (``like:``) or take them away (null), so the schema asks
for nothing; what is missing is found when the workflow starts.
"""

import json
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import yaml
from pydantic import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, TypeAdapter
from pydantic.fields import FieldInfo

from dawnchorus.settings.errors import nearest
from dawnchorus.settings.load import MODELS, TopLevel
from dawnchorus.settings.section import ByName, Choice, Each, Settings
from dawnchorus.settings.structure import Entries, Key, content, keys, sentences

# Titles of the sections of a config, and what stands above their keys.
_TITLES = {
    "audio": "Audio recipes by name: `audio: {name: {...}}`.",
    "frontends": "Frontends by name: `frontends: {name: {kind: ..., ...}}`.",
    "corpora": "Corpora by name: `corpora: {name: {adapter: ..., ...}}`.",
    "experiments": "Experiments by name: `experiments: {name: {...}}`.",
}
_HEAD = """# Settings

Made from the settings models by `make reference`; do not edit. `dawnchorus config KEY` shows the same
on the terminal. A definition leaves out what has a default, takes over another one with `like: NAME`,
and takes a key away with `null`. `defaults: {SECTION: {...}}` sets keys of all definitions of a section.

The column *stale* names the rules whose results a change makes stale; everything that is made from
them follows. A change of a corpus that changes its list of recordings, labels or events makes stale
what reads them.
"""

Stale = Callable[[str], str]


def page(stale: Stale) -> str:
    """Return the reference page.

    Parameters
    ----------
    stale : function
        From the path of a key, such as ``experiments.training.epochs``, to the rules that a change of
        it makes stale.
    """
    parts = [_HEAD, "## Top level\n", *_table("", keys(TopLevel), stale)]
    for section, model in MODELS.items():
        parts += [f"## {section}\n", f"{_TITLES[section]}\n"]
        for path, title, found in _sections(section, model):
            if path != section or title:
                parts.append(f"### {path}{f' ({title})' if title else ''}\n")
            parts.append(f"{_sentence(found)}\n")
            parts += _table(path, keys(found), stale)
    return "\n".join(parts)


def _sentence(model: type[Settings]) -> str:
    return " ".join((model.__doc__ or "").split())


def _sections(
    path: str, model: type[Settings] | Choice, title: str = ""
) -> Iterator[tuple[str, str, type[Settings]]]:
    """Yield the sections below a model with their paths and choices, outer ones first."""
    if isinstance(model, Choice):
        for name in model.names():
            yield from _sections(path, model.model(name), f"{model.key}: {name}")
        return
    yield path, title, model
    for key in keys(model):
        here = f"{path}.{key.name}"
        if key.name == "stages" and isinstance(key.content, Entries):
            # what a stage takes from its experiment is described there
            yield from _stage(here, key.content)
        elif isinstance(key.content, Entries):
            yield from _sections(f"{here}.NAME", key.content.of)
        elif isinstance(key.content, Each):
            for name in key.content.names():
                yield from _sections(f"{here}.{name}", key.content.model(name))
        elif key.content is not None:
            yield from _sections(here, key.content)


def _stage(path: str, stages: Entries) -> Iterator[tuple[str, str, type[Settings]]]:
    assert isinstance(stages.of, type)
    targets = next(key for key in keys(stages.of) if key.name == "targets")
    assert isinstance(targets.content, Choice)
    yield from _sections(f"{path}.NAME.targets", targets.content)


def _table(path: str, rows: list[Key], stale: Stale) -> list[str]:
    lines = [
        "| key | type | default | unit | range | what | stale |",
        "|---|---|---|---|---|---|---|",
    ]
    for key in rows:
        here = f"{path}.{key.name}".removeprefix(".")
        cells = (
            f"`{key.name}`", key.type, _default(key), key.unit, key.range, key.sentence,
            "" if key.content is not None else stale(here),
        )  # fmt: skip
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return [*lines, ""]


def _default(key: Key) -> str:
    if key.default is ...:
        return "*required*"
    if key.content is not None and key.default is not None:
        return "see below"
    return f"`{flow(key.default)}`"


def flow(value: Any) -> str:
    """Return a value as YAML writes it in a line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=1_000_000).strip()
    return text.removesuffix("...").strip()


def explanation(path: str) -> str:
    """Return what a key means: type, default, unit, range and sentence, or the keys of a section.

    Parameters
    ----------
    path : str
        Keys with dots between, such as ``experiments.training.schedule`` or, shorter,
        ``training.schedule``; the empty path lists the sections.

    Raises
    ------
    ValueError
        Where there is no such key, with the nearest one.
    """
    listed = list(_all())
    if not path:
        return "\n".join(f"{section:12} {title}" for section, title in _TITLES.items())
    wanted = path.split(".")
    found = [_described_section(*entry) for entry in listed if _ends_with(entry[0], wanted)]
    for here, title, model in listed:
        for key in keys(model):
            if key.content is None and _ends_with(f"{here}.{key.name}", wanted):
                found.append(_described_key(here, title, key))
    if not found:
        known = {f"{here}.{key.name}".removeprefix(".") for here, _, m in listed for key in keys(m)}
        known |= {name.split(".", 1)[-1] for name in known}
        raise ValueError(f"{path}: unknown key{nearest(path, known)}")
    return "\n\n".join(dict.fromkeys(found))


def _ends_with(path: str, wanted: list[str]) -> bool:
    return path.split(".")[-len(wanted) :] == wanted


def _all() -> Iterator[tuple[str, str, type[Settings]]]:
    yield "", "", TopLevel
    for section, model in MODELS.items():
        yield from _sections(section, model)


def _described_section(path: str, title: str, model: type[Settings]) -> str:
    rows = keys(model)
    width = max(len(key.name) for key in rows)
    head = f"{path}{f' ({title})' if title else ''}: {_sentence(model)}"
    return "\n".join([head, *(f"  {key.name:{width}}  {_short(key)}" for key in rows)])


def _described_key(path: str, title: str, key: Key) -> str:
    head = f"{path}.{key.name}".removeprefix(".") + (f" ({title})" if title else "")
    return f"{head}\n  {_short(key)}"


def _short(key: Key) -> str:
    default = "required" if key.default is ... else f"default {flow(key.default)}"
    about = key.type if key.content is not None else ", ".join(filter(None, (
        key.type, default, f"in {key.unit}" if key.unit else "", key.range,
    )))  # fmt: skip
    return f"{key.sentence} [{about}]"


_DEFINITIONS = "$defs"


def config_schema() -> str:
    """Return the schema as the text of ``docs/reference/config.schema.json``."""
    definitions: dict[str, Any] = {}
    top = _section(TopLevel, definitions)
    sections = {name: _named(model, definitions) for name, model in MODELS.items()}
    defaults = {name: _reference(model, definitions) for name, model in MODELS.items()}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dawnchorus config",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **top["properties"],
            "defaults": {
                "type": "object",
                "description": "Settings of every definition of a section that does not say them.",
                "additionalProperties": False,
                "properties": defaults,
            },
            **sections,
        },
        _DEFINITIONS: dict(sorted(definitions.items())),
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _named(model: type[Settings] | Choice, definitions: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": {"anyOf": [_reference(model, definitions), {"type": "null"}]},
    }


def _reference(model: type[Settings] | Choice, definitions: dict[str, Any]) -> dict[str, Any]:
    if isinstance(model, Choice):
        return _choice(model, definitions)
    name = f"{model.__module__.removeprefix('dawnchorus.')}.{model.__name__}"
    if name not in definitions:
        definitions[name] = {}  # a model may hold itself
        definitions[name] = _section(model, definitions)
    return {"$ref": f"#/{_DEFINITIONS}/{name}"}


def _choice(choice: Choice, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a section whose keys depend on a name in it."""
    models = {name: _reference(choice.model(name), definitions) for name in choice.names()}
    branches: list[dict[str, Any]] = [
        {
            "if": {"required": [choice.key], "properties": {choice.key: {"const": name}}},
            "then": reference,
        }
        for name, reference in models.items()
    ]
    names: dict[str, Any] = {"enum": list(models)}
    if isinstance(choice, ByName) and choice.own_file:
        names = {"anyOf": [names, {"type": "string", "pattern": r"\.py$"}]}
    return {"type": "object", "properties": {choice.key: names}, "allOf": branches}


def _section(model: type[Settings], definitions: dict[str, Any]) -> dict[str, Any]:
    said = sentences(model)
    properties: dict[str, Any] = {
        "like": {
            "type": "string",
            "description": "Another definition, whose keys this one takes over.",
        }
    }
    for name, field in model.model_fields.items():
        schema = _field(field, definitions)
        properties[field.alias or name] = {**schema, "description": said.get(name, "")}
    return {
        "type": "object",
        "description": " ".join((model.__doc__ or "").split()),
        "additionalProperties": False,
        "properties": properties,
    }


def _field(field: FieldInfo, definitions: dict[str, Any]) -> dict[str, Any]:
    inner = content(field)
    if isinstance(inner, Entries):
        return _named(inner.of, definitions)
    if isinstance(inner, Each):
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": {n: _reference(inner.model(n), definitions) for n in inner.names()},
        }
    if inner is not None:
        return {"anyOf": [_reference(inner, definitions), {"type": "null"}]}
    return _plain(field)


def _plain(field: FieldInfo) -> dict[str, Any]:
    """Return the schema of a plain value, as pydantic has it."""
    try:
        annotation: Any = field.annotation
        for mark in field.metadata:
            annotation = Annotated[annotation, mark]
        schema = TypeAdapter(annotation).json_schema()
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError):
        return {}
    schema.pop("title", None)
    if isinstance(schema.get("additionalProperties"), dict):  # entries that a null takes away
        schema["additionalProperties"] = {
            "anyOf": [schema["additionalProperties"], {"type": "null"}]
        }
    return schema
