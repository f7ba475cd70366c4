"""Evaluation of clips: every model, every stage and every ensemble of an experiment, in one file.

Scores are per recording, see `dawnchorus.evaluation.clip_scores`. Undefined values (no positives or
no negatives) are null in the file and ``n/a`` in the summary.

* `evaluate`: ``metrics.json``, and the summary for the terminal.
* `class_counts`: counts of a ground truth.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.audio.verdicts import read_verdicts
from dawnchorus.evaluation import summary
from dawnchorus.evaluation.baseline_report import baseline_report
from dawnchorus.evaluation.calibration_scores import calibration_scores
from dawnchorus.evaluation.caveats import marked, marks, padded, policy
from dawnchorus.evaluation.clip_scores import (
    difference,
    model_scores,
    scores_at_thresholds,
    scores_with_intervals,
    spread,
)
from dawnchorus.evaluation.pretraining_scores import mark_seen
from dawnchorus.metrics import checks, operating_points, roc
from dawnchorus.runtime import artefacts
from dawnchorus.runtime.logs import LOG
from dawnchorus.scores import baseline_files, ensemble, score_files
from dawnchorus.targets.ground_truth import (
    GroundTruth,
    aligned_scores,
    read_test_set,
    read_training_set,
)
from dawnchorus.targets.resampling_units import with_units
from dawnchorus.targets.targets_table import Member

_NAMED = 5  # offenders an error names
_MOST_POINTS = 20_000  # of the operating curves of all classes of an ensemble
_TRAINING = ""  # key of the training recordings, where names of test subsets are those of others


def evaluate(
    scores: Mapping[str, Mapping[str, score_files.Files]],
    ensembles: Mapping[str, Mapping[str, str | Path]],
    calibrations: Mapping[str, str | Path],
    labels: Mapping[str, str | Path],
    folds_path: str | Path,
    verdicts: Mapping[str, str | Path],
    settings: Mapping,
    metrics_path: str | Path,
    summary_path: str | Path,
) -> None:
    """Score all models and ensembles of an experiment, write the scores and their summary.

    Parameters
    ----------
    scores : mapping of stage to mapping of corpus to path, or to paths
        Window scores of the members, for the training and the test corpora.
    ensembles : mapping of ensemble to mapping of corpus to path
        Recording scores; those of training recordings are out of fold.
    calibrations : mapping of ensemble to path
        Parameters of calibrated ensembles, see `dawnchorus.targets.calibration_fit`.
    labels : mapping of corpus to path
        Label tables.
    folds_path : path
        CSV of ``corpus``, ``id``, ``fold``: the used training recordings.
    verdicts : mapping of corpus to path
        Verdict tables of the training and test corpora, with columns ``id`` and ``verdict``.
    settings : mapping
        The experiment: ``name``, ``seed``, ``train``, ``test``, ``stages``, ``ensembles``, ``pooling``,
        ``average``, ``average_unit``, ``ignored_classes``, ``folds`` (``count``, ``by``,
        ``validation``, ``split_groups``), ``evaluation`` (``replicates``, ``bootstrap``,
        ``confidence`` in (0, 1), ``threshold`` "f1" or "youden", ``top_k``, ``compare``: pairs of
        ensembles), ``baselines`` (names), ``baselines_path`` (`dawnchorus.scores.baseline_files`; None
        for none) and ``sources`` (`dawnchorus.targets.resampling_units.with_units`).
    metrics_path : path
        JSON: scores, counts and the policy behind them.
    summary_path : path
        Text of one screen.

    Raises
    ------
    ValueError
        Where a stage, ensemble or corpus has no file, files disagree about the classes, or a
        recording to be scored has no score.
    """
    paths = [path for by_corpus in scores.values() for path in by_corpus.values()]
    if not paths:
        raise ValueError("no window scores to evaluate; expected those of one stage or more")
    class_names: list[str] = []
    for path in paths:
        with score_files.open_windows(path) as windows:
            class_names = class_names or windows.class_names
            _check_classes(windows.class_names, class_names, windows.path)
    ended = _ended_stages(scores)
    settings = _without(settings, ended)
    trained, about_training = read_training_set(
        labels, folds_path, class_names, settings["folds"], verdicts, settings.get("train", ())
    )
    about_training |= class_counts(trained)
    trained, units = with_units(trained, trained.recordings, settings)
    about_training |= units
    truths, counts, lengths_s = {_TRAINING: trained}, {}, _lengths_s(trained, verdicts)
    about_training |= padded(lengths_s, settings["stages"])
    hours = float(lengths_s.sum()) / 3600
    for test in settings["test"]:
        truth, found = read_test_set(test, labels, verdicts, class_names, settings["folds"]["by"])
        truths[test], units = with_units(truth, truth.recordings, settings)
        counts[test] = found | class_counts(truth) | units
        counts[test] |= padded(_lengths_s(truth, verdicts), settings["stages"])
    _check_files(scores, ensembles, truths, settings)
    recordings = {
        name: _ensemble_scores(name, ensembles[name], truths) for name in settings["ensembles"]
    }
    # any of its files tells how many models were averaged
    first = {name: next(iter(ensembles[name].values())) for name in settings["ensembles"]}
    content = {
        "experiment": settings["name"],
        "policy": policy(settings),
        "classes": class_names,
        "training": about_training,
        "test": counts,
        "ended": ended,
        "stages": {
            name: _stage(name, scores[name], truths, settings) for name in settings["stages"]
        },
        "ensembles": {
            name: _ensemble(name, recordings[name], truths, settings, calibrations.get(name), hours)
            | {"models": len(score_files.read_recordings(first[name]).members)}
            for name in settings["ensembles"]
        },
        "comparisons": [
            _comparison(*pair, recordings, truths, settings)
            for pair in settings["evaluation"]["compare"]
        ],
        "baselines": {},
    }
    if (baselines_path := settings.get("baselines_path")) is not None:
        found = baseline_files.read_baselines(baselines_path, settings["baselines"])
        _check_classes(found.class_names, class_names, baselines_path)
        content["baselines"] = baseline_report(found, recordings, truths, settings, _TRAINING)
    mark_seen(content, recordings, truths, settings, _TRAINING)
    artefacts.write_json(metrics_path, content)
    artefacts.write_text(summary_path, summary.text(content))
    n_models = sum(len(stage["members"]) for stage in content["stages"].values())
    LOG.info("%d models and %d ensembles scored", n_models, len(recordings))


def class_counts(truth: GroundTruth) -> dict:
    """Return counts.

    ``scored`` and ``n_positive`` (recordings, and those with any class), ``positives`` by class,
    ``classes_left_out`` (without positives or without negatives), ``groups``, ``recordists`` (known
    ones), ``background`` (recordings with any class in the background), and recordings by
    ``data_sets``.
    """
    scored = checks.scored_classes(truth.targets)
    names = truth.class_names
    return {
        "scored": len(truth.recordings),
        "n_positive": int(truth.targets.any(axis=1).sum()),
        "positives": dict(zip(names, truth.targets.sum(axis=0).tolist(), strict=True)),
        "classes_left_out": [name for name, ok in zip(names, scored, strict=True) if not ok],
        "groups": len(set(truth.groups)),
        "recordists": len(set(truth.recordists) - {""}),
        "background": int(truth.background.any(axis=1).sum()),
        "data_sets": dict(Counter(truth.data_sets.tolist())),
    }


def _ended_stages(scores: Mapping[str, Mapping[str, score_files.Files]]) -> dict[str, str]:
    """Return the stages that ended before they were trained, and why."""
    found = {}
    for name, paths in scores.items():
        with score_files.open_windows(next(iter(paths.values()))) as windows:
            reasons = [about.get("ended", "") for about in windows.learning.values()]
        if reasons and all(reasons):
            found[name] = reasons[0]
    return found


def _without(settings: Mapping, ended: Mapping[str, str]) -> dict:
    """Return settings without some stages, and without ensembles that consist of these alone."""
    left = {
        name: [stage for stage in stages if stage not in ended]
        for name, stages in settings["ensembles"].items()
    }
    ensembles = {name: stages for name, stages in left.items() if stages}
    pairs = [
        pair for pair in settings["evaluation"]["compare"]
        if all(name in ensembles or name not in left for name in pair)
    ]  # fmt: skip
    stages = {name: about for name, about in settings["stages"].items() if name not in ended}
    evaluation = settings["evaluation"] | {"compare": pairs}
    return {**settings, "stages": stages, "ensembles": ensembles, "evaluation": evaluation}


def _stage(
    name: str,
    paths: Mapping[str, score_files.Files],
    truths: Mapping[str, GroundTruth],
    settings: Mapping,
) -> dict:
    """Return the scores of the members of a stage, and their mean and range."""
    pooled = {
        corpus: ensemble.pool_members(
            paths[corpus], settings["pooling"], settings["ignored_classes"]
        )
        for corpus in _corpora(truths)
    }
    with score_files.open_windows(next(iter(paths.values()))) as windows:
        learning = windows.learning
    optimistic = marks([name], settings, "chose_epoch", "split_groups")
    _, names, _ = next(iter(pooled.values()))
    members = {}
    for member in names:
        tables = {
            corpus: (ids, stack[found.index(member)])
            for corpus, (ids, found, stack) in pooled.items()
        }
        about, what = Member.named(member), f"{member} of stage {name}"
        own = truths[_TRAINING].of_fold(about.fold)
        tests = {
            test: model_scores(truth, aligned_scores(truth, tables, what), settings)
            for test, truth in _tests(truths).items()
        }
        validated = model_scores(own, aligned_scores(own, tables, what), settings)
        members[member] = {
            "fold": about.fold,
            "part": about.part,
            "seed": about.seed,
            "validation": validated | optimistic,
            "test": marked(tests, [name], settings),
        }
    tested = {
        test: _spread([about["test"][test] for about in members.values()])
        for test in _tests(truths)
    }
    validated = _spread([about["validation"] for about in members.values()])
    return {
        "members": members,
        "learning": learning,
        "validation": validated | optimistic,
        "test": marked(tested, [name], settings),
    }


def _spread(found: Sequence[Mapping]) -> dict:
    """Return mean and range over models of the AUROC, and of what else their scores have."""
    content = spread([own["auroc"] for own in found])
    if named := found[0].get("identification"):
        content["identification"] = {
            name: spread([own["identification"][name]["value"] for own in found]) for name in named
        }
    return content


def _ensemble_scores(
    name: str, paths: Mapping[str, str | Path], truths: Mapping[str, GroundTruth]
) -> dict[str, np.ndarray]:
    """Return the scores (N, C) of an ensemble by test subset, and of `_TRAINING`."""
    tables = {}
    for corpus in _corpora(truths):
        found = score_files.read_recordings(paths[corpus])
        _check_classes(found.class_names, truths[_TRAINING].class_names, paths[corpus])
        tables[corpus] = (found.ids, found.scores)
    return {
        test: aligned_scores(truth, tables, f"ensemble {name}") for test, truth in truths.items()
    }


def _ensemble(
    name: str,
    scores: Mapping[str, np.ndarray],
    truths: Mapping[str, GroundTruth],
    settings: Mapping,
    calibration_path: str | Path | None,
    hours: float,
) -> dict:
    """Return the scores of an ensemble, those at thresholds chosen out of fold, and their calibration."""
    stages, training, own = list(settings["ensembles"][name]), truths[_TRAINING], scores[_TRAINING]
    tests = {
        test: scores_with_intervals(truth, scores[test], settings)
        for test, truth in _tests(truths).items()
    }
    out_of_fold = scores_with_intervals(training, own, settings, by_fold=True)
    # test recordings choose nothing: thresholds come from out-of-fold scores
    criterion = settings["evaluation"]["threshold"]
    columns = zip(training.targets.T, own.T, strict=True)
    thresholds = [roc.best_threshold(*column, criterion) for column in columns]
    at_thresholds = {
        test: scores_at_thresholds(truth, scores[test], thresholds)
        for test, truth in _tests(truths).items()
    }
    trained_on = sorted({corpus for corpus, _ in training.recordings})
    # thresholds for another precision can be asked for later: of many classes a few points each
    most = max(20, min(operating_points.MOST_POINTS, _MOST_POINTS // len(training.class_names)))
    columns = zip(training.class_names, training.targets.T, own.T, strict=True)
    curves = {
        name: operating_points.operating_curve(target, score, hours, most)
        for name, target, score in columns
    }
    parameters = json.loads(Path(calibration_path).read_bytes()) if calibration_path else None
    return {
        "stages": stages,
        "calibration": calibration_scores(parameters, scores, truths, _TRAINING, settings),
        "out_of_fold": out_of_fold | marks(stages, settings),
        "test": marked(tests, stages, settings),
        "threshold": {
            "criterion": criterion,
            "chosen_on": f"out-of-fold scores of {', '.join(trained_on)}"
            if trained_on
            else "no recording, as none is held out",
            "thresholds": dict(zip(training.class_names, thresholds, strict=True)),
            "operating_curves": curves,
            "out_of_fold": scores_at_thresholds(training, own, thresholds),
            "test": marked(at_thresholds, stages, settings),
        },
    }


def _lengths_s(truth: GroundTruth, verdicts: Mapping[str, str | Path]) -> np.ndarray:
    """Return the lengths of the recordings of a ground truth [s], (N,); NaN where a table lacks one."""
    found = np.full(len(truth.recordings), np.nan)
    for corpus in sorted({corpus for corpus, _ in truth.recordings}):
        frame = read_verdicts(verdicts[corpus]) if corpus in verdicts else {}
        rows = [row for row, (own, _) in enumerate(truth.recordings) if own == corpus]
        if "duration_s" in frame:
            names = [truth.recordings[row][1] for row in rows]
            found[rows] = frame.set_index("id")["duration_s"].reindex(names)
    return found


def _comparison(
    first: str,
    second: str,
    scores: Mapping[str, Mapping[str, np.ndarray]],
    truths: Mapping[str, GroundTruth],
    settings: Mapping,
) -> dict:
    """Return the AUROC of the second ensemble minus that of the first."""
    found = {
        test: difference(truth, scores[first][test], scores[second][test], settings)
        for test, truth in truths.items()
    }
    out_of_fold = found.pop(_TRAINING)
    stages = [*settings["ensembles"][first], *settings["ensembles"][second]]
    return {
        "first": first,
        "second": second,
        "test": marked(found, stages, settings),
        "out_of_fold": out_of_fold | marks(stages, settings),
    }


def _tests(truths: Mapping[str, GroundTruth]) -> dict[str, GroundTruth]:
    return {test: truth for test, truth in truths.items() if test != _TRAINING}


def _corpora(truths: Mapping[str, GroundTruth]) -> list[str]:
    return sorted({corpus for truth in truths.values() for corpus, _ in truth.recordings})


def _check_classes(found: Sequence[str], expected: Sequence[str], path: str | Path) -> None:
    if list(found) != list(expected):
        raise ValueError(
            f"{path} scores the classes {list(found)[:_NAMED]!r}, other files "
            f"{list(expected)[:_NAMED]!r}; predict again"
        )


def _check_files(
    scores: Mapping[str, Mapping],
    ensembles: Mapping[str, Mapping],
    truths: Mapping[str, GroundTruth],
    settings: Mapping,
) -> None:
    """Raise where a stage, an ensemble or a pair has no scores."""
    for kind, given in (("stages", scores), ("ensembles", ensembles)):
        for name in settings[kind]:
            if missing := [c for c in _corpora(truths) if c not in given.get(name, {})]:
                raise ValueError(
                    f"{kind[:-1]} {name!r} has no scores of corpus {missing[0]!r}; expected them "
                    f"for {_corpora(truths)!r}"
                )
    for name in {name for pair in settings["evaluation"]["compare"] for name in pair}:
        if name not in settings["ensembles"]:
            raise ValueError(
                f"evaluation.compare names {name!r}; expected ensembles out of "
                f"{list(settings['ensembles'])!r}"
            )
