"""Results in a folder, wherever it lies: what the report beside them was made of.

* `read_asked`: what `dawnchorus.report.result_data.read_results` reads, for a folder of results.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dawnchorus.runtime import artefacts

_PAGE = "report.html"
_AS_IT_IS = ("name", "settings", "changed", "frontends", "audio")  # settings, no paths


def read_asked(folder: str | Path) -> tuple[dict[str, Any], str]:
    """Return what a report was made of, with paths from the working directory, and its results folder.

    Parameters
    ----------
    folder : path
        Results of an experiment, such as ``results/demo``.

    Returns
    -------
    mapping, str
        What the rule ``report`` was asked; the results folder.

    Raises
    ------
    ValueError
        Where there is no report with a record, or what it was made of has gone or is another by now.
    """
    page = Path(folder) / _PAGE
    results = page.absolute().parent.parent
    base = results.parent
    record = artefacts.read_record(page, results) if page.is_file() else None
    asked = (record or {}).get("settings", {}).get("report")
    name = f"{artefacts.RESULTS}/{page.absolute().parent.name}/{_PAGE}"
    again = f"`snakemake {name}` with its config makes it"
    if record is None or not isinstance(asked, dict):
        raise ValueError(
            f"{folder} has no {_PAGE} with a record; expected the results of an experiment, such as "
            f"results/demo: {again}"
        )
    for path, digest in record["inputs"].items():
        place = base / path
        if not place.is_file():
            raise ValueError(
                f"{folder}: {path} has gone, which its {_PAGE} was made of; {again} again"
            )
        if artefacts.sha256(place) != digest:
            raise ValueError(f"{folder}: {_PAGE} is older than {path}; {again} again")
    # a short path where the folder is that of the working directory
    near = Path() if base == Path.cwd() else base
    located = {key: value if key in _AS_IT_IS else _located(value, near)
               for key, value in asked.items()}  # fmt: skip
    return _as_in_config(located, page.with_name("config.yaml")), str(near / artefacts.RESULTS)


def _as_in_config(asked: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return it with corpora, and stages and ensembles in their order: a record sorts keys."""
    import yaml

    if not path.is_file():
        return asked
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    own, settings = config["experiments"][asked["name"]], asked["settings"]
    order = {
        section: {
            name: settings[section][name] for name in own[section] if name in settings[section]
        }
        for section in ("stages", "ensembles")
    }
    return asked | {"settings": settings | order, "corpora": config["corpora"]}


def _located(value: Any, base: Path) -> Any:
    """Return a value with its paths below the results as seen from the working directory."""
    if isinstance(value, Mapping):
        return {key: _located(one, base) for key, one in value.items()}
    if isinstance(value, list):
        return [_located(one, base) for one in value]
    is_path = isinstance(value, str) and value.startswith(f"{artefacts.RESULTS}/")
    return str(base / value) if is_path else value
