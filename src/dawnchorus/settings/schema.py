"""JSON schema of a config, for editors: completion, sentences and first checks while typing.

* `config_schema`: the schema of a file that a person writes.

A definition may leave keys out, inherit them (``like:``) or take them away (null), so the schema asks
for nothing; what is missing is found when the workflow starts.
"""

import json
from typing import Annotated, Any

from pydantic import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, TypeAdapter
from pydantic.fields import FieldInfo

from dawnchorus.settings.load import MODELS, TopLevel
from dawnchorus.settings.section import Choice, Each, Settings
from dawnchorus.settings.structure import Entries, content, sentences

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
    names = {"enum": list(models)}
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
