"""Runs of consecutive shards: what one job of ``predict`` scores.

A job starts TensorFlow and loads all models of a stage, which takes as long as to score some thousand
clips. So it scores as many shards as its start is worth, and a small corpus is one job.

* `runs_of_shards`: the shards of each run.
"""

from collections.abc import Mapping
from typing import Any

# A run has at least so much, where the corpus has: twelve hours of clips of ten seconds, or six of WAV at
# 44.1 kHz and more of other files. To score it takes several times as long as the start of a job.
RECORDINGS, BYTES = 4000, 2 * 10**9


def runs_of_shards(
    shards: Mapping[str, Mapping[str, Any]], n_shards: int, recordings: int | None
) -> dict[str, list[str]]:
    """Return the shards of each run, by its first and last: ``000-007``.

    The length of runs is a power of two: a corpus that grows is dealt anew only once it has doubled.

    Parameters
    ----------
    shards : mapping of name to mapping
        Shards of a listed corpus, with ``recordings`` and ``bytes`` of each; empty ones are missing.
    n_shards : int
        Of the corpus, empty ones too.
    recordings : int or None
        That a run has on average; None for `RECORDINGS`, or files of `BYTES`.
    """
    n_recordings, n_bytes = (
        sum(about[key] for about in shards.values()) for key in ("recordings", "bytes")
    )
    full = n_recordings / (recordings or RECORDINGS)  # runs that the corpus is enough for
    if recordings is None:
        full = max(full, n_bytes / BYTES)
    length = 1
    while length < n_shards and length * full < n_shards:
        length *= 2
    found: dict[str, list[str]] = {}
    for shard in shards:
        first = int(shard) // length * length
        name = f"{first:03d}-{min(first + length, n_shards) - 1:03d}"
        found.setdefault(name, []).append(shard)
    return found
