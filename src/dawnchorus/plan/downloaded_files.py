"""Files beside downloaded recordings, and their copies among the results.

A job reads the copy, whose name is its content: where the recordings lie repeats nothing.

* `downloaded_file`: a file beside the recordings of a corpus.
* `locks`, `tables`: copies of lock files, and of what became of downloads.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dawnchorus.plan import paths
from dawnchorus.plan.workflow_run import Paths
from dawnchorus.runtime.run import digest_of_file

COPIED = {"lock.csv": paths.LOCK, "downloads.parquet": paths.DOWNLOADED}


def downloaded_file(corpus: Mapping[str, Any], name: str) -> str | None:
    """Return a file beside the recordings of a downloaded corpus, where there is one."""
    if corpus["adapter"] != "xeno_canto":
        return None
    path = Path(corpus["folder"], name)
    return str(path) if path.is_file() else None


def locks(config: Mapping[str, Any], corpora: Iterable[str]) -> Paths:
    """Return the copies of the lock files of corpora that were downloaded."""
    return _copies(config, corpora, "lock.csv")


def tables(config: Mapping[str, Any], corpora: Iterable[str]) -> Paths:
    """Return the copies of the tables of what became of downloads, where they are there."""
    return _copies(config, corpora, "downloads.parquet")


def _copies(config: Mapping[str, Any], corpora: Iterable[str], name: str) -> Paths:
    found = {}
    for corpus in corpora:
        if (path := downloaded_file(config["corpora"][corpus], name)) is not None:
            found[corpus] = COPIED[name].format(corpus=corpus, digest=digest_of_file(path)[:16])
    return found
