"""The targets of a stage as arrays.

A row of the targets has ``corpus``, ``id``, ``fold``, ``part`` and a number in [0, 1] per class.
Labelled recordings have a fold (1 to count) and part 0; pseudo-labelled ones have fold 0 and a part
(1 to parts); those on which nothing but consistency is learnt have neither, and say nothing. A
member ``f{fold}p{part}s{seed}`` trains on the labelled rows of all other folds, but for those that
choose its epoch, and on the pseudo-labelled rows of its part.

* `Targets`: rows, and which of them a member trains on or is watched by.
* `Member`: one model of a stage.
* `read`: the table of `dawnchorus.targets.stage_targets.set_targets`.
"""

import csv
import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

PREFIX = "target:"  # of the columns that are classes


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
        """Return the row numbers a member trains on, which say what their recordings should score.

        Parameters
        ----------
        member : Member
        validation : {"none", "own", "next", "all"}
            Which fold chooses the epoch: none, the member's own, the next one (not trained on); or
            all labelled rows do, and none of them is trained on.
        """
        labelled = (self.fold > 0) & (self.fold != member.fold)
        if validation == "next":
            labelled &= self.fold != self._next_fold(member)
        if validation == "all":
            labelled = np.zeros_like(labelled)
        pseudo = (self.part > 0) & (self.part == member.part)
        return np.flatnonzero(labelled | pseudo)

    def validation_rows(self, member: "Member", validation: str = "none") -> np.ndarray:
        """Return the row numbers that choose the epoch.

        Of ``none``, the member's own fold, which is watched and chooses nothing; see
        `training_rows`.
        """
        if validation == "all":
            return np.flatnonzero(self.fold > 0)
        fold = self._next_fold(member) if validation == "next" else member.fold
        return np.flatnonzero(self.fold == fold)

    def unlabelled_rows(self) -> np.ndarray:
        """Return the row numbers on which nothing but consistency is learnt, by every member."""
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


def read(path: str | Path) -> Targets:
    """Read the targets of a stage, row by row: as text, 24,000 of 1000 classes are gigabytes."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        columns = next(rows)
        names = [name.removeprefix(PREFIX) for name in columns if name.startswith(PREFIX)]
        first = len(columns) - len(names)
        known, values = [], []
        for row in rows:
            known.append(dict(zip(columns[:first], row, strict=False)))
            values.append(np.array([float(value) for value in row[first:]], np.float32))
    return Targets(
        recordings=[(row["corpus"], row["id"]) for row in known],
        fold=np.array([int(row["fold"]) for row in known]),
        part=np.array([int(row["part"]) for row in known]),
        values=np.array(values, np.float32).reshape(len(known), len(names)),
        class_names=names,
    )
