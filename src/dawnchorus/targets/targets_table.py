"""Targets of a stage as arrays, and their file.

On disk they are a Parquet table with columns ``corpus``, ``id``, ``fold``, ``part`` and ``targets``:
a number in [0, 1] for each class; the names of the classes are in the metadata of its schema.

Labelled recordings have a fold (1 to count) and part 0; pseudo-labelled ones have fold 0 and a part
(1 to parts); those that a mean teacher uses without a label have neither, and values of 0. A
member ``f{fold}p{part}s{seed}`` trains on the labelled rows of all other folds, but for those that
choose its epoch, and on the pseudo-labelled rows of its part.

* `Targets`: rows, and which of them a member trains on or is validated on.
* `Member`: one model of a stage.
* `concatenate`: the rows of several.
* `write`, `read`: the table of a stage.
* `read_class_names`: its classes alone.
"""

import dataclasses
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dawnchorus.runtime import artefacts

_CLASSES = b"class_names"  # the entry of the schema that names the classes
_PRESENT = 0.5  # from it on, a recording is of a class
_AT_ONCE = 1 << 23  # values in a row group: 32 MiB


@dataclasses.dataclass(frozen=True)
class Targets:
    """Targets of a stage: N rows, C classes.

    ``recordings`` (N pairs of corpus and id), ``fold`` and ``part`` (N), ``values`` (N, C) float32.
    """

    recordings: list[tuple[str, str]]
    fold: np.ndarray
    part: np.ndarray
    values: np.ndarray
    class_names: list[str]

    def training_rows(self, member: "Member", validation: str = "none") -> np.ndarray:
        """Return the numbers of the rows that a member trains on.

        Parameters
        ----------
        member : Member
        validation : {"none", "own", "next", "all"}
            Which fold chooses the epoch: none, the member's own, the next one (not trained on); or
            all labelled rows do, and none of them is trained on.
        """
        # the member's own fold is held out in any case: it is what the member scores
        labelled = (self.fold > 0) & (self.fold != member.fold)
        if validation == "next":
            labelled &= self.fold != self._next_fold(member)
        if validation == "all":
            labelled = np.zeros_like(labelled)
        pseudo = (self.part > 0) & (self.part == member.part)
        return np.flatnonzero(labelled | pseudo)

    def validation_rows(self, member: "Member", validation: str = "none") -> np.ndarray:
        """Return the numbers of the rows that choose the epoch.

        With ``none``, those of the member's own fold: their loss is written, but chooses nothing.
        See `training_rows`.
        """
        if validation == "all":
            return np.flatnonzero(self.fold > 0)
        fold = self._next_fold(member) if validation == "next" else member.fold
        return np.flatnonzero(self.fold == fold)

    def lacking(self) -> str:
        """Return why the pseudo-labels of all parts teach nothing, or an empty text."""
        found = self.values[self.part > 0] >= _PRESENT
        if not len(found):
            return "no recording got a pseudo-label"
        if (found == found[0]).all():
            names = [name for name, own in zip(self.class_names, found[0], strict=True) if own]
            named = ", ".join(names) or "none of the classes"
            return f"all {len(found)} pseudo-labels are of one class: {named}"
        return ""

    def unlabelled_rows(self) -> np.ndarray:
        """Return the numbers of the rows without a label, which every member uses."""
        return np.flatnonzero((self.fold == 0) & (self.part == 0))

    def may_score(self, member_name: str, corpus: str, ids: Sequence[str]) -> np.ndarray:
        """Return which of the recordings of a corpus a member may score, shape (n,), int32.

        A recording with a fold is scored by the members of that fold alone, one without by all.
        """
        fold = {
            identifier: int(number)
            for (name, identifier), number in zip(self.recordings, self.fold, strict=True)
            if name == corpus and number > 0
        }
        # members of other folds trained on the recording, or chose their epoch by it
        own = Member.named(member_name).fold
        return np.array([i for i, key in enumerate(ids) if fold.get(key, own) == own], np.int32)

    def _next_fold(self, member: "Member") -> int:
        return member.fold % int(self.fold.max()) + 1


@dataclasses.dataclass(frozen=True)
class Member:
    """One model of a stage: its fold, its part of the pseudo-labels (0: none) and its seed."""

    fold: int
    part: int
    seed: int

    @classmethod
    def named(cls, name: str) -> "Member":
        """Return the member of a name such as ``f1p0s1``."""
        match = re.fullmatch(r"f(\d+)p(\d+)s(\d+)", name)
        if match is None:
            raise ValueError(f"member {name!r}; expected f<fold>p<part>s<seed>, such as f1p0s1")
        return cls(*map(int, match.groups()))


def concatenate(parts: Sequence[Targets]) -> Targets:
    """Return the rows of several targets of the same classes, in their order."""
    return Targets(
        recordings=[name for part in parts for name in part.recordings],
        fold=np.concatenate([part.fold for part in parts]),
        part=np.concatenate([part.part for part in parts]),
        values=np.concatenate([part.values for part in parts]),
        class_names=parts[0].class_names,
    )


def write(path: str | Path, targets: Targets) -> None:
    """Write the targets of a stage; equal targets give equal bytes."""
    import pyarrow
    from pyarrow import parquet

    n_classes = len(targets.class_names)
    values = pyarrow.array(np.ascontiguousarray(targets.values, np.float32).reshape(-1))
    columns = {
        "corpus": pyarrow.array([corpus for corpus, _ in targets.recordings], pyarrow.string()),
        "id": pyarrow.array([name for _, name in targets.recordings], pyarrow.string()),
        "fold": pyarrow.array(np.asarray(targets.fold, np.int32)),
        "part": pyarrow.array(np.asarray(targets.part, np.int32)),
        # a list of fixed size: a column for each of 1,500 classes is slow to read
        "targets": pyarrow.FixedSizeListArray.from_arrays(values, n_classes),
    }
    names = json.dumps(list(targets.class_names), ensure_ascii=False)
    table = pyarrow.table(columns).replace_schema_metadata({_CLASSES: names})
    n_rows = len(targets.recordings)
    with artefacts.writing(path, check=parquet.read_metadata, rows=n_rows) as temporary:
        parquet.write_table(
            table, temporary, compression="zstd", row_group_size=max(1, _AT_ONCE // n_classes)
        )


def read(path: str | Path) -> Targets:
    """Read the targets of a stage.

    Raises
    ------
    ValueError
        Where the file is damaged or holds no targets.
    """
    with _opened(path) as file:
        names = json.loads(file.schema_arrow.metadata[_CLASSES])
        known = file.read(["corpus", "id", "fold", "part"])
        values, first = np.empty((file.metadata.num_rows, len(names)), np.float32), 0
        # row group by row group: values are in memory once, and in an array that may be changed
        for number in range(file.num_row_groups):
            for chunk in file.read_row_group(number, ["targets"])["targets"].chunks:
                # by DLPack: to_numpy() would import pandas
                found = np.from_dlpack(chunk.flatten())
                values[first : first + len(chunk)] = found.reshape(len(chunk), len(names))
                first += len(chunk)
    corpora, ids, folds, parts = (known[name].to_pylist() for name in known.column_names)
    return Targets(
        recordings=list(zip(corpora, ids, strict=True)),
        fold=np.array(folds, np.int64),
        part=np.array(parts, np.int64),
        values=values,
        class_names=names,
    )


def read_class_names(path: str | Path) -> list[str]:
    """Read the names of the classes of a stage, without its targets."""
    with _opened(path) as file:
        return json.loads(file.schema_arrow.metadata[_CLASSES])


def _opened(path: str | Path):
    """Return an open table of targets; a file that is none is refused by name."""
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and run again") from None
    if _CLASSES not in (file.schema_arrow.metadata or {}):
        file.close()
        raise ValueError(f"{path} holds no targets; expected the table that set_targets writes")
    return file
