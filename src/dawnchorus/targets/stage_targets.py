"""Targets of a stage: labels, pseudo-labels, and recordings without either.

* `set_targets`: their table, see `targets_table`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.runtime import logs
from dawnchorus.settings.references import parse_reference
from dawnchorus.targets import labels as labelling
from dawnchorus.targets import pseudo_labels, targets_table


def set_targets(
    references: Sequence[str],
    labels: Mapping[str, str],
    folds_path: str | Path,
    teachers: Mapping[str, str],
    settings: Mapping,
    output: str | Path,
    thresholds: str | Path | None = None,
    verdicts: Mapping[str, str] | None = None,
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
        Window scores of the earlier stage by unlabelled corpus; empty for all but
        ``from: predictions``.
    settings : mapping
        The stage's ``targets`` section, with the experiment's ``seed`` and ``classes``. Of
        ``from: predictions``, ``select``: ``confident`` recordings or ``all`` that have a score;
        ``labels``: ``soft``, which are scores, or ``hard``. Of ``from: mean_teacher``,
        ``unlabelled``: the references whose used recordings join without a label.
    output : path
        Parquet; see `dawnchorus.targets.targets_table`.
    thresholds : path, optional
        Table of `dawnchorus.targets.thresholds.choose_thresholds`, for hard labels.
    verdicts : mapping of corpus to path, optional
        Verdict tables of what joins without a label, and of training corpora that may lose classes.

    Raises
    ------
    ValueError
        Where there is nothing to learn, hard labels have no thresholds, or what joins without a
        label has no verdicts or no used recording.
    """
    fold, truth = labelling.training_labels(references, labels, folds_path, verdicts)
    classes = labelling.training_classes(truth, settings["classes"])
    names = sorted(truth)
    values = labelling.indicator([truth[name] for name in names], classes, np.float32)
    folds = np.array([fold[name] for name in names])
    # part 0: no member leaves out labelled recordings but by their fold
    rows = [targets_table.Targets(names, folds, np.zeros_like(folds), values, classes)]
    if teachers:
        bounds = pseudo_labels.read_thresholds(settings, thresholds, classes)
        rows.append(pseudo_labels.pseudo_labelled(teachers, labels, settings, bounds, classes))
    if settings.get("from") == "mean_teacher":
        unlabelled, used = settings["unlabelled"], verdicts or {}
        if missing := {parse_reference(reference)[0] for reference in unlabelled} - set(used):
            raise ValueError(
                f"no verdicts of {', '.join(sorted(missing))}; expected the table that says which "
                "recordings are used"
            )
        joining = {
            (corpus, r.id) for corpus, r in labelling.used_recordings(unlabelled, labels, used)
        }
        if unlabelled and not joining:
            raise ValueError(
                f"no used recording in {', '.join(unlabelled)}; a mean teacher learns from "
                "unlabelled ones"
            )
        # one with a label has a row already
        names = sorted(joining - truth.keys())
        logs.LOG.info("%d recordings without a label join the training", len(names))
        none = np.zeros(len(names), np.int64)
        values = np.zeros((len(names), len(classes)), np.float32)
        rows.append(targets_table.Targets(names, none, none, values, classes))
    targets_table.write(output, targets_table.concatenate(rows))
