"""Targets: what each recording should score in the training of a stage.

* `deal_folds`: the folds of an experiment, over the used recordings of its training corpora.
* `check_test_leaks`: nothing that is tested is trained on as well.
* `set_targets`: the targets of a stage: labels, and confident predictions of an earlier stage.
* `read`: the targets of a stage as arrays.
* `teacher_scores`: the mean opinion of a stage on recordings (also for the audit of pseudo-labels).

A row of the targets has ``corpus``, ``id``, ``fold``, ``part`` and a number in [0, 1] per class.
Labelled recordings have a fold (1 to count) and part 0; pseudo-labelled ones have fold 0 and a part
(1 to parts). A member ``f{fold}p{part}s{seed}`` trains on the labelled rows of all other folds, but
for the fold that chooses its epoch, and on the pseudo-labelled rows of its part.
"""

import csv
import dataclasses
import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus import artefacts, corpora, folds, logs, pooling, predictions, seeds

_PREFIX = "target:"


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
        """Return the row numbers a member trains on.

        Parameters
        ----------
        member : Member
        validation : {"none", "own", "next"}
            Which fold chooses the epoch: none, the member's own, the next one (not trained on).
        """
        labelled = (self.fold > 0) & (self.fold != member.fold)
        if validation == "next":
            labelled &= self.fold != self._next_fold(member)
        pseudo = (self.part > 0) & (self.part == member.part)
        return np.flatnonzero(labelled | pseudo)

    def validation_rows(self, member: "Member", validation: str = "none") -> np.ndarray:
        """Return the row numbers of the fold that chooses the epoch.

        Of ``none``, the member's own fold, which is watched and chooses nothing; see
        `training_rows`.
        """
        fold = self._next_fold(member) if validation == "next" else member.fold
        return np.flatnonzero(self.fold == fold)

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


def deal_folds(
    references: Sequence[str],
    labels: Mapping[str, str],
    verdicts: Mapping[str, str],
    listings: Mapping[str, Sequence[str]],
    settings: Mapping,
    output: str | Path,
) -> None:
    """Deal the used, labelled recordings of the training corpora into folds and write the table.

    Parameters
    ----------
    references : sequence of str
        Training corpora or subsets of them: ``corpus`` or ``corpus:split``.
    labels, verdicts : mapping of corpus to path
        Label and verdict tables.
    listings : mapping of corpus to paths
        Shard listings, for the check that no content is in two folds.
    settings : mapping
        Those of `dawnchorus.folds.deal`, ``split_groups`` (whether folds may split a group) and the
        experiment's ``seed``.
    output : path
        CSV of ``corpus``, ``id``, ``fold``.

    Raises
    ------
    ValueError
        Where a group or a content would be in two folds, or there is nothing to deal.
    """
    found = [
        dataclasses.replace(
            recording,
            id=f"{corpus}/{recording.id}",
            group=_group(corpus, recording, settings["by"]),
        )
        for corpus, recording in _labelled(references, labels, verdicts)
    ]
    if not found:
        raise ValueError(
            f"no used recording with a label in {', '.join(references)}; nothing to train on"
        )
    dealt = folds.deal(found, settings, settings["seed"])
    if settings["split_groups"]:
        logs.LOG.info("warning: folds may split groups; out-of-fold scores are optimistic")
        found = [dataclasses.replace(recording, group="") for recording in found]
    folds.check_leaks(dealt, found, _duplicates(listings, dealt))
    rows = ((*name.split("/", 1), fold) for name, fold in dealt.items())
    artefacts.write_table(output, ("corpus", "id", "fold"), sorted(rows))


def check_test_leaks(
    train: Sequence[str],
    unlabelled: Sequence[str],
    test: Sequence[str],
    labels: Mapping[str, str],
    listings: Mapping[str, Sequence[str]],
    output: str | Path,
) -> None:
    """Write how many recordings were compared; raise where parts share what they must not.

    Nothing trained on may be tested, or get a pseudo-label, under another name; nor may what is
    tested get one under another name, for that score would be transductive and not say so.

    Parameters
    ----------
    train, unlabelled, test : sequences of str
        Corpora or subsets of them.
    labels : mapping of corpus to path
        Label tables, which have splits and groups.
    listings : mapping of corpus to paths
        Shard listings, which have content hashes.
    output : path
        CSV of ``part``, ``recordings``, ``groups``, ``contents``.

    Raises
    ------
    ValueError
        Naming a content, or a group of one corpus, that is on both sides.
    """
    hashes = {
        (corpus, row.id): row.sha256
        for corpus, paths in listings.items()
        for path in paths
        for row in corpora.read_listing(path)
    }
    parts = {"train": train, "unlabelled": unlabelled, "test": test}
    sides = {name: _side(references, labels, hashes) for name, references in parts.items()}
    for pair in (("train", "test"), ("train", "unlabelled"), ("unlabelled", "test")):
        _compare(pair, *(sides[name] for name in pair))
    rows = [(name, *map(len, side)) for name, side in sides.items()]
    artefacts.write_table(output, ("part", "recordings", "groups", "contents"), rows)


def _compare(pair: tuple[str, str], first: tuple, second: tuple) -> None:
    may_share = pair == ("unlabelled", "test")  # the same recording may be both: that is said aloud
    for what, place in (("group", 1), ("content", 2)):
        both = [
            (odd[0], second[place][key][0])
            for key in sorted(first[place].keys() & second[place].keys())
            if (odd := _odd(first[place][key], second[place][key], may_share))
        ]
        if both and not (may_share and what == "group"):
            raise ValueError(
                f"{both[0][0]} is in {pair[0]} and {both[0][1]} in {pair[1]}, of one {what} "
                f"({len(both)} such); leave them out of one part, or the score is worth nothing"
            )


def _odd(names: Sequence[str], others: Sequence[str], may_share: bool) -> list[str]:
    return [name for name in names if name not in others] if may_share else list(names)


def _side(references, labels, hashes) -> tuple[dict, dict, dict]:
    """Return recordings, groups and contents of some references, each with a name to show."""
    recordings, groups, contents = {}, {}, {}
    for reference in references:
        corpus, split = corpora.parse_reference(reference)
        for recording in corpora.select(corpora.read_labels(labels[corpus]), split):
            name = f"{corpus}/{recording.id}"
            recordings[name] = name
            if recording.group:
                shown = f"{name} (group {recording.group})"
                groups.setdefault((corpus, recording.group), []).append(shown)
            if hashes.get((corpus, recording.id)):
                contents.setdefault(hashes[corpus, recording.id], []).append(name)
    return recordings, groups, contents


def set_targets(
    references: Sequence[str],
    labels: Mapping[str, str],
    folds_path: str | Path,
    teachers: Mapping[str, str],
    settings: Mapping,
    output: str | Path,
) -> None:
    """Write the targets of a stage.

    Parameters
    ----------
    references : sequence of str
        Training corpora of the experiment.
    labels : mapping of corpus to path
        Label tables.
    folds_path : path
        Folds of the experiment.
    teachers : mapping of corpus reference to path
        Window scores of the earlier stage by unlabelled corpus; empty for ``from: labels``.
    settings : mapping
        The stage's ``targets`` section, with the experiment's ``seed`` and ``classes``.
    output : path
        CSV; see the module.
    """
    fold = {
        (row["corpus"], row["id"]): int(row["fold"]) for row in artefacts.read_table(folds_path)
    }
    truth = {
        (corpus, recording.id): recording.labels
        for corpus, recording in _labelled(references, labels, {})
        if (corpus, recording.id) in fold
    }
    classes = settings["classes"] or sorted({name for names in truth.values() for name in names})
    if not classes:
        raise ValueError(f"no recording of {', '.join(references)} has a class; nothing to learn")
    _check_classes(classes, truth)
    rows = [
        (*recording, fold[recording], 0, *(int(name in names) for name in classes))
        for recording, names in sorted(truth.items())
    ]
    rows += _pseudo_labelled(teachers, labels, settings) if teachers else []
    columns = ("corpus", "id", "fold", "part", *(f"{_PREFIX}{name}" for name in classes))
    artefacts.write_table(output, columns, rows)


def _check_classes(classes: Sequence[str], truth: Mapping) -> None:
    found = {name for names in truth.values() for name in names}
    for name in classes:
        if name not in found:
            near = difflib.get_close_matches(name, found, n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"class {name!r} has no positive among {len(truth)} training recordings, whose "
                f"classes are {', '.join(sorted(found)[:12])}{meant}"
            )


def read(path: str | Path) -> Targets:
    """Read the targets of a stage, row by row: as text, 24,000 of 1000 classes are gigabytes."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        columns = next(rows)
        names = [name.removeprefix(_PREFIX) for name in columns if name.startswith(_PREFIX)]
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


def teacher_scores(path: str | Path, settings: Mapping) -> tuple[list[str], np.ndarray]:
    """Return ids (n) and scores (n, C): windows pooled, then the members averaged.

    The pooling is that of the pseudo-labels, apart from the one that is evaluated.
    """
    ids, _, stack = predictions.pooled(path, settings["pooling"])
    return ids, pooling.average(stack, settings["average"])


def confident(scores: np.ndarray, settings: Mapping) -> np.ndarray:
    """Return which of N recordings (N, C) are confident in all classes: <= low or >= high."""
    return np.all((scores <= settings["low"]) | (scores >= settings["high"]), axis=1)


def _pseudo_labelled(teachers, labels, settings) -> list[tuple]:
    """Return soft targets of confident recordings, shuffled and dealt into parts (section 1.6)."""
    kept, seen = [], 0
    for reference, path in teachers.items():
        corpus, split = corpora.parse_reference(reference)
        ids, scores = teacher_scores(path, settings)
        wanted = _of_split(labels, corpus, split)
        for index in np.flatnonzero(confident(scores, settings)):
            if wanted is None or ids[index] in wanted:
                kept.append((corpus, ids[index], scores[index]))
        seen += len(ids) if wanted is None else len(wanted)
    logs.LOG.info("%d of %d recordings are confident and join the training", len(kept), seen)
    order = seeds.generator(settings["seed"], "pseudo-labels").permutation(len(kept))
    parts = np.empty(len(kept), int)
    parts[order] = 1 + np.arange(len(kept)) % settings["parts"]
    return [
        (corpus, name, 0, part, *(f"{value:.9g}" for value in values))
        for (corpus, name, values), part in zip(kept, parts.tolist(), strict=True)
    ]


def _of_split(labels, corpus: str, split: str | None) -> set[str] | None:
    if split is None:
        return None
    return {
        recording.id for recording in corpora.select(corpora.read_labels(labels[corpus]), split)
    }


def _labelled(references, labels, verdicts):
    """Yield (corpus, recording) for recordings with known truth that are used."""
    for reference in references:
        corpus, split = corpora.parse_reference(reference)
        used = None
        if corpus in verdicts:
            rows = artefacts.read_table(verdicts[corpus])
            used = {row["id"] for row in rows if row["verdict"] == "used"}
        for recording in corpora.select(corpora.read_labels(labels[corpus]), split):
            if recording.labelled and (used is None or recording.id in used):
                yield corpus, recording


def _group(corpus: str, recording, by: str) -> str:
    name = getattr(recording, by)
    return f"{corpus}/{name}" if name else ""


def _duplicates(listings, dealt) -> list[tuple[str, ...]]:
    rows = [
        row._replace(id=f"{corpus}/{row.id}")
        for corpus, paths in listings.items()
        for path in paths
        for row in corpora.read_listing(path)
    ]
    return corpora.duplicates(row for row in rows if row.id in dealt)
