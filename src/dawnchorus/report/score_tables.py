"""Scores: members, stages, ensembles and baselines, differences, events, and caveats in words.

* `score_tables`: the section.
* `score_header`, `score_rows`: a table of ensembles; `event_header`, `event_rows`: of detected events.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dawnchorus.evaluation.caveats import learning_remarks, unit_remarks
from dawnchorus.metrics.adjusted_p import holm
from dawnchorus.report.html import (
    Html,
    bullets,
    details,
    element,
    number,
    section,
    table,
    with_interval,
)
from dawnchorus.report.result_data import ResultData

# what makes out-of-fold scores optimistic, as metrics.json has it
_OPTIMISTIC = {
    "teachers_saw_fold": "pseudo-labels come from models that saw all labels",
    "chose_epoch": "the fold chose the epoch: optimistic",
    "split_groups": "groups are split between folds: optimistic",
    "transductive": "a model learnt from predictions for these recordings, never from their labels",
}
_EVENT_SCORES = (
    ("events", "macro_f", "event F, macro"), ("segments", "macro_f", "segment F, macro"),
    ("clips", "macro_f", "clip F, macro"), ("psds1", "psds", "PSDS1"), ("psds2", "psds", "PSDS2"),
)  # fmt: skip

_COMPARED = {
    "event_macro_f": "event F, macro", "segment_macro_f": "segment F, macro", "psds1": "PSDS1",
    "psds2": "PSDS2",
}  # fmt: skip


def score_tables(data: ResultData) -> Html:
    """Return the section of scores."""
    metrics = data.metrics
    what = "AUROC" if len(metrics["classes"]) == 1 else "macro AUROC"
    policy = metrics["policy"]
    interval = (
        f"In brackets: {policy['confidence']:.0%} intervals of {policy['replicates']} bootstrap "
        f"replicates over {policy['resampled'].replace('_', ' ')}."
    )
    header = score_header(metrics)
    scores = metrics["baselines"].get("scores", {})
    simple = sorted(scores, key=lambda name: name != metrics["baselines"]["best"])  # the best first
    found = [(name, "ensemble", one) for name, one in metrics["ensembles"].items()]
    found += [(name.replace("_", " "), "baseline", scores[name]) for name in simple]
    rows = [row for one in found for row in score_rows(*one)]
    spread = [
        (name, test, found["models"], f"{number(found['mean'])} ± {number(found['sd'])}",
         number(found["min"]), number(found["max"]))
        for name, stage in metrics["stages"].items()
        for test, found in stage["test"].items()
    ]  # fmt: skip
    members = [
        (f"{name} {member}", where, with_interval(found, "auroc"), found["n"])
        for name, stage in metrics["stages"].items()
        for member, about in stage["members"].items()
        for where, found in [*about["test"].items(), ("its own fold", about.get("validation"))]
        if found
    ]
    pairs = [*metrics["comparisons"], *metrics["baselines"].get("comparisons", ())]
    differences = [
        (pair["second"], pair["first"].replace("_", " "), where, about)
        for pair in pairs
        for where, about in [*pair["test"].items(), ("out of fold", pair["out_of_fold"])]
    ]
    return section(
        "scores",
        "Scores",
        element("p", interval),
        table("Ensembles, and baselines beside them", header, rows),
        table(
            f"Paired differences of {what} on the same recordings",
            ("better if above 0", "minus", "on", ">difference", ">p", ">p (Holm)"),
            _difference_rows(differences),
        ),
        table(
            f"Stages: {what} of their models",
            ("stage", "on", ">models", ">mean ± SD", ">least", ">most"),
            spread,
        ),
        details(
            f"Single models: {len(members)} scores",
            table("Single models", ("model", "on", f">{what}", ">recordings"), members, True),
        ),
        *_event_tables(data.events),
        bullets(_remarks(metrics)),
        details("How these scores are defined", table(
            "Rules behind the scores", ("rule", "meaning"),
            [(key.replace("_", " "), str(value)) for key, value in policy.items()],
        )),
    )  # fmt: skip


def score_header(metrics: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the titles of a table of ensembles."""
    what = "AUROC" if len(metrics["classes"]) == 1 else "macro AUROC"
    return ("scores of", "kind", "on", ">models", f">{what}", ">mean over folds", ">top-1",
            ">MLRAP", ">cmAP", ">recordings", "caveats")  # fmt: skip


def score_rows(name: str, kind: str, one: Mapping[str, Any]) -> Iterator[tuple]:
    """Yield the cells under `score_header` of an ensemble or baseline, for each test and out of fold."""
    for where, found in [*one["test"].items(), ("out of fold", one["out_of_fold"])]:
        values = found.get("identification", {})
        points = [
            with_interval(values[key], "value") if key in values else ""
            for key in ("top1_accuracy", "mlrap", "map_macro_skip_absent")
        ]
        folds = number(found["mean_over_folds"]["auroc"]) if "mean_over_folds" in found else ""
        caveats = "; ".join(text for key, text in _OPTIMISTIC.items() if found.get(key))
        yield (
            name, kind, where, one.get("models", ""), with_interval(found, "auroc"), folds, *points,
            found["n"], caveats,
        )  # fmt: skip


def _difference_rows(found: Sequence[tuple]) -> list[tuple]:
    p_values = [about["p_two_sided"] for *_, about in found]
    adjusted = holm([math.nan if p is None else p for p in p_values])
    return [
        (*named, with_interval(about, "difference", "+.3f"), number(p), number(float(p_holm)))
        for (*named, about), p, p_holm in zip(found, p_values, adjusted, strict=True)
    ]


def _event_tables(events: Mapping[str, Any] | None) -> list[Html]:
    if events is None:
        return []
    found = [
        (_decoded(pair["second"]), _decoded(pair["first"]), test, _COMPARED[score], about)
        for pair in events["comparisons"]
        for test, scores in pair["test"].items()
        for score, about in scores.items()
        if score in _COMPARED
    ]
    header = ("better if above 0", "minus", "on", "score", ">difference", ">p", ">p (Holm)")
    return [
        table("Detected events", event_header(), event_rows(events)),
        table(
            "Paired differences of detected events on the same recordings",
            header,
            _difference_rows(found),
        ),
    ]


def _decoded(one: Mapping[str, str] | str) -> str:
    return one if isinstance(one, str) else f"{one['ensemble']}, {one['decoding']}"


def event_header() -> tuple[str, ...]:
    """Return the titles of a table of detected events."""
    return ("ensemble, decoding", "on", *(f">{title}" for _, _, title in _EVENT_SCORES))


def event_rows(events: Mapping[str, Any]) -> list[tuple]:
    """Return its rows: a decoding of an ensemble on a test each."""
    return [
        (
            f"{name}, {decoding}",
            test,
            *(_event_score(found.get(part), key) for part, key, _ in _EVENT_SCORES),
        )
        for name, ensemble in events["ensembles"].items()
        for decoding, about in ensemble["decodings"].items()
        for test, found in about["test"].items()
    ]


def _event_score(found: Mapping[str, Any] | None, key: str) -> str:
    if not found:
        return "–"
    if key in found:
        return with_interval(found, key)
    interval = found.get("intervals", {}).get(key, {})
    average, metric = key.split("_", 1)
    return with_interval({"value": found[average][metric], **interval}, "value")


def _remarks(metrics: Mapping[str, Any]) -> Iterator[str]:
    yield from learning_remarks(
        {
            f"{name} {member}": about
            for name, stage in metrics["stages"].items()
            for member, about in stage["learning"].items()
        }
    )
    yield from metrics["baselines"].get("not_beaten", ())
    for name, remark in metrics["baselines"].get("about", {}).items():
        yield f"{name.replace('_', ' ')}: {remark}"
    yield from unit_remarks(metrics)
    for name, found in metrics["test"].items():
        if not found["scored"]:
            yield f"{name}: no recording has a known ground truth, so there is no score"
        elif found["classes_left_out"]:
            yield (
                f"left out on {name}, no positives or no negatives: "
                f"{', '.join(found['classes_left_out'])}"
            )
