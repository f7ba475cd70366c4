"""Detections in memory, and as blocks of a table.

A block is a table of detections (`dawnchorus.exported.detections`) of `BLOCK` rows: what is written in
blocks takes the memory of one, and equal rows give equal files, however they came.

* `ROW`: a detection of a recording, which is named beside it.
* `blocks_of`: detections of recordings as blocks.
* `read_blocks`, `joined`: tables as blocks.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dawnchorus.exported import detections
from dawnchorus.exported.growing_rows import StoredRows
from dawnchorus.formats import recording_times

if TYPE_CHECKING:
    import pyarrow

# a table of pyarrow takes several times as much
ROW = np.dtype([("onset", "f8"), ("offset", "f8"), ("class", "i4"), ("score", "f4")])
BLOCK = 1 << 16
# columns of the table of recordings beside detections: length [s], and why there are no scores
RECORDINGS = ("file", "duration", "fault")


def blocks_of(
    files: Iterable[tuple[str, "np.ndarray | StoredRows"]],
    class_names: Sequence[str],
    model: str,
    calibration: str,
) -> Iterator["pyarrow.Table"]:
    """Yield the rows of recordings as tables of detections of `BLOCK` rows, the last of fewer.

    Parameters
    ----------
    files : iterable of (path, array of `ROW`)
    class_names : sequence of str
    model, calibration : str
        What the rows say of them; see `dawnchorus.exported.detections`.
    """
    held: list[tuple[str, np.ndarray]] = []
    n_held = 0
    for file, rows in files:
        first = 0
        while first < len(rows):
            part = rows[first : first + BLOCK - n_held]
            held.append((file, part))
            n_held, first = n_held + len(part), first + len(part)
            if n_held == BLOCK:
                yield _table(held, class_names, model, calibration)
                held, n_held = [], 0
    if held:
        yield _table(held, class_names, model, calibration)


def read_blocks(path: str | os.PathLike) -> Iterator["pyarrow.Table"]:
    """Yield the rows of a table of detections in Parquet, as many as are in a group of it at a time."""
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number).replace_schema_metadata(None)


def joined(tables: Iterable["pyarrow.Table"]) -> Iterator["pyarrow.Table"]:
    """Yield the rows of tables as tables of `BLOCK` rows, so that equal rows give equal files."""
    import pyarrow

    held, n_held = [], 0
    for table in tables:
        while n_held + table.num_rows >= BLOCK:
            held.append(table.slice(0, BLOCK - n_held))
            table = table.slice(BLOCK - n_held)
            yield pyarrow.concat_tables(held).combine_chunks()
            held, n_held = [], 0
        if table.num_rows:
            held.append(table)
            n_held += table.num_rows
    if held:
        yield pyarrow.concat_tables(held).combine_chunks()


def _table(
    held: Sequence[tuple[str, np.ndarray]], class_names: Sequence[str], model: str, calibration: str
) -> "pyarrow.Table":
    import pyarrow

    rows = np.concatenate([part for _, part in held])
    file = pyarrow.DictionaryArray.from_arrays(
        np.repeat(np.arange(len(held)), [len(part) for _, part in held]),
        [os.fspath(name) for name, _ in held],
    )
    times: list[str | None] = []
    for name, part in held:
        start = recording_times.start_of(name)
        # most names tell no time, and an absent one is told apart from any text
        times += [
            None if start is None else recording_times.time_text(start, onset_s)
            for onset_s in part["onset"].tolist()
        ]
    names = pyarrow.DictionaryArray.from_arrays(rows["class"], list(class_names))
    columns = {
        "file": file.cast(pyarrow.string()),
        "onset": rows["onset"],
        "offset": rows["offset"],
        "class": names.cast(pyarrow.string()),
        "score": rows["score"],
        "model": pyarrow.repeat(pyarrow.scalar(model), len(rows)),
        "time": pyarrow.array(times, pyarrow.string()),
        "calibration": pyarrow.repeat(pyarrow.scalar(calibration), len(rows)),
    }
    return detections.table_of(columns)
