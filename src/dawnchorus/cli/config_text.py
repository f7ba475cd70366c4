"""A config as commented YAML of a few lines.

* `render`: sections as text, with comments.
"""

from collections.abc import Mapping
from typing import Any

import yaml

_BLOCKS = ("corpora", "experiments")  # sections whose definitions have a line for each key
_WIDTH = 100  # a comment stands above a longer line


def render(sections: Mapping[str, Any], comments: Mapping[str, str]) -> str:
    """Return sections as YAML.

    A key of a corpus or of an experiment has a line, and so has each other definition.

    Parameters
    ----------
    sections : mapping
        Keys and values of the config.
    comments : mapping of str to str
        What stands behind a line or above it, by the path of its key: ``experiments.mine.folds``.
    """
    return "".join(_lines(sections, comments, ""))


def _lines(values: Mapping[str, Any], comments: Mapping[str, str], path: str) -> list[str]:
    depth = path.count(".") + (path != "")
    n_levels = 2 if path.split(".")[0] in _BLOCKS else 1
    found = []
    for key, value in values.items():
        here = f"{path}.{key}" if path else str(key)
        start = f"{'  ' * depth}{_flow(key)}:"
        if isinstance(value, Mapping) and value and depth < (n_levels if path else 1):
            found += [f"{start}\n", *_lines(value, comments, here)]
            continue
        line = f"{start} {_flow(value)}"
        comment = comments.get(here, "")
        if comment and len(line) + len(comment) + 4 > _WIDTH:
            found.append(f"{'  ' * depth}# {comment}\n")
            comment = ""
        found.append(f"{line}  # {comment}\n" if comment else f"{line}\n")
    return found


def _flow(value: Any) -> str:
    """Return a value on one line."""
    text = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=1 << 20
    )
    return text.removesuffix("\n").removesuffix("\n...")
