"""The jobs behind files, from their records: which rules ran, on what, for how long.

* `read_jobs`: all jobs that files were made by, directly or through others.
* `Jobs`: the jobs by rule, which rule reads which, and the records of the files themselves.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dawnchorus.runtime import artefacts

_BENCHMARKS = "benchmarks"
Key = tuple[str, tuple[tuple[str, str], ...]]  # rule, sorted wildcards


@dataclass(frozen=True)
class Job:
    """One job.

    ``seconds`` from its start to its last file; ``memory_mb`` where it was measured; ``energy_j`` that
    the machine counted meanwhile, where it does (`dawnchorus.runtime.energy`); ``depth``: how many jobs
    come before it at most, one after another.
    """

    rule: str
    wildcards: Mapping[str, str]
    seconds: float
    memory_mb: float | None
    energy_j: float | None
    depth: int


@dataclass(frozen=True)
class Jobs:
    """Jobs by rule; ``edges`` (rule, rule that reads it); ``files``: the record of each path."""

    by_rule: dict[str, list[Job]]
    edges: set[tuple[str, str]]
    files: dict[str, dict]


def read_jobs(paths: Iterable[str], results: str = artefacts.RESULTS) -> Jobs:
    """Return the jobs behind files; a file without a record, such as a listing, ends the search.

    Parameters
    ----------
    paths : iterable of str
        Files below the results folder.
    results : str, optional
        That folder, as the paths begin.
    """
    # a record names its inputs as the run did, in whose folder it may not be read
    base = Path(results).parent
    files: dict[str, dict] = {}
    readers: dict[str, set[str]] = defaultdict(set)
    waiting = [(path, "") for path in paths]
    while waiting:
        path, reader = waiting.pop()
        if path not in files:
            try:
                record = artefacts.read_record(path, results) or {}
            except ValueError:  # from outside the results folder
                continue
            if "rule" not in record or "inputs" not in record:
                continue
            inputs = {str(base / needed): digest for needed, digest in record["inputs"].items()}
            files[path] = record | {"inputs": inputs}
            waiting += [(needed, record["rule"]) for needed in inputs]
        if reader and reader != files[path]["rule"]:
            readers[files[path]["rule"]].add(reader)
    jobs: dict[Key, list[str]] = defaultdict(list)
    for path, record in files.items():
        jobs[record["rule"], tuple(sorted(record.get("wildcards", {}).items()))].append(path)
    depths: dict[str, int] = {}
    by_rule: dict[str, list[Job]] = defaultdict(list)
    for (rule, wildcards), made in sorted(jobs.items()):
        seconds = max(float(files[path].get("seconds", 0)) for path in made)
        memory = _memory_mb(rule, dict(wildcards), results)
        counted = [sum(found.values()) for path in made if (found := files[path].get("energy_j"))]
        energy_j = max(counted, default=None)
        depth = max(_depth(path, files, depths) for path in made)
        by_rule[rule].append(Job(rule, dict(wildcards), seconds, memory, energy_j, depth))
    edges = {(rule, reader) for rule, found in readers.items() for reader in found}
    return Jobs(dict(by_rule), edges, dict(sorted(files.items())))


def _depth(path: str, files: Mapping[str, dict], known: dict[str, int]) -> int:
    """Return how many files stand behind a file at most, one after another."""
    if path not in known:
        inputs = (one for one in files[path]["inputs"] if one in files)
        known[path] = max((1 + _depth(one, files, known) for one in inputs), default=0)
    return known[path]


def _memory_mb(rule: str, wildcards: Mapping[str, str], results: str) -> float | None:
    """Return the most memory that a job had, by Snakemake's benchmark of it, if it has one."""
    folder = Path(results) / _BENCHMARKS / rule
    values = sorted(wildcards.values())
    # the file is named by the wildcards in the order of the rule, which a record does not keep
    for path in folder.rglob("*.tsv") if folder.is_dir() else ():
        if sorted(path.relative_to(folder).with_suffix("").parts) == values:
            lines = path.read_text(encoding="utf-8").splitlines()
            row = dict(zip(lines[0].split("\t"), lines[-1].split("\t"), strict=False))
            try:
                return float(row["max_rss"])
            except (KeyError, ValueError):  # a job that ended before it was measured
                return None
    return None
