"""Tables as Parquet files, which pandas and most other programs read.

Tables that grow with the recordings are kept so. The digest of such a table is that of its rows as
CSV text, and not that of the file: a file names the version of pyarrow that wrote it, and an update
would give every table another name and repeat every job. With one version of pandas and pyarrow
equal rows give equal files.

pandas is imported by `write` alone: a job that reads tables loads pyarrow.

* `csv_text`: rows as text, which a digest is made of.
* `write`: write a table.
* `read_columns`: the values of a table, column by column.
* `read_rows`: its header and its rows as text.
* `records`: columns as one object per row.
* `is_parquet`: whether a file is Parquet.
* `without_pandas`: pyarrow alone, which begins sooner.
"""

import contextlib
import csv
import gc
import io
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dawnchorus.runtime import artefacts

if TYPE_CHECKING:
    from pyarrow import ChunkedArray

T = TypeVar("T")

_MAGIC = b"PAR1"  # first and last four bytes, https://parquet.apache.org/docs/file-format/


class _NoPandas:
    """Finds no pandas; see `importlib.abc.MetaPathFinder`."""

    @staticmethod
    def find_spec(name: str, *_) -> None:
        """Refuse pandas with `ModuleNotFoundError`, and leave all other modules to other finders."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not used here", name=name)


@contextlib.contextmanager
def without_pandas() -> Iterator[None]:
    """Keep pyarrow from importing pandas, in a ``with`` block or as a decorator.

    It does so with the first value that it takes, only to know whether that is a Series: half a second
    of processor time, more than the scoring of a clip. What needs pandas afterwards imports it as ever.
    """
    sys.meta_path.insert(0, _NoPandas)
    try:
        yield
    finally:
        sys.meta_path.remove(_NoPandas)


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """Return a table as CSV: UTF-8, LF, with a header."""
    lines = [",".join(columns), *map(",".join, rows)]
    text = "\n".join([*lines, ""])
    # csv looks at every character: of 100,000 rows without a quote that is a third of a second
    is_plain = text.count(",") == len(lines) * (len(columns) - 1) and text.count("\n") == len(lines)
    if not is_plain or '"' in text or "\r" in text:
        file = io.StringIO(newline="")
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])
        text = file.getvalue()
    return text.encode()


def write(
    path: str | Path,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    types: Mapping[str, type] | None = None,
) -> None:
    """Write an artefact as Parquet and read it back.

    Parameters
    ----------
    path : path
        Of the file; its ending may be any.
    columns : sequence of str
        Names of the columns.
    rows : sequence of sequences of str
        Every value as text: whole numbers and floats as Python writes them, booleans as 0 and 1.
    types : mapping of str to type, optional
        ``int``, ``float`` or ``bool`` of the columns that hold no text.
    """
    import pandas

    types, data = types or {}, {}
    for number, name in enumerate(columns):
        kind = types.get(name, str)
        values = [row[number] for row in rows]
        if kind is bool:
            values = [value == "1" for value in values]
        elif kind is not str:
            values = list(map(kind, values))
        data[name] = pandas.Series(values, dtype=kind)
    frame, expected = pandas.DataFrame(data), (list(columns), list(map(tuple, rows)))

    def same(temporary: Path) -> None:
        if read_rows(temporary) != expected:
            raise OSError(f"{path} reads back other rows than were written; is the disk sound?")

    with artefacts.writing(path, check=same, rows=len(rows)) as temporary:
        frame.to_parquet(temporary, engine="pyarrow", compression="zstd", index=False)


def read_columns(
    path: str | Path, columns: Sequence[str] | None = None, repeated: Sequence[str] = ()
) -> dict[str, list]:
    """Return the values of each column, by its name.

    Parameters
    ----------
    path : path
        A file written by `write`.
    columns : sequence of str, optional
        The columns that the table should have, and no others.
    repeated : sequence of str
        Columns of few different texts: of each text there is one object in memory.

    Raises
    ------
    ValueError
        Where the file is not Parquet or has other columns.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    os.stat(path)  # a file that is missing is no damaged one; pyarrow gives no errno
    try:
        with ParquetFile(path, read_dictionary=list(repeated)) as file:
            names = file.schema_arrow.names
            if columns is not None and names != list(columns):
                raise ValueError(f"{path} has columns {names}, expected {list(columns)}")
            # one after another: all of them as Arrow and as objects would be twice the memory
            return {name: _values(file.read([name]).column(0)) for name in names}
    except (ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise ValueError(f"{path} cannot be read as Parquet ({error})") from None


def _values(column: "ChunkedArray") -> list:
    """Return the values of a column; of each text in a dictionary there is one object.

    No conversion to NumPy: pyarrow imports pandas for it, which takes longer than what most jobs read.
    """
    from pyarrow.types import is_dictionary, is_floating

    if is_floating(column.type) and column.null_count:
        # pandas has no NaN apart from what is missing: `write` leaves a null where a number is NaN
        return [math.nan if value is None else value for value in column.to_pylist()]
    if not is_dictionary(column.type):
        return column.to_pylist()
    values: list = []
    for chunk in column.unify_dictionaries().chunks:
        texts = chunk.dictionary.to_pylist()
        values += [texts[number] for number in chunk.indices.to_pylist()]
    return values


def read_rows(path: str | Path) -> tuple[list[str], list[tuple[str, ...]]]:
    """Return the names of the columns, and the rows with every value as `write` was given it."""
    found = read_columns(path)
    for name, values in found.items():
        # a column has one type, and an empty one needs none
        if values and isinstance(values[0], bool):
            found[name] = ["1" if value else "0" for value in values]
        elif values and not isinstance(values[0], str):
            found[name] = list(map(repr, values))
    return list(found), list(zip(*found.values(), strict=True))


def records(make: Callable[..., T], columns: Iterable[list]) -> list[T]:
    """Return ``make(*row)`` for each row of some columns."""
    # Rows of text hold no cycles. Of a million new objects the garbage collector would walk through
    # all of them again and again, which takes as long as making them.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return list(map(make, *columns))
    finally:
        if was_enabled:
            gc.enable()


def is_parquet(path: str | Path) -> bool:
    """Return whether a file begins as a Parquet file does."""
    with open(path, "rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC
