"""What people read of the settings, from their models.

* `config_schema`: a JSON schema for editors: completion, sentences and first checks while typing.
* `page`: the text of ``docs/reference/config.md``.
* `all_sections`: the models of all sections, by their paths.
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
    "apply": "Exported models on corpora without labels, by name: `apply: {name: {...}}`; all are built.",
    "compare": "Experiments side by side, by name: `compare: {name: {experiments: [...]}}`.",
}
_HEAD = """# Settings

Made from the settings models by `make reference`; do not edit. `dawnchorus config KEY` shows the same
on the terminal. A definition leaves out what has a default, takes over another one with `like: NAME`,
and takes a key away with `null`. `defaults: {SECTION: {...}}` sets keys of all definitions of a section.

The column *stale* names the rules whose results a change makes stale; everything that is made from
them follows, and so does the report of an experiment, which shows its settings. A change of a corpus
that changes its list of recordings, labels or events makes stale what reads them.
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
            # what a stage takes from its experiment is described there: its targets are its own
            assert isinstance(key.content.of, type)
            targets = next(one for one in keys(key.content.of) if one.name == "targets")
            assert isinstance(targets.content, Choice)
            yield from _sections(f"{here}.NAME.targets", targets.content)
        elif isinstance(key.content, Entries):
            yield from _sections(f"{here}.NAME", key.content.of)
        elif isinstance(key.content, Each):
            for name in key.content.names():
                yield from _sections(f"{here}.{name}", key.content.model(name))
        elif key.content is not None:
            yield from _sections(here, key.content)


def _table(path: str, rows: list[Key], stale: Stale) -> list[str]:
    lines = [
        "| key | type | default | unit | range | what | stale |",
        "|---|---|---|---|---|---|---|",
    ]
    for key in rows:
        here = f"{path}.{key.name}".removeprefix(".")
        if key.default is ...:
            default = "*required*"
        elif key.content is not None and key.default is not None:
            default = "see below"  # the default of a section is that of its keys
        else:
            default = f"`{flow(key.default)}`"
        cells = (
            f"`{key.name}`", key.type, default, key.unit, key.range, key.sentence,
            "" if key.content is not None else stale(here),
        )  # fmt: skip
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return [*lines, ""]


def flow(value: Any) -> str:
    """Return a value as YAML writes it in a line."""
    # one line, since a cell of a table has one; behind a scalar PyYAML ends the document
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
    if not path:
        return "\n".join(f"{section:12} {title}" for section, title in _TITLES.items())
    wanted = path.split(".")
    listed = list(all_sections())
    found, single = [], []  # sections, and keys outside any that is found
    for here, title, model in listed:
        rows, about = keys(model), f" ({title})" if title else ""
        if _ends_with(here, wanted):
            width = max(len(key.name) for key in rows)
            lines = [f"  {key.name:{width}}  {_short(key)}" for key in rows]
            found.append("\n".join([f"{here}{about}: {_sentence(model)}", *lines]))
        for key in rows:
            name = f"{here}.{key.name}".removeprefix(".")
            if key.content is None and _ends_with(name, wanted):
                single.append(f"{name}{about}\n  {_short(key)}")
    found += single  # a section says more than one key of another
    if not found:
        known = {f"{here}.{key.name}".removeprefix(".") for here, _, m in listed for key in keys(m)}
        known |= {name.split(".", 1)[-1] for name in known}
        raise ValueError(f"{path}: unknown key{nearest(path, known)}")
    # kinds of one section share keys, with the same words
    return "\n\n".join(dict.fromkeys(found))


def all_sections() -> Iterator[tuple[str, str, type[Settings]]]:
    """Yield every section with its path, its choice (``kind: psd``) where it is one, and its model."""
    yield "", "", TopLevel
    for section, model in MODELS.items():
        yield from _sections(section, model)


def _ends_with(path: str, wanted: list[str]) -> bool:
    return path.split(".")[-len(wanted) :] == wanted


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
        # the keys depend on a name in the section: a branch of the schema for each
        models = {name: _reference(model.model(name), definitions) for name in model.names()}
        branches: list[dict[str, Any]] = [
            {
                "if": {"required": [model.key], "properties": {model.key: {"const": name}}},
                "then": reference,
            }
            for name, reference in models.items()
        ]
        names: dict[str, Any] = {"enum": list(models)}
        if isinstance(model, ByName) and model.own_file:
            names = {"anyOf": [names, {"type": "string", "pattern": r"\.py$"}]}
        return {"type": "object", "properties": {model.key: names}, "allOf": branches}
    name = f"{model.__module__.removeprefix('dawnchorus.')}.{model.__name__}"
    if name not in definitions:
        definitions[name] = {}  # a model may hold itself
        definitions[name] = _section(model, definitions)
    return {"$ref": f"#/{_DEFINITIONS}/{name}"}


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
    try:
        # a plain value: pydantic knows the schema of its type and of the marks on it
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
