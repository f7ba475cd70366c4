"""Which recordings a run is planned with: the listed corpora.

* `list_corpora`: list the corpora of a run (main process), or read their indexes (its jobs).
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dawnchorus.corpora import catalog, tables
from dawnchorus.runtime import run

Index = dict[str, Any]

# environment variable in which the main process hands its indexes down to its cluster jobs
_INDEXES = "DAWNCHORUS_INDEXES"
# keys of an index that plan reads
_PLANNED_WITH = ("shards", "labels", "excluded", "names", "events", "label_rows")
_MAX_BYTES = 100_000  # the kernel refuses longer environment variables


def list_corpora(
    names: Iterable[str], config: Mapping[str, Any], results: str | Path, is_main: bool
) -> dict[str, Index]:
    """Return the index of each corpus.

    Only the main process looks at the recordings. A cluster job parses the Snakefile again: it
    takes the indexes that the main process has handed down, whatever has changed since.
    """
    if not is_main:
        handed = json.loads(os.environ.get(_INDEXES) or "{}")
        return {name: handed.get(name) or tables.read_index(name, results) for name in names}
    indexes = {name: _listed(name, config["corpora"][name], results) for name in names}
    slim = {n: {k: i[k] for k in _PLANNED_WITH if k in i} for n, i in indexes.items()}
    text = json.dumps(slim)
    if len(text) < _MAX_BYTES:
        os.environ[_INDEXES] = text
    return indexes


def _listed(name: str, corpus: Mapping[str, Any], results: str | Path) -> Index:
    """List a corpus and print the notes that its last listing did not have."""
    known = _known_notes(name, results)
    index: Index = catalog.list_corpus(name, corpus, results, has_lock=run.is_held())
    for note in index["notes"]:
        if note not in known:
            print(f"corpus {name}: {note}", file=sys.stderr)
    return index


def _known_notes(name: str, results: str | Path) -> list[str]:
    try:
        return list(tables.read_index(name, results)["notes"])
    except (OSError, ValueError, KeyError):
        return []
