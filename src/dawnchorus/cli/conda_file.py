"""The conda file of the rules, made from the lock: the same versions, whoever installs them.

* `environment`: its text.
"""

import tomllib
from pathlib import Path

_HEAD = """# For `--sdm conda`. The default is the environment that runs Snakemake, locked in uv.lock.
# Made from the lock by `make reference`, for Python {python} on Linux; do not edit.
channels:
  - conda-forge
dependencies:
  - python={python}
  - pip
  - pip:
"""
_PYTHON = "3.11"


def environment(lock: str | Path) -> str:
    """Return the conda file with every package that a rule needs, in the version of the lock.

    The package itself is among them: a rule finds its library in its own environment, not in that of
    the process that started it.

    Parameters
    ----------
    lock : path
        ``uv.lock``.
    """
    from packaging.markers import Marker

    packages = tomllib.loads(Path(lock).read_text(encoding="utf-8"))["package"]
    values = {
        "python_version": _PYTHON, "python_full_version": f"{_PYTHON}.0", "sys_platform": "linux",
        "platform_system": "Linux", "platform_machine": "x86_64", "implementation_name": "cpython",
        "platform_python_implementation": "CPython", "os_name": "posix",
    }  # fmt: skip
    by_name: dict[str, list] = {}
    for package in packages:
        by_name.setdefault(package["name"], []).append(package)
    [own] = by_name["dawnchorus"]
    found: dict[str, str] = {}
    waiting = [*own["dependencies"], *own["optional-dependencies"]["workflow"]]
    while waiting:
        wanted = waiting.pop()
        marker = wanted.get("marker")
        if marker is not None and not Marker(marker).evaluate(values):
            continue
        # a name that is locked in several versions says which
        [package] = [
            one
            for one in by_name[wanted["name"]]
            if wanted.get("version") in (None, one["version"])
        ]
        extras = package.get("optional-dependencies", {})
        waiting += [needed for extra in wanted.get("extra", ()) for needed in extras[extra]]
        if wanted["name"] not in found:
            found[wanted["name"]] = package["version"]
            waiting += package.get("dependencies", ())
    lines = [f"      - {name}=={version}\n" for name, version in sorted(found.items())]
    own_line = f"      - dawnchorus[workflow]=={own['version']}\n"
    return _HEAD.format(python=_PYTHON) + own_line + "".join(lines)
