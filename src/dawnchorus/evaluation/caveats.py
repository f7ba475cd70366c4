"""What has to be known to read the figures of an experiment.

* `policy`: the rules behind all figures, in words, and the settings they depend on.
* `marked`: figures of test corpora, each with whether it is transductive.
* `marks`: in what way out-of-fold figures are optimistic.
* `is_transductive`, `has_informed_teachers`: the same of one stage.
"""

from collections.abc import Mapping, Sequence

from dawnchorus.settings.references import parse_reference

_POLICY = {
    "unit": "recording",
    "auroc": "exact; equal scores of a positive and a negative count one half; macro mean where "
    "classes are several",
    "classes": "a class without both truths among the recordings is left out and listed",
    "interval": "percentile bootstrap over groups (folds by recordist: over recordists where they are "
    "known); a recording without a group is its own group; the same replicates for all scores of the "
    "same recordings",
    "identification": "where classes are several; each value says which recordings count and what "
    "becomes of classes without positives; equal scores are exact, never decided by an order",
    "mlrap_with_background": "only where a recording has background species that are classes; those "
    "of no class do not count",
    "confusion": "recordings of exactly one class; equal highest scores share a recording",
    "harmonic_mean": "over the data sets with both truths",
    "excluded": "recordings that could not be used have no score; they are counted, not judged",
    "unknown_truth": "used recordings whose truth is unknown are counted, not judged",
    "out_of_fold": "a training recording is scored only by models that did not train on it",
    "teachers_saw_fold": "the pseudo-labels of a later stage come from models that trained on the "
    "labels of all folds, so its out-of-fold scores have seen them at second hand",
    "chose_epoch": "the fold that an out-of-fold score is of has chosen the epoch: optimistic",
    "split_groups": "folds may split groups, so a model may have trained on the group that it is "
    "validated on: optimistic",
    "without_member": "training recordings of folds that have no member are judged by nobody",
    "transductive": "a model learnt from predictions for the recordings it is tested on (never "
    "from their labels)",
    "threshold": "positive at or above it; chosen on out-of-fold scores of the training corpora",
}


def policy(settings: Mapping) -> dict:
    """Return the policy of an experiment; for its settings see `clip_evaluation.evaluate`."""
    chosen = settings["evaluation"]
    return {
        **_POLICY,
        "replicates": chosen["replicates"],
        "confidence": chosen["confidence"],
        "pooling": settings["pooling"],
        "average": settings["average"],
        "average_unit": settings["average_unit"],
        "ignored_classes": list(settings["ignored_classes"]),
        "resampled": f"{settings['folds']['by']}s",
    }


def marked(by_reference: Mapping[str, dict], stages: Sequence[str], settings: Mapping) -> dict:
    """Return figures by test reference, each with whether any of the stages is transductive."""
    return {
        reference: figure
        | {"transductive": any(is_transductive(settings["stages"], s, reference) for s in stages)}
        for reference, figure in by_reference.items()
    }


def marks(stages: Sequence[str], settings: Mapping, *wanted: str) -> dict[str, bool]:
    """Return in what way out-of-fold scores of some stages are optimistic; all ways or some."""
    found = {
        "teachers_saw_fold": any(has_informed_teachers(settings["stages"], s) for s in stages),
        "chose_epoch": settings["folds"]["validation"] == "own"
        or any(_chose_by_all_labels(settings["stages"][s]["targets"]) for s in stages),
        "split_groups": settings["folds"]["split_groups"],
    }
    return {name: found[name] for name in wanted or found}


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
    if source["from"] == "teachers":
        return any(is_transductive(stages, teacher, reference) for teacher in source["stages"])
    if any(_overlap(used, reference) for used in source["unlabelled"]):
        return True
    # a mean teacher is of its own stage
    return source["from"] == "predictions" and is_transductive(stages, source["stage"], reference)


def has_informed_teachers(stages: Mapping[str, Mapping], name: str) -> bool:
    """Return whether a stage learnt from pseudo-labels, by models that have seen all labels.

    Teachers of the same fold have not seen it, unless they learnt from pseudo-labels themselves; nor
    has a mean teacher, which is of the same member.

    Parameters
    ----------
    stages : mapping of stage to its settings
    name : str
        Stage.
    """
    source = stages[name]["targets"]
    if source["from"] == "teachers":
        return any(has_informed_teachers(stages, teacher) for teacher in source["stages"])
    return source["from"] == "predictions"


def _chose_by_all_labels(source: Mapping) -> bool:
    """Return whether the labelled recordings of all folds have chosen the epochs of a stage."""
    return source.get("labelled", "train") == "validate"


def _overlap(a: str, b: str) -> bool:
    (corpus, split), (other_corpus, other_split) = map(parse_reference, (a, b))
    return corpus == other_corpus and (None in (split, other_split) or split == other_split)
