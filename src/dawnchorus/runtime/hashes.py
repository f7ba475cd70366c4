"""A cache of content hashes, by the state that each file was in.

A line of the file that keeps them is the hash, a blank, the state, a blank and the path, which may
hold anything. It is no artefact: it holds times and inodes.

* `state`: size, modification time and inode of a file.
* `read`: the hashes of a corpus.
* `by_file_name`: the same, for files that were moved.
* `states_of`: in which state a file had the hash that a listing says.
"""

import os
from collections.abc import Mapping
from pathlib import Path

CACHE = ".hashes"  # its name, beside the index of the corpus
_HASH = 64  # hexadecimal digits


def state(found: os.stat_result) -> str:
    """Return ``bytes mtime_ns inode`` of a file: while they stay, its content counts as the same."""
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"


def read(cache: str | Path) -> dict[str, str]:
    """Return hashes by ``state path``; a file that cannot be read holds none."""
    return {line[_HASH + 1 :]: line[:_HASH] for line in _lines(cache) if line}


def by_file_name(kept: Mapping[str, str]) -> dict[str, str]:
    """Return hashes by state and file name: a file that is moved on its disk keeps both.

    Parameters
    ----------
    kept : mapping
        As `read` returns it.

    Returns
    -------
    dict
        By `without_folder` of the keys; empty texts where files of one state and name differ.
    """
    found: dict[str, str] = {}
    for key, digest in kept.items():
        if found.setdefault(short := without_folder(key), digest) != digest:
            found[short] = ""
    return found


def without_folder(key: str) -> str:
    """Return ``state name`` of ``state path``."""
    *state, path = key.split(" ", 3)
    return " ".join([*state, os.path.basename(path)])


def states_of(listed: Mapping[str, str], cache: str | Path) -> dict[str, str]:
    """Return in which state each file had its listed content, as far as that is known.

    Parameters
    ----------
    listed : mapping of path to SHA-256
        64 hexadecimal digits each; an empty one is known of no file.
    cache : path
        Where hashes are kept.

    Returns
    -------
    dict of path to str
        As `state` tells it.
    """
    wanted, found = set(listed.values()), {}
    for line in _lines(cache):
        # the hash first: a corpus has many times the files of one listing
        if line[:_HASH] in wanted and line.count(" ") >= 4:
            *told, path = line[_HASH + 1 :].split(" ", 3)
            if listed.get(path) == line[:_HASH]:
                found[path] = " ".join(told)
    return found


def _lines(cache: str | Path) -> list[str]:
    try:
        text = Path(cache).read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return []
    return text.split("\n")
