"""Were the pseudo-labels any good? What a stage took from predictions, against what is known.

Candidates are the recordings that a stage could have taken; those it kept have a part in its
targets. A soft pseudo-label says "present" where the score is at or above 0.5, a hard one where it
is 1; what was not kept says what it would have said. Undefined values (nothing kept, no truth) are
NaN, null in the file. The truth is used here and nowhere before.

* `audit`: the audit of one stage as JSON, and two lines of it in the log.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dawnchorus.corpora import tables
from dawnchorus.metrics import roc
from dawnchorus.runtime import artefacts
from dawnchorus.runtime.logs import LOG
from dawnchorus.scores import score_files
from dawnchorus.settings.references import parse_reference
from dawnchorus.targets import pseudo_labels, targets_table

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
    window_scores: Mapping[str, str | Path],
    targets_path: str | Path,
    labels: Mapping[str, str | Path],
    output_path: str | Path,
    thresholds_path: str | Path | None = None,
) -> None:
    """Compare the pseudo-labels of a stage with all candidates and with the truth.

    Parameters
    ----------
    settings : mapping
        The stage's ``targets`` section: ``stage`` (the teacher), ``unlabelled`` (corpus
        references), ``low`` and ``high`` (scores in [0, 1]), ``parts``, ``pooling``, ``average``,
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

    Raises
    ------
    ValueError
        Where the targets hold pseudo-labels that the scores do not have, or have other classes, or
        hard labels have no thresholds.
    """
    wanted = targets_table.read(targets_path)
    thresholds = _thresholds(settings, thresholds_path, wanted.class_names)
    found = _candidates(settings, window_scores, wanted, labels, thresholds)
    classes = {name: _of_class(found, column) for column, name in enumerate(found.class_names)}
    content = _counts(found, settings) | {
        "thresholds": thresholds and dict(zip(wanted.class_names, thresholds, strict=True)),
        "classes": classes,
    }
    artefacts.write_json(output_path, content)
    for line in _said(content):
        LOG.info(line)


def _thresholds(
    settings: Mapping, path: str | Path | None, class_names: Sequence[str]
) -> list[float] | None:
    if settings.get("labels", "soft") == "soft":
        return None
    if path is None:
        raise ValueError(
            "hard labels have no thresholds; expected the table that choose_thresholds writes"
        )
    return pseudo_labels.read_thresholds(path, class_names).tolist()


def _candidates(
    settings: Mapping,
    window_scores: Mapping[str, str | Path],
    wanted: targets_table.Targets,
    labels: Mapping[str, str | Path],
    thresholds: Sequence[float] | None,
) -> _Candidates:
    row_of = {wanted.recordings[row]: row for row in np.flatnonzero(wanted.part > 0)}
    recordings, scores, truth = _scored(settings, window_scores, wanted.class_names, labels)
    if strange := sorted(row_of.keys() - set(recordings)):
        raise ValueError(
            f"{len(strange)} pseudo-labels have no score of stage {settings['stage']!r}: "
            f"{['/'.join(pair) for pair in strange[:_NAMED]]!r}; make the targets again"
        )
    says = pseudo_labels.hard_labels(scores, _PRESENT if thresholds is None else thresholds) == 1
    part = np.zeros(len(recordings), dtype=np.int64)
    for position, pair in enumerate(recordings):
        if pair in row_of:  # what the training was told, not what it should have been told
            says[position] = wanted.values[row_of[pair]] >= _PRESENT
            part[position] = wanted.part[row_of[pair]]
    return _Candidates(recordings, wanted.class_names, scores, says, truth, part)


def _scored(
    settings: Mapping,
    window_scores: Mapping[str, str | Path],
    class_names: Sequence[str],
    labels: Mapping[str, str | Path],
) -> tuple[list[tuple[str, str]], np.ndarray, np.ndarray]:
    """Return recordings (N), scores (N, C) and truth (N, C) of all that have a score."""
    recordings, scores, truth = [], [], []
    for reference in settings["unlabelled"]:
        corpus, split = parse_reference(reference)
        known = {r.id: r for r in tables.select(tables.read_labels(labels[corpus]), split)}
        ids, values = pseudo_labels.teacher_scores(window_scores[corpus], settings)
        _check_classes(window_scores[corpus], class_names)
        for name, row in zip(ids, values, strict=True):
            if name in known and not np.isnan(row).any():
                recordings.append((corpus, name))
                scores.append(row)
                truth.append(_truth_of(known[name], class_names))
    shape = (len(recordings), len(class_names))
    return (
        recordings,
        np.array(scores, dtype=np.float32).reshape(shape),
        np.array(truth, dtype=np.int64).reshape(shape),
    )


def _check_classes(path: str | Path, class_names: Sequence[str]) -> None:
    with score_files.open_windows(path) as windows:
        if windows.class_names != class_names:
            raise ValueError(
                f"{path} scores the classes {windows.class_names[:_NAMED]!r}, the targets have "
                f"{class_names[:_NAMED]!r}; predict again"
            )


def _truth_of(recording: tables.Labelled, class_names: Sequence[str]) -> list[int]:
    if not recording.labelled:
        return [-1] * len(class_names)
    return [int(name in recording.labels) for name in class_names]


def _counts(found: _Candidates, settings: Mapping) -> dict:
    kept = found.part > 0
    by_part = Counter(found.part[kept].tolist())
    by_corpus = {
        corpus: {"candidates": int(here.sum()), "kept": int((here & kept).sum())}
        for corpus in sorted({corpus for corpus, _ in found.recordings})
        for here in [np.array([other == corpus for other, _ in found.recordings])]
    }
    names = ("stage", "low", "high", "parts", "pooling", "average")
    return {
        **{{"stage": "teacher"}.get(name, name): settings[name] for name in names},
        "select": settings.get("select", "confident"),
        "labels": settings.get("labels", "soft"),
        "unlabelled": list(settings["unlabelled"]),
        "candidates": len(kept),
        "kept": int(kept.sum()),
        "kept_share": _ratio(kept.sum(), len(kept)),
        "by_part": {f"{part}": by_part[part] for part in range(1, settings["parts"] + 1)},
        "by_corpus": by_corpus,
    }


def _of_class(found: _Candidates, column: int) -> dict:
    scores, truth, kept = found.scores[:, column], found.truth[:, column], found.part > 0
    says = found.says[:, column]
    everything = np.ones(len(kept), dtype=bool)
    groups = {"kept": kept, "candidates": everything}
    edges = np.linspace(0, 1, BINS + 1)
    return {
        "kept_low": int((kept & ~says).sum()),
        "kept_high": int((kept & says).sum()),
        "balance": {name: _balance(truth[rows]) for name, rows in groups.items()},
        "mean_score": {
            name: _mean(scores[truth == value])
            for name, value in (("positive", 1), ("negative", 0), ("unknown", -1))
        },
        "histogram": {"edges": np.round(edges, 9).tolist()}
        | {name: np.histogram(scores[rows], edges)[0].tolist() for name, rows in groups.items()},
        "auroc": {name: _auroc(truth[rows], scores[rows]) for name, rows in groups.items()},
        "errors": {name: _errors(truth[rows], says[rows]) for name, rows in groups.items()},
        "at_margins": [
            {"margin": margin} | _at(_confident(found, margin), truth, says) for margin in MARGINS
        ],
    }


def _confident(found: _Candidates, margin: float) -> np.ndarray:
    return pseudo_labels.confident(found.scores, {"low": margin, "high": 1 - margin})


def _balance(truth: np.ndarray) -> dict:
    known = int((truth >= 0).sum())
    positive = int((truth == 1).sum())
    return {
        "n": len(truth),
        "known": known,
        "positive": positive,
        "negative": known - positive,
        "positive_share": _ratio(positive, known),
    }


def _auroc(truth: np.ndarray, scores: np.ndarray) -> float:
    known = truth >= 0
    return roc.auroc(truth[known], scores[known])


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
        "error_rate": _ratio(false_positives + false_negatives, len(high)),
        "high": {
            "known": n_high,
            "false_positives": false_positives,
            "error_rate": _ratio(false_positives, n_high),
        },
        "low": {
            "known": n_low,
            "false_negatives": false_negatives,
            "error_rate": _ratio(false_negatives, n_low),
        },
    }


def _at(kept: np.ndarray, truth: np.ndarray, says: np.ndarray) -> dict:
    errors = _errors(truth[kept], says[kept])
    return {
        "kept": int(kept.sum()),
        "kept_share": _ratio(kept.sum(), len(kept)),
        "known": errors["known"],
        "right_share": _ratio(errors["known"] - errors["wrong"], errors["known"]),
        "false_positives": errors["high"]["false_positives"],
        "false_negatives": errors["low"]["false_negatives"],
    }


def _said(content: Mapping) -> list[str]:
    classes = content["classes"].values()
    known, wrong = (sum(c["errors"]["kept"][key] for c in classes) for key in ("known", "wrong"))
    all_known, all_wrong = (
        sum(c["errors"]["candidates"][key] for c in classes) for key in ("known", "wrong")
    )
    low, high = (sum(c[key] for c in classes) for key in ("kept_low", "kept_high"))
    how = f"<= {content['low']:g} or >= {content['high']:g}"
    return [
        (
            f"{content['kept']} of {content['candidates']} recordings kept as pseudo-labels "
            f"({'all' if content['select'] == 'all' else how}): {low} absent, {high} present"
        ),
        (
            f"wrong: {wrong} of {known} kept ({_percent(wrong, known)}), {all_wrong} of "
            f"{all_known} candidates ({_percent(all_wrong, all_known)}), where the truth is known"
        ),
    ]


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "n/a"


def _mean(values: np.ndarray) -> float:
    return float(values.mean(dtype=np.float64)) if len(values) else float("nan")


def _ratio(part: int, whole: int) -> float:
    return float(part / whole) if whole else float("nan")
