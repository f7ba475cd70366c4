"""Scores of recordings that a pretrained network has seen, and of the others.

A network that was trained on a recording, with its label, knows more of it than of any new one. Such
scores are marked, as transductive ones are, and those of the recordings that it has not seen stand beside
them.

* `mark_seen`: the marks, counts and further scores of a report on recordings.
* `mark_seen_events`: the same of a report on events.
* `remarks`, `event_remarks`: what the summaries say of them.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from dawnchorus.evaluation.clip_scores import model_scores
from dawnchorus.evaluation.event_scores import Ensemble
from dawnchorus.evaluation.text_table import MARKS, listed, number, with_interval
from dawnchorus.settings.references import parse_reference
from dawnchorus.targets.ground_truth import EventGroundTruth, GroundTruth
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
        found[name] = {}
        for subset, truth in truths.items():
            entry, rows = _counted(truth.recordings, stages, about)
            if entry["seen"] and len(rows):
                own = scores[name][subset][rows]
                entry["scores_not_seen"] = model_scores(truth.part(rows), own, settings)
            where = "out_of_fold" if subset == training else subset
            found[name][where] = entry
            one = content["ensembles"][name]
            part = one["out_of_fold"] if subset == training else one["test"][subset]
            part[MARK] = entry["seen"] > 0
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


def mark_seen_events(
    content: dict,
    truths: Mapping[str, EventGroundTruth],
    measure: Callable[[str, Mapping[str, EventGroundTruth]], Ensemble],
    settings: Mapping,
) -> None:
    """Mark the event scores of ensembles and their differences, and add those of recordings not seen.

    Parameters
    ----------
    content : dict
        The report; changed in place.
    truths : mapping of test subset to EventGroundTruth
    measure : callable
        Measures an ensemble on other recordings of test subsets.
    settings : mapping
        ``ensembles``, and ``pretraining`` as in `mark_seen`.
    """
    about = settings.get("pretraining")
    if not about:
        return
    content["policy"][MARK] = POLICY
    content["networks"] = about["networks"]
    seen: dict[tuple[str, str], bool] = {}
    for name, stages in settings["ensembles"].items():
        entries, others = {}, {}
        for subset, known in truths.items():
            corpus = parse_reference(subset)[0]
            recordings = [(corpus, identifier) for identifier in known.ids]
            entries[subset], rows = _counted(recordings, stages, about)
            seen[name, subset] = entries[subset]["seen"] > 0
            if seen[name, subset] and len(rows):
                ids = {known.ids[n]: None for n in rows}
                events = [event for event in known.events if event.id in ids]
                others[subset] = dataclasses.replace(
                    known, ids=list(ids), events=events, groups=known.groups[rows]
                )
        if others:
            for decoding, by_subset in measure(name, others).measured.items():
                for subset, one in by_subset.items():
                    entries[subset].setdefault("scores_not_seen", {})[decoding] = one.content
        own = content["ensembles"][name]
        own["pretraining"] = entries
        for part in (*own["decodings"].values(), own["psds_unfiltered"]):
            for subset, found in part["test"].items():
                found[MARK] = seen[name, subset]
    for pair in content["comparisons"]:
        for subset, found in pair["test"].items():
            # the energy detector is no ensemble, and has no network
            sides = [pair[side]["ensemble"] for side in ("first", "second")]
            found[MARK] = any(seen.get((side, subset), False) for side in sides)


def _counted(
    recordings: Sequence[tuple[str, str]], stages: Sequence[str], about: Mapping
) -> tuple[dict, np.ndarray]:
    """Return how many recordings networks behind some stages have seen, and the rows of the others."""
    networks = {k: v for stage in stages for k, v in about["stages"].get(stage, {}).items()}
    by_network = seen_by_networks(recordings, networks, about)
    is_seen = np.zeros(len(recordings), bool)
    for own in by_network.values():
        is_seen |= own
    n_seen = int(is_seen.sum())
    entry = {"networks": sorted(by_network), "seen": n_seen, "not_seen": len(recordings) - n_seen}
    return entry, np.flatnonzero(~is_seen)


def remarks(content: Mapping) -> Iterator[str]:
    """Yield the licences of the networks, how many recordings they have seen, and other scores."""
    for line, names, where in _counts(content):
        yield line
        for name in names:
            found = content["ensembles"][name]["pretraining"][where]
            if other := found.get("scores_not_seen"):
                top_1 = other.get("identification", {}).get("top1_accuracy", {}).get("value")
                also = f", top-1 {number(top_1)}" if top_1 is not None else ""
                n_others = found["not_seen"]
                yield f"{name} on the {n_others} not seen: AUROC {with_interval(other, 'auroc')}{also}"


def event_remarks(content: Mapping) -> Iterator[str]:
    """Yield the same of a report on events."""
    for line, names, where in _counts(content):
        yield line
        for name in names:
            found = content["ensembles"][name]["pretraining"][where]
            for decoding, other in found.get("scores_not_seen", {}).items():
                macro_f = number(other["events"]["macro"]["f"])
                which = f"{name}, {decoding}, on the {found['not_seen']} not seen"
                yield f"{which}: macro event F {macro_f}"


def _counts(content: Mapping) -> Iterator[tuple[str, list[str], str]]:
    """Yield lines on licences and counts, each with the ensembles it is of and where they are scored."""
    for name, about in content.get("networks", {}).items():
        yield f"network {name}: {about['licence']}, {about['source']}", [], ""
    said: dict[tuple, list[str]] = {}
    for name, ensemble in content["ensembles"].items():
        for where, found in ensemble.get("pretraining", {}).items():
            if found["seen"]:
                key = (where, found["seen"], found["not_seen"], tuple(found["networks"]))
                said.setdefault(key, []).append(name)
    for (where, n_seen, n_others, networks), names in said.items():
        line = (
            f"{MARKS[MARK]} {where.replace('_', ' ')}: {n_seen} of {n_seen + n_others} recordings seen "
            f"in pretraining by {listed(networks)}: {listed(names)}"
        )
        yield line, names, where
