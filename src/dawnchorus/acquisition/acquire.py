"""The steps of the rules that acquire a corpus, from settings to files.

* `fetch_metadata`: what xeno-canto knows of the recordings of a query.
* `choose_recordings`: those that are downloaded.
* `download_recordings`: their files, and what became of each.
"""

from collections.abc import Mapping
from pathlib import Path

from dawnchorus.acquisition import choice, downloads, metadata
from dawnchorus.acquisition.http_client import Client, Limits
from dawnchorus.formats import parquet
from dawnchorus.runtime import artefacts, logs

_TYPES = {"length_s": float}
_MIB = 1 << 20


def fetch_metadata(settings: Mapping, output: str | Path) -> None:
    """Write what xeno-canto knows of the recordings of a query, as Parquet.

    Parameters
    ----------
    settings : mapping
        ``query`` and ``access`` of a corpus of adapter ``xeno_canto``.
    """
    access = settings["access"]
    with _client(access) as client:
        texts = metadata.queries(settings["query"])
        rows = metadata.fetch(client, access["api"], texts, metadata.key_of(access))
    _write(output, metadata.COLUMNS, [tuple(map(str, row)) for row in rows])
    logs.LOG.info("%d recordings of %d queries", len(rows), len(texts))


def choose_recordings(source: str | Path, settings: Mapping, output: str | Path) -> None:
    """Write the recordings that are to be downloaded, as Parquet; see `choice.chosen`."""
    rows, target = choice.chosen(_read(source), settings, settings["seed"])
    logs.LOG.info(
        "%d recordings of %d classes, %d slices of each are aimed at",
        len(rows), len({row.label for row in rows}), target,
    )  # fmt: skip
    _write(output, metadata.COLUMNS, [tuple(map(str, row)) for row in rows])


def download_recordings(
    source: str | Path, settings: Mapping, folder: str | Path, output: str | Path
) -> None:
    """Download recordings into a folder, and write what became of each, as Parquet.

    The table stands beside the recordings as well, so that they can be taken elsewhere.
    """
    access, rows = settings["access"], _read(source)
    with _client(access) as client:
        found = downloads.download(client, rows, folder, access["most_mb"] * _MIB)
    if rows and not any(one.file for one in found):
        raise ValueError(
            f"none of {len(rows)} recordings could be downloaded: {found[0].status}, "
            f"{found[0].detail}; the others are alike or worse, see the log"
        )
    texts = downloads.table_rows(rows, found)
    _write(output, downloads.COLUMNS, texts, {"bytes": int})
    with artefacts.writing(Path(folder) / "downloads.parquet", record=False) as beside:
        beside.write_bytes(Path(output).read_bytes())


def _client(access: Mapping) -> Client:
    limits = Limits(
        access["requests_per_second"], access["most_mb_each"] * _MIB, access["seconds_each"]
    )
    return Client(access["hosts"], limits)


def _read(path: str | Path) -> list[metadata.Metadata]:
    found = parquet.read_columns(path, metadata.COLUMNS)
    return [metadata.Metadata(*row) for row in zip(*found.values(), strict=True)]


def _write(path: str | Path, columns, rows, types: Mapping = {}) -> None:
    parquet.write(path, columns, rows, _TYPES | dict(types))
