"""Tables of detections: what a model found in recordings, with times and scores.

A row is a window, a recording or a decoded event. CSV and Parquet have the same columns:

===========  ========  =========================================================================
file         string    the recording, as it was given to ``predict``
onset        float64   [s] from the start of the recording, 0 for a row of a whole recording
offset       float64   [s], above the onset; the length for a row of a whole recording
class        string
score        float32   in [0, 1]
model        string    the first 12 hexadecimal digits of the model file's SHA-256; may be empty
time         string    ISO 8601 time of the onset; null where the time of the recording is not known
calibration  string    what made the score a probability, such as ``platt``; ``none`` where it is
                       not calibrated, empty where that is not known
===========  ========  =========================================================================

``model``, ``time`` and ``calibration`` may be absent from a table that is read, and further columns are
left alone, so that tables of other programs can be used. pyarrow is imported in functions: a command that
only prints its help does not need it.

* `COLUMNS`, `schema`: the columns, as names and as an Arrow schema.
* `table_of`: a checked table from columns.
* `read`, `write`: a table as CSV or Parquet; `write_blocks` one that does not fit the memory.
* `write_csv`: blocks of a table as CSV into an open file.
"""

import csv
import difflib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dawnchorus.runtime import artefacts

if TYPE_CHECKING:
    import pyarrow

COLUMNS = ("file", "onset", "offset", "class", "score", "model", "time", "calibration")
REQUIRED = COLUMNS[:5]
ENDINGS = (".csv", ".parquet")
_ROWS = 1 << 16  # written as CSV at once


def schema() -> "pyarrow.Schema":
    """Return the Arrow schema of every table of detections."""
    import pyarrow as pa

    types = {"onset": pa.float64(), "offset": pa.float64(), "score": pa.float32()}
    return pa.schema([(name, types.get(name, pa.string())) for name in COLUMNS])


def table_of(columns: Mapping[str, Sequence], where: str = "detections") -> "pyarrow.Table":
    """Return a table from columns of equal length.

    Parameters
    ----------
    columns : mapping of str to sequence
        Of `REQUIRED`, and of the others where they are known.
    where : str
        What the table is, for errors.

    Raises
    ------
    ValueError
        Where a column is missing or a value is not what the module says.
    """
    import pyarrow as pa

    found = {name: pa.array(values) for name, values in columns.items()}
    return _checked(pa.table(found), where)


def read(path: str | os.PathLike) -> "pyarrow.Table":
    """Read a table of detections.

    Parameters
    ----------
    path : path
        A CSV or Parquet file, told apart by its first bytes, or a folder of Parquet files, which are
        joined in the order of their names.

    Returns
    -------
    pyarrow.Table
        With `schema`, in the order of the file; it may have no rows.

    Raises
    ------
    ValueError
        Where the file cannot be read, a column is missing or a value is not what the module says:
        one sentence with the file and the row, which counts from 1 without the header.
    """
    import pyarrow as pa

    if os.path.isdir(path):
        parts = sorted(Path(path).glob("*.parquet"))
        if not parts:
            raise ValueError(f"{path} is a folder without a .parquet file; expected detections")
        return pa.concat_tables([read(part) for part in parts])
    try:
        with open(path, "rb") as file:
            is_parquet = file.read(4) == b"PAR1"
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from None
    if is_parquet:
        import pyarrow.parquet

        try:
            with pyarrow.parquet.ParquetFile(path) as file:
                _check_columns(file.schema_arrow.names, path)
                table = file.read([name for name in COLUMNS if name in file.schema_arrow.names])
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"{path} cannot be read as Parquet ({_one_line(error)})") from None
        return _checked(table, str(path))
    import pyarrow.csv

    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            names = next(csv.reader(file), [])
        _check_columns(names, path)
        known = [name for name in COLUMNS if name in names]
        table = pyarrow.csv.read_csv(
            path,
            # texts, of which `_checked` makes numbers: it can name a bad row
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=known,
                column_types=dict.fromkeys(known, pa.string()),
                strings_can_be_null=False,
            ),
        )
    except (pa.ArrowException, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as CSV in UTF-8 ({_one_line(error)})") from None
    return _checked(table, str(path))


def write(path: str | os.PathLike, table: "pyarrow.Table") -> None:
    """Write a table of detections as its ending says, ``.csv`` or ``.parquet``, and read it back.

    Raises
    ------
    ValueError
        Where the ending is another one, or a value is not what the module says.
    """
    table = _checked(table, str(path))

    def check(temporary: Path) -> None:
        if not read(temporary).equals(table):
            raise OSError(f"{path} reads back other rows than were written; is the disk sound?")

    _write_blocks(path, [table], check, table.num_rows)


def write_blocks(path: str | os.PathLike, blocks: Iterable["pyarrow.Table"]) -> int:
    """Write a table that comes in blocks, each a table that `table_of` has made.

    Parameters
    ----------
    path : path
        Its ending says how, as in `write`.
    blocks : iterable of pyarrow.Table
        One is held at a time; the groups of rows of a Parquet file are the blocks.

    Returns
    -------
    int
        Number of rows.
    """
    n_rows = 0

    def counted() -> Iterator["pyarrow.Table"]:
        nonlocal n_rows
        for block in blocks:
            n_rows += block.num_rows
            yield block

    def check(temporary: Path) -> None:
        # the rows are counted, not compared: nobody holds them all
        with open(temporary, "rb") as file:
            is_parquet = file.read(4) == b"PAR1"
        if is_parquet:
            import pyarrow.parquet

            found = pyarrow.parquet.read_metadata(temporary).num_rows
            if found != n_rows:
                raise OSError(f"{path} reads back {found} of {n_rows} rows; is the disk sound?")

    _write_blocks(path, counted(), check, lambda: n_rows)
    return n_rows


def _write_blocks(path, blocks: Iterable["pyarrow.Table"], check, rows) -> None:
    """Write blocks of rows as the ending of a path says; see `artefacts.writing` for the others."""
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise ValueError(f"{path} ends in {ending!r}; expected {' or '.join(ENDINGS)}")
    with artefacts.writing(path, check=check, rows=rows) as temporary:
        if ending == ".parquet":
            import pyarrow.parquet

            with pyarrow.parquet.ParquetWriter(temporary, schema(), compression="zstd") as file:
                for block in blocks:
                    file.write_table(block)
            return
        with open(temporary, "w", newline="", encoding="utf-8") as text:
            write_csv(text, blocks)


def write_csv(text: TextIO, blocks: Iterable["pyarrow.Table"]) -> None:
    """Write blocks of rows as CSV into a file that is open without translation of line ends."""
    import pyarrow as pa

    # Python's writer: Arrow's puts every text in quotes
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for block in blocks:
        for batch in block.to_batches(max_chunksize=_ROWS):
            # as Arrow's text a float32 has its own digits, not those of a float64
            columns = [column.cast(pa.string()).to_pylist() for column in batch.columns]
            writer.writerows(zip(*columns, strict=True))


def _check_columns(names: Sequence[str], where: str | os.PathLike) -> None:
    for name in REQUIRED:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"; rename {near[0]!r}, if that is it" if near else ""
            raise ValueError(
                f"{where} has no column {name!r} of detections but {list(names)!r}; expected "
                f"{', '.join(REQUIRED)} between commas{hint}"
            )
    if repeated := [name for name in COLUMNS if list(names).count(name) > 1]:
        raise ValueError(f"{where} has column {repeated[0]!r} twice; remove or rename one")


def _checked(table: "pyarrow.Table", where: str) -> "pyarrow.Table":
    """Return a table with `schema`, or raise a ValueError that names the first bad row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    _check_columns(table.column_names, where)
    found = {}
    for field in schema():
        if field.name not in table.column_names:
            found[field.name] = pa.nulls(table.num_rows, field.type)
            continue
        column = table[field.name]
        try:
            found[field.name] = column.cast(field.type)
        except pa.ArrowException:
            # Arrow does not say which row it was: the first that is not of the type on its own
            bad = 1, str(column.type)
            for number, one in enumerate(column, 1):
                bad = number, one.as_py()
                try:
                    one.cast(field.type)
                except (pa.ArrowException, NotImplementedError):
                    break
            raise ValueError(
                f"{where}, row {bad[0]}: {field.name} is {bad[1]!r}; expected "
                f"{'a number' if pa.types.is_floating(field.type) else 'a text'}"
            ) from None
    # a CSV has no nulls, so an empty field stands for one; what else is unknown is an empty text
    times = found["time"]
    found["time"] = pc.if_else(pc.equal(times, ""), None, times)
    for name in ("model", "calibration"):
        found[name] = pc.fill_null(found[name], "")
    onset, offset, score = found["onset"], found["offset"], found["score"]
    # what is null or NaN compares as false or null, and neither passes
    tests = {
        "file": (pc.not_equal(found["file"], ""), "the name of a recording"),
        "class": (pc.not_equal(found["class"], ""), "the name of a class"),
        "onset": (pc.and_(pc.greater_equal(onset, 0), pc.is_finite(onset)), "seconds from 0"),
        "offset": (
            pc.and_(pc.greater(offset, onset), pc.is_finite(offset)),
            "seconds above the onset",
        ),
        "score": (pc.and_(pc.greater_equal(score, 0), pc.less_equal(score, 1)), "0 to 1"),
    }
    for name, (fits, expected) in tests.items():
        row = pc.index(pc.fill_null(fits, False), False).as_py()
        if row >= 0:
            raise ValueError(
                f"{where}, row {row + 1}: {name} is {found[name][row].as_py()!r}; expected {expected}"
            )
    for text in pc.unique(found["time"]).drop_null().to_pylist():
        try:
            datetime.fromisoformat(text)
        except ValueError:
            row = pc.index(found["time"], text).as_py()
            raise ValueError(
                f"{where}, row {row + 1}: time is {text!r}; expected ISO 8601 such as "
                "2024-05-01T05:30:00, or nothing"
            ) from None
    return pa.table(found, schema=schema()).combine_chunks()


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
