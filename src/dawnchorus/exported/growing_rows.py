"""An array of rows that grows: in memory while it is small, then in a temporary file.

The spectrogram of a recording of hours takes more memory than a laptop has to spare, and some
frontends need all of it before the first window can be cut.

* `GrowingRows`: rows are appended; at the end it is an array, or `StoredRows`.
* `StoredRows`: rows in a file, read where they are sliced.
"""

import os
import tempfile
import weakref
from collections.abc import Sequence

import numpy as np

HELD_BYTES = 64 << 20  # in memory
_ROWS_READ = 4096  # of which some columns are wanted


class GrowingRows:
    """Rows of one shape and type, appended block by block.

    Parameters
    ----------
    row_shape : sequence of int
        Shape of one row.
    dtype : numpy type
    """

    def __init__(self, row_shape: Sequence[int], dtype):
        self._shape, self._dtype = tuple(row_shape), np.dtype(dtype)
        self._blocks: list[np.ndarray] = []
        self._n_bytes = 0
        self._stored: StoredRows | None = None

    def append(self, block: np.ndarray) -> None:
        """Take rows, shape (n, *row_shape); they may be changed afterwards."""
        self._blocks.append(np.array(block, self._dtype))
        self._n_bytes += self._blocks[-1].nbytes
        if self._n_bytes > HELD_BYTES:
            self._stored = self._stored or StoredRows(self._shape, self._dtype)
            for held in self._blocks:
                self._stored.append(held)
            self._blocks, self._n_bytes = [], 0

    def finish(self) -> "np.ndarray | StoredRows":
        """Return all rows."""
        if self._stored is None:
            empty = np.empty((0, *self._shape), self._dtype)
            return np.concatenate([empty, *self._blocks])
        for held in self._blocks:
            self._stored.append(held)
        return self._stored


class _Unnamed:
    """A temporary file without a name, closed with the last reference to this object."""

    def __init__(self):
        with tempfile.TemporaryFile(buffering=0) as file:
            self.descriptor = os.dup(file.fileno())
        weakref.finalize(self, os.close, self.descriptor)


class StoredRows:
    """Rows in a temporary file without a name, which is gone with the last reference to it.

    Reading, unlike mapping, leaves nothing in the memory of the process. Slices of rows are read and
    written, a slice of rows and one of columns, single rows, and rows by their numbers.
    """

    def __init__(self, row_shape: tuple[int, ...], dtype: np.dtype):
        self._file = _Unnamed()
        self._row_shape, self.dtype = row_shape, dtype
        self._row_bytes = dtype.itemsize * int(np.prod(row_shape))
        self._n = 0

    def __len__(self) -> int:
        return self._n

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, and the shape of each."""
        return (self._n, *self._row_shape)

    def append(self, rows: np.ndarray) -> None:
        """Take rows, shape (n, *row_shape)."""
        self._write(self._n, rows)
        self._n += len(rows)

    def __getitem__(self, key) -> np.ndarray:
        if isinstance(key, tuple):
            rows, columns = key
            first, stop, _ = rows.indices(self._n)
            steps = range(first, stop, _ROWS_READ)
            return np.concatenate(
                [self._read(a, min(a + _ROWS_READ, stop))[:, columns] for a in steps]
            )
        if isinstance(key, slice):
            first, stop, step = key.indices(self._n)
            if step != 1:
                raise ValueError(f"received a slice of step {step}; expected whole runs of rows")
            return self._read(first, max(first, stop))
        if np.ndim(key) == 0:
            return self._read(int(key), int(key) + 1)[0]
        # runs of neighbours: columns that a mask has left are mostly such
        numbers = np.asarray(key)
        runs = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)
        empty = np.empty((0, *self._row_shape), self.dtype)
        return np.concatenate([empty, *(self._read(r[0], r[-1] + 1) for r in runs if len(r))])

    def __setitem__(self, key: slice, rows: np.ndarray) -> None:
        first, stop, _ = key.indices(self._n)
        self._write(first, np.broadcast_to(rows, (stop - first, *self._row_shape)))

    def part(self, first: int, stop: int) -> "StoredRows":
        """Return rows ``first`` to ``stop`` of the same file, counted from 0."""
        found = object.__new__(StoredRows)
        found.__dict__ |= self.__dict__
        found._n, found._first = stop - first, self._first + first
        return found

    _first = 0  # row of the file that is row 0 here

    def _read(self, first: int, stop: int) -> np.ndarray:
        rows = np.empty((max(0, stop - first), *self._row_shape), self.dtype)
        waiting = _bytes_of(rows)
        place = (self._first + first) * self._row_bytes
        while waiting.nbytes:
            n = os.preadv(self._file.descriptor, [waiting], place)
            if n == 0:
                raise OSError("a temporary file ends early; is the disk of temporary files sound?")
            waiting, place = waiting[n:], place + n
        return rows

    def _write(self, first: int, rows: np.ndarray) -> None:
        waiting = _bytes_of(np.ascontiguousarray(rows, self.dtype))
        place = (self._first + first) * self._row_bytes
        while waiting.nbytes:
            n = os.pwrite(self._file.descriptor, waiting, place)
            waiting, place = waiting[n:], place + n


def _bytes_of(rows: np.ndarray) -> memoryview:
    # by way of an array of bytes: a view of records cannot be cast
    return memoryview(rows.reshape(-1).view(np.uint8))
