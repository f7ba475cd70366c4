"""The indexes of the corpora of a run.

* `list_corpora`: list the corpora of a run (main process), or read their indexes (its jobs).
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from dawnchorus.corpora import catalog, tables
from dawnchorus.runtime import run

_INDEXES = "DAWNCHORUS_INDEXES"  # how the main process tells its cluster jobs which listing holds


def list_corpora(names: Iterable[str], config: Mapping, results: str | Path, is_main: bool) -> dict:
    """Return the index of each corpus.

    Only the main process looks at the recordings. A job of a cluster parses the Snakefile again: it
    takes the indexes that the main process has handed down, whatever has changed since.
    """
    handed = os.environ.get(_INDEXES)
    if not is_main:
        handed = json.loads(handed) if handed else {}
        return {name: handed.get(name) or tables.read_index(name, results) for name in names}
    indexes = {}
    for name in names:
        known = _known_notes(name, results)
        settings = config["corpora"][name]
        indexes[name] = catalog.list_corpus(name, settings, results, has_lock=run.is_held())
        for note in indexes[name]["notes"]:
            if note not in known:
                print(f"corpus {name}: {note}", file=sys.stderr)
    # what rules read of them
    kept = ("shards", "labels", "excluded", "names", "events", "label_rows")
    slim = {n: {k: i[k] for k in kept if k in i} for n, i in indexes.items()}
    text = json.dumps(slim)
    if len(text) < 100_000:  # an environment variable has to stay small
        os.environ[_INDEXES] = text
    return indexes


def _known_notes(name: str, results: str | Path) -> list[str]:
    try:
        return tables.read_index(name, results)["notes"]
    except (OSError, ValueError, KeyError):
        return []
