"""Recordings, classes, segments and downloads as one SQLite file, for people and other programs.

The file is made of tables that rules have written, and is read by no rule: what it says is said there.
With equal tables and one version of SQLite its bytes are equal.

* `write_database`: tables to a database.
* `segments`: segments of a database, as rows.
* `SCHEMA`: its tables.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dawnchorus.corpora import tables
from dawnchorus.formats import parquet
from dawnchorus.runtime import artefacts

# of a download, beside what became of it
_DESCRIBED = (
    "country", "latitude_deg", "longitude_deg", "date", "time", "type", "quality", "length_s",
    "licence", "url",
)  # fmt: skip
SCHEMA = """
CREATE TABLE taxonomy (
    id INTEGER PRIMARY KEY, class TEXT NOT NULL UNIQUE, genus TEXT, species TEXT, family TEXT,
    english TEXT
);
CREATE TABLE recordings (
    id INTEGER PRIMARY KEY, corpus TEXT NOT NULL, recording TEXT NOT NULL, labelled INTEGER NOT NULL,
    recordist TEXT NOT NULL, "group" TEXT NOT NULL, subset TEXT NOT NULL, UNIQUE (corpus, recording)
);
CREATE TABLE recording_classes (
    recording_id INTEGER NOT NULL REFERENCES recordings, taxonomy_id INTEGER NOT NULL REFERENCES taxonomy,
    role TEXT NOT NULL CHECK (role IN ('primary', 'background')),
    PRIMARY KEY (recording_id, taxonomy_id, role)
) WITHOUT ROWID;
CREATE TABLE segments (
    id INTEGER PRIMARY KEY, recording_id INTEGER NOT NULL REFERENCES recordings, start_s REAL NOT NULL,
    stop_s REAL NOT NULL, kind TEXT NOT NULL, rule TEXT NOT NULL, stage TEXT NOT NULL,
    parameters TEXT NOT NULL
);
CREATE TABLE downloads (
    corpus TEXT NOT NULL, number INTEGER NOT NULL, recording_id INTEGER REFERENCES recordings,
    status TEXT NOT NULL, detail TEXT NOT NULL, file TEXT NOT NULL, sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL, country TEXT, latitude_deg REAL, longitude_deg REAL, date TEXT, time TEXT,
    type TEXT, quality TEXT, length_s REAL, licence TEXT, url TEXT, PRIMARY KEY (corpus, number)
) WITHOUT ROWID;
CREATE INDEX segments_of_recordings ON segments (recording_id, start_s);
"""


def write_database(
    labels: Mapping[str, str | Path],
    segments_of: Mapping[str, str | Path],
    downloads_of: Mapping[str, str | Path],
    output: str | Path,
) -> None:
    """Write a database.

    Parameters
    ----------
    labels : mapping of corpus to path
        Label tables.
    segments_of : mapping of stage to path
        As `dawnchorus.segments.segment_table` writes them.
    downloads_of : mapping of corpus to path
        What became of downloads, of corpora that were downloaded.
    output : path
    """
    labelled = {
        corpus: tables.read_labels(path, tables.digest_in(path)) for corpus, path in labels.items()
    }
    downloads = {corpus: parquet.read_columns(path) for corpus, path in downloads_of.items()}
    known = {
        label: (family, english)
        for found in downloads.values()
        for label, family, english in zip(
            found["label"], found["family"], found["english"], strict=True
        )
    }
    names = {
        name
        for rows in labelled.values()
        for row in rows
        for name in (*row.labels, *row.background)
    }
    classes = {name: number for number, name in enumerate(sorted(names | set(known)), 1)}
    ids: dict[tuple[str, str], int] = {}
    with (
        artefacts.writing(output, check=check, rows=sum(map(len, labelled.values()))) as temporary,
        contextlib.closing(sqlite3.connect(temporary)) as database,
    ):
        # nobody else has the file, and it is written whole or not at all
        database.executescript(f"PRAGMA journal_mode = OFF; PRAGMA page_size = 4096; {SCHEMA}")
        for name, number in classes.items():
            genus, _, species = name.partition(" ")
            row = (number, name, genus, species, *known.get(name, ("", "")))
            database.execute("INSERT INTO taxonomy VALUES (?, ?, ?, ?, ?, ?)", row)
        for corpus, rows in sorted(labelled.items()):
            for one in rows:
                key = ids[corpus, one.id] = len(ids) + 1
                row = (
                    key, corpus, one.id, int(one.labelled), one.recordist, one.group, one.split,
                )  # fmt: skip
                database.execute("INSERT INTO recordings VALUES (?, ?, ?, ?, ?, ?, ?)", row)
                heard = [(key, classes[name], "primary") for name in one.labels]
                heard += [(key, classes[name], "background") for name in one.background]
                database.executemany("INSERT INTO recording_classes VALUES (?, ?, ?)", heard)
        for stage, path in sorted(segments_of.items()):
            found = parquet.read_columns(path)
            columns = (found[key] for key in ("start_s", "stop_s", "kind", "rule", "parameters"))
            keys = map(ids.get, zip(found["corpus"], found["recording"], strict=True))
            database.executemany(
                "INSERT INTO segments (recording_id, start_s, stop_s, kind, rule, parameters, stage) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                ((*row, stage) for row in zip(keys, *columns, strict=True)),
            )
        for corpus, found in sorted(downloads.items()):
            for row in zip(*(found[key] for key in _OF_DOWNLOADS), strict=True):
                key = ids.get((corpus, f"XC{row[0]}"))
                values = (corpus, int(row[0]), key, *(None if v == "" else v for v in row[1:]))
                filled = [v if v is not None or n > 7 else "" for n, v in enumerate(values)]
                filled[2] = key
                database.execute(f"INSERT INTO downloads VALUES ({'?, ' * 17}?)", filled)
        database.commit()
        database.execute("VACUUM")


_OF_DOWNLOADS = ("number", "status", "detail", "file", "sha256", "bytes", *_DESCRIBED)


def check(path: str | Path) -> None:
    """Raise an OSError where SQLite finds a file damaged, or a row that leads nowhere."""
    with _opened(path) as database:
        said = database.execute("PRAGMA integrity_check").fetchone()[0]
        lost = database.execute("PRAGMA foreign_key_check").fetchone()
    if said != "ok" or lost:
        raise OSError(f"{path} reads back damaged ({said}, {lost}); is the disk sound?")


def segments(
    path: str | Path,
    recording: str | None = None,
    class_name: str | None = None,
    kind: str | None = None,
) -> tuple[tuple[str, ...], Sequence[tuple]]:
    """Return the segments of a database: names of columns, and rows in time.

    Parameters
    ----------
    path : path
    recording, class_name, kind : str, optional
        Of this recording, of recordings of this class, of this kind alone.

    Raises
    ------
    ValueError
        Where the file is no such database, or has nothing of that name.
    """
    wanted = {"r.recording": recording, "t.class": class_name, "s.kind": kind}
    given = {column: value for column, value in wanted.items() if value is not None}
    where = " AND ".join(f"{column} = ?" for column in given) or "1"
    try:
        with _opened(path) as database:
            found = database.execute(
                "SELECT r.corpus, r.recording, group_concat(t.class, ';') AS classes, s.start_s, "
                "s.stop_s, s.kind, s.rule, s.stage FROM segments s "
                "JOIN recordings r ON r.id = s.recording_id "
                "LEFT JOIN recording_classes c ON c.recording_id = r.id AND c.role = 'primary' "
                f"LEFT JOIN taxonomy t ON t.id = c.taxonomy_id WHERE {where} "
                "GROUP BY s.id ORDER BY r.corpus, r.recording, s.stage, s.start_s, s.kind",
                list(given.values()),
            )
            columns, rows = tuple(one[0] for one in found.description), found.fetchall()
    except sqlite3.DatabaseError as error:
        raise ValueError(
            f"{path} is no database of recordings ({error}); expected a database.sqlite of the results"
        ) from None
    if not rows:
        said = ", ".join(f"{column[2:]} {value!r}" for column, value in given.items()) or "it"
        raise ValueError(f"{path} has no segment of {said}")
    return columns, rows


@contextlib.contextmanager
def _opened(path: str | Path) -> Iterator[sqlite3.Connection]:
    """Yield a database that is only read; a file that is not there is none."""
    if not Path(path).is_file():
        raise ValueError(f"{path} is no file; expected a database.sqlite of the results")
    with contextlib.closing(
        sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)
    ) as database:
        yield database
