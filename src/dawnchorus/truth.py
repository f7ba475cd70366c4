"""What is known of the recordings that scores are judged on.

Axes: N recordings, C classes. Recordings whose truth is unknown, and those that could not be used,
are counted here and judged nowhere.

* `Truth`: targets, groups, data sets and folds of N recordings.
* `read_tested`, `read_trained`: the recordings of a test reference, and those that have a fold.
* `described`: counts of a truth.
* `aligned`: the scores of its recordings.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dawnchorus import artefacts, corpora, folds, metrics
from dawnchorus.corpora import Labelled
from dawnchorus.logs import LOG

_NAMED = 5  # offenders an error names


@dataclass(frozen=True)
class Truth:
    """Recordings with known truth.

    ``recordings`` (N pairs of corpus and id), ``targets`` (N, C) of 0 and 1, ``groups``,
    ``data_sets`` (``corpus/data set``) and ``folds`` (N each; 0 outside the training corpora).
    """

    recordings: list[tuple[str, str]]
    class_names: list[str]
    targets: np.ndarray
    groups: np.ndarray
    data_sets: np.ndarray
    folds: np.ndarray

    def of_fold(self, fold: int) -> "Truth":
        """Return the recordings of one fold."""
        rows = np.flatnonzero(self.folds == fold)
        arrays = (self.targets, self.groups, self.data_sets, self.folds)
        recordings = [self.recordings[row] for row in rows]
        return Truth(recordings, self.class_names, *(array[rows] for array in arrays))


def read_tested(
    reference: str,
    labels: Mapping[str, str | Path],
    verdicts: Mapping[str, str | Path],
    class_names: Sequence[str],
) -> tuple[Truth, dict]:
    """Return the truth of the used recordings of a test reference, and counts of all of them.

    Parameters
    ----------
    reference : str
        ``corpus`` or ``corpus:split``.
    labels, verdicts : mapping of corpus to path
        Label tables, and verdict tables with columns ``id`` and ``verdict``.
    class_names : sequence of str
        C names.

    Returns
    -------
    Truth
    dict
        ``recordings``, ``used``, ``excluded``, ``excluded_by_code`` and ``unknown_truth``. What was
        excluded when the corpus was listed has no split, so it counts for a whole corpus only.

    Raises
    ------
    ValueError
        Where the corpus has no tables, or a recording no verdict.
    """
    corpus, split = corpora.parse_reference(reference)
    if corpus not in labels or corpus not in verdicts:
        raise ValueError(
            f"test {reference!r}: no labels or verdicts of corpus {corpus!r}; there are labels of "
            f"{sorted(labels)!r} and verdicts of {sorted(verdicts)!r}"
        )
    chosen = {r.id: r for r in corpora.select(corpora.read_labels(labels[corpus]), split)}
    verdict = {row["id"]: row["verdict"] for row in artefacts.read_table(verdicts[corpus])}
    if without := sorted(chosen.keys() - verdict.keys()):
        raise ValueError(
            f"{verdicts[corpus]} has no verdict on {len(without)} recordings of {reference}: "
            f"{without[:_NAMED]!r}; the corpus has changed, start the workflow again"
        )
    used = [(corpus, recording) for name, recording in chosen.items() if verdict[name] == "used"]
    codes = Counter(
        code
        for name, code in verdict.items()
        if code != "used" and (split is None or name in chosen)
    )
    counts = {
        "recordings": len(used) + codes.total(),
        "used": len(used),
        "excluded": codes.total(),
        "excluded_by_code": dict(codes),
        "unknown_truth": sum(not recording.labelled for _, recording in used),
    }
    return _truth(used, class_names, {}), counts


def read_trained(
    labels: Mapping[str, str | Path], folds_path: str | Path, class_names: Sequence[str]
) -> Truth:
    """Return the truth of the recordings that have a fold.

    Parameters
    ----------
    labels : mapping of corpus to path
        Label tables.
    folds_path : path
        CSV of ``corpus``, ``id``, ``fold``.
    class_names : sequence of str
        C names.

    Raises
    ------
    ValueError
        Where a recording has a fold but no row of labels.
    """
    rows = artefacts.read_table(folds_path)
    fold = {(row["corpus"], row["id"]): int(row["fold"]) for row in rows}
    found = [
        (corpus, recording)
        for corpus in sorted({corpus for corpus, _ in fold})
        for recording in corpora.read_labels(labels[corpus])
        if (corpus, recording.id) in fold
    ]
    if len(found) < len(fold):
        raise ValueError(
            f"{len(fold) - len(found)} of {len(fold)} recordings of {folds_path} have no labels; "
            "the corpora have changed, start the workflow again"
        )
    return _truth(found, class_names, fold)


def described(truth: Truth) -> dict:
    """Return counts.

    ``judged`` and ``n_positive`` (recordings, and those with any class), ``positives`` by class,
    ``classes_left_out`` (without both truths), ``groups``, and recordings by ``data_sets``.
    """
    scored = metrics.classes_with_both(truth.targets)
    names = truth.class_names
    return {
        "judged": len(truth.recordings),
        "n_positive": int(truth.targets.any(axis=1).sum()),
        "positives": dict(zip(names, truth.targets.sum(axis=0).tolist(), strict=True)),
        "classes_left_out": [name for name, ok in zip(names, scored, strict=True) if not ok],
        "groups": len(set(truth.groups)),
        "data_sets": dict(Counter(truth.data_sets.tolist())),
    }


def aligned(
    truth: Truth, tables: Mapping[str, tuple[Sequence[str], np.ndarray]], what: str
) -> np.ndarray:
    """Return the scores of the recordings of a truth, shape (N, C).

    Parameters
    ----------
    truth : Truth
    tables : mapping of corpus to (ids, scores)
        ids (n) and scores (n, C), in any order; NaN where there is no score.
    what : str
        Whose scores they are, for the message.

    Raises
    ------
    ValueError
        Where a recording has no score, naming it.
    """
    found = np.full(truth.targets.shape, np.nan)
    row_of = {
        corpus: {name: row for row, name in enumerate(ids)} for corpus, (ids, _) in tables.items()
    }
    for index, (corpus, name) in enumerate(truth.recordings):
        if (row := row_of[corpus].get(name)) is not None:
            found[index] = tables[corpus][1][row]
    if missing := np.flatnonzero(np.isnan(found).any(axis=1)).tolist():
        names = ["/".join(truth.recordings[index]) for index in missing[:_NAMED]]
        raise ValueError(
            f"{what} has no score for {len(missing)} of {len(found)} recordings: {names!r}; "
            "predict again"
        )
    return found


def _truth(
    recordings: Sequence[tuple[str, Labelled]], class_names: Sequence[str], fold: Mapping
) -> Truth:
    judged = [(corpus, recording) for corpus, recording in recordings if recording.labelled]
    other = sorted({name for _, r in judged for name in r.labels} - set(class_names))
    if other:
        LOG.info(
            "warning: labels %s are none of the classes %s and count as none of them",
            ", ".join(other[:_NAMED]), ", ".join(class_names[:_NAMED]),
        )  # fmt: skip
    targets = [[name in recording.labels for name in class_names] for _, recording in judged]
    keys = folds.group_keys(recording for _, recording in judged)
    names = [(corpus, recording.id) for corpus, recording in judged]
    groups = [f"{corpus} {key}" for (corpus, _), key in zip(names, keys, strict=True)]
    sets = [f"{corpus}/{r.data_set}" if r.data_set else corpus for corpus, r in judged]
    return Truth(
        recordings=names,
        class_names=list(class_names),
        targets=np.array(targets, dtype=np.int64).reshape(len(judged), len(class_names)),
        groups=np.array(groups, dtype=np.str_),
        data_sets=np.array(sets, dtype=np.str_),
        folds=np.array([fold.get(name, 0) for name in names], dtype=np.int64),
    )
