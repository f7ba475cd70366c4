"""Tables of a listed corpus, as every later step reads them.

Each is a Parquet file that is named by the digest of its rows: a job that was given a digest reads
exactly what the run was planned with. Recordings are always in the order of their ids.

No table says where recordings are, except ``.places`` beside each listing. A job repeats where a
listing's digest changes, so a folder that is moved repeats nothing. The main process replaces
``.places`` where recordings have moved. A job may read either version: it compares size and hash
of what it finds there with the listing.

* `Recording`, `Found`: what an adapter returns (see `catalog`).
* `shard_of`: the shard of a recording.
* `listing_path`, `places_path`, ..., `index_path`: paths of the tables.
* `read_index`, `read_listing`, ..., `write_rows`: reading and writing them.
* `digest_in`: the digest of a table's rows.
* `select`, `subset_counts`, `counts_of`: subsets and their counts.
* `duplicates`: recordings with the same content.
"""

import collections
import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from dawnchorus.formats import parquet
from dawnchorus.formats.annotation import Mark

LISTING = ("id", "extension", "bytes", "modified", "sha256")
LABELS = (
    "id", "data_set", "group", "recordist", "fold", "split", "labelled", "labels", "background",
    "media_id",
)  # fmt: skip
EXCLUDED = ("id", "code", "detail")
NAMES = ("id", "name")
LABEL_ROWS = ("id", "itemid")
PLACES = ("id", "path")
SEPARATOR = ";"  # between the class names of a recording
# columns that hold no text, of all tables
_TYPES = {"bytes": int, "labelled": bool}
_TYPES |= dict.fromkeys(("onset_s", "offset_s", "low_hz", "high_hz"), float)
# columns of labels with few different texts, each of which is kept in memory once
_REPEATED = ("data_set", "group", "recordist", "fold", "split", "labels", "background")


class Recording(NamedTuple):
    """One recording that an adapter found.

    ``labels`` and ``background`` hold class names joined by `SEPARATOR`; ``state`` is what
    `audio_files.state_of` says of the file; ``sha256`` is filled in by an adapter only where the
    recording is yet to be made. `Labelled` says what the others mean.
    """

    id: str
    path: str
    data_set: str = ""
    group: str = ""
    fold: str = ""
    split: str = ""
    labelled: bool = False
    labels: str = ""
    state: str = ""
    sha256: str = ""
    recordist: str = ""
    background: str = ""
    media_id: str = ""


class LabelRows(NamedTuple):
    """Label files as a submission repeats them: columns, and id and itemid of each row."""

    columns: list[str]
    rows: Sequence[tuple[str, str]]


class Found(NamedTuple):
    """Recordings that an adapter found, exclusions (id, code, detail) and one-line notes.

    A detail names no path or file: equal recordings give equal tables, wherever they lie.

    ``events`` are those of the recordings, each a `dawnchorus.formats.event.Event`; None where
    the corpus has no strong labels. An empty list means that no class is active anywhere. ``marks`` say
    where they stand in label files, and over which frequencies.
    """

    recordings: list[Recording]
    excluded: list[tuple[str, str, str]]
    notes: list[str]
    events: Sequence[tuple[str, float, float, str]] | None = None
    label_rows: LabelRows | None = None
    marks: Sequence[Mark] = ()


class Listed(NamedTuple):
    """One row of a listing: ``bytes`` is 0 and ``sha256`` empty where they are not known.

    ``extension`` is that of the file, in lower case and without its dot. ``modified`` [s since 1970]
    is known only where it takes the place of the hash (``fingerprint: stat``), else empty.
    """

    id: str
    extension: str
    bytes: int
    modified: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """Ground truth and origin of one recording.

    ``labelled`` False: the ground truth is unknown. ``labelled`` True with no ``labels``: none of the
    classes. An empty ``group``: the recording is its own group. ``labels`` are the classes that a
    recording is of; ``background`` those in the background, which may be of no class that is
    trained. ``media_id`` is the name that a challenge gives to the recording.
    """

    id: str
    data_set: str
    group: str
    fold: str
    split: str
    labelled: bool
    labels: tuple[str, ...]
    recordist: str = ""
    background: tuple[str, ...] = ()
    media_id: str = ""


def shard_of(recording_id: str, shards: int) -> str:
    """Return the name of the shard of a recording: ``000``, ``001``, ...

    The same on every machine and in every Python: it follows from the SHA-256 of the id.
    """
    digest = hashlib.sha256(recording_id.encode()).digest()
    # the first 15 hexadecimal digits as a number
    return f"{(int.from_bytes(digest[:8]) >> 4) % shards:03d}"


def digest_of(content: bytes) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a `parquet.csv_text`."""
    return hashlib.sha256(content).hexdigest()[:16]


def folder_of(results: str | Path, corpus: str) -> Path:
    """Return the folder of a corpus below the results folder."""
    return Path(results) / "corpora" / corpus


def listing_path(results: str | Path, corpus: str, shard: str, digest: str) -> Path:
    """Return where the listing of a shard with this digest lies."""
    return folder_of(results, corpus) / "listings" / f"{shard}-{digest}.parquet"


def places_path(listing: str | Path) -> Path:
    """Return where the table is that says where the recordings of a listing are."""
    # not .parquet: tables with that ending are named by their digests
    return Path(listing).with_suffix(".places")


def labels_path(results: str | Path, corpus: str, digest: str) -> Path:
    """Return where the labels of a corpus with this digest lie."""
    return folder_of(results, corpus) / f"labels-{digest}.parquet"


def excluded_path(results: str | Path, corpus: str, digest: str) -> Path:
    """Return where the exclusions at listing with this digest lie."""
    return folder_of(results, corpus) / f"excluded-{digest}.parquet"


def events_path(results: str | Path, corpus: str, digest: str) -> Path:
    """Return where the events with this digest lie, which `event.read_events` reads."""
    return folder_of(results, corpus) / f"events-{digest}.parquet"


def names_path(results: str | Path, corpus: str, digest: str) -> Path:
    """Return where the file names of a corpus with this digest lie."""
    return folder_of(results, corpus) / f"names-{digest}.parquet"


def label_rows_path(results: str | Path, corpus: str, digest: str) -> Path:
    """Return where the rows of a corpus' label files with this digest lie."""
    return folder_of(results, corpus) / f"label-rows-{digest}.parquet"


def index_path(results: str | Path, corpus: str) -> Path:
    """Return where the index of a corpus lies."""
    return folder_of(results, corpus) / "index.json"


def read_index(name: str, results: str | Path) -> dict:
    """Read the index of a corpus: shards, labels, exclusions, names, notes.

    Raises
    ------
    ValueError
        Where the corpus has not been listed yet or its index cannot be read.
    """
    path = index_path(results, name)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(
            f"corpus {name!r} is not listed: {path} is missing; the main process lists corpora, "
            "so start the workflow there first"
        ) from None
    except ValueError as error:
        raise ValueError(f"{path} is not an index ({error}); delete it to list again") from None


def write_rows(path: str | Path, columns: Sequence[str], rows: Iterable[Sequence]) -> None:
    """Write a table of values as `str` gives them; an empty number or truth is 0."""
    numbers = [i for i, name in enumerate(columns) if name in _TYPES]
    texts = [list(map(str, row)) for row in rows]
    for row, i in itertools.product(texts, numbers):
        row[i] = row[i] or "0"
    parquet.write(path, columns, texts, _TYPES)


def digest_in(path: str | Path) -> str:
    """Return the digest of the rows of a table as it is now.

    Raises
    ------
    ValueError
        Where the file is not Parquet.
    """
    return digest_of(parquet.csv_text(*parquet.read_rows(path)))


def read_listing(path: str | Path, digest: str | None = None) -> list[Listed]:
    """Read the listing of a shard.

    Parameters
    ----------
    path : path
        A file written by `dawnchorus.corpora.catalog.list_corpus`.
    digest : str, optional
        The 16 digits the caller was given; checked where present.

    Returns
    -------
    list of Listed
        In the order of the ids.

    Raises
    ------
    ValueError
        Where the rows have another digest or the columns are not those of a listing.
    """
    columns = _columns(path, LISTING, ("extension", "modified"), digest)
    return parquet.records(Listed, columns.values())


def read_places(listing: str | Path) -> dict[str, str]:
    """Return the path of each recording of a listing, by id.

    Raises
    ------
    ValueError
        Where the table is missing or damaged.
    """
    path = places_path(listing)
    try:
        columns = parquet.read_columns(path, PLACES)
    except OSError as error:
        raise ValueError(
            f"{path} cannot be read ({error.strerror}); it says where recordings are: start the "
            "workflow again, which writes it"
        ) from None
    return dict(zip(columns["id"], columns["path"], strict=True))


def read_labels(path: str | Path, digest: str | None = None) -> list[Labelled]:
    """Read the labels of a corpus, in the order of the ids; see `read_listing` for ``digest``.

    Raises
    ------
    ValueError
        Where the rows have another digest or the columns are not those of a labels table.
    """
    columns = _columns(path, LABELS, _REPEATED, digest)
    for name in ("labels", "background"):
        # recordings of equal labels share a tuple: of a million there are few different ones
        names = {text: tuple(text.split(SEPARATOR)) if text else () for text in set(columns[name])}
        columns[name] = [names[text] for text in columns[name]]
    return parquet.records(Labelled, [columns[name] for name in Labelled.__slots__])


def read_excluded(path: str | Path) -> list[tuple[str, str, str]]:
    """Return id, code and detail of each exclusion at listing, in the order of the ids."""
    return _rows(path, EXCLUDED)


def read_names(path: str | Path) -> dict[str, str]:
    """Return the file name of each recording of a corpus, without folders, by id."""
    return dict(_rows(path, NAMES))


def read_label_rows(path: str | Path) -> list[tuple[str, str]]:
    """Return id and itemid of each row of a corpus' label files, in their order."""
    return _rows(path, LABEL_ROWS)


def select(labels: Sequence[Labelled], subset: str | None) -> list[Labelled]:
    """Return the recordings whose ``split`` is ``subset``, or all of them for None.

    Raises
    ------
    ValueError
        Where no recording is in that split, naming the splits there are.
    """
    if subset is None:
        return list(labels)
    chosen = [recording for recording in labels if recording.split == subset]
    if not chosen:
        raise _no_subset(subset, {recording.split for recording in labels})
    return chosen


def counts_of(index: Mapping[str, Any], subset: str | None) -> Mapping[str, Any]:
    """Return the `subset_counts` of a subset, or of all for None, from an index; see `select`."""
    if subset is not None and subset not in index["subsets"]:
        raise _no_subset(subset, index["subsets"])
    return index["all"] if subset is None else index["subsets"][subset]


def subset_counts(recordings: Iterable[Recording | Labelled]) -> dict[str, Any]:
    """Return what the start of a run checks of a corpus and of its subsets, for the index.

    The main process checks on every start: with these counts it need not read the labels.

    Returns
    -------
    dict
        ``all`` and, by their names, ``subsets``: each with ``strong`` (recordings with strong
        labels) and, of those whose ground truth is known, ``labelled`` (count), ``groups`` and
        ``recordists`` (counts of distinct ones; an empty one counts by itself), ``folds`` (sorted
        names) and ``classes`` (recordings by class).
    """
    members: dict[str, list] = {}
    for recording in recordings:
        members.setdefault(recording.split, []).append(recording)

    def counts(chosen: list) -> dict[str, Any]:
        known = [one for one in chosen if one.labelled]
        # joined where an adapter has found them
        labels = (
            x.split(SEPARATOR) if isinstance(x, str) else x for x in (r.labels for r in known) if x
        )
        return {
            "strong": sum(one.data_set == "strong" for one in chosen),
            "labelled": len(known),
            "groups": len({one.group or f"id {one.id}" for one in known}),
            "recordists": len({one.recordist or f"id {one.id}" for one in known}),
            "folds": sorted({one.fold for one in known}),
            "classes": dict(collections.Counter(itertools.chain.from_iterable(labels))),
        }

    every = counts([one for chosen in members.values() for one in chosen])
    return {"all": every, "subsets": {name: counts(own) for name, own in members.items()}}


def duplicates(listed: Iterable[Listed]) -> list[tuple[str, ...]]:
    """Return the ids of recordings with the same content, one tuple per content.

    Recordings whose content was not hashed equal nothing. Both levels are sorted.
    """
    first: dict[str, str] = {}
    repeated: dict[str, list[str]] = {}
    for recording in listed:
        if not recording.sha256:
            continue
        known = first.setdefault(recording.sha256, recording.id)
        if known != recording.id:
            repeated.setdefault(recording.sha256, [known]).append(recording.id)
    return sorted(tuple(sorted(ids)) for ids in repeated.values())


def _no_subset(subset: str, names: Iterable[str]) -> ValueError:
    splits = sorted({*names} - {""}) or "no splits"
    return ValueError(f"no recording is in split {subset!r}; there are {splits}")


def _rows(path: str | Path, columns: Sequence[str]) -> list[tuple]:
    return list(zip(*parquet.read_columns(path, columns).values(), strict=True))


def _columns(
    path: str | Path, columns: Sequence[str], repeated: Sequence[str], digest: str | None
) -> dict[str, list]:
    if digest is not None and (found := digest_in(path)) != digest:
        raise ValueError(
            f"{path} has digest {found}, expected {digest}; it was changed after it "
            "was listed: delete it and start the workflow again"
        )
    return parquet.read_columns(path, columns, repeated)
