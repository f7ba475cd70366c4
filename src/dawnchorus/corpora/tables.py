"""What a listed corpus holds, as every later step reads it.

Listings, labels and the index of a corpus are tables named by the digest of their bytes, so a job
that was given a digest reads exactly what the run was planned with. Recordings are always in the
order of their ids. Where the recordings lie is in none of them, see `dawnchorus.corpora.places`.

* `Recording`, `Found`: what an adapter hands over (see `catalog`).
* `shard_of`: the shard a recording belongs to, for ever.
* `listing_path`, `labels_path`, `excluded_path`, `events_path`, `names_path`, `label_rows_path`,
  `index_path`: where the tables lie.
* `read_index`, `read_listing`, `read_labels`, `read_names`, `read_label_rows`: the tables.
* `select`: the recordings of a subset.
* `duplicates`: recordings with the same content.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

LISTING = ("id", "extension", "bytes", "modified", "sha256")
LABELS = (
    "id", "data_set", "group", "recordist", "fold", "split", "labelled", "labels", "background",
    "media_id",
)  # fmt: skip
EXCLUDED = ("id", "code", "detail")
NAMES = ("id", "name")
LABEL_ROWS = ("id", "itemid")
SEPARATOR = ";"  # between the class names of a recording


class Recording(NamedTuple):
    """One recording as an adapter found it.

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
    """What a submission repeats of label files: their columns, and id and itemid of each row."""

    columns: list[str]
    rows: Sequence[tuple[str, str]]


class Found(NamedTuple):
    """What an adapter found: recordings, exclusions (id, code, detail) and one-line notes.

    A detail names no path or file: equal recordings give equal tables, wherever they lie.

    ``events`` are those of the recordings, each a `dawnchorus.formats.event.Event`; None where
    the corpus has no truth of when something sounds. An empty list says that nothing does.
    """

    recordings: list[Recording]
    excluded: list[tuple[str, str, str]]
    notes: list[str]
    events: Sequence[tuple[str, float, float, str]] | None = None
    label_rows: LabelRows | None = None


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
    """One recording's truth and origin.

    ``labelled`` False: the truth is unknown. ``labelled`` True with no ``labels``: none of the
    classes. An empty ``group``: the recording is its own group. ``labels`` are the classes that a
    recording is of; ``background`` those that are heard behind them, which may be of no class that
    is trained. ``media_id`` is what a challenge calls the recording.
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
    """Return the digest that names a table: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(content).hexdigest()[:16]


def folder_of(results: str | Path, corpus: str) -> Path:
    """Return the folder of a corpus below the results folder."""
    return Path(results) / "corpora" / corpus


def listing_path(results: str | Path, corpus: str, shard: str, digest: str) -> Path:
    """Return where the listing of a shard with this digest lies."""
    return folder_of(results, corpus) / "listings" / f"{shard}-{digest}.csv"


def labels_path(results: str | Path, corpus: str, digest: str) -> Path:
    """Return where the labels of a corpus with this digest lie."""
    return folder_of(results, corpus) / f"labels-{digest}.csv"


def excluded_path(results: str | Path, corpus: str, digest: str) -> Path:
    """Return where the exclusions at listing with this digest lie."""
    return folder_of(results, corpus) / f"excluded-{digest}.csv"


def events_path(results: str | Path, corpus: str, digest: str) -> Path:
    """Return where the events of a corpus with this digest lie.

    Their digest is ``events`` of the index, which corpora without a truth of events do not have;
    `dawnchorus.formats.event.read_events` reads them.
    """
    return folder_of(results, corpus) / f"events-{digest}.csv"


def names_path(results: str | Path, corpus: str, digest: str) -> Path:
    """Return where the file names of a corpus with this digest lie."""
    return folder_of(results, corpus) / f"names-{digest}.csv"


def label_rows_path(results: str | Path, corpus: str, digest: str) -> Path:
    """Return where the order of a corpus' label files with this digest lies.

    Their digest is in ``label_rows`` of the index, which only corpora have whose label files a
    submission can repeat.
    """
    return folder_of(results, corpus) / f"label-rows-{digest}.csv"


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
        Where the bytes have another digest or the columns are not those of a listing.
    """
    return [
        Listed(name, extension, int(n_bytes or 0), modified, sha256)
        for name, extension, n_bytes, modified, sha256 in _rows(path, LISTING, digest)
    ]


def read_labels(path: str | Path, digest: str | None = None) -> list[Labelled]:
    """Read the labels of a corpus, in the order of the ids; see `read_listing` for ``digest``.

    Raises
    ------
    ValueError
        Where the bytes have another digest or the columns are not those of a labels table.
    """
    return [
        Labelled(name, data_set, group, fold, split, known == "1", _names(labels), recordist,
                 _names(background), media_id)
        for name, data_set, group, recordist, fold, split, known, labels, background, media_id
        in _rows(path, LABELS, digest)
    ]  # fmt: skip


def read_names(path: str | Path) -> dict[str, str]:
    """Return the file name of each recording of a corpus, without folders, by id."""
    return dict(_rows(path, NAMES, None))


def read_label_rows(path: str | Path) -> list[tuple[str, str]]:
    """Return id and itemid of each row of a corpus' label files, in their order."""
    return [(name, item) for name, item in _rows(path, LABEL_ROWS, None)]


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
        splits = sorted({recording.split for recording in labels} - {""})
        raise ValueError(f"no recording is in split {subset!r}; there are {splits or 'no splits'}")
    return chosen


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


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(SEPARATOR)) if text else ()


def _rows(path: str | Path, columns: Sequence[str], digest: str | None) -> list[list[str]]:
    content = Path(path).read_bytes()
    if digest is not None and digest_of(content) != digest:
        raise ValueError(
            f"{path} has digest {digest_of(content)}, expected {digest}; it was changed after it "
            "was listed: delete it and start the workflow again"
        )
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    if not rows or rows[0] != list(columns):
        raise ValueError(f"{path} has columns {rows[:1]}, expected {list(columns)}")
    return rows[1:]
