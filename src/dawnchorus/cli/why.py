"""``dawnchorus why FILE``: what a file was made from, by its record.

* `record_of`: the record of a file, or a sentence why there is none.
* `explanation`: rule, inputs, settings, seeds, code and software behind one file.
* `tree`: the files behind a file, down to the tables that list the recordings.
"""

import argparse
import json
import os
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from dawnchorus.cli import verify
from dawnchorus.runtime import artefacts

_SHORT = 12  # hexadecimal digits of a SHA-256 that are shown


def add_to(commands) -> None:
    """Add the command to the parsers of the command line."""
    parser = commands.add_parser("why", help="what a file was made from")
    parser.add_argument("file", metavar="FILE")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--deep", action="store_true", help="all files behind it, as a tree")
    form.add_argument("--json", action="store_true", help="its record as it is kept")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what a file was made from; return the exit status."""
    if arguments.json:
        record = record_of(arguments.file)
        print(json.dumps(record, sort_keys=True, ensure_ascii=False, indent=1))
    else:
        print(tree(arguments.file) if arguments.deep else explanation(arguments.file))
    return 0


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


def explanation(path: str | Path) -> str:
    """Return what a file was made from, as text of several lines.

    Raises
    ------
    ValueError
        Where the file has no record.
    """
    path = Path(os.path.abspath(path))
    results = verify.results_of(path)
    if path.is_file() and verify.is_table(path, results):
        corpus = path.relative_to(results / "corpora").parts[0]
        digest = verify.content_digest(path, results)
        is_right = digest and f"-{digest}." in path.name
        return "\n".join(
            [
                verify.name_of(path, results),
                f"a table of corpus {corpus}, written when the workflow listed its recordings",
                f"content   rows of digest {digest or '(unknown)'}, "
                f"{'what' if is_right else 'NOT what'} its name says",
            ]
        )
    if path.is_file() and verify.is_index(path, results):
        text = "which tables list its recordings; looked after by every start of the workflow"
        return f"{verify.name_of(path, results)}\nthe index of corpus {path.parent.name}: {text}"
    record = record_of(path)
    settings = {k: v for k, v in record.get("settings", {}).items() if k != "results"}
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=100)
    wildcards = "".join(f", {name}={value}" for name, value in _of(record, "wildcards"))
    made = record.get("made", "at a time that was not recorded")
    where = record.get("machine", "an unknown machine")
    rows = f", {record['rows']:,} rows" if "rows" in record else ""
    size = f"{record.get('bytes', 0):,} bytes{rows}"
    today = "the file is GONE"
    if path.is_file():
        is_same = artefacts.sha256(path) == record.get("sha256")
        today = "unchanged" if is_same else "CHANGED since"
    drawn = [f"{value} ({key})" for key, value in _seeds(record.get("settings", {}), ())]
    inputs = []
    for origin, seen in verify.inputs_of(record, results).items():
        state, note = "missing", ""
        if origin.is_file():
            is_same = verify.content_digest(origin, results).startswith(seen)
            state = "unchanged" if is_same else "CHANGED"
            # tables of a listed corpus are no artefacts of a rule: their names say their content
            if not origin.is_relative_to(results):
                note = "; from outside the results, no record"
            elif verify.is_table(origin, results):
                note = "; listed"
            elif artefacts.read_record(origin, results) is None:
                note = "; no record"
        name = verify.name_of(origin, results)
        inputs.append(f"{seen[:_SHORT]}  {name}  ({state}{note})")
    return "\n".join(
        [
            verify.name_of(path, results),
            f"made by   rule {record.get('rule', '(not recorded)')}{wildcards}",
            f"made      {made}, {record.get('seconds', '?')} s into its job, on {where}",
            f"content   sha256 {record.get('sha256', '')[:_SHORT]}, {size}; {today}",
            f"command   {record.get('command', '(not recorded)')}",
            f"seeds     {', '.join(drawn) or 'none: nothing in it is drawn'}",
            *_section("inputs, with the SHA-256 they had", inputs),
            *_section("settings", textwrap.dedent(text).splitlines() if settings else []),
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
    return "\n".join(_branches(path, results, "", None, set()))


def _of(record: Mapping, key: str) -> list[tuple]:
    return list(record.get(key, {}).items())


def _section(title: str, lines) -> list[str]:
    lines = list(lines)
    return [f"{title}:", *(f"  {line}" for line in lines)] if lines else [f"{title}: none"]


def _seeds(value, keys: tuple) -> Iterator[tuple[str, int]]:
    if not isinstance(value, Mapping):
        return
    for key, item in value.items():
        if key == "seed":
            yield ".".join((*keys, key)), item
        else:
            yield from _seeds(item, (*keys, key))


def _branches(
    path: Path, results: Path, indent: str, seen: str | None, told: set[Path]
) -> Iterator[str]:
    """Yield the line of a file and those of the files behind it.

    ``seen`` is the digest that the file had for the one above; None at the top. Files in ``told`` have
    been described.
    """
    is_ours = path.is_relative_to(results)
    record = artefacts.read_record(path, results) if is_ours else None
    name, note = verify.name_of(path, results), ""
    if seen is not None and not path.is_file():
        note = " (missing)"
    elif seen is not None and not is_ours:
        note = " (from outside the results, no record)"
    elif seen is not None and not (record or {}).get("sha256", seen).startswith(seen):
        note = " (CHANGED since)"
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
    for origin, digest in origins.items():
        yield from _branches(origin, results, indent + "  ", digest, told)
