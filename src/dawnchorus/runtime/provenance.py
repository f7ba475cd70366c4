"""The code and the packages that a result comes from.

* `library`: digests of the modules that a script reaches, for a rule's ``params``.
* `code_digest`: of one file.
* `versions`: of the packages that decide the numbers.
* `settings_digest`: of a config section.

The digest of a module is that of its syntax tree without docstrings and without the sentences below
settings: they, comments and layout change nothing. Modules are found by following absolute
``dawnchorus`` imports from the script, those inside functions too; packages are empty and do not
count, nor do imports under ``if TYPE_CHECKING``. Modules that the config picks by name are given by
the caller.
"""

import ast
import contextlib
import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# Modules and folders that no number passes through: a change of theirs makes nothing stale.
NEUTRAL = (
    "cli", "runtime.devices", "runtime.earlier_jobs", "runtime.energy", "runtime.file_locks",
    "runtime.finished",
    "runtime.job", "runtime.job_status", "runtime.logs", "runtime.provenance", "runtime.run",
    "runtime.slurm", "runtime.slurm_jobs", "settings.errors", "settings.structure",
)  # fmt: skip
# Packages that numbers pass through. Not those that keep numbers as they are (h5py, pyarrow), read
# text (PyYAML, pydantic, defusedxml), draw or print, nor Snakemake, which decides the order of jobs.
# A backend counts where it is installed.
PACKAGES = (
    "ai-edge-litert", "av", "jax", "keras", "librosa", "numpy", "onnxruntime", "pandas", "scikit-learn",
    "scipy", "soundfile", "soxr", "tensorflow", "torch",
)  # fmt: skip


def library(script: str | Path, *chosen: str, package: Path | None = None) -> dict[str, str]:
    """Return the digests of a script and of the library modules that it reaches.

    Parameters
    ----------
    script : path
        The rule's script.
    *chosen : str
        Modules that the config picks by name, such as ``dawnchorus.models.architectures.bulbul``, and
        paths of files outside the package, which end in ``.py``.
    package : path, optional
        Folder of the library; that of this module where it is not given.

    Returns
    -------
    dict
        Module name to 12 hexadecimal digits, sorted; the script is ``script``, and a file outside the
        package its digest with ``.py``.

    Raises
    ------
    ValueError
        Where a chosen module is not there: its changes would make nothing stale.
    """
    package = package or PACKAGE
    digest, imports = _code(Path(script).read_bytes())
    found, waiting = {"script": digest}, [*imports]
    for name in chosen:
        if name.endswith(".py"):
            # by its content alone: a file that is moved or renamed makes nothing stale
            digest, imports = _code(Path(name).read_bytes())
            found[f"{digest}.py"] = digest
            waiting += imports
        elif _path(name, package) is None:
            raise ValueError(f"{name} is chosen by name and is no module of {package}")
        else:
            waiting.append(name)
    while waiting:
        name = waiting.pop()
        below = f"{name.removeprefix('dawnchorus.')}."
        if name in found or any(below.startswith(f"{neutral}.") for neutral in NEUTRAL):
            continue
        if path := _path(name, package):
            found[name], imports = _code(path.read_bytes())
            waiting += imports
    return dict(sorted(found.items()))


def code_digest(path: str | Path) -> str:
    """Return 12 hexadecimal digits of a Python file: those of its syntax tree without docstrings."""
    return _code(Path(path).read_bytes())[0]


def versions() -> dict[str, str]:
    """Return the versions of the packages that decide the numbers; absent ones are left out."""
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def settings_digest(settings) -> str:
    """Return 16 hexadecimal digits of a config section; the order of keys does not count."""
    text = json.dumps(settings, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _path(name: str, package: Path) -> Path | None:
    """Return the file of a module of the library; a package, whose file is empty, has none."""
    top, *parts = name.split(".")
    path = package.joinpath(*parts).with_suffix(".py")
    return path if top == "dawnchorus" and parts and path.is_file() else None


# where statements stand within a statement: imports and docstrings are looked for there alone, because
# nine of ten nodes of a tree are expressions, and every start of a run walks through all modules
_BLOCKS = ("body", "handlers", "cases", "orelse", "finalbody")


def _imported(node: ast.AST) -> Iterator[str]:
    """Yield the modules that are imported, wherever; what only a type checker reads is left out."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        # what is imported may be a module too: ``from dawnchorus.audio import decode``
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    is_typing = isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
    for block in ("orelse",) if is_typing else _BLOCKS:
        for statement in getattr(node, block, ()):
            yield from _imported(statement)


@functools.cache
def _code(content: bytes) -> tuple[str, tuple[str, ...]]:
    """Return the digest of a module, and the modules of the package that it imports."""
    tree = ast.parse(content)
    imports = tuple(name for name in _imported(tree) if name.startswith("dawnchorus."))
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        waiting += (inner for block in _BLOCKS for inner in getattr(node, block, ()))
        if not isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        kept, above = [], None
        for statement in node.body:
            # a docstring comes first, the sentence of a setting below its annotation
            is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            is_text = is_text and isinstance(statement.value.value, str)
            if not (is_text and (above is None or isinstance(above, ast.AnnAssign))):
                kept.append(statement)
            above = statement
        node.body = kept
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:12], imports
