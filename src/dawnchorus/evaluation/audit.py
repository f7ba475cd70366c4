"""Audit of pseudo-labels: what a stage took from predictions, against the ground truth.

Candidates are the recordings that a stage could have taken; those it kept have a part in its
targets. A soft pseudo-label says "present" where the score is at or above 0.5, a hard one where it
is 1; what was not kept says what it would have said. Undefined values (nothing kept, no truth) are
NaN, null in the file. The ground truth of these recordings is used here and nowhere before.

* `audit`: the audit of one stage as JSON, and two lines of it in the log.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dawnchorus.corpora import tables
from dawnchorus.metrics import roc
from dawnchorus.metrics.checks import ratio
from dawnchorus.runtime import artefacts
from dawnchorus.runtime.logs import LOG
from dawnchorus.scores import score_files
from dawnchorus.settings.references import parse_reference
from dawnchorus.targets import pseudo_labels, targets_table
from dawnchorus.targets.labels import used_recordings

BINS = 20  # of the score histograms, equal steps from 0 to 1
MARGINS = (0.01, 0.05, 0.1, 0.2, 0.3)  # kept would be: score <= margin or >= 1 - margin
_PRESENT = 0.5  # what a pseudo-label of a class that is present has at least
_NAMED = 5  # offenders an error names


@dataclass(frozen=True)
class _Candidates:
    """N recordings with scores (N, C), truth (N, C; -1 unknown) and part (N; 0 not kept).

    ``says`` (N, C): whether the pseudo-label says "present", or would.
    """

    recordings: list[tuple[str, str]]
    class_names: list[str]
    scores: np.ndarray
    says: np.ndarray
    truth: np.ndarray
    part: np.ndarray


def audit(
    settings: Mapping,
    window_scores: Mapping[str, score_files.Files],
    targets_path: str | Path,
    labels: Mapping[str, str],
    output_path: str | Path,
    thresholds_path: str | Path | None = None,
    verdicts: Mapping[str, str] | None = None,
) -> None:
    """Compare the pseudo-labels of a stage with all candidates and with the truth.

    Parameters
    ----------
    settings : mapping
        The stage's ``targets`` section: ``stage`` (the teacher), ``unlabelled`` (corpora
        and subsets), ``low`` and ``high`` (scores in [0, 1]), ``parts``, ``pooling``, ``average``,
        ``select`` (confident, all) and ``labels`` (soft, hard).
    window_scores : mapping of corpus to path
        Window scores of the teacher stage.
    targets_path : path
        Targets of the stage.
    labels : mapping of corpus to path
        Label tables.
    output_path : path
        JSON: counts, then for each of the ``classes`` the ``balance``, ``mean_score`` by truth,
        ``histogram``, ``auroc``, ``errors`` of the kept and of all, and ``at_margins``;
        ``thresholds`` of hard labels by class.
    thresholds_path : path, optional
        Table of `dawnchorus.targets.thresholds.choose_thresholds`; needed where labels are hard.
    verdicts : mapping of corpus to path, optional
        Verdicts of corpora whose recordings may have lost classes with their events.

    Raises
    ------
    ValueError
        Where the targets hold pseudo-labels that the scores do not have, or have other classes, or
        hard labels have no thresholds.
    """
    wanted = targets_table.read(targets_path)
    thresholds = pseudo_labels.read_thresholds(settings, thresholds_path, wanted.class_names)
    truths = {
        reference: {r.id: r for _, r in used_recordings([reference], labels, verdicts or {})}
        for reference in settings["unlabelled"]
    }
    found = _candidates(settings, window_scores, wanted, truths, thresholds)
    names, kept = found.class_names, found.part > 0
    corpora = np.array([corpus for corpus, _ in found.recordings], dtype=np.str_)
    by_part = Counter(found.part[kept].tolist())
    content = {
        "teacher": settings["stage"],
        **{name: settings[name] for name in ("low", "high", "parts", "pooling", "average")},
        "select": settings.get("select", "confident"),
        "labels": settings.get("labels", "soft"),
        "unlabelled": list(settings["unlabelled"]),
        "candidates": len(kept),
        "kept": int(kept.sum()),
        "kept_share": float(ratio(kept.sum(), len(kept))),
        "by_part": {f"{part}": by_part[part] for part in range(1, settings["parts"] + 1)},
        "by_corpus": {
            corpus: {
                "candidates": int((corpora == corpus).sum()),
                "kept": int((kept & (corpora == corpus)).sum()),
            }
            for corpus in np.unique(corpora).tolist()
        },
        "thresholds": None
        if thresholds is None
        else dict(zip(names, thresholds.tolist(), strict=True)),
        "classes": {name: _class_audit(found, column) for column, name in enumerate(names)},
    }
    artefacts.write_json(output_path, content)
    # how many were kept, and how many of them are wrong, of all classes together
    classes = content["classes"].values()
    known, wrong = (sum(c["errors"]["kept"][key] for c in classes) for key in ("known", "wrong"))
    all_known, all_wrong = (
        sum(c["errors"]["candidates"][key] for c in classes) for key in ("known", "wrong")
    )
    low, high = (sum(c[key] for c in classes) for key in ("kept_low", "kept_high"))
    how = f"<= {content['low']:g} or >= {content['high']:g}"
    LOG.info(
        f"{content['kept']} of {content['candidates']} recordings kept as pseudo-labels "
        f"({'all' if content['select'] == 'all' else how}): {low} absent, {high} present"
    )
    LOG.info(
        f"wrong: {wrong} of {known} kept ({_percent(wrong, known)}), {all_wrong} of "
        f"{all_known} candidates ({_percent(all_wrong, all_known)}), where the truth is known"
    )


def _candidates(
    settings: Mapping,
    window_scores: Mapping[str, score_files.Files],
    wanted: targets_table.Targets,
    known_of: Mapping[str, Mapping[str, tables.Labelled]],
    thresholds: Sequence[float] | None,
) -> _Candidates:
    """Return all recordings that have a score, with what their pseudo-labels say, or would."""
    recordings, scores, truth = [], [], []
    for reference, known in known_of.items():
        corpus, _ = parse_reference(reference)
        path = window_scores[corpus]
        with score_files.open_windows(path) as windows:
            if windows.class_names != wanted.class_names:
                raise ValueError(
                    f"{windows.path} scores the classes {windows.class_names[:_NAMED]!r}, the targets "
                    f"have {wanted.class_names[:_NAMED]!r}; predict again"
                )
        for name, row in zip(*pseudo_labels.teacher_scores(path, settings), strict=True):
            if name in known and not np.isnan(row).any():
                recordings.append((corpus, name))
                scores.append(row)
                own = [int(label in known[name].labels) for label in wanted.class_names]
                truth.append(own if known[name].labelled else [-1] * len(own))
    row_of = {wanted.recordings[row]: row for row in np.flatnonzero(wanted.part > 0)}
    if strange := sorted(row_of.keys() - set(recordings)):
        raise ValueError(
            f"{len(strange)} pseudo-labels have no score of stage {settings['stage']!r}: "
            f"{['/'.join(pair) for pair in strange[:_NAMED]]!r}; make the targets again"
        )
    shape = (len(recordings), len(wanted.class_names))
    scores = np.array(scores, dtype=np.float32).reshape(shape)
    truth = np.array(truth, dtype=np.int64).reshape(shape)
    says = pseudo_labels.hard_labels(scores, _PRESENT if thresholds is None else thresholds) == 1
    part = np.zeros(len(recordings), dtype=np.int64)
    for position, pair in enumerate(recordings):
        if pair in row_of:  # what the training was told, not what it should have been told
            says[position] = wanted.values[row_of[pair]] >= _PRESENT
            part[position] = wanted.part[row_of[pair]]
    return _Candidates(recordings, wanted.class_names, scores, says, truth, part)


def _class_audit(found: _Candidates, column: int) -> dict:
    """Return the audit of one class."""
    scores, truth, kept = found.scores[:, column], found.truth[:, column], found.part > 0
    says, is_known = found.says[:, column], found.truth[:, column] >= 0
    groups = {"kept": kept, "candidates": np.ones(len(kept), dtype=bool)}
    # steps of 0.05; rounded in the file, where 0.15000000000000002 would stand otherwise
    edges = np.linspace(0, 1, BINS + 1)
    balance, at_margins = {}, []
    for name, rows in groups.items():
        n_known, n_positive = int(is_known[rows].sum()), int((truth[rows] == 1).sum())
        balance[name] = {
            "n": int(rows.sum()),
            "known": n_known,
            "positive": n_positive,
            "negative": n_known - n_positive,
            "positive_share": float(ratio(n_positive, n_known)),
        }
    for margin in MARGINS:
        # of all classes, though the audit is of one: a recording is taken as a whole
        would = pseudo_labels.is_confident(found.scores, {"low": margin, "high": 1 - margin})
        errors = _errors(truth[would], says[would])
        n_right = errors["known"] - errors["wrong"]
        at_margins.append(
            {
                "margin": margin,
                "kept": int(would.sum()),
                "kept_share": float(ratio(would.sum(), len(would))),
                "known": errors["known"],
                "right_share": float(ratio(n_right, errors["known"])),
                "false_positives": errors["high"]["false_positives"],
                "false_negatives": errors["low"]["false_negatives"],
            }
        )
    return {
        "kept_low": int((kept & ~says).sum()),
        "kept_high": int((kept & says).sum()),
        "balance": balance,
        "mean_score": {
            # in double precision: scores are float32
            name: float(ratio(scores[truth == value].sum(dtype=np.float64), (truth == value).sum()))
            for name, value in (("positive", 1), ("negative", 0), ("unknown", -1))
        },
        "histogram": {"edges": np.round(edges, 9).tolist()}
        | {name: np.histogram(scores[rows], edges)[0].tolist() for name, rows in groups.items()},
        "auroc": {
            name: roc.auroc(truth[rows & is_known], scores[rows & is_known])
            for name, rows in groups.items()
        },
        "errors": {name: _errors(truth[rows], says[rows]) for name, rows in groups.items()},
        "at_margins": at_margins,
    }


def _errors(truth: np.ndarray, says: np.ndarray) -> dict:
    """Return how often pseudo-labels are wrong: "present" is high, "absent" is low."""
    known = truth >= 0
    high = says[known]
    positive = truth[known] == 1
    false_positives, false_negatives = int((high & ~positive).sum()), int((~high & positive).sum())
    n_high = int(high.sum())
    n_low = len(high) - n_high
    return {
        "known": len(high),
        "wrong": false_positives + false_negatives,
        "error_rate": float(ratio(false_positives + false_negatives, len(high))),
        "high": {
            "known": n_high,
            "false_positives": false_positives,
            "error_rate": float(ratio(false_positives, n_high)),
        },
        "low": {
            "known": n_low,
            "false_negatives": false_negatives,
            "error_rate": float(ratio(false_negatives, n_low)),
        },
    }


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "n/a"
