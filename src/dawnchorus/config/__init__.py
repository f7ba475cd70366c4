"""The config: read strictly, merged, completed and judged before the first job.

* ``reading``: YAML as a person means it; duplicate keys and alias bombs are refused.
* ``merging``: base, overlays, ``like:`` and defaults become complete definitions.
* ``checking``: the schema, and what no schema can say.
* `load`: all three.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from dawnchorus.config import checking, merging, reading
from dawnchorus.config.checking import corpora_of

__all__ = ["corpora_of", "corpora_of_run", "load"]


def load(base: str | Path, overlays: Sequence[str | Path], given: Mapping, schema: str | Path) -> dict:
    """Return the complete config: every definition whole, keys sorted.

    Parameters
    ----------
    base : path
        ``config.yaml`` of the workflow.
    overlays : sequence of path
        Files named with ``--configfile``, in order.
    given : mapping
        Values given with ``--config``.
    schema : path
        JSON schema of the complete config.

    Raises
    ------
    ValueError
        One sentence: key path, value, what is allowed.
    """
    layers = [(str(path), reading.read(path)) for path in (base, *overlays)]
    complete = merging.complete([*layers, ("--config", dict(given))])
    checking.check_schema(complete, reading.read(schema))
    checking.check_meaning(complete)
    return merging.ordered(complete)


def corpora_of_run(config: Mapping) -> list[str]:
    """Return the names of the corpora that the experiments of ``run`` read, sorted."""
    chosen = (config["experiments"][name] for name in config["run"])
    return sorted({corpus for experiment in chosen for corpus in corpora_of(experiment)})
