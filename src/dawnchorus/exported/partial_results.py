"""Detections of the recordings that are done, so that a prediction that was killed goes on.

A folder beside the output has parts: tables of detections (Parquet) of whole recordings, each with a
list of these in its metadata. A part gets its name when it is whole and on the disk, so a recording is
in one part with all its rows, or is done again.

* `PartialResults`: the folder of one prediction.
"""

import contextlib
import fcntl
import functools
import json
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dawnchorus.exported import detections
from dawnchorus.exported.detection_rows import blocks_of
from dawnchorus.runtime import artefacts

if TYPE_CHECKING:
    import numpy as np
    import pyarrow

    from dawnchorus.exported.growing_rows import StoredRows

_EVERY_S = 10.0  # a part is written after so long
_KEY = b"dawnchorus"  # of the metadata


class Done(NamedTuple):
    """A recording that is done: its part, its rows in it, and its length in seconds."""

    part: Path
    first: int
    n_rows: int
    seconds: float


class PartialResults:
    """The detections of one prediction, recording by recording; use it in a ``with`` block.

    Parameters
    ----------
    folder : path
        Made where it is missing.
    about : mapping
        What decides the rows, beside the recordings; JSON.
    class_names : sequence of str
    model, calibration : str
        What the rows say of the model and of their scores.

    Raises
    ------
    ValueError
        Where the folder is in use, or has results of another model, of other options or with other
        columns.
    """

    def __init__(
        self,
        folder: str | Path,
        about: Mapping,
        class_names: Sequence[str],
        model: str,
        calibration: str,
    ):
        # parts of an older version may lack a column, and parts are joined without reading them anew
        columns = {"columns": detections.COLUMNS}
        self._folder, self._about = Path(folder), json.loads(json.dumps({**about, **columns}))
        self._said = list(class_names), model, calibration
        self._waiting: list[tuple] = []  # file, state, seconds, rows
        self._written_s = time.monotonic()
        self.done: dict[tuple[str, str], Done] = {}

    def __enter__(self) -> "PartialResults":
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = open(self._folder / "lock", "w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for part in sorted(self._folder.glob("*.parquet")):
                self._add(part)
        except BlockingIOError:
            self._lock.close()
            raise ValueError(
                f"{self._folder} is in use by another prediction; wait for it, or choose another "
                "output"
            ) from None
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(self, kind, *_) -> None:
        try:
            # told to stop: what is whole is kept
            if kind is None or issubclass(kind, KeyboardInterrupt):
                self.write_part()
        finally:
            self._lock.close()

    def keep(self, file: str, state: str, seconds: float, rows: "np.ndarray | StoredRows") -> None:
        """Take the detections of a recording.

        Parameters
        ----------
        file, state : str
            Its path, and what tells whether the file is another now.
        seconds : float
            Length.
        rows : array of `dawnchorus.exported.detection_rows.ROW`
        """
        self._waiting.append((file, state, seconds, rows))
        if time.monotonic() - self._written_s > _EVERY_S:
            self.write_part()

    def write_part(self) -> None:
        """Write what was taken since the last part."""
        self._written_s = time.monotonic()
        if not self._waiting:
            return
        import pyarrow.parquet

        files = [[file, state, s, len(rows)] for file, state, s, rows in self._waiting]
        path = self._folder / f"{len(list(self._folder.glob('*.parquet'))):06d}.parquet"
        with artefacts.writing(path, record=False) as temporary:
            with pyarrow.parquet.ParquetWriter(temporary, detections.schema()) as writer:
                pairs = [(file, rows) for file, _, _, rows in self._waiting]
                for block in blocks_of(pairs, *self._said):
                    writer.write_table(block)
                about = json.dumps({"about": self._about, "files": files})
                writer.add_key_value_metadata({_KEY: about.encode()})
        self._waiting = []
        self._add(path)

    def _add(self, path: Path) -> None:
        """Add the recordings of a part to those that are done."""
        import pyarrow.parquet

        metadata = pyarrow.parquet.read_metadata(path).metadata or {}
        content = json.loads(metadata.get(_KEY, b"{}"))
        if content.get("about") != self._about:
            raise ValueError(
                f"{self._folder} has results of another model, of other options or of another version; "
                "give those again, choose another output, or remove that folder"
            )
        first = 0
        for file, state, seconds, n_rows in content["files"]:
            self.done[file, state] = Done(path, first, n_rows, seconds)
            first += n_rows

    def tables(self, keys: Iterable[tuple[str, str]]) -> Iterator["pyarrow.Table"]:
        """Yield the rows of recordings that are done, in the order of the keys, a table or more each."""
        import pyarrow.parquet

        # a group of rows serves many recordings, which mostly follow one another
        @functools.lru_cache(1)
        def read(part: Path, number: int) -> "pyarrow.Table":
            with pyarrow.parquet.ParquetFile(part) as file:
                return file.read_row_group(number).replace_schema_metadata(None)

        for key in keys:
            done = self.done[key]
            for number, first, last in _groups(done.part):
                a, b = max(first, done.first), min(last, done.first + done.n_rows)
                if a < b:
                    yield read(done.part, number).slice(a - first, b - a)

    def remove(self) -> None:
        """Remove the folder."""
        _groups.cache_clear()
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._folder)


@functools.lru_cache(maxsize=4096)
def _groups(part: Path) -> list[tuple[int, int, int]]:
    """Return the groups of rows of a part: number, first row, row after the last."""
    import pyarrow.parquet

    about, found, first = pyarrow.parquet.read_metadata(part), [], 0
    for number in range(about.num_row_groups):
        last = first + about.row_group(number).num_rows
        found.append((number, first, last))
        first = last
    return found
