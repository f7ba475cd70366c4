"""Thresholds of hard pseudo-labels, from out-of-fold scores of labelled recordings.

serizel2018 chooses, for each class, the threshold that gives the best clip F on the validation part
of its first pass. Here every training recording that has a label and an out-of-fold score counts:
of a holdout, that is what was held out.

* `choose_thresholds`: the table of a stage.
* `out_of_fold_scores`: what they are chosen by.

The table has ``class``, ``threshold``, ``f`` (what it reaches; empty where that is not defined, or
nothing was chosen), and ``positives`` and ``recordings``, which it was chosen by.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.metrics import tuning
from dawnchorus.runtime import artefacts, logs
from dawnchorus.scores import ensemble, pooling, score_files
from dawnchorus.targets import labels as labelling
from dawnchorus.targets import targets_table

COLUMNS = ("class", "threshold", "f", "positives", "recordings")
GRIDS = {"tuned": tuning.THRESHOLDS, "published": tuning.PUBLISHED_THRESHOLDS}
_NAMED = 5  # classes an error names


def choose_thresholds(
    scores: Mapping[str, score_files.Files],
    labels: Mapping[str, str],
    references: Sequence[str],
    folds_path: str | Path,
    settings: Mapping,
    output: str | Path,
    verdicts: Mapping[str, str] | None = None,
) -> None:
    """Choose the threshold of each class by its F on the weak labels, and write the table.

    Windows are pooled and members averaged as for the pseudo-labels themselves. A recording is
    scored by the members of its fold alone, which did not train on it; one whose fold has no member
    does not count.

    Parameters
    ----------
    scores : mapping of corpus to path, or to paths
        Window scores of the earlier stage on the training corpora; not read for a number.
    labels : mapping of corpus to path
        Label tables.
    references : sequence of str
        Training corpora of the experiment.
    folds_path : path
        Folds of the experiment.
    settings : mapping
        The stage's ``targets`` section, with the experiment's ``classes``. ``thresholds``:
        ``tuned`` (`tuning.THRESHOLDS`, 0.5 unless another is better), ``published`` (those of
        serizel2018, from 0 upwards; a class that is never right has threshold 0), or a number in
        [0, 1] for all classes. ``pooling``, ``average``.
    output : path
        CSV; see the module.
    verdicts : mapping of corpus to path, optional
        Verdict tables of training corpora that may lose classes with their events.

    Raises
    ------
    ValueError
        Where ``thresholds`` is something else, a corpus has no scores or scores other classes, or
        no recording has both a label and a score.
    """
    how = settings["thresholds"]
    fold, truth = labelling.training_labels(references, labels, folds_path, verdicts)
    classes = labelling.training_classes(truth, settings.get("classes"))
    if how in GRIDS:
        found, known = out_of_fold_scores(scores, fold, truth, classes, settings)
        tuned = tuning.clip_thresholds(known, found, GRIDS[how])
        rows = []
        for name, threshold, f, n in zip(
            classes, tuned.settings["threshold"].tolist(), tuned.scores.tolist(),
            known.sum(axis=0).tolist(), strict=True,
        ):  # fmt: skip
            about = name, threshold, f, n, len(known)
            logs.LOG.info("threshold of %s: %g (F %.3f, %d of %d)", *about)
            rows.append((name, threshold, "" if np.isnan(f) else f"{f:.9g}", n, len(known)))
        counts = known.sum(axis=0).tolist()
        for labels in tuning.at_grid_end(
            tuned.settings, {"threshold": GRIDS[how]}, classes, counts
        ).values():
            logs.LOG.info(
                "warning: the threshold of %d classes is at the end of its grid, and a wider one may be "
                "better: %s", len(labels), ", ".join(labels[:_NAMED]),
            )  # fmt: skip
        # without a positive no threshold is better than another, and the first stays
        if lacking := [name for name, *_, n, _ in rows if not n]:
            logs.LOG.info(
                "warning: %d of %d classes have no positive among %d recordings; their threshold is "
                "%g: %s", len(lacking), len(classes), len(known), GRIDS[how][0],
                ", ".join(lacking[:_NAMED]),
            )  # fmt: skip
    elif isinstance(how, int | float) and 0 <= how <= 1:
        rows = [(name, float(how), "", 0, 0) for name in classes]
    else:
        raise ValueError(
            f"thresholds {how!r}; expected {', '.join(GRIDS)}, or a number from 0 to 1"
        )
    artefacts.write_table(output, COLUMNS, rows)


def out_of_fold_scores(
    scores: Mapping[str, score_files.Files],
    fold: Mapping[tuple[str, str], int],
    truth: Mapping[tuple[str, str], Sequence[str]],
    classes: Sequence[str],
    settings: Mapping,
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and targets (N, C) of the training recordings that have both.

    Parameters
    ----------
    scores, settings
        As `choose_thresholds` has them.
    fold, truth : mapping of (corpus, id) to fold, and to labels
    classes : sequence of str
        C.
    """
    found, known = [], []
    for corpus in sorted({corpus for corpus, _ in truth}):
        if corpus not in scores:
            raise ValueError(f"no scores of corpus {corpus!r}; expected those of {list(scores)!r}")
        path = scores[corpus]
        with score_files.open_windows(path) as windows:
            if windows.class_names != list(classes):
                raise ValueError(
                    f"{windows.path} scores the classes {windows.class_names[:_NAMED]!r}; expected "
                    f"{list(classes)[:_NAMED]!r}; predict again"
                )
        ids, members, stack = ensemble.pool_members(path, settings["pooling"])
        folds = np.array([fold.get((corpus, name), 0) for name in ids])
        # every other member trained on the recording; a row of NaN where its fold has no member
        for name, own in zip(members, stack, strict=True):
            own[folds != targets_table.Member.named(name).fold] = np.nan
        values = pooling.average(stack, settings["average"])
        for name, row in zip(ids, values, strict=True):
            if (corpus, name) in truth and not np.isnan(row).any():
                found.append(row)
                known.append(truth[corpus, name])
    if not found:
        raise ValueError(
            f"none of {len(truth)} training recordings has both a label and an out-of-fold score; "
            "expected some to choose thresholds by: use folds that have a member, or a number"
        )
    return np.stack(found), labelling.indicator(known, classes)
