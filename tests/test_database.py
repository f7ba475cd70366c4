"""The database of recordings, classes, segments and downloads, and the command that reads it."""

import sqlite3

import pytest

from dawnchorus.acquisition import downloads
from dawnchorus.cli import command
from dawnchorus.corpora import database, tables
from dawnchorus.formats import parquet
from dawnchorus.segments import segment_table

END = ("time", '{"reach":15}')


@pytest.fixture
def made(tmp_path):
    labels = tmp_path / "labels.parquet"
    rows = [
        ("XC12", "", "g", "Ann", "", "train", "1", "Turdus merula", "Parus major;Pica pica", "12"),
        ("XC7", "", "", "Bo", "", "", "1", "Parus major", "", "7"),
    ]
    tables.write_rows(labels, tables.LABELS, rows)
    segments = tmp_path / "segments.parquet"
    parts = [
        ("XC12", 0.5, 2.25, "signal"),
        ("XC12", 2.25, 4.0, "noise"),
        ("XC7", 0.0, 1.5, "signal"),
    ]
    parquet.write(
        segments, segment_table.SEGMENTS,
        [("birds", name, repr(a), repr(b), kind, *END) for name, a, b, kind in parts],
        {"start_s": float, "stop_s": float},
    )  # fmt: skip
    got = tmp_path / "downloads.parquet"
    known = dict.fromkeys(downloads.COLUMNS, "") | {"bytes": "0", "length_s": "0.0"}
    ok = {"status": "downloaded", "sha256": "0" * 64, "bytes": "9", "family": "Turdidae",
          "english": "Blackbird", "label": "Turdus merula"}  # fmt: skip
    found = [
        known | ok | {"number": "12", "file": "XC12.mp3", "latitude_deg": "52.5", "licence": "by"},
        known
        | {"number": "99", "status": "refused", "detail": "answers 404", "label": "Corvus corax"},
    ]
    parquet.write(
        got, downloads.COLUMNS, [tuple(one[name] for name in downloads.COLUMNS) for one in found],
        {"length_s": float, "bytes": int},
    )  # fmt: skip

    def write(name):
        path = tmp_path / name
        database.write_database({"birds": labels}, {"first": segments}, {"birds": got}, path)
        return path

    return write


def test_tables_become_a_database_whose_bytes_are_equal(made):
    path = made("one.sqlite")
    assert path.read_bytes() == made("two.sqlite").read_bytes()
    with sqlite3.connect(path) as opened:
        assert opened.execute("SELECT class, genus, family FROM taxonomy ORDER BY class").fetchall() == [
            ("Corvus corax", "Corvus", ""), ("Parus major", "Parus", ""), ("Pica pica", "Pica", ""),
            ("Turdus merula", "Turdus", "Turdidae"),
        ]  # fmt: skip
        heard = opened.execute(
            "SELECT r.recording, t.class, c.role FROM recording_classes c JOIN recordings r ON "
            "r.id = c.recording_id JOIN taxonomy t ON t.id = c.taxonomy_id ORDER BY 1, 3 DESC, 2"
        ).fetchall()
        assert heard == [
            ("XC12", "Turdus merula", "primary"), ("XC12", "Parus major", "background"),
            ("XC12", "Pica pica", "background"), ("XC7", "Parus major", "primary"),
        ]  # fmt: skip
        got = opened.execute(
            "SELECT d.number, r.recording, d.status, d.detail, d.latitude_deg, d.licence "
            "FROM downloads d LEFT JOIN recordings r ON r.id = d.recording_id ORDER BY d.number"
        ).fetchall()
        assert got == [
            (12, "XC12", "downloaded", "", 52.5, "by"), (99, None, "refused", "answers 404", None, None)
        ]  # fmt: skip


def test_the_command_prints_segments_of_a_recording_class_or_kind(made, tmp_path, capsys):
    path = made("one.sqlite")
    head = "corpus,recording,classes,start_s,stop_s,kind,rule,stage"
    one = "birds,XC12,Turdus merula,0.5,2.25,signal,time,first"
    other = "birds,XC7,Parus major,0.0,1.5,signal,time,first"
    for options, expected in (
        (["--kind", "signal"], [head, one, other]),
        (["--class", "Parus major"], [head, other]),
        (["--recording", "XC12", "--kind", "signal"], [head, one]),
    ):
        assert command.main(["segments", str(path), *options]) == 0
        assert capsys.readouterr().out.splitlines() == expected
    nothing = tmp_path / "text.sqlite"
    nothing.write_text("no database")
    for arguments, said in (
        ([str(path), "--recording", "XC1"], "has no segment of recording 'XC1'"),
        ([str(tmp_path / "none")], "is no file; expected a database.sqlite"),
        ([str(nothing)], "is no database of recordings"),
    ):
        assert command.main(["segments", *arguments]) == 2
        assert said in capsys.readouterr().err


def test_a_damaged_database_is_not_written(made, tmp_path):
    path = made("one.sqlite")
    content = bytearray(path.read_bytes())
    content[4096:4196] = b"x" * 100
    path.write_bytes(content)
    with pytest.raises((OSError, sqlite3.DatabaseError)):
        database.check(path)
