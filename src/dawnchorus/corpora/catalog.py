"""Listing of a corpus: what an adapter finds becomes immutable tables and an index.

Run by the main process before the DAG is built, on every start, so it imports the standard library
only and changes no file whose content has not changed. A table is named by the digest of its rows:
one that a running job reads is never replaced by another, and a second process beside it can change
nothing. ``.tables`` beside the index remembers which file holds which rows: a table is decoded, with
pandas, only where its file is not the one that is remembered.

An adapter is a module of ``adapters/``, found by its name, with ``recordings(settings) -> Found``: it
reads what a person keeps (folders, label files) and knows nothing of shards and digests.

* `list_corpus`: list a corpus now and return its index.
* `find_recordings`: what an adapter finds, checked, without a file being written.
* `adapter_names`: the adapters there are.
"""

import contextlib
import hashlib
import importlib
import itertools
import json
import operator
import os
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dawnchorus.corpora import (
    adapters,
    audio_files,
    class_names,
    event_times,
    source_table,
    tables,
)
from dawnchorus.corpora.tables import Found, Recording
from dawnchorus.formats import parquet
from dawnchorus.formats.annotation import Mark
from dawnchorus.formats.event import BANDS, EVENTS, PLACES, Event, checked_events, places_path
from dawnchorus.formats.label_sheet import examples
from dawnchorus.runtime import artefacts, hashes

_MEMORY = ".tables"  # its name, beside the index of the corpus

Rows = Sequence[tuple[str, ...]]


class _Stored(NamedTuple):
    """Tables of a corpus: digest of the rows and SHA-256 of the file, by path below its folder."""

    folder: Path
    before: Mapping[str, list[str]]
    now: dict[str, list[str]]


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
        where recordings are, and that table is written only where there is none.

    Returns
    -------
    dict
        ``shards`` (name to digest, number of recordings and bytes of their files), ``labels``,
        ``excluded`` and ``names`` (digests), ``recordings`` (count), ``all`` and ``subsets`` (see
        `tables.subset_counts`) and ``notes``; ``events`` (digest) only where the corpus has strong
        labels, ``label_rows`` (``columns`` and digest) only where a submission can repeat its label
        files, ``sources`` (digest) only where a table says what recordings are composed of.

    Raises
    ------
    ValueError
        Where the adapter refuses what it reads, or nothing is left.
    """
    found = find_recordings(name, settings)
    recordings = found.recordings
    folder = tables.folder_of(results, name)
    taken, excluded = {recording.id for recording in recordings}, []
    for identifier, *about in sorted(found.excluded):
        # an id of its own: two odd names may be escaped alike
        names = (f"{identifier} ({number})" for number in itertools.count(2))
        own = next(one for one in itertools.chain([identifier], names) if one not in taken)
        taken.add(own)
        excluded.append((own, *about))
    digests = [recording.sha256 for recording in recordings]
    if settings["fingerprint"] != "stat" and not all(digests):
        paths, states = [row.path for row in recordings], [row.state for row in recordings]
        digests = audio_files.content_hashes(paths, states, cache or folder / hashes.CACHE)
    stored = _Stored(folder, {}, {})  # without memory every table is read, and what is sound stays
    with contextlib.suppress(OSError, ValueError, TypeError):
        stored = stored._replace(before=dict(json.loads((folder / _MEMORY).read_bytes())))

    def write(columns: Sequence[str], rows: Rows, path_of: Callable[..., Path]) -> str:
        digest = tables.digest_of(parquet.csv_text(columns, rows))
        _store(path_of(results, name, digest), columns, rows, digest, stored)
        return digest

    labels = [
        (row.id, row.data_set, row.group, row.recordist, row.fold, row.split,
         "1" if row.labelled else "0", row.labels, row.background, row.media_id)
        for row in recordings
    ]  # fmt: skip
    index = {
        "shards": _write_listings(name, recordings, digests, settings, results, has_lock, stored),
        "labels": write(tables.LABELS, labels, tables.labels_path),
        "excluded": write(tables.EXCLUDED, sorted(excluded), tables.excluded_path),
        # what files are called stands in tables for other programs and decides nothing
        "names": write(
            tables.NAMES, [(r.id, os.path.basename(r.path)) for r in recordings], tables.names_path
        ),
        "recordings": len(recordings),
        **tables.subset_counts(recordings),
        "notes": [*found.notes, *_duplicate_notes(recordings, digests)],
    }
    if found.events is not None:
        columns, rows, marked = _event_rows(name, found)
        index["events"] = write(columns, rows, tables.events_path)
        places = places_path(tables.events_path(results, name, index["events"]))
        if found.marks and (has_lock or not places.exists()):
            _store(places, PLACES, marked, None, stored)
    if about := settings.get("source_table"):
        rows, notes = source_table.source_rows(about, recordings)
        index["sources"] = write(source_table.SOURCES, rows, source_table.sources_path)
        index["notes"] += notes
    if found.label_rows is not None:
        digest = write(tables.LABEL_ROWS, found.label_rows.rows, tables.label_rows_path)
        index["label_rows"] = {"columns": list(found.label_rows.columns), "digest": digest}
    written = {folder / _MEMORY: stored.now, tables.index_path(results, name): index}
    for path, value in written.items():
        content = artefacts.canonical_json(value).encode()
        if not audio_files.has_content(path, content):  # a dry run with nothing new changes no file
            artefacts.write_bytes(path, content)
    return index


def find_recordings(name: str, settings: Mapping) -> Found:
    """Return what the adapter of a corpus finds, recordings in the order of their ids.

    Parameters
    ----------
    name, settings
        As `list_corpus` has them.

    Raises
    ------
    ValueError
        Where the adapter refuses what it reads, or nothing is left.
    """
    known = adapter_names()
    if settings["adapter"] not in known:
        raise ValueError(
            f"corpus {name!r} has adapter {settings['adapter']!r}, expected one of "
            f"{', '.join(known)}"
        )
    # by name, so that the code digest of whoever lists does not hold every adapter's code
    adapter = importlib.import_module(f"dawnchorus.corpora.adapters.{settings['adapter']}")
    found = adapter.recordings(settings)
    if not found.recordings:
        raise ValueError(
            f"corpus {name!r} has no recordings; {len(found.excluded)} were excluded: "
            f"{'; '.join([examples([row[0] for row in found.excluded]) or 'none', *found.notes])}"
        )
    try:
        if names := settings.get("rename_classes"):
            found = class_names.renamed(found, names)
        if found.events is not None:
            given = [Event(*one) for one in found.events]
            # whatever the adapter has left of those that no recording can have
            marks, notes = event_times.usable((Mark(one, None, one.id) for one in given), settings)
            if notes:
                kept = {(mark.event.id, mark.event.label) for mark in marks}
                # a class whose events were all dropped in a recording is none of its classes
                lost = {(one.id, one.label) for one in given} - kept
                rows = [
                    row._replace(
                        labels=tables.SEPARATOR.join(
                            label
                            for label in row.labels.split(tables.SEPARATOR)
                            if (row.id, label) not in lost
                        )
                    )
                    for row in found.recordings
                ]
                events = [mark.event for mark in marks]
                notes = [*found.notes, *notes]
                found = found._replace(recordings=rows, events=events, notes=notes)
        odd = class_names.name_notes(found.recordings, settings.get("strict_names", False))
    except ValueError as error:
        raise ValueError(f"corpus {name!r}: {error}") from None
    recordings = sorted(found.recordings, key=operator.attrgetter("id"))
    for first, second in itertools.pairwise(recordings):
        if first.id == second.id:
            raise ValueError(
                f"corpus {name!r} has id {first.id!r} twice: {first.path!r} and {second.path!r}"
            )
    return found._replace(recordings=recordings, notes=[*found.notes, *odd])


def _event_rows(name: str, found: Found) -> tuple[Sequence[str], Rows, Rows]:
    """Return columns and rows of the events, in their order, and the place of each.

    There are frequencies where an annotation has some.
    """
    events = checked_events(found.events)
    if strangers := sorted({one.id for one in events} - {row.id for row in found.recordings}):
        raise ValueError(f"corpus {name!r} has events of no recording of it: {examples(strangers)}")
    # of an event that was merged, the mark of its first part
    first: dict[tuple[str, float, str], Mark] = {}
    for mark in found.marks:
        first.setdefault((mark.event.id, mark.event.onset_s, mark.event.label), mark)
    unknown = Mark(Event("", 0.0, 0.0, ""), None, "")
    marks = [first.get((one.id, one.onset_s, one.label), unknown) for one in events]
    places = [(mark.place,) for mark in marks]
    # repr keeps every digit of a time
    rows = [(one.id, repr(one.onset_s), repr(one.offset_s), one.label) for one in events]
    if all(mark.band is None for mark in marks):
        return EVENTS, rows, places
    bands = [mark.band or (None, None) for mark in marks]
    # what is not known is no bound
    wide = [
        (*row, repr(float(low or 0)), repr(float("inf" if high is None else high)))
        for row, (low, high) in zip(rows, bands, strict=True)
    ]
    return (*EVENTS, *BANDS), wide, places


def _store(
    path: Path, columns: Sequence[str], rows: Rows, digest: str | None, stored: _Stored
) -> None:
    """Write a table unless the file holds these rows already."""
    digest = digest or tables.digest_of(parquet.csv_text(columns, rows))
    key = str(path.relative_to(stored.folder))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    if not sha256 or stored.before.get(key) != [digest, sha256]:
        try:
            is_sound = bool(sha256) and tables.digest_in(path) == digest
        except ValueError:
            is_sound = False
        if not is_sound:
            tables.write_rows(path, columns, rows)
            sha256 = artefacts.sha256(path)
    stored.now[key] = [digest, sha256]


def _write_listings(
    name: str,
    recordings: Sequence[Recording],
    digests: Sequence[str],
    settings: Mapping,
    results: str | Path,
    has_lock: bool,
    stored: _Stored,
) -> dict[str, dict]:
    """Write listing and places of each shard; return what the index says of the shards."""
    n_shards, is_stat = int(settings["shards"]), settings["fingerprint"] == "stat"
    shards: dict[str, list[tuple[Recording, str]]] = {}
    for row, sha256 in zip(recordings, digests, strict=True):
        shards.setdefault(tables.shard_of(row.id, n_shards), []).append((row, sha256))
    index = {}
    for shard, members in sorted(shards.items()):
        rows = []
        for row, sha256 in members:
            size, modified_ns, _ = row.state.split(" ") if row.state else ("0", "", "")
            # whole seconds: programs that move files keep no more of a time
            modified = str(int(modified_ns) // 10**9) if is_stat and modified_ns else ""
            # all that decides the samples of a recording, which its path does not
            extension = os.path.splitext(row.path)[1][1:].lower()
            rows.append((row.id, extension, size, modified, sha256))
        digest = tables.digest_of(parquet.csv_text(tables.LISTING, rows))
        path = tables.listing_path(results, name, shard, digest)
        # places first: a process that finds the listing then finds them, too
        places = tables.places_path(path)
        if has_lock or not places.exists():
            lying = [(row.id, row.path) for row, _ in members]
            _store(places, tables.PLACES, lying, None, stored)
        _store(path, tables.LISTING, rows, digest, stored)
        n_bytes = sum(int(size) for _, _, size, _, _ in rows)
        index[shard] = {"digest": digest, "recordings": len(rows), "bytes": n_bytes}
    return index


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
        f"{examples([' = '.join(ids) for ids in differing])}"
    ]
