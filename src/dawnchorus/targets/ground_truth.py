"""Ground truth of evaluated recordings: labels and verdicts joined, and the scores beside them.

Axes: N recordings, C classes. Evaluated are used recordings whose ground truth is known: of clips
those with a label, of events those of data set `STRONG`. All others are counted, not evaluated.

* `GroundTruth`: targets, groups, data sets and folds of N recordings.
* `read_test_set`, `read_training_set`: the recordings of a test reference, and those with a fold.
* `aligned_scores`: the scores of its recordings, in its order.
* `EventGroundTruth`: ids, durations, events and groups of N recordings.
* `read_event_set`, `find_event_set`: those of a reference; the latter may have none.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dawnchorus.audio.verdicts import USED, lost_classes_of, read_verdicts
from dawnchorus.corpora import tables
from dawnchorus.corpora.tables import Labelled
from dawnchorus.formats.event import Event, resolve_overlaps
from dawnchorus.runtime import artefacts
from dawnchorus.runtime.logs import LOG
from dawnchorus.settings.references import parse_reference
from dawnchorus.targets import event_bounds, folds
from dawnchorus.targets.labels import indicator, used_recordings, without_classes

if TYPE_CHECKING:
    import pandas as pd

STRONG = "strong"  # the data set of recordings with known events, see adapter ``dcase_sed``
OVERLAPS = "keep"  # events of one recording and class count each, as sed_eval counts them
_NAMED = 5  # offenders a message names


@dataclasses.dataclass(frozen=True)
class GroundTruth:
    """Recordings with known labels.

    ``recordings`` (N pairs of corpus and id), ``targets`` and ``background`` (N, C) of 0 and 1: the
    classes each is of, and those heard behind them; ``groups`` (what is resampled as one, or, of shape
    (N, K), the sources of each: see `resampling_units`),
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

    def of_fold(self, fold: int) -> "GroundTruth":
        """Return the recordings of one fold."""
        return self.part(np.flatnonzero(self.folds == fold))

    def part(self, rows: np.ndarray) -> "GroundTruth":
        """Return the recordings of some rows, in their order."""
        columns = ("targets", "background", "groups", "recordists", "data_sets", "folds")
        kept = {name: getattr(self, name)[rows] for name in columns}
        return dataclasses.replace(self, recordings=[self.recordings[n] for n in rows], **kept)


@dataclasses.dataclass(frozen=True)
class EventGroundTruth:
    """Recordings of one corpus with known events.

    ``ids`` (N), in order; ``durations_s`` [s] by id; ``events`` of these recordings and classes;
    ``classes`` that are scored; ``groups`` (N,): what is resampled as one; ``excluded``: counts
    ``recordings`` (of the reference), ``used``, ``excluded``, ``excluded_by_code``,
    ``unknown_events`` (used, but weakly labelled or not at all) and ``events_of_other_classes``
    (by class that is not scored).
    """

    ids: list[str]
    durations_s: dict[str, float]
    events: list[Event]
    classes: list[str]
    groups: np.ndarray
    excluded: dict


def read_test_set(
    reference: str,
    labels: Mapping[str, str | Path],
    verdicts: Mapping[str, str | Path],
    class_names: Sequence[str],
    by: str,
) -> tuple[GroundTruth, dict]:
    """Return the ground truth of the used recordings of a test reference, and counts of all of them.

    Parameters
    ----------
    reference : str
        ``corpus`` or ``corpus:split``.
    labels, verdicts : mapping of corpus to path
        Label tables, and verdict tables with columns ``id`` and ``verdict``.
    class_names : sequence of str
        C names.
    by : {"group", "recordist"}
        What the groups of the ground truth are.

    Returns
    -------
    GroundTruth
    dict
        ``recordings``, ``used``, ``excluded``, ``excluded_by_code`` and ``unknown_truth``.

    Raises
    ------
    ValueError
        Where the corpus has no tables, or a recording no verdict.
    """
    corpus, _ = parse_reference(reference)
    if corpus not in labels or corpus not in verdicts:
        raise ValueError(
            f"test {reference!r}: no labels or verdicts of corpus {corpus!r}; there are labels of "
            f"{sorted(labels)!r} and verdicts of {sorted(verdicts)!r}"
        )
    joined = _join(reference, labels, verdicts)
    n_unknown = sum(not recording.labelled for recording in joined.used)
    used = [(corpus, recording) for recording in joined.used]
    return _ground_truth(used, class_names, by, {}), joined.counts | {"unknown_truth": n_unknown}


def read_training_set(
    labels: Mapping[str, str | Path],
    folds_path: str | Path,
    class_names: Sequence[str],
    settings: Mapping,
    verdicts: Mapping[str, str | Path] | None = None,
    references: Sequence[str] = (),
) -> tuple[GroundTruth, dict]:
    """Return the ground truth of the recordings of folds that have members, and counts.

    Parameters
    ----------
    labels : mapping of corpus to path
        Label tables.
    folds_path : path
        CSV of ``corpus``, ``id``, ``fold``.
    class_names : sequence of str
        C names.
    settings : mapping
        ``by`` ("group" or "recordist": what the groups of the ground truth are) and ``count``: folds
        from 1 to it have members, and no model scores those of others; None: all folds have.
    verdicts : mapping of corpus to path, optional
        Verdict tables: classes that recordings have lost with their events do not count.
    references : sequence of str, optional
        What is trained on, to count its excluded recordings by the verdicts.

    Returns
    -------
    GroundTruth
    dict
        ``recordings`` (all that have a fold) and ``without_member`` (of folds above the count); with
        references ``excluded`` and ``excluded_by_code``.

    Raises
    ------
    ValueError
        Where a recording has a fold but no row of labels.
    """
    rows = artefacts.read_table(folds_path)
    fold = {(row["corpus"], row["id"]): int(row["fold"]) for row in rows}
    corpora = sorted({corpus for corpus, _ in fold})
    found = [
        (corpus, recording)
        for corpus, recording in used_recordings(corpora, labels, verdicts or {})
        if (corpus, recording.id) in fold
    ]
    if len(found) < len(fold):
        raise ValueError(
            f"{len(fold) - len(found)} of {len(fold)} recordings of {folds_path} have no labels; "
            "the corpora have changed, start the workflow again"
        )
    # out of a fold without a member no model may score a recording
    count = settings["count"]
    scored = [
        (corpus, recording)
        for corpus, recording in found
        if count is None or fold[corpus, recording.id] <= count
    ]
    counts = {"recordings": len(found), "without_member": len(found) - len(scored)}
    judged = [one for one in references if parse_reference(one)[0] in (verdicts or {})]
    if judged:
        joined = [_join(reference, labels, verdicts) for reference in judged]
        codes = sum((Counter(one.counts["excluded_by_code"]) for one in joined), Counter())
        counts |= {"excluded": codes.total(), "excluded_by_code": dict(sorted(codes.items()))}
    return _ground_truth(scored, class_names, settings["by"], fold), counts


def aligned_scores(
    truth: GroundTruth, tables: Mapping[str, tuple[Sequence[str], np.ndarray]], what: str
) -> np.ndarray:
    """Return the scores of the recordings of a ground truth, shape (N, C).

    Parameters
    ----------
    truth : GroundTruth
    tables : mapping of corpus to (ids, scores)
        ids (n) and scores (n, C), in any order; NaN where there is no score.
    what : str
        Whose scores they are, for the message.

    Raises
    ------
    ValueError
        Where a recording has no score, naming it.
    """
    # by id: score files leave out the recordings that no model may score
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


def read_event_set(
    reference: str,
    labels_path: str | Path,
    verdicts_path: str | Path,
    events_path: str | Path,
    class_names: Sequence[str],
    crossing: str = "clip",
) -> EventGroundTruth:
    """Return the used recordings of a reference whose events are known.

    Parameters
    ----------
    reference : str
        ``corpus`` or ``corpus:split``.
    labels_path, verdicts_path, events_path : path
        Tables of that corpus: of labels, of `audio.verdicts.VERDICT_COLUMNS` and of events.
    class_names : sequence of str
        The classes that are scored; events of others are left out with a warning.
    crossing : {"clip", "drop", "error"}
        What becomes of events that end after their recording; see `event_bounds.within`.

    Raises
    ------
    ValueError
        Where no used recording of the reference has known events, or a recording no verdict.
    """
    found = find_event_set(
        reference, labels_path, verdicts_path, events_path, class_names, crossing
    )
    if not found.ids:
        raise ValueError(
            f"{reference} has no used recording with known events among "
            f"{found.excluded['recordings']}; expected a corpus with a list of strong labels (data "
            f"set {STRONG!r}), and its split if it has any"
        )
    return found


def find_event_set(
    reference: str,
    labels_path: str | Path,
    verdicts_path: str | Path,
    events_path: str | Path | None,
    class_names: Sequence[str],
    crossing: str = "clip",
) -> EventGroundTruth:
    """Return the same of a reference that may have no such recording, with its counts.

    Parameters
    ----------
    reference, labels_path, verdicts_path, class_names, crossing
        As `read_event_set` has them.
    events_path : path or None
        None: the corpus has no table of events, so those of no recording are known.

    Raises
    ------
    ValueError
        Where a recording has no verdict.
    """
    corpus, _ = parse_reference(reference)
    joined = _join(reference, {corpus: labels_path}, {corpus: verdicts_path})
    is_known = events_path is not None
    strong = [recording for recording in joined.used if is_known and recording.data_set == STRONG]
    ids = {recording.id for recording in strong}
    # a table without durations is enough where no events are known
    durations_s = joined.verdicts.set_index("id")["duration_s"].to_dict() if ids else {}
    bounded = event_bounds.Bounded([], 0, 0)
    if ids:
        bounded = event_bounds.read_within(events_path, joined.verdicts, ids, crossing)
    found, dropped, clipped = bounded
    # counted as they are scored, so that the warning and the scores name the same number
    counted = resolve_overlaps(found, OVERLAPS)
    others = Counter(event.label for event in counted if event.label not in class_names)
    if others:
        LOG.info(
            "warning: %d of %d events of %s are of classes that are not scored and are left out: %s",
            others.total(), len(counted), reference, ", ".join(sorted(others)[:_NAMED]),
        )  # fmt: skip
    return EventGroundTruth(
        ids=[recording.id for recording in strong],
        durations_s={one.id: durations_s[one.id] for one in strong},
        events=[event for event in found if event.label in class_names],
        classes=list(class_names),
        groups=np.array([f"{corpus} {key}" for key in folds.group_keys(strong)], dtype=np.str_),
        excluded=joined.counts
        | {
            "unknown_events": len(joined.used) - len(strong),
            "events_of_other_classes": dict(sorted(others.items())),
            "events_dropped": dropped,
            "events_clipped": clipped,
        },
    )


class _Joined(NamedTuple):
    """Used recordings of a reference, the verdicts of its corpus, and counts."""

    used: list[Labelled]
    verdicts: "pd.DataFrame"
    counts: dict


def _join(
    reference: str, labels: Mapping[str, str | Path], verdicts: Mapping[str, str | Path]
) -> _Joined:
    """Join the labels of a reference with the verdicts on its recordings."""
    corpus, split = parse_reference(reference)
    chosen = {one.id: one for one in tables.select(tables.read_labels(labels[corpus]), split)}
    verdicts_path = verdicts[corpus]
    frame = read_verdicts(verdicts_path)
    verdict = dict(zip(frame["id"], frame["verdict"], strict=True))
    lost = lost_classes_of(frame)
    if without := [name for name in chosen if name not in verdict]:
        raise ValueError(
            f"{verdicts_path} has no verdict on {len(without)} recordings of {reference}: "
            f"{without[:_NAMED]!r}; the corpus has changed, start the workflow again"
        )
    used = [
        without_classes(recording, lost.get(name, ()))
        for name, recording in chosen.items()
        if verdict[name] == USED
    ]
    # A recording that was excluded at listing has no row of labels and so no split: it counts for
    # a whole corpus only.
    codes = Counter(
        code for name, code in verdict.items() if code != USED and (split is None or name in chosen)
    )
    counts = {
        "recordings": len(used) + codes.total(),
        "used": len(used),
        "excluded": codes.total(),
        "excluded_by_code": dict(sorted(codes.items())),
    }
    return _Joined(used, frame, counts)


def _ground_truth(
    recordings: Iterable[tuple[str, Labelled]],
    class_names: Sequence[str],
    by: str,
    fold: Mapping[tuple[str, str], int],
) -> GroundTruth:
    known = [(corpus, recording) for corpus, recording in recordings if recording.labelled]
    if other := sorted({name for _, r in known for name in r.labels} - set(class_names)):
        LOG.info(
            "warning: labels %s are none of the classes %s and count as none of them",
            ", ".join(other[:_NAMED]), ", ".join(class_names[:_NAMED]),
        )  # fmt: skip
    # Resampled as one are the recordings of a recordist, whose equipment and places are alike; of an
    # unknown one those of the group; without either a recording is its own group.
    own = [dataclasses.replace(r, group=getattr(r, by) or r.group) for _, r in known]
    keys = zip(known, folds.group_keys(own), strict=True)
    names = [(corpus, recording.id) for corpus, recording in known]
    sets = [f"{corpus}/{r.data_set}" if r.data_set else corpus for corpus, r in known]
    return GroundTruth(
        recordings=names,
        class_names=list(class_names),
        targets=indicator([r.labels for _, r in known], class_names),
        background=indicator([r.background for _, r in known], class_names),
        groups=np.array([f"{corpus} {key}" for (corpus, _), key in keys], dtype=np.str_),
        recordists=np.array([r.recordist for _, r in known], dtype=np.str_),
        data_sets=np.array(sets, dtype=np.str_),
        folds=np.array([fold.get(name, 0) for name in names], dtype=np.int64),
    )
