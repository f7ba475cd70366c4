"""Scores of recordings by baselines: what takes seconds, on the folds and tests of the models.

A baseline is a module of ``clip_baselines`` with ``fit(statistics, targets, rng)``, of the band
statistics (n, F, K) and targets (n, C) of training recordings, which returns a function from
statistics (m, F, K) to scores (m, C) in [0, 1]. ``MOST_CLASSES``: above it the baseline says nothing;
``MOST_WORK``: training recordings x statistics x classes above which it is fitted on a part of the
recordings, as many of each class (None: no such limits). It is fitted once for each fold that has a
member, on the recordings of all other folds, and scores that fold; recordings without a fold have the
mean of all, as those of an ensemble.

* `fit_baselines`: the file of an experiment, see `dawnchorus.scores.baseline_files`.
* `chosen_rows`: the training recordings that are fitted.

Axes: N recordings, F bands, K statistics, C classes.
"""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.evaluation.band_statistics import read_statistics
from dawnchorus.runtime import seeds
from dawnchorus.runtime.logs import LOG
from dawnchorus.scores import baseline_files
from dawnchorus.targets.labels import indicator, training_classes, training_labels

FOLDER = "dawnchorus.evaluation.clip_baselines"


def fit_baselines(
    shards: Mapping[str, Sequence[str | Path]],
    folds_path: str | Path,
    labels: Mapping[str, str | Path],
    settings: Mapping,
    output: str | Path,
) -> None:
    """Fit the baselines of an experiment and score all recordings of its corpora.

    Parameters
    ----------
    shards : mapping of corpus to paths
        Spectrogram shards of the training and the test corpora, of one frontend.
    folds_path : path
        CSV of ``corpus``, ``id``, ``fold``: the used training recordings.
    labels : mapping of corpus to path
        Label tables of the training corpora.
    settings : mapping
        ``baselines`` (names), ``train`` (references), ``classes`` (names, or None), ``seed``,
        ``count`` (folds that have a member), ``ignored_classes``, which get the lowest score of
        each recording, and ``most_work``, a limit beside ``MOST_WORK`` of a module.
    output : path
        See the module.

    Raises
    ------
    ValueError
        Where a training recording has no spectrogram.
    """
    fold_of, truth = training_labels(settings["train"], labels, folds_path)
    class_names = training_classes(truth, settings["classes"])
    names, parts = [], []
    for corpus, paths in shards.items():
        ids, part = read_statistics(paths)
        names += [(corpus, name) for name in ids]
        # a corpus whose recordings are all excluded has no bands
        parts += [part] if len(part) else []
    # sorted: which shard a recording lies in changes no score
    order = sorted(range(len(names)), key=names.__getitem__)
    names, statistics = [names[row] for row in order], np.concatenate(parts)[order]  # (N, F, K)
    fold = np.array([fold_of.get(name, 0) for name in names])
    known = set(names)
    if missing := sorted(name for name in truth if name not in known):
        raise ValueError(
            f"{len(missing)} training recordings have no spectrogram: "
            f"{['/'.join(name) for name in missing[:3]]!r}; make the spectrograms again"
        )
    targets = indicator([truth.get(name, ()) for name in names], class_names)
    is_fitted = np.array([name in truth for name in names])
    ignored = [
        class_names.index(name) for name in settings["ignored_classes"] if name in class_names
    ]
    found, about = {}, {}
    for baseline in settings["baselines"]:
        module = importlib.import_module(f"{FOLDER}.{baseline}")
        if module.MOST_CLASSES is not None and len(class_names) > module.MOST_CLASSES:
            about[baseline] = f"left out: it says nothing of more than {module.MOST_CLASSES} class"
            continue
        rng = seeds.generator(settings["seed"], "baselines", baseline)
        scores = np.full(targets.shape, np.nan)
        total, n_folds = np.zeros(((fold == 0).sum(), len(class_names))), settings["count"]
        for number in range(1, n_folds + 1):
            rows = np.flatnonzero(is_fitted & (fold != number))
            n_known = len(rows)
            if module.MOST_WORK is not None:
                work = min(module.MOST_WORK, settings["most_work"])
                most = int(work / (statistics[0].size * len(class_names)))
                rows = rows[chosen_rows(targets[rows], most, rng)]
            if len(rows) < n_known:
                about[baseline] = f"fitted on {len(rows)} of {n_known} training recordings"
            # of all at once: a fold may have no recording here, and a test none without a fold
            own = module.fit(statistics[rows], targets[rows], rng)(statistics)
            scores[fold == number] = own[fold == number]
            total += own[fold == 0]
        scores[fold == 0] = total / n_folds
        scores[:, ignored] = scores.min(axis=1, keepdims=True)
        found[baseline] = scores
        LOG.info("%s: fitted for %d folds", baseline.replace("_", " "), n_folds)
    baseline_files.write_baselines(output, names, found, class_names, about)


def chosen_rows(targets: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Return the numbers of at most so many recordings, drawn so that classes have equally many.

    Parameters
    ----------
    targets : array, shape (N, C)
        0 or 1; a recording counts for the first of its classes.
    most : int
        Raised to two recordings of each class.
    rng : Generator
    """
    most = max(most, 2 * (1 + targets.shape[1]))
    if len(targets) <= most:
        return np.arange(len(targets))
    order = rng.permutation(len(targets))
    # 0: recordings of none of the classes
    first = np.where(targets.any(axis=1), 1 + targets.argmax(axis=1), 0)[order]
    # how many recordings of the same class come before a recording in that order
    rank = np.zeros(len(order), np.int64)
    for label in np.unique(first):
        rank[first == label] = np.arange((first == label).sum())
    return np.sort(order[np.argsort(rank, kind="stable")[:most]])
