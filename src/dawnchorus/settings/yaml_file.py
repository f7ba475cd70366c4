"""YAML read strictly.

* `read`: a file; what PyYAML would pass over in silence is an error here.
* `resolved`: a value of ``--config``, whose nested scalars Snakemake hands over as text.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

MAX_NODES = 10_000  # after aliases are followed: a config is small, an alias bomb is not
MAX_BYTES = 1_000_000
_PLAIN = ("null", "bool", "int", "float", "str", "merge")  # what a scalar may mean


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads numbers such as 1e-3 as numbers, and dates as text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)
_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0].split(":")[-1] in _PLAIN]
    for first, pairs in _Loader.yaml_implicit_resolvers.items()
}


def read(path: str | Path) -> dict[str, Any]:
    """Return the mapping that a YAML file holds.

    Raises
    ------
    ValueError
        Where the file is missing, not YAML, not a mapping, repeats a key, holds more than
        `MAX_NODES` values once aliases are followed, tags a value with a type, or asks for
        ``__use_yte__`` (which would run code).
    """
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; expected a config file") from None
    if len(content) > MAX_BYTES:
        raise ValueError(f"{path}: more than {MAX_BYTES} bytes; expected a config, which is small")
    try:
        loader = _Loader(content.decode())
        loader.name = str(path)
        node = loader.get_single_node()
        if node is not None and _size(node, loader, {}, frozenset()) > MAX_NODES:
            raise ValueError(
                f"{path}: more than {MAX_NODES} values once aliases are followed; write it out"
            )
        value = {} if node is None else loader.construct_document(node)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8"
        ) from None
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        hint = "; indent with spaces" if r"'\t'" in said else ""
        raise ValueError(f"{path}: not YAML: {said}{hint}") from None
    except RecursionError:
        raise ValueError(f"{path}: nested too deeply; expected a few levels") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path}: holds {type(value).__name__}; expected keys and values")
    if "__use_yte__" in value:
        raise ValueError(f"{path}: __use_yte__ runs code from a config; take it out")
    return value


def resolved(value: Any) -> Any:
    """Return a value with its strings read as YAML scalars: ``"1e-3"`` becomes a number.

    Snakemake reads ``--config 'run=[demo]'`` as YAML in which every scalar is text.
    """
    if isinstance(value, Mapping):
        return {key: resolved(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [resolved(below) for below in value]
    if not isinstance(value, str):
        return value
    loader = _Loader("")
    node = yaml.ScalarNode(_meant(loader, value, is_plain=True), value)
    return value if node.tag.endswith(":merge") else loader.construct_object(node)


def _size(node: yaml.Node, loader: _Loader, sizes: dict[int, int], above: frozenset[int]) -> int:
    """Return the number of values below a node, aliases followed; refuse what a config never has.

    Every node is looked at once, however often aliases name it: a bomb costs nothing.
    """
    if id(node) in above:
        raise ValueError(f"{_place(node)}: an alias holds itself; write the value out")
    if id(node) not in sizes:
        meant = f"tag:yaml.org,2002:{'map' if isinstance(node, yaml.MappingNode) else 'seq'}"
        if isinstance(node, yaml.ScalarNode):
            meant = _meant(loader, node.value, is_plain=node.style is None)
        if node.tag != meant:
            raise ValueError(f"{_place(node)}: tag {node.tag!r}; a config has no tags, quote text")
        # PyYAML keeps the last of two equal keys without a word
        seen: dict[Any, int] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                raise ValueError(f"{_place(key)}: a {key.id} stands as a key; expected a name")
            if key.tag.endswith(":merge"):  # `<<` may stand several times
                continue
            name = loader.construct_object(key)
            if name in seen:
                raise ValueError(
                    f"{_place(key)}: key {name!r} is there twice (first on line {seen[name]}); keep one"
                )
            seen[name] = key.start_mark.line + 1
        parts = node.value if isinstance(node, yaml.CollectionNode) else []
        flat = [one for part in parts for one in (part if isinstance(part, tuple) else (part,))]
        below = above | {id(node)}
        sizes[id(node)] = 1 + sum(_size(one, loader, sizes, below) for one in flat)
    return sizes[id(node)]


def _meant(loader: _Loader, text: str, is_plain: bool) -> str:
    """Return the tag of a scalar that has none of its own."""
    return str(loader.resolve(yaml.ScalarNode, text, (is_plain, not is_plain)))  # type: ignore[no-untyped-call]


def _place(node: yaml.Node) -> str:
    return f"{node.start_mark.name}:{node.start_mark.line + 1}"
