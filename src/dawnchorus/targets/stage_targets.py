"""The targets of a stage, written.

* `set_targets`: labels, predictions of an earlier stage, and recordings without either.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from dawnchorus.runtime import artefacts, logs
from dawnchorus.settings.references import parse_reference
from dawnchorus.targets import labels as labelling
from dawnchorus.targets import pseudo_labels as pseudo
from dawnchorus.targets import targets_table


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
        CSV; see the room.
    thresholds : path, optional
        Table of `dawnchorus.targets.thresholds.choose_thresholds`, for hard labels.
    verdicts : mapping of corpus to path, optional
        Verdict tables of what joins without a label.

    Raises
    ------
    ValueError
        Where there is nothing to learn, hard labels have no thresholds, or what joins without a
        label has no verdicts or no used recording.
    """
    fold, truth = labelling.known_truth(references, labels, folds_path)
    classes = labelling.learnt_classes(truth, settings["classes"])
    rows = [
        (*recording, fold[recording], 0, *(int(name in names) for name in classes))
        for recording, names in sorted(truth.items())
    ]
    if teachers:
        bounds = _thresholds(settings, thresholds, classes)
        rows += pseudo.pseudo_labelled(teachers, labels, settings, bounds)
    if settings.get("from") == "mean_teacher":
        names = _unlabelled(settings["unlabelled"], labels, verdicts or {}, truth)
        rows += [(*recording, 0, 0, *[0] * len(classes)) for recording in names]
    columns = (
        "corpus",
        "id",
        "fold",
        "part",
        *(f"{targets_table.PREFIX}{name}" for name in classes),
    )
    artefacts.write_table(output, columns, rows)


def _thresholds(settings: Mapping, path: str | Path | None, classes: Sequence[str]):
    if pseudo.chosen(settings, "labels") == "soft":
        return None
    if path is None:
        raise ValueError(
            "hard labels have no thresholds; expected the table that choose_thresholds writes"
        )
    return pseudo.read_thresholds(path, classes)


def _unlabelled(references, labels, verdicts, known: Collection) -> list[tuple[str, str]]:
    """Return (corpus, id) of used recordings, in order; one with a label is a row already."""
    if missing := {parse_reference(r)[0] for r in references} - set(verdicts):
        raise ValueError(
            f"no verdicts of {', '.join(sorted(missing))}; expected the table that says which "
            "recordings are used"
        )
    found = {
        (corpus, recording.id)
        for corpus, recording in labelling.recordings(references, labels, verdicts)
    }
    if references and not found:
        raise ValueError(
            f"no used recording in {', '.join(references)}; a mean teacher learns from unlabelled "
            "ones"
        )
    own = sorted(found - set(known))
    logs.LOG.info("%d recordings without a label join the training", len(own))
    return own
