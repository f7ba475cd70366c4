"""How well an experiment did: every model, every stage and every ensemble, in one file.

Everything is judged per recording; a figure is what `dawnchorus.figures` says it is. Undefined
values (no positives or no negatives) are null in the file and ``n/a`` in the summary.

* `evaluate`: ``metrics.json``, and the summary for the terminal.
* `is_transductive`: whether a stage learnt from predictions for recordings that are tested.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus import artefacts, corpora, metrics, predictions, summary
from dawnchorus.figures import called, difference, figures, spread
from dawnchorus.logs import LOG
from dawnchorus.targets import Member
from dawnchorus.truth import Truth, aligned, described, read_tested, read_trained

_NAMED = 5  # offenders an error names
_TRAINING = ""  # stands for the training recordings where test references stand for the others
_POLICY = {
    "unit": "recording",
    "auroc": "exact; equal scores of a positive and a negative count one half; macro mean where "
    "classes are several",
    "classes": "a class without both truths among the recordings is left out and listed",
    "interval": "percentile bootstrap over groups; a recording without a group is its own group; "
    "the same replicates for all scores of the same recordings",
    "harmonic_mean": "over the data sets with both truths",
    "excluded": "recordings that could not be used have no score; they are counted, not judged",
    "unknown_truth": "used recordings whose truth is unknown are counted, not judged",
    "out_of_fold": "a training recording is scored only by models that did not train on it",
    "teachers_saw_fold": "the pseudo-labels of a later stage come from models that trained on the "
    "labels of all folds, so its out-of-fold scores have seen them at second hand",
    "transductive": "a model learnt from predictions for the recordings it is tested on (never "
    "from their labels)",
    "threshold": "positive at or above it; chosen on out-of-fold scores of the training corpora",
}


def evaluate(
    scores: Mapping[str, Mapping[str, str | Path]],
    ensembles: Mapping[str, Mapping[str, str | Path]],
    labels: Mapping[str, str | Path],
    folds_path: str | Path,
    verdicts: Mapping[str, str | Path],
    settings: Mapping,
    metrics_path: str | Path,
    summary_path: str | Path,
) -> None:
    """Judge all models and ensembles of an experiment, write the figures and their summary.

    Parameters
    ----------
    scores : mapping of stage to mapping of corpus to path
        Window scores of the members, for the training and the test corpora.
    ensembles : mapping of ensemble to mapping of corpus to path
        Recording scores; those of training recordings are out of fold.
    labels : mapping of corpus to path
        Label tables.
    folds_path : path
        CSV of ``corpus``, ``id``, ``fold``: the used training recordings.
    verdicts : mapping of corpus to path
        Verdict tables of the test corpora, with columns ``id`` and ``verdict``.
    settings : mapping
        The experiment: ``name``, ``seed``, ``test``, ``stages``, ``ensembles``, ``pooling``,
        ``average`` and ``evaluation`` (``replicates``, ``confidence`` in (0, 1), ``threshold`` "f1"
        or "youden", ``compare``: pairs of ensembles).
    metrics_path : path
        JSON: figures, counts and the policy behind them.
    summary_path : path
        Text of one screen.

    Raises
    ------
    ValueError
        Where a stage, ensemble or corpus has no file, files disagree about the classes, or a
        recording that should be judged has no score.
    """
    class_names = _class_names(scores)
    truths = {_TRAINING: read_trained(labels, folds_path, class_names)}
    counts = {}
    for reference in settings["test"]:
        truths[reference], found = read_tested(reference, labels, verdicts, class_names)
        counts[reference] = found | described(truths[reference])
    _check_files(scores, ensembles, truths, settings)
    recordings = {
        name: _ensemble_scores(name, ensembles[name], truths) for name in settings["ensembles"]
    }
    content = {
        "experiment": settings["name"],
        "policy": _policy(settings),
        "classes": class_names,
        "training": described(truths[_TRAINING]),
        "test": counts,
        "stages": {
            name: _stage(name, scores[name], truths, settings) for name in settings["stages"]
        },
        "ensembles": {
            name: _ensemble(name, recordings[name], truths, settings)
            | {"models": _models(ensembles[name])}
            for name in settings["ensembles"]
        },
        "comparisons": [
            _comparison(*pair, recordings, truths, settings)
            for pair in settings["evaluation"]["compare"]
        ],
    }
    artefacts.write_json(metrics_path, content)
    artefacts.write_text(summary_path, summary.text(content))
    n_models = sum(len(stage["members"]) for stage in content["stages"].values())
    LOG.info("%d models and %d ensembles judged", n_models, len(recordings))


def is_transductive(stages: Mapping[str, Mapping], name: str, reference: str) -> bool:
    """Return whether a stage, or one it builds on, learnt from predictions on tested recordings.

    Parameters
    ----------
    stages : mapping of stage to its settings
    name : str
        Stage.
    reference : str
        What is tested: ``corpus`` or ``corpus:split``.
    """
    source = stages[name]["targets"]
    if source["from"] == "labels":
        return False
    shared = any(_overlap(used, reference) for used in source["unlabelled"])
    return shared or is_transductive(stages, source["stage"], reference)


def _stage(
    name: str, paths: Mapping[str, str | Path], truths: Mapping[str, Truth], settings: Mapping
) -> dict:
    """Return the figures of the members of a stage, and their mean and range."""
    pooled = {
        corpus: predictions.pooled(paths[corpus], settings["pooling"])
        for corpus in _corpora(truths)
    }
    _, names, _ = next(iter(pooled.values()))
    members = {}
    for member in names:
        tables = {
            corpus: (ids, stack[found.index(member)])
            for corpus, (ids, found, stack) in pooled.items()
        }
        members[member] = _member(member, name, tables, truths, settings)
    spreads = {
        reference: spread([figure["test"][reference]["auroc"] for figure in members.values()])
        for reference in _tests(truths)
    }
    return {
        "members": members,
        "validation": spread([figure["validation"]["auroc"] for figure in members.values()]),
        "test": _marked(spreads, [name], settings),
    }


def _member(
    name: str, stage: str, tables: Mapping, truths: Mapping[str, Truth], settings: Mapping
) -> dict:
    about = Member.named(name)
    what = f"{name} of stage {stage}"
    own = truths[_TRAINING].of_fold(about.fold)
    tests = {
        reference: figures(truth, aligned(truth, tables, what), settings)
        for reference, truth in _tests(truths).items()
    }
    return {
        "fold": about.fold,
        "part": about.part,
        "seed": about.seed,
        "validation": figures(own, aligned(own, tables, what), settings),
        "test": _marked(tests, [stage], settings),
    }


def _ensemble_scores(
    name: str, paths: Mapping[str, str | Path], truths: Mapping[str, Truth]
) -> dict[str, np.ndarray]:
    """Return the scores (N, C) of an ensemble by test reference, and of `_TRAINING`."""
    tables = {}
    for corpus in _corpora(truths):
        found = predictions.read_recordings(paths[corpus])
        _check_classes(found.class_names, truths[_TRAINING].class_names, paths[corpus])
        tables[corpus] = (found.ids, found.scores)
    return {
        reference: aligned(truth, tables, f"ensemble {name}") for reference, truth in truths.items()
    }


def _ensemble(
    name: str,
    scores: Mapping[str, np.ndarray],
    truths: Mapping[str, Truth],
    settings: Mapping,
) -> dict:
    stages = list(settings["ensembles"][name])
    tests = {
        reference: figures(truth, scores[reference], settings)
        for reference, truth in _tests(truths).items()
    }
    out_of_fold = figures(truths[_TRAINING], scores[_TRAINING], settings, by_fold=True)
    return {
        "stages": stages,
        "out_of_fold": out_of_fold | {"teachers_saw_fold": _has_teachers(stages, settings)},
        "test": _marked(tests, stages, settings),
        "threshold": _thresholded(stages, scores, truths, settings),
    }


def _models(paths: Mapping[str, str | Path]) -> int:
    """Return how many models an ensemble has, by any of its files."""
    return len(predictions.read_recordings(next(iter(paths.values()))).members)


def _thresholded(
    stages: Sequence[str],
    scores: Mapping[str, np.ndarray],
    truths: Mapping[str, Truth],
    settings: Mapping,
) -> dict:
    """Return precision and recall at the thresholds that out-of-fold scores choose."""
    training, own = truths[_TRAINING], scores[_TRAINING]
    criterion = settings["evaluation"]["threshold"]
    columns = zip(training.targets.T, own.T, strict=True)
    thresholds = [metrics.best_threshold(*column, criterion) for column in columns]
    tests = {
        reference: called(truth, scores[reference], thresholds)
        for reference, truth in _tests(truths).items()
    }
    trained_on = sorted({corpus for corpus, _ in training.recordings})
    return {
        "criterion": criterion,
        "chosen_on": f"out-of-fold scores of {', '.join(trained_on)}",
        "thresholds": dict(zip(training.class_names, thresholds, strict=True)),
        "out_of_fold": called(training, own, thresholds),
        "test": _marked(tests, stages, settings),
    }


def _comparison(
    first: str,
    second: str,
    scores: Mapping[str, Mapping[str, np.ndarray]],
    truths: Mapping[str, Truth],
    settings: Mapping,
) -> dict:
    """Return the AUROC of the second ensemble minus that of the first."""
    found = {
        reference: difference(truth, scores[first][reference], scores[second][reference], settings)
        for reference, truth in truths.items()
    }
    out_of_fold = found.pop(_TRAINING)
    stages = [*settings["ensembles"][first], *settings["ensembles"][second]]
    return {
        "first": first,
        "second": second,
        "test": _marked(found, stages, settings),
        "out_of_fold": out_of_fold | {"teachers_saw_fold": _has_teachers(stages, settings)},
    }


def _marked(by_reference: Mapping[str, dict], stages: Sequence[str], settings: Mapping) -> dict:
    """Return figures by test reference, each with whether any of the stages is transductive."""
    return {
        reference: figure
        | {"transductive": any(is_transductive(settings["stages"], s, reference) for s in stages)}
        for reference, figure in by_reference.items()
    }


def _has_teachers(stages: Sequence[str], settings: Mapping) -> bool:
    return any(settings["stages"][name]["targets"]["from"] != "labels" for name in stages)


def _overlap(a: str, b: str) -> bool:
    (corpus, split), (other_corpus, other_split) = map(corpora.parse_reference, (a, b))
    return corpus == other_corpus and (None in (split, other_split) or split == other_split)


def _policy(settings: Mapping) -> dict:
    chosen = settings["evaluation"]
    return {
        **_POLICY,
        "replicates": chosen["replicates"],
        "confidence": chosen["confidence"],
        "pooling": settings["pooling"],
        "average": settings["average"],
    }


def _tests(truths: Mapping[str, Truth]) -> dict[str, Truth]:
    return {reference: truth for reference, truth in truths.items() if reference != _TRAINING}


def _corpora(truths: Mapping[str, Truth]) -> list[str]:
    """Return the corpora that any recording to be judged is of."""
    return sorted({corpus for truth in truths.values() for corpus, _ in truth.recordings})


def _class_names(scores: Mapping[str, Mapping[str, str | Path]]) -> list[str]:
    """Return the classes that all window scores agree on."""
    paths = [path for by_corpus in scores.values() for path in by_corpus.values()]
    if not paths:
        raise ValueError("no window scores to judge; expected those of one stage or more")
    names = []
    for path in paths:
        with predictions.open_windows(path) as windows:
            names = names or windows.class_names
            _check_classes(windows.class_names, names, path)
    return names


def _check_classes(found: Sequence[str], expected: Sequence[str], path: str | Path) -> None:
    if list(found) != list(expected):
        raise ValueError(
            f"{path} scores the classes {list(found)[:_NAMED]!r}, other files "
            f"{list(expected)[:_NAMED]!r}; predict again"
        )


def _check_files(
    scores: Mapping[str, Mapping],
    ensembles: Mapping[str, Mapping],
    truths: Mapping[str, Truth],
    settings: Mapping,
) -> None:
    """Raise where a stage, an ensemble or a pair has nothing to be judged by."""
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
