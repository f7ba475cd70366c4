"""Listing a corpus: what an adapter finds becomes immutable tables and an index.

Run by the main process before the DAG is built, on every start, so it imports the standard library
only and touches nothing that has not changed. A table is named by the digest of its bytes: one that
a running job reads is never written again, and a second process beside it can change nothing. No
table says where anything lies, but those beside the listings (`dawnchorus.corpora.places`).

An adapter is a module of ``adapters/``, found by its name, with ``recordings(settings) -> Found``: it
reads what a person keeps (folders, label files) and knows nothing of shards and digests.

* `list_corpus`: list a corpus now and return its index.
* `adapter_names`: the adapters there are.
"""

import csv
import importlib
import io
import itertools
import operator
import os
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from dawnchorus.corpora import adapters, audio_files, places, tables
from dawnchorus.corpora.tables import Recording
from dawnchorus.formats.event import EVENTS, checked_events
from dawnchorus.formats.label_sheet import listed
from dawnchorus.runtime import artefacts, hashes


def adapter_names() -> tuple[str, ...]:
    """Return the names of the adapters, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(adapters.__path__)))


def list_corpus(
    name: str,
    settings: Mapping,
    results: str | Path,
    cache: str | Path | None = None,
    has_lock: bool = True,
) -> dict:
    """List a corpus: write its tables where they are missing, and its index.

    Parameters
    ----------
    name : str
        Name of the corpus.
    settings : mapping
        Its config section: ``adapter``, ``shards`` (at least 1), ``fingerprint`` ("content" or
        "stat"), ``missing_files`` and the adapter's own keys.
    results : path
        The results folder.
    cache : path, optional
        Where content hashes are kept; beside the index where not given.
    has_lock : bool, optional
        Whether the results folder is this process' own. Otherwise a run beside it may be reading
        where recordings lie, and what is said of that is written only where nothing is.

    Returns
    -------
    dict
        ``shards`` (name to digest and number of recordings), ``labels``, ``excluded`` and ``names``
        (digests), ``recordings`` (count) and ``notes``; ``events`` (digest) only where the corpus
        has a truth of events, ``label_rows`` (``columns`` and digest) only where a submission can
        repeat its label files.

    Raises
    ------
    ValueError
        Where the adapter refuses what it reads, or nothing is left.
    """
    found = _adapter(name, settings).recordings(settings)
    if not found.recordings:
        raise ValueError(
            f"corpus {name!r} has no recordings; {len(found.excluded)} were excluded: "
            f"{'; '.join([listed([row[0] for row in found.excluded]) or 'none', *found.notes])}"
        )
    recordings = sorted(found.recordings, key=operator.attrgetter("id"))
    _refuse_repeats(name, recordings)
    folder = tables.folder_of(results, name)
    digests = _hashes(recordings, settings, cache or folder / hashes.CACHE)
    index = {
        "shards": _write_listings(name, recordings, digests, settings, results, has_lock),
        "labels": _write_labels(name, recordings, results),
        "excluded": _write_excluded(name, _told_apart(found.excluded, recordings), results),
        "names": _write_names(name, recordings, results),
        "recordings": len(recordings),
        "notes": [*found.notes, *_duplicate_notes(recordings, digests)],
    }
    if found.events is not None:
        index["events"] = _write_events(name, found.events, recordings, results)
    if found.label_rows is not None:
        index["label_rows"] = _write_label_rows(name, found.label_rows, results)
    _write(tables.index_path(results, name), artefacts.canonical_json(index).encode())
    return index


def _adapter(name: str, settings: Mapping) -> ModuleType:
    adapter, known = settings["adapter"], adapter_names()
    if adapter not in known:
        raise ValueError(
            f"corpus {name!r} has adapter {adapter!r}, expected one of {', '.join(known)}"
        )
    # by name, so that the code digest of whoever lists does not hold every adapter's code
    return importlib.import_module(f"dawnchorus.corpora.adapters.{adapter}")


def _refuse_repeats(name: str, recordings: Sequence[Recording]) -> None:
    for first, second in itertools.pairwise(recordings):
        if first.id == second.id:
            raise ValueError(
                f"corpus {name!r} has id {first.id!r} twice: {first.path!r} and {second.path!r}"
            )


def _hashes(recordings: Sequence[Recording], settings: Mapping, cache: str | Path) -> list[str]:
    """Return the content hash of each recording, in their order."""
    digests = [recording.sha256 for recording in recordings]
    if settings["fingerprint"] == "stat" or all(digests):
        return digests
    paths, states = [row.path for row in recordings], [row.state for row in recordings]
    return audio_files.content_hashes(paths, states, cache)


def _write_listings(
    name: str,
    recordings: Sequence[Recording],
    digests: Sequence[str],
    settings: Mapping,
    results: str | Path,
    has_lock: bool,
) -> dict[str, dict]:
    """Write the listing of each shard, and where its recordings lie; return those of the index."""
    n_shards, is_stat = int(settings["shards"]), settings["fingerprint"] == "stat"
    parts: dict[str, list[tuple[Recording, str]]] = {}
    for row, sha256 in zip(recordings, digests, strict=True):
        parts.setdefault(tables.shard_of(row.id, n_shards), []).append((row, sha256))
    index = {}
    for shard, rows in sorted(parts.items()):
        lines = [_line(_listed_row(row, sha256, is_stat)) for row, sha256 in rows]
        content, digest = _table(tables.LISTING, lines)
        path = tables.listing_path(results, name, shard, digest)
        # first where they lie: whoever finds the listing finds that too
        beside = places.path_of(path)
        if has_lock or not beside.exists():
            _write(beside, places.content_of((row.id, row.path) for row, _ in rows))
        _write(path, content)
        index[shard] = {"digest": digest, "recordings": len(lines)}
    return index


def _listed_row(row: Recording, sha256: str, is_stat: bool) -> tuple[str, ...]:
    """Return what of a recording decides its samples and what is said of them: not its path."""
    size, modified_ns, _ = row.state.split(" ") if row.state else ("0", "", "")
    # whole seconds: programs that move files keep no more of a time
    modified = str(int(modified_ns) // 10**9) if is_stat and modified_ns else ""
    return row.id, os.path.splitext(row.path)[1][1:].lower(), size, modified, sha256


def _write_labels(name: str, recordings: Sequence[Recording], results: str | Path) -> str:
    lines = [
        _line((row.id, row.data_set, row.group, row.recordist, row.fold, row.split, _flag(row),
               row.labels, row.background, row.media_id))
        for row in recordings
    ]  # fmt: skip
    content, digest = _table(tables.LABELS, lines)
    _write(tables.labels_path(results, name, digest), content)
    return digest


def _flag(recording: Recording) -> str:
    return "1" if recording.labelled else "0"


def _told_apart(excluded: Iterable[tuple], recordings: Sequence[Recording]) -> list[tuple]:
    """Return exclusions under ids of their own: two odd names may be spelled out alike."""
    taken, rows = {recording.id for recording in recordings}, []
    for identifier, *about in sorted(excluded):
        names = (f"{identifier} ({number})" for number in itertools.count(2))
        own = next(name for name in itertools.chain([identifier], names) if name not in taken)
        taken.add(own)
        rows.append((own, *about))
    return rows


def _write_excluded(name: str, excluded: Iterable[tuple], results: str | Path) -> str:
    content, digest = _table(tables.EXCLUDED, map(_line, sorted(excluded)))
    _write(tables.excluded_path(results, name, digest), content)
    return digest


def _write_names(name: str, recordings: Sequence[Recording], results: str | Path) -> str:
    """Write what files are called, which stands in tables for other programs and decides nothing."""
    lines = [_line((row.id, os.path.basename(row.path))) for row in recordings]
    content, digest = _table(tables.NAMES, lines)
    _write(tables.names_path(results, name, digest), content)
    return digest


def _write_label_rows(name: str, found: tables.LabelRows, results: str | Path) -> dict:
    content, digest = _table(tables.LABEL_ROWS, map(_line, found.rows))
    _write(tables.label_rows_path(results, name, digest), content)
    return {"columns": list(found.columns), "digest": digest}


def _write_events(
    name: str, events: Iterable[tuple], recordings: Sequence[Recording], results: str | Path
) -> str:
    """Write a table that `dawnchorus.formats.event.read_events` reads."""
    found = checked_events(events)
    strangers = sorted({one.id for one in found} - {row.id for row in recordings})
    if strangers:
        raise ValueError(f"corpus {name!r} has events of no recording of it: {listed(strangers)}")
    lines = [_line((one.id, repr(one.onset_s), repr(one.offset_s), one.label)) for one in found]
    content, digest = _table(EVENTS, lines)
    _write(tables.events_path(results, name, digest), content)
    return digest


def _duplicate_notes(recordings: Sequence[Recording], digests: Sequence[str]) -> list[str]:
    """Return a note on recordings of equal content that differ in truth or in place."""
    if len(set(digests)) == len(digests):
        return []
    listing = (
        tables.Listed(row.id, "", 0, "", sha256)
        for row, sha256 in zip(recordings, digests, strict=True)
    )
    alike = tables.duplicates(listing)
    about = {row.id: (row.labelled, row.labels, row.split, row.data_set) for row in recordings}
    differing = [ids for ids in alike if len({about[one] for one in ids}) > 1]
    if not differing:
        return []
    return [
        f"{len(differing)} contents stand under ids that differ in labels, split or data set: "
        f"{listed([' = '.join(ids) for ids in differing])}"
    ]


def _table(columns: Sequence[str], lines: Iterable[str]) -> tuple[bytes, str]:
    """Return the bytes of a table and the digest that names it."""
    content = "\n".join([",".join(columns), *lines, ""]).encode()
    return content, tables.digest_of(content)


def _line(row: Sequence[str]) -> str:
    """Return a row of a table as CSV."""
    line = ",".join(row)
    # csv looks at every character: of 100,000 rows without a quote that is a third of a second
    if line.count(",") >= len(row) or '"' in line or "\r" in line or "\n" in line:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="").writerow(row)
        line = text.getvalue()
    return line


def _write(path: Path, content: bytes) -> None:
    """Write a file unless it holds this already: a dry run then changes nothing."""
    if not audio_files.holds(path, content):
        artefacts.write_bytes(path, content)
