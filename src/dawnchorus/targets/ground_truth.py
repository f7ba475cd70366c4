"""What is known of the recordings that scores are judged on.

Axes: N recordings, C classes. Recordings whose truth is unknown, and those that could not be used,
are counted here and judged nowhere.

* `Truth`: targets, groups, data sets and folds of N recordings.
* `read_tested`, `read_trained`: the recordings of a test reference, and those that have a fold.
* `described`: counts of a truth.
* `aligned`: the scores of its recordings.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.corpora import tables
from dawnchorus.corpora.tables import Labelled
from dawnchorus.metrics import roc
from dawnchorus.runtime import artefacts
from dawnchorus.runtime.logs import LOG
from dawnchorus.settings.references import parse_reference
from dawnchorus.targets import folds

_NAMED = 5  # offenders an error names


@dataclasses.dataclass(frozen=True)
class Truth:
    """Recordings with known truth.

    ``recordings`` (N pairs of corpus and id), ``targets`` and ``background`` (N, C) of 0 and 1: the
    classes each is of, and those heard behind them; ``groups`` (what is resampled as one),
    ``recordists`` (empty: unknown), ``data_sets`` (``corpus/data set``) and ``folds`` (N each; 0
    outside the training corpora).
    """

    recordings: list[tuple[str, str]]
    class_names: list[str]
    targets: np.ndarray
    background: np.ndarray
    groups: np.ndarray
    recordists: np.ndarray
    data_sets: np.ndarray
    folds: np.ndarray

    def of_fold(self, fold: int) -> "Truth":
        """Return the recordings of one fold."""
        rows = np.flatnonzero(self.folds == fold)
        columns = ("targets", "background", "groups", "recordists", "data_sets", "folds")
        return dataclasses.replace(
            self,
            recordings=[self.recordings[row] for row in rows],
            **{name: getattr(self, name)[rows] for name in columns},
        )


def read_tested(
    reference: str,
    labels: Mapping[str, str | Path],
    verdicts: Mapping[str, str | Path],
    class_names: Sequence[str],
    by: str,
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
    by : {"group", "recordist"}
        What the groups of the truth are.

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
    corpus, split = parse_reference(reference)
    if corpus not in labels or corpus not in verdicts:
        raise ValueError(
            f"test {reference!r}: no labels or verdicts of corpus {corpus!r}; there are labels of "
            f"{sorted(labels)!r} and verdicts of {sorted(verdicts)!r}"
        )
    chosen = {r.id: r for r in tables.select(tables.read_labels(labels[corpus]), split)}
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
    return _truth(used, class_names, by, {}), counts


def read_trained(
    labels: Mapping[str, str | Path],
    folds_path: str | Path,
    class_names: Sequence[str],
    settings: Mapping,
) -> tuple[Truth, dict]:
    """Return the truth of the recordings of folds that have members, and counts.

    Parameters
    ----------
    labels : mapping of corpus to path
        Label tables.
    folds_path : path
        CSV of ``corpus``, ``id``, ``fold``.
    class_names : sequence of str
        C names.
    settings : mapping
        ``by`` ("group" or "recordist": what the groups of the truth are) and ``count``: folds from
        1 to it have members, and others are judged by nobody; None: all folds have.

    Returns
    -------
    Truth
    dict
        ``recordings`` (all that have a fold) and ``without_member`` (of folds above the count).

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
        for recording in tables.read_labels(labels[corpus])
        if (corpus, recording.id) in fold
    ]
    if len(found) < len(fold):
        raise ValueError(
            f"{len(fold) - len(found)} of {len(fold)} recordings of {folds_path} have no labels; "
            "the corpora have changed, start the workflow again"
        )
    count = settings["count"]
    judged = [
        (corpus, recording)
        for corpus, recording in found
        if count is None or fold[corpus, recording.id] <= count
    ]
    counts = {"recordings": len(found), "without_member": len(found) - len(judged)}
    return _truth(judged, class_names, settings["by"], fold), counts


def described(truth: Truth) -> dict:
    """Return counts.

    ``judged`` and ``n_positive`` (recordings, and those with any class), ``positives`` by class,
    ``classes_left_out`` (without both truths), ``groups``, ``recordists`` (known ones), ``background``
    (recordings with any class in the background), and recordings by ``data_sets``.
    """
    scored = roc.classes_with_both(truth.targets)
    names = truth.class_names
    return {
        "judged": len(truth.recordings),
        "n_positive": int(truth.targets.any(axis=1).sum()),
        "positives": dict(zip(names, truth.targets.sum(axis=0).tolist(), strict=True)),
        "classes_left_out": [name for name, ok in zip(names, scored, strict=True) if not ok],
        "groups": len(set(truth.groups)),
        "recordists": len(set(truth.recordists) - {""}),
        "background": int(truth.background.any(axis=1).sum()),
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
    recordings: Sequence[tuple[str, Labelled]],
    class_names: Sequence[str],
    by: str,
    fold: Mapping[tuple[str, str], int],
) -> Truth:
    judged = [(corpus, recording) for corpus, recording in recordings if recording.labelled]
    _warn_of_others({name for _, r in judged for name in r.labels}, class_names)
    names = [(corpus, recording.id) for corpus, recording in judged]
    sets = [f"{corpus}/{r.data_set}" if r.data_set else corpus for corpus, r in judged]
    return Truth(
        recordings=names,
        class_names=list(class_names),
        targets=_indicator([r.labels for _, r in judged], class_names),
        background=_indicator([r.background for _, r in judged], class_names),
        groups=np.array(_groups(judged, by), dtype=np.str_),
        recordists=np.array([r.recordist for _, r in judged], dtype=np.str_),
        data_sets=np.array(sets, dtype=np.str_),
        folds=np.array([fold.get(name, 0) for name in names], dtype=np.int64),
    )


def _groups(recordings: Sequence[tuple[str, Labelled]], by: str) -> list[str]:
    """Return the recordist of each recording, or its group; without either it is its own group."""
    own = [dataclasses.replace(r, group=getattr(r, by) or r.group) for _, r in recordings]
    keys = folds.group_keys(own)
    return [f"{corpus} {key}" for (corpus, _), key in zip(recordings, keys, strict=True)]


def _indicator(names: Sequence[Sequence[str]], class_names: Sequence[str]) -> np.ndarray:
    """Return which of the classes each of N recordings names, shape (N, C) of 0 and 1."""
    column = {name: index for index, name in enumerate(class_names)}
    found = np.zeros((len(names), len(class_names)), dtype=np.int64)
    for row, own in enumerate(names):
        found[row, [column[name] for name in own if name in column]] = 1
    return found


def _warn_of_others(labels: set[str], class_names: Sequence[str]) -> None:
    if other := sorted(labels - set(class_names)):
        LOG.info(
            "warning: labels %s are none of the classes %s and count as none of them",
            ", ".join(other[:_NAMED]), ", ".join(class_names[:_NAMED]),
        )  # fmt: skip
