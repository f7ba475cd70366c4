"""The config: read strictly, merged, completed and judged before the first job.

* ``reading``: YAML as a person means it; duplicate keys and alias bombs are refused.
* ``merging``: base, overlays, ``like:`` and defaults become complete definitions.
* ``checking``: the schema.
* ``meaning``: what no schema can say.
* `load`: all of them. `compose`: the same, but for files that need not be there yet.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from dawnchorus.config import checking, meaning, merging, reading
from dawnchorus.config.meaning import corpora_of, format_of
from dawnchorus.config.stages import see_alike

__all__ = ["compose", "corpora_of", "corpora_of_run", "format_of", "load", "see_alike"]


def load(
    base: str | Path, overlays: Sequence[str | Path], given: Mapping, schema: str | Path
) -> dict:
    """Return the complete config: every definition whole, keys sorted.

    Parameters
    ----------
    base : path
        ``config.yaml`` of the workflow.
    overlays : sequence of path
        Files named with ``--configfile``, in order.
    given : mapping
        Values given with ``--config``, as Snakemake hands them over.
    schema : path
        JSON schema of the complete config.

    Raises
    ------
    ValueError
        One line: key path, value, what is allowed.
    """
    config = compose(base, overlays, given, schema)
    try:
        meaning.check_files(config)
    except ValueError as error:
        raise ValueError(_one_line(error)) from None
    return config


def compose(
    base: str | Path, overlays: Sequence[str | Path], given: Mapping, schema: str | Path
) -> dict:
    """Return what `load` returns, whether or not the recordings are there."""
    try:
        layers = [(str(path), reading.read(path)) for path in (base, *overlays)]
        complete = merging.complete([*layers, ("--config", _said(given))])
        checking.check_schema(complete, reading.read(schema))
        meaning.check_meaning(complete)
    except ValueError as error:
        raise ValueError(_one_line(error)) from None
    return merging.ordered(complete)


def corpora_of_run(config: Mapping) -> list[str]:
    """Return the names of the corpora that the experiments of ``run`` read, sorted."""
    chosen = (config["experiments"][name] for name in config["run"])
    return sorted({corpus for experiment in chosen for corpus in corpora_of(experiment)})


def _said(given: Mapping) -> dict:
    """Return the values of ``--config``; ``run=demo`` is short for ``run=[demo]``."""
    values = reading.resolved(given)
    if isinstance(values.get("run"), str):
        values["run"] = [values["run"]]
    return values


def _one_line(error: ValueError) -> str:
    # names and paths are a person's and may hold line breaks
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(error)
    )
