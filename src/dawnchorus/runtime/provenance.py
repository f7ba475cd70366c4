"""What code and what software stand behind a result.

* `library`: digests of the modules that a script reaches, for a rule's ``params``.
* `versions`: of the packages that decide the numbers.
* `settings_digest`: of a config section.

The digest of a module is that of its syntax tree without docstrings and without the sentences below
settings: they, comments and layout change nothing. Modules are found by following absolute
``dawnchorus`` imports from the script, those inside functions too; packages are empty and do not
count, nor do imports under ``if TYPE_CHECKING``. Modules that the config picks by name are given by
the caller.
"""

import ast
import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# Modules and folders that no number passes through: a change of theirs makes nothing stale.
NEUTRAL = (
    "cli", "runtime.devices", "runtime.job", "runtime.logs", "runtime.provenance", "runtime.run",
    "runtime.signals", "settings.errors", "settings.structure", "settings.wording",
)  # fmt: skip
PACKAGES = (
    "h5py", "keras", "librosa", "numpy", "pandas", "scikit-learn", "scipy", "snakemake",
    "soundfile", "soxr", "tensorflow",
)  # fmt: skip


def library(script: str | Path, *chosen: str, package: Path | None = None) -> dict[str, str]:
    """Return the digests of a script and of the library modules that it reaches.

    Parameters
    ----------
    script : path
        The rule's script.
    *chosen : str
        Modules that the config picks by name, such as ``dawnchorus.models.architectures.bulbul``.
    package : path, optional
        Folder of the library; that of this module where it is not given.

    Returns
    -------
    dict
        Module name to 12 hexadecimal digits, sorted; the script is ``script``.

    Raises
    ------
    ValueError
        Where a chosen module is not there: its changes would make nothing stale.
    """
    package = package or PACKAGE
    for name in chosen:
        if _path(name, package) is None:
            raise ValueError(f"{name} is chosen by name and is no module of {package}")
    found = {"script": _digest(Path(script))}
    waiting = [*_imports(Path(script)), *chosen]
    while waiting:
        name = waiting.pop()
        if name in found or _is_neutral(name):
            continue
        if path := _path(name, package):
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
    below = name.removeprefix("dawnchorus.")
    return any(below == neutral or below.startswith(f"{neutral}.") for neutral in NEUTRAL)


def _path(name: str, package: Path) -> Path | None:
    """Return the file of a module of the library; a package, whose file is empty, has none."""
    top, *parts = name.split(".")
    path = package.joinpath(*parts).with_suffix(".py")
    return path if top == "dawnchorus" and parts and path.is_file() else None


@functools.cache
def _imports(path: Path) -> tuple[str, ...]:
    return _imports_of(path.read_bytes())


@functools.cache
def _imports_of(content: bytes) -> tuple[str, ...]:
    names = _imported(ast.parse(content))
    return tuple(name for name in names if name.startswith("dawnchorus."))


def _imported(tree: ast.AST) -> Iterator[str]:
    """Yield the modules that are imported, wherever; what only a type checker reads is left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from _imported(ast.Module(node.orelse, []))
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            # what is imported may be a module too: ``from dawnchorus.audio import decode``
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            yield from _imported(node)


@functools.cache
def _digest(path: Path) -> str:
    return _digest_of(path.read_bytes())


@functools.cache
def _digest_of(content: bytes) -> str:
    tree = ast.parse(content)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            before = [None, *node.body]
            node.body = [
                below for above, below in zip(before, node.body, strict=False)
                if not (_is_text(below) and (above is None or isinstance(above, ast.AnnAssign)))
            ]  # fmt: skip
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:12]


def _is_text(node: ast.stmt) -> bool:
    """Return whether a statement is a string alone: a docstring, or the sentence below a setting."""
    is_constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_constant and isinstance(node.value.value, str)


@functools.cache
def _versions() -> tuple[tuple[str, str], ...]:
    found = []
    for name in PACKAGES:
        try:
            found.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return tuple(found)
