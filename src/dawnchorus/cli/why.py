"""What a file was made from, in words, out of its record.

* `record_of`: the record of a file, or a sentence why there is none.
* `explained`: rule, inputs, settings, seeds, code and software behind one file.
* `tree`: the files behind a file, down to the tables that list the recordings.
"""

import os
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

from dawnchorus.cli import verify
from dawnchorus.corpora import tables
from dawnchorus.runtime import artefacts

_SHORT = 12  # hexadecimal digits of a SHA-256 that are shown


def record_of(path: str | Path) -> dict:
    """Return the record of an artefact.

    Raises
    ------
    ValueError
        Where there is none, and why.
    """
    path = Path(os.path.abspath(path))
    results = verify.results_of(path)
    record = artefacts.read_record(path, results)
    if record is None:
        there = "has no record" if path.exists() else "is not there and has no record"
        raise ValueError(
            f"{path} {there}: the workflow did not make it, or its job was killed before it "
            "had written the record; run the workflow again in the second case"
        )
    return record


def explained(path: str | Path) -> str:
    """Return what a file was made from, as text of several lines.

    Raises
    ------
    ValueError
        Where the file has no record.
    """
    path = Path(os.path.abspath(path))
    results = verify.results_of(path)
    if path.is_file() and verify.is_table(path, results):
        return _explained_table(path, results)
    if path.is_file() and verify.is_index(path, results):
        text = "which tables list its recordings; looked after by every start of the workflow"
        return f"{verify.name_of(path, results)}\nthe index of corpus {path.parent.name}: {text}"
    record = record_of(path)
    settings = {k: v for k, v in record.get("settings", {}).items() if k != "results"}
    return "\n".join(
        [
            verify.name_of(path, results),
            *_facts(path, record),
            *_section("inputs, with the SHA-256 they had", _inputs(record, results)),
            *_section("settings", _yaml(settings)),
            *_section("code, by module", [f"{d}  {m}" for m, d in _of(record, "library")]),
            *_section("software", [" ".join(pair) for pair in _of(record, "versions")]),
        ]
    )


def tree(path: str | Path) -> str:
    """Return the files behind a file, one per line, each below the file that was made from it.

    Nothing is hashed: an input counts as changed where its own record says another content than
    the record of the file that was made from it.
    """
    path = Path(os.path.abspath(path))
    results = verify.results_of(path)
    record_of(path)
    return "\n".join(_branches(path, results, "", "", set()))


def _explained_table(path: Path, results: Path) -> str:
    digest = tables.digest_of(path.read_bytes())
    right = "what its name says" if f"-{digest}.csv" in path.name else "NOT what its name says"
    corpus = path.relative_to(results / "corpora").parts[0]
    return "\n".join(
        [
            verify.name_of(path, results),
            f"a table of corpus {corpus}, written when the workflow listed its recordings",
            f"content   sha256 {digest}, {right}",
        ]
    )


def _facts(path: Path, record: Mapping) -> Iterator[str]:
    wildcards = "".join(f", {name}={value}" for name, value in _of(record, "wildcards"))
    yield f"made by   rule {record.get('rule', '(not recorded)')}{wildcards}"
    made = record.get("made", "at a time that was not recorded")
    where = record.get("machine", "an unknown machine")
    yield f"made      {made}, {record.get('seconds', '?')} s into its job, on {where}"
    rows = f", {record['rows']:,} rows" if "rows" in record else ""
    size = f"{record.get('bytes', 0):,} bytes{rows}"
    yield f"content   sha256 {record.get('sha256', '')[:_SHORT]}, {size}; {_today(path, record)}"
    yield f"command   {record.get('command', '(not recorded)')}"
    found = [f"{value} ({key})" for key, value in _seeds(record.get("settings", {}), ())]
    yield f"seeds     {', '.join(found) or 'none: nothing in it is drawn'}"


def _today(path: Path, record: Mapping) -> str:
    if not path.is_file():
        return "the file is GONE"
    return "unchanged" if artefacts.sha256(path) == record.get("sha256") else "CHANGED since"


def _inputs(record: Mapping, results: Path) -> Iterator[str]:
    for path, seen in verify.inputs_of(record, results).items():
        yield f"{seen[:_SHORT]}  {verify.name_of(path, results)}  {_since(path, seen, results)}"


def _since(path: Path, seen: str, results: Path) -> str:
    """Say what an input is today, against what it was."""
    if not path.is_file():
        return "(missing)"
    state = "unchanged" if artefacts.sha256(path).startswith(seen) else "CHANGED"
    if not path.is_relative_to(results):
        return f"({state}; from outside the results, no record)"
    listed = verify.is_table(path, results)
    if not listed and artefacts.read_record(path, results) is None:
        return f"({state}; no record)"
    return f"({state}{'; listed' if listed else ''})"


def _of(record: Mapping, key: str) -> list[tuple]:
    return list(record.get(key, {}).items())


def _section(title: str, lines) -> list[str]:
    lines = list(lines)
    return [f"{title}:", *(f"  {line}" for line in lines)] if lines else [f"{title}: none"]


def _yaml(settings: Mapping) -> list[str]:
    import yaml

    text = yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True, width=100)
    return textwrap.dedent(text).splitlines() if settings else []


def _seeds(value, keys: tuple) -> Iterator[tuple[str, int]]:
    if not isinstance(value, Mapping):
        return
    for key, item in value.items():
        if key == "seed":
            yield ".".join((*keys, key)), item
        else:
            yield from _seeds(item, (*keys, key))


def _branches(path: Path, results: Path, indent: str, note: str, told: set[Path]) -> Iterator[str]:
    record = None
    if path.is_relative_to(results):
        record = artefacts.read_record(path, results)
    name = verify.name_of(path, results)
    if record is None:
        listed = verify.is_table(path, results)
        yield f"{indent}{name}{note or (' (listed)' if listed else ' (no record)')}"
        return
    origins = verify.inputs_of(record, results)
    about = f"{name}  {record.get('rule', '')} {record.get('sha256', '')[:_SHORT]}{note}"
    yield f"{indent}{about}{' (see above)' if path in told and origins else ''}"
    if path in told:
        return
    told.add(path)
    for origin, seen in origins.items():
        changed = _noted(origin, seen, results)
        yield from _branches(origin, results, indent + "  ", changed, told)


def _noted(path: Path, seen: str, results: Path) -> str:
    if not path.is_file():
        return " (missing)"
    if not path.is_relative_to(results):
        return " (from outside the results, no record)"
    record = artefacts.read_record(path, results)
    known = (record or {}).get("sha256", seen)
    return "" if known.startswith(seen) else " (CHANGED since)"
