"""``dawnchorus verify PATH...``: whether results are still what was made, by their records.

A record under ``.provenance/`` says what an artefact held when it was written and what its inputs
held when it was made from them. Paths in records are those of the run: relative to its working
directory. A table of a listed corpus has no record; the digest of its rows is in its name.

* `verify`: the state of every artefact below a path, and of all that those were made from.
* `results_of`, `locate`, `name_of`: the results folder of a path, and paths as the run has them.
* `inputs_of`: what a record says an artefact was made from.
"""

import argparse
import contextlib
import os
import re
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from dawnchorus.cli import doctor
from dawnchorus.corpora import tables
from dawnchorus.runtime import artefacts, logs

STATES = ("whole", "damaged", "missing", "unrecorded", "stale")
# What rules write; a note or a picture that someone lays beside it is nobody's business.
KINDS = (".csv", ".h5", ".json", ".keras", ".parquet", ".txt", ".wav", ".zip")
_ASIDE = ("benchmarks", "logs")  # folders of the results that hold no artefacts
_TABLE = re.compile(r"-([0-9a-f]{16})\.parquet$")
_READERS = 4  # threads; hashing leaves the interpreter's lock
_NAMED = 20  # files that a command line names before it becomes unreadable


class Finding(NamedTuple):
    """The state of one file.

    ``name`` is the path as the run has it, ``state`` one of `STATES`, ``detail`` a few words
    (empty where it is whole), ``origin`` where the file comes from: a ``rule``, the ``listing`` of
    a corpus, or from ``outside`` the results.
    """

    name: str
    state: str
    detail: str
    origin: str


class _Traced(NamedTuple):
    """The files of a verification: records by path (None: no record), and who was made from it."""

    results: Path
    records: dict[Path, dict | None]
    made_from_it: dict[Path, list[Path]]


def add_to(commands) -> None:
    """Add the command to the parsers of the command line."""
    parser = commands.add_parser("verify", help="compare results with their records")
    parser.add_argument("paths", nargs="*", metavar="PATH", default=["results"])
    parser.add_argument("--fast", action="store_true", help="compare sizes only, read nothing")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what is not whole, and how to repair it; return the exit status."""
    found, holders = {}, set()
    for path in arguments.paths:
        results = results_of(path)
        if (owner := doctor.holder(results)) and results not in holders:
            holders.add(results)
            note = f"note: {owner} is at work in {results}: what it is making now may look wrong"
            print(note, file=sys.stderr)
        for finding in verify(path, arguments.fast, logs.terminal_progress()):
            found[results, finding.name] = finding
    for (results, _), finding in found.items():
        if finding.state != "whole":
            where = f" (in {results.parent})" if len({r for r, _ in found}) > 1 else ""
            print(f"{finding.state:<11} {finding.name}{where}: {finding.detail}")
    for results in dict.fromkeys(results for results, _ in found):
        advise([f for (r, _), f in found.items() if r == results], str(results.parent))
    counts = Counter(finding.state for finding in found.values())
    rest = ", ".join(f"{counts[state]} {state}" for state in STATES[1:])
    print(f"{counts['whole']} artefacts whole, {rest}{' (sizes only)' if arguments.fast else ''}")
    return int(counts.total() > counts["whole"])


def results_of(path: str | Path) -> Path:
    """Return the results folder that a path lies in: the nearest one above with records.

    Raises
    ------
    ValueError
        Where there is none, or the path is a record.
    """
    path = Path(os.path.abspath(path))  # not resolved: a folder of the results may be a link
    if artefacts.RECORDS in path.parts:
        raise ValueError(f"{path} is a record; name the artefact that it is about")
    for folder in (path, *path.parents):
        if (folder / artefacts.RECORDS).is_dir():
            return folder
    raise ValueError(
        f"{path} is in no results folder: neither it nor a folder above it holds "
        f"{artefacts.RECORDS}/; name something under the results of a run, such as results/demo"
    )


def locate(recorded: str, results: Path, run_name: str = "results") -> Path:
    """Return where a path of a record lies today.

    Parameters
    ----------
    recorded : str
        Path as the run has it: relative to its working directory, or absolute.
    results : path
        The results folder, wherever it is now and whatever it is called.
    run_name : str, optional
        What the run called it.
    """
    relative = os.path.relpath(recorded, run_name)
    if not relative.startswith("..") and not os.path.isabs(recorded):
        return results / relative
    # from outside the results: by way of the working directory, which lies above them
    working = results
    for part in Path(run_name).parts:
        working = working.parent if part not in (".", os.sep) else working
    return Path(os.path.abspath(working / recorded))


def name_of(path: Path, results: Path) -> str:
    """Return a path as the run has it: relative to its working directory where it is below it."""
    working = results.parent
    return str(path.relative_to(working) if path.is_relative_to(working) else path)


def is_table(path: Path, results: Path) -> bool:
    """Return whether a file is a table of a listed corpus, named by the digest of its rows."""
    return path.is_relative_to(results / "corpora") and _TABLE.search(path.name) is not None


def content_digest(path: Path, results: Path) -> str:
    """Return the SHA-256 of a file; of a table of a corpus the digest of its rows.

    Empty where a table cannot be decoded any more.
    """
    if not is_table(path, results):
        return artefacts.sha256(path)
    try:
        return tables.digest_in(path)
    except ValueError:
        return ""


def inputs_of(record: Mapping, results: Path) -> dict[Path, str]:
    """Return the inputs of a record and the SHA-256 that each had; of a table the first 16 digits.

    Tables of listed corpora are params, not inputs: they are found by their names.
    """
    run_name = record.get("settings", {}).get("results", "results")
    found = {locate(p, results, run_name): seen for p, seen in record.get("inputs", {}).items()}
    for text in _texts(record.get("settings")):
        if digest := _TABLE.search(text):
            path = locate(text, results, run_name)
            if is_table(path, results):
                found[path] = digest[1]
    return found


def verify(
    path: str | Path, is_fast: bool = False, report: Callable[[int, int], None] | None = None
) -> list[Finding]:
    """Compare every artefact below a path, and all that those were made from, with the records.

    Parameters
    ----------
    path : path
        A results folder, a folder in it, or one artefact, which may be missing.
    is_fast : bool, optional
        Compare sizes only and read no file.
    report : callable, optional
        Called with the number of files read so far and of all files.

    Returns
    -------
    list of Finding
        One per file, sorted by name.

    Raises
    ------
    ValueError
        Where the path is in no results folder, or there is neither a file nor a record.
    """
    path = Path(os.path.abspath(path))
    results = results_of(path)
    traced = _trace(results, _below(path, results))
    hashes = {}
    if not is_fast:

        def digest_of(one: Path) -> str | OSError:
            try:
                return content_digest(one, results)
            except OSError as error:  # a state of that file, not the end of the verification
                return error

        with ThreadPoolExecutor(_READERS) as pool:
            for one, digest in zip(
                traced.records, pool.map(digest_of, traced.records), strict=True
            ):
                hashes[one] = digest
                if report:
                    report(len(hashes), len(traced.records))
    # Of a file that is not whole, its inputs say no more; of one that is, they may have changed since.
    states = {one: _state(one, traced, hashes) for one in traced.records}
    for one in traced.records:
        if states[one][0] != "whole":
            continue
        changed = []
        for origin, seen in inputs_of(traced.records[one] or {}, results).items():
            present = (traced.records[origin] or {}).get("sha256", hashes.get(origin))
            # an input that is damaged or missing is told once, as itself
            is_there = states[origin][0] in ("whole", "stale", "unrecorded")
            if is_there and present is not None and not present.startswith(seen):
                changed.append(name_of(origin, results))
        if changed:
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            what = f"made from another content of {', '.join(changed[:3])}{more}"
            states[one] = "stale", what
    findings = []
    for one, (state, detail) in states.items():
        origin = "rule" if one.is_relative_to(results) else "outside"
        if is_table(one, results) or is_index(one, results):
            origin = "listing"
        findings.append(Finding(name_of(one, results), state, detail, origin))
    return sorted(findings)


def _below(path: Path, results: Path) -> set[Path]:
    """Return the artefacts at or below a path: those that are there and those with a record."""
    relative = path.relative_to(results)
    if relative.parts[:1] and relative.parts[0] in _ASIDE:
        raise ValueError(f"{path} holds no artefacts: {relative.parts[0]} are not verified")
    records = results / artefacts.RECORDS
    if path.is_file() or records.joinpath(f"{relative}.json").is_file():
        return {path}
    recorded = {
        results / str(record.relative_to(records)).removesuffix(".json")
        for record in records.joinpath(relative).rglob("[!.]*.json")
    }
    if not path.is_dir() and not recorded:
        raise ValueError(f"{path}: there is no such file, and no record of one")
    found, seen = set(), set()
    for here, folders, files in os.walk(path, followlinks=True):
        real = os.path.realpath(here)
        if real in seen:  # a link led back
            folders.clear()
            continue
        seen.add(real)
        aside = _ASIDE if Path(here) == results else ()
        folders[:] = [name for name in folders if name[0] != "." and name not in aside]
        found |= {Path(here, n) for n in files if n[0] != "." and n.endswith(KINDS)}
    return recorded | found


def _trace(results: Path, waiting: Collection[Path]) -> _Traced:
    """Follow records to everything that some files were made from."""
    traced = _Traced(results, {}, {})
    waiting = sorted(waiting)
    while waiting:
        path = waiting.pop()
        if path in traced.records:
            continue
        record = artefacts.read_record(path, results) if path.is_relative_to(results) else None
        # a record that was cut, or edited by hand, tells nothing of its file
        is_whole = isinstance(record, dict) and {"sha256", "bytes"} <= record.keys()
        traced.records[path] = record if is_whole else None
        for origin in inputs_of(traced.records[path] or {}, results):
            traced.made_from_it.setdefault(origin, []).append(path)
            waiting.append(origin)
        if is_index(path, results):
            waiting += _tables_of(path, results)
    return traced


def is_index(path: Path, results: Path) -> bool:
    """Return whether a file is the index of a listed corpus."""
    return path.name == "index.json" and path.parent.parent == results / "corpora"


def _tables_of(index: Path, results: Path) -> list[Path]:
    """Return the tables that the index of a corpus names; none where it cannot be read."""
    corpus = index.parent.name
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        about = tables.read_index(corpus, results)
        return [
            tables.labels_path(results, corpus, about["labels"]),
            tables.excluded_path(results, corpus, about["excluded"]),
            *(
                tables.listing_path(results, corpus, shard, listed["digest"])
                for shard, listed in about["shards"].items()
            ),
        ]
    return []


def _texts(value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _state(path: Path, traced: _Traced, hashes: Mapping) -> tuple[str, str]:
    """Return state and detail of a file by itself, whatever became of its inputs."""
    record, digest = traced.records[path], hashes.get(path)
    n_made = len(traced.made_from_it.get(path, ()))
    makes = f"; {n_made} file{'s were' if n_made > 1 else ' was'} made from it" if n_made else ""
    if not path.is_file():
        kept = "its record is there, the file is not" if record else "the file is not there"
        return "missing", f"{kept}{makes}"
    if isinstance(digest, OSError):
        return "damaged", f"it cannot be read ({digest.strerror}){makes}"
    if is_table(path, traced.results):
        if digest is not None and not digest.startswith(_TABLE.search(path.name)[1]):
            return "damaged", f"its content is not what its name says{makes}"
    elif record is not None:
        size = path.stat().st_size
        if size != record["bytes"]:
            return "damaged", f"{size:,} bytes, made with {record['bytes']:,}{makes}"
        if digest not in (None, record["sha256"]):
            return "damaged", f"its content has changed since it was made{makes}"
    elif is_index(path, traced.results):
        if not _tables_of(path, traced.results):
            return "damaged", "the index cannot be read"
    elif path.is_relative_to(traced.results):
        return "unrecorded", "no record says what made it"
    return "whole", ""


def advise(findings: Sequence[Finding], working: str) -> None:
    """Print how to repair what was found in a results folder.

    Parameters
    ----------
    findings : sequence of Finding
    working : str
        The working directory of the run: names of findings are relative to it.
    """
    wrong = [finding for finding in findings if finding.state in ("damaged", "missing", "stale")]
    again = [finding for finding in wrong if finding.origin == "rule"]
    if again:
        here = "" if os.path.abspath(working) == os.getcwd() else f", in {shlex.quote(working)}"
        print(f"to make them again{here}, with the --configfile of the run where it had one:")
        if there := [finding.name for finding in again if finding.state != "missing"]:
            print(f"    rm {_named(there)}")
        print(f"    snakemake --cores 2 {_named([finding.name for finding in again])}")
        print("then run as before: exactly what follows from them is made again")
    if any(finding.state == "unrecorded" for finding in findings):
        print("unrecorded: a run does killed jobs again; delete what stays, it is not from there")
    if any(finding.origin == "listing" for finding in wrong):
        print("tables of a corpus: the next start of the workflow writes them as they should be")
    if any(finding.origin == "outside" for finding in wrong):
        print("files from outside the results: bring them back as they were")


def _named(names: Sequence[str]) -> str:
    more = " ..." if len(names) > _NAMED else ""
    return shlex.join(names[:_NAMED]) + more
