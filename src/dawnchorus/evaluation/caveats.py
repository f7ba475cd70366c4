"""Caveats of scores: the rules behind them, and in what way they are optimistic.

* `policy`: the rules behind all scores, in words, and the settings they depend on.
* `units`, `unit_remarks`: what bootstrap replicates draw.
* `padded`, `padding_remarks`: recordings that are shorter than a window.
* `learning_remarks`: which models learnt, and what became of the others.
* `marked`: scores of test subsets, each with whether they are transductive.
* `marks`: in what way out-of-fold scores are optimistic.
* `in_words`: the caveats of the scores of an ensemble as sentences.
* `is_transductive`, `has_informed_teachers`: the same of one stage.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dawnchorus.evaluation.text_table import listed
from dawnchorus.settings.references import parse_reference

_POLICY = {
    "unit": "recording",
    "auroc": "exact; equal scores of a positive and a negative count one half; macro mean where "
    "classes are several",
    "classes": "a class without positives or without negatives is left out and listed",
    "interval": "percentile bootstrap over groups (folds by recordist: over recordists where they are "
    "known), or over what evaluation.bootstrap says; a recording without a group is its own group; "
    "the same replicates for all scores of the same recordings",
    "identification": "where classes are several; each value says which recordings count and what "
    "becomes of classes without positives; equal scores are exact, never decided by an order",
    "mlrap_with_background": "only where a recording has background species that are classes; those "
    "of no class do not count",
    "confusion": "recordings of exactly one class; equal highest scores share a recording",
    "harmonic_mean": "over the data sets with positives and negatives",
    "excluded": "recordings that could not be used have no score; they are counted, not scored",
    "unknown_truth": "used recordings whose ground truth is unknown are counted, not scored",
    "out_of_fold": "a training recording is scored only by models that did not train on it",
    "teachers_saw_fold": "the pseudo-labels of a later stage come from models that trained on the "
    "labels of all folds, so its out-of-fold scores have seen them at second hand",
    "chose_epoch": "the fold that an out-of-fold score is of has chosen the epoch: optimistic",
    "split_groups": "folds may split groups, so a model may have trained on the group that it is "
    "validated on: optimistic",
    "without_member": "no model scores training recordings of folds that have no member",
    "transductive": "a model learnt from predictions for the recordings it is tested on (never "
    "from their labels)",
    "calibration": "maps are fitted on out-of-fold scores of recordings alone; error: distance of mean "
    "score and share of positives in 15 bins, mean over classes; out of fold by maps fitted without the "
    "fold; all other metrics are of the scores before calibration",
    "threshold": "positive at or above it; chosen on out-of-fold scores of the training corpora",
}

_UNITS = {
    "sources": "sources, a recording weighs the product of their draws: wide rather than too narrow",
    "connected_sources": "sets of recordings that share sources, directly or through others",
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
        **units(settings, f"{settings['folds']['by']}s"),
    }


def units(settings: Mapping, groups: str) -> dict[str, str]:
    """Return what replicates draw, with a caveat of its intervals where they draw no groups."""
    how = settings["evaluation"]["bootstrap"]
    return {"resampled": groups} if how == "groups" else {"resampled": how, "units": _UNITS[how]}


def unit_remarks(content: Mapping) -> Iterator[str]:
    """Yield the remark on sources as units of each test subset, from the content of a report."""
    if "units" in content["policy"]:
        for name, found in content["test"].items():
            without = found["without_source"]
            yield (
                f"{name}: {found['scored']} recordings of {found['sources']} sources, connected sets: "
                f"{found['connected_sources']}"
                + (f", without a source: {without}" if without else "")
            )
        yield f"units: {content['policy']['units']}"


def padded(lengths_s: np.ndarray, stages: Mapping[str, Mapping]) -> dict[str, dict]:
    """Return how many recordings are shorter than a window of each stage, so that it is padded.

    Parameters
    ----------
    lengths_s : array, shape (N,)
        Of recordings [s]; NaN counts as none.
    stages : mapping of stage to mapping
        ``window_s``, where it is known.

    Returns
    -------
    dict
        ``padded``: by stage ``window_s`` and ``recordings``, of stages that have some.
    """
    found = {}
    for name, stage in stages.items():
        length_s = stage.get("window_s") or 0.0
        # a hundredth less: the last frame of a recording may be missing
        if n := int((lengths_s < 0.99 * length_s).sum()):
            found[name] = {"window_s": length_s, "recordings": n}
    return {"padded": found}


def padding_remarks(where: str, counts: Mapping) -> Iterator[str]:
    """Yield how many recordings are padded, with the stages whose windows are as long."""
    of: dict[tuple[int, float], list[str]] = {}
    for stage, found in counts.get("padded", {}).items():
        of.setdefault((found["recordings"], found["window_s"]), []).append(stage)
    for (n, length_s), stages in of.items():
        yield (
            f"{where}: {n} recordings are shorter than a window ({length_s:.3g} s, {listed(stages)}) and "
            "are padded"
        )


def learning_remarks(learning: Mapping[str, Mapping]) -> Iterator[str]:
    """Yield how many models learnt, and remarks on those that did not.

    Parameters
    ----------
    learning : mapping of stage and member to mapping
        As `dawnchorus.models.model_files.read_learning` gives it.
    """
    judged = {name: about for name, about in learning.items() if about}
    if not judged:
        return
    failed = {name: about for name, about in judged.items() if not about["learnt"]}
    again = [name for name, about in judged.items() if about["attempts"] > 1]
    repeated = f"; trained again: {listed(again)}" if again else ""
    yield f"learnt: {len(judged) - len(failed)} of {len(judged)} models{repeated}"
    for is_left_out, what in ((True, "left out of ensembles"), (False, "averaged in all the same")):
        named = [name for name, about in failed.items() if about["left_out"] is is_left_out]
        if named:
            first = f"{failed[named[0]]['reasons'][0]}" + (", ..." if len(named) > 1 else "")
            yield f"did not learn, {what}: {listed(named)}: {first}"
    chance = [name for name, about in judged.items() if about["validation"]["at_chance"]]
    if chance:
        yield f"validation at chance (one-sided 5 % of Mann-Whitney): {listed(chance)}"


def marked(by_subset: Mapping[str, dict], stages: Sequence[str], settings: Mapping) -> dict:
    """Return scores by test subset, each with whether any of the stages is transductive."""
    return {
        subset: scores
        | {"transductive": any(is_transductive(settings["stages"], s, subset) for s in stages)}
        for subset, scores in by_subset.items()
    }


def marks(stages: Sequence[str], settings: Mapping, *wanted: str) -> dict[str, bool]:
    """Return in what way out-of-fold scores of some stages are optimistic; all ways or some."""
    found = {
        "teachers_saw_fold": any(has_informed_teachers(settings["stages"], s) for s in stages),
        "chose_epoch": settings["folds"]["validation"] == "own"
        or any(
            # labelled recordings of all folds have chosen its epochs
            settings["stages"][s]["targets"].get("labelled", "train") == "validate"
            for s in stages
        ),
        "split_groups": settings["folds"]["split_groups"],
    }
    return {name: found[name] for name in wanted or found}


def in_words(scores: Mapping, policy: Mapping[str, object]) -> list[str]:
    """Return in words in what way the scores of an ensemble are optimistic.

    Parameters
    ----------
    scores : mapping
        ``out_of_fold``, and ``test`` by subset, each with the marks of `marks` and `marked`.
    policy : mapping
        As `policy` returns it: a sentence for each mark.
    """
    parts = [scores["out_of_fold"], *scores["test"].values()]
    found = {mark for part in parts for mark, is_so in part.items() if is_so is True}
    return [str(policy[mark]) for mark in sorted(found) if mark in policy]


def is_transductive(stages: Mapping[str, Mapping], name: str, subset: str) -> bool:
    """Return whether a stage, or one it builds on, learnt from predictions on tested recordings.

    Parameters
    ----------
    stages : mapping of stage to its settings
    name : str
        Stage.
    subset : str
        What is tested: ``corpus`` or ``corpus:split``.
    """
    source = stages[name]["targets"]
    if source["from"] == "labels":
        return False
    if source["from"] == "teachers":
        own = [teacher for teacher in source["stages"] if teacher in stages]
        return any(is_transductive(stages, teacher, subset) for teacher in own)
    corpus, part = parse_reference(subset)
    for used in source["unlabelled"]:
        used_corpus, used_part = parse_reference(used)
        # a whole corpus overlaps each of its subsets
        if used_corpus == corpus and (None in (part, used_part) or part == used_part):
            return True
    # a mean teacher is of its own stage
    return source["from"] == "predictions" and is_transductive(stages, source["stage"], subset)


def has_informed_teachers(stages: Mapping[str, Mapping], name: str) -> bool:
    """Return whether a stage learnt from pseudo-labels, by models that have seen all labels.

    Teachers of the same fold have not seen it, unless they learnt from pseudo-labels themselves; nor
    has a mean teacher, which is of the same member, nor a stage of another experiment, which has the
    same folds and learnt from labels.

    Parameters
    ----------
    stages : mapping of stage to its settings
    name : str
        Stage.
    """
    source = stages[name]["targets"]
    if source["from"] == "teachers":
        own = [teacher for teacher in source["stages"] if teacher in stages]
        # what a model file was trained on is not known
        return bool(source.get("models")) or any(
            has_informed_teachers(stages, teacher) for teacher in own
        )
    return source["from"] == "predictions"
