"""YAML read strictly.

* `read`: a file; what PyYAML would pass over in silence is an error here.
"""

import re
from pathlib import Path

import yaml

MAX_NODES = 10_000  # after aliases are followed: a config is small, an alias bomb is not
MAX_BYTES = 1_000_000


class _Loader(yaml.SafeLoader):
    """SafeLoader with numbers such as 1e-3 read as numbers, and repeated keys refused."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict:
    seen = {}
    for key, _ in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            continue
        name = loader.construct_object(key)
        if name in seen:
            raise ValueError(
                f"{key.start_mark.name}:{key.start_mark.line + 1}: key {name!r} is there twice "
                f"(first on line {seen[name]}); keep one"
            )
        seen[name] = key.start_mark.line + 1
    loader.flatten_mapping(node)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read(path: str | Path) -> dict:
    """Return the mapping that a YAML file holds.

    Raises
    ------
    ValueError
        Where the file is missing, not YAML, not a mapping, repeats a key, grows beyond `MAX_NODES`
        nodes by aliases, or asks for ``__use_yte__`` (which would run code).
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; expected a config file") from None
    if len(content) > MAX_BYTES:
        raise ValueError(f"{path}: {len(content)} bytes; expected a config of at most {MAX_BYTES}")
    try:
        loader = _Loader(content.decode())
        loader.name = str(path)
        node = loader.get_single_node()
        _refuse_bomb(node, path)
        value = {} if node is None else loader.construct_document(node)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path}: holds {type(value).__name__}; expected keys and values")
    if "__use_yte__" in value:
        raise ValueError(f"{path}: __use_yte__ runs code from a config; take it out")
    return value


def _refuse_bomb(node: yaml.Node | None, path: str | Path) -> None:
    sizes: dict[int, int] = {}

    def size(node: yaml.Node, above: frozenset[int]) -> int:
        if id(node) in above:
            raise ValueError(f"{path}: an alias holds itself; write the value out")
        if id(node) not in sizes:
            below = above | {id(node)}
            parts = node.value if isinstance(node, yaml.CollectionNode) else []
            flat = (n for part in parts for n in (part if isinstance(part, tuple) else (part,)))
            sizes[id(node)] = 1 + sum(size(n, below) for n in flat)
        return sizes[id(node)]

    if node is not None and size(node, frozenset()) > MAX_NODES:
        raise ValueError(f"{path}: more than {MAX_NODES} values once aliases are followed; write it out")
