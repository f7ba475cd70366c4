"""Scores of recordings that a pretrained network has seen, and of the others.

A network that was trained on a recording, with its label, knows more of it than of any new one. Such
scores are marked, as transductive ones are, and those of the recordings that it has not seen stand beside
them.

* `mark_seen`: the marks, counts and further scores of a report.
* `remarks`: what the summary says of them.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from dawnchorus.evaluation.clip_scores import model_scores
from dawnchorus.evaluation.text_table import MARKS, listed, number, with_interval
from dawnchorus.targets.ground_truth import GroundTruth
from dawnchorus.targets.pretraining import seen_by_networks

MARK = "seen_in_pretraining"
POLICY = (
    "a pretrained network behind the scores was trained on recordings scored here, as their numbers and "
    "its card tell: optimistic; `pretraining` has the scores of the others"
)


def mark_seen(
    content: dict,
    scores: Mapping[str, Mapping[str, np.ndarray]],
    truths: Mapping[str, GroundTruth],
    settings: Mapping,
    training: str,
) -> None:
    """Mark the scores of ensembles and their differences, and add those of recordings not seen.

    Parameters
    ----------
    content : dict
        The report; changed in place.
    scores : mapping of ensemble to mapping of test subset to array (N, C)
    truths : mapping of test subset to GroundTruth
    settings : mapping
        ``ensembles``, what `clip_scores.model_scores` takes, and ``pretraining``: ``stages`` (by stage
        what each network behind it has seen; see `dawnchorus.targets.pretraining`), ``collections``
        and ``sources``. Nothing is marked where it is left out.
    training : str
        The subset of the training recordings, which are scored out of fold.
    """
    about = settings.get("pretraining")
    if not about:
        return
    content["policy"][MARK] = POLICY
    content["networks"] = about["networks"]
    found: dict[str, dict] = {}
    for name, stages in settings["ensembles"].items():
        networks = {k: v for stage in stages for k, v in about["stages"].get(stage, {}).items()}
        found[name] = {}
        for subset, truth in truths.items():
            by_network = seen_by_networks(truth.recordings, networks, about)
            is_seen = np.any([*by_network.values()], axis=0) if by_network else np.zeros(0, bool)
            n_seen = int(is_seen.sum())
            entry = {"networks": sorted(by_network), "seen": n_seen}
            entry["not_seen"] = len(truth.recordings) - n_seen
            if n_seen and entry["not_seen"]:
                rows = np.flatnonzero(~is_seen)
                own = scores[name][subset][rows]
                entry["scores_not_seen"] = model_scores(truth.part(rows), own, settings)
            where = "out_of_fold" if subset == training else subset
            found[name][where] = entry
            one = content["ensembles"][name]
            part = one["out_of_fold"] if subset == training else one["test"][subset]
            part[MARK] = bool(n_seen)
        content["ensembles"][name]["pretraining"] = found[name]
    simple = content["baselines"] or {"scores": {}, "comparisons": []}
    # baselines see what the first stage sees
    baselines: dict[tuple[str, str], bool] = {}
    first = about["stages"].get(next(iter(settings["stages"]), ""), {})
    for subset, truth in truths.items():
        is_seen = bool(seen_by_networks(truth.recordings, first, about))
        for name, scored in simple["scores"].items():
            part = scored["out_of_fold"] if subset == training else scored["test"][subset]
            part[MARK] = is_seen
            baselines[name, "out_of_fold" if subset == training else subset] = is_seen
    for pair, is_simple in (
        *((pair, False) for pair in content["comparisons"]),
        *((pair, True) for pair in simple["comparisons"]),
    ):
        for where, part in (("out_of_fold", pair["out_of_fold"]), *pair["test"].items()):
            sides = ("second",) if is_simple else ("first", "second")
            part[MARK] = any(found[pair[side]][where]["seen"] > 0 for side in sides)
            part[MARK] |= baselines.get((pair["first"], where), False) and is_simple


def remarks(content: Mapping) -> Iterator[str]:
    """Yield the licences of the networks, how many recordings they have seen, and other scores."""
    for name, about in content.get("networks", {}).items():
        yield f"network {name}: {about['licence']}, {about['source']}"
    said: dict[tuple, list[str]] = {}
    for name, ensemble in content["ensembles"].items():
        for where, found in ensemble.get("pretraining", {}).items():
            if found["seen"]:
                key = (where, found["seen"], found["not_seen"], tuple(found["networks"]))
                said.setdefault(key, []).append(name)
    for (where, n_seen, n_others, networks), names in said.items():
        yield (
            f"{MARKS[MARK]} {where.replace('_', ' ')}: {n_seen} of {n_seen + n_others} recordings seen "
            f"in pretraining by {listed(networks)}: {listed(names)}"
        )
        for name in names:
            if other := content["ensembles"][name]["pretraining"][where].get("scores_not_seen"):
                top_1 = other.get("identification", {}).get("top1_accuracy", {}).get("value")
                also = f", top-1 {number(top_1)}" if top_1 is not None else ""
                yield f"{name} on the {n_others} not seen: AUROC {with_interval(other, 'auroc')}{also}"
