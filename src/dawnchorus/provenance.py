"""What code and what software stand behind a result.

* `library`: digests of the modules that a script reaches, for a rule's ``params``.
* `versions`: of the packages that decide the numbers.
* `settings_digest`: of a config section.

The digest of a module is that of its syntax tree without docstrings: comments, layout and
docstrings change nothing. Modules are found by following absolute ``dawnchorus`` imports from the
script, those inside functions too, with the packages they are in; modules picked by name in the
config are given by the caller.
"""

import ast
import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent
# Rooms that no number passes through: a change of theirs makes nothing stale.
NEUTRAL = (
    "cli", "devices", "doctor", "explaining", "job", "logs", "provenance", "runs", "stopping",
    "verifying",
)  # fmt: skip
PACKAGES = (
    "h5py", "keras", "librosa", "numpy", "pandas", "scikit-learn", "scipy", "snakemake",
    "soundfile", "soxr", "tensorflow",
)  # fmt: skip


def library(script: str | Path, *chosen: str) -> dict[str, str]:
    """Return the digests of a script and of the library modules that it reaches.

    Parameters
    ----------
    script : path
        The rule's script.
    *chosen : str
        Modules that the config picks by name, such as ``dawnchorus.models.bulbul``.

    Returns
    -------
    dict
        Module name to 12 hexadecimal digits, sorted; the script is ``script``.
    """
    found = {"script": _digest(Path(script))}
    waiting = list(_imports(Path(script)))
    for name in chosen:
        waiting += _with_packages(name)
    while waiting:
        name = waiting.pop()
        path = _path(name)
        if path is None or name in found or _is_neutral(name):
            continue
        found[name] = _digest(path)
        waiting += _imports(path)
    return dict(sorted(found.items()))


def versions() -> dict[str, str]:
    """Return the versions of the packages that decide the numbers; absent ones are left out."""
    return dict(_versions())


def settings_digest(settings) -> str:
    """Return 16 hexadecimal digits of a config section; the order of keys does not count."""
    text = json.dumps(settings, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _is_neutral(name: str) -> bool:
    return name == "dawnchorus" or name.removeprefix("dawnchorus.").split(".")[0] in NEUTRAL


def _path(name: str) -> Path | None:
    stem = PACKAGE.joinpath(*name.split(".")[1:])
    for path in (stem / "__init__.py", stem.with_suffix(".py")):
        if name.split(".")[0] == "dawnchorus" and path.is_file():
            return path
    return None


@functools.cache
def _imports(path: Path) -> tuple[str, ...]:
    names = _imported(ast.parse(path.read_bytes()))
    return tuple(module for name in names for module in _with_packages(name))


def _with_packages(name: str) -> list[str]:
    """Return a module and the packages it is in: importing it runs them too."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            # what is imported may be a module too: ``from dawnchorus import audio``
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@functools.cache
def _digest(path: Path) -> str:
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:12]


@functools.cache
def _versions() -> tuple[tuple[str, str], ...]:
    found = []
    for name in PACKAGES:
        try:
            found.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return tuple(found)
