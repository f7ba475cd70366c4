"""Scores of runs beside published ones: which agree, by interval or tolerance.

* `Agreement`, `agreements`: a run's scores beside those of a file.
* `agreement_rows`, `agreement_section`: the same as cells and as a section of a page.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dawnchorus.evaluation import event_scores, run_comparison
from dawnchorus.evaluation.published_scores import (
    EVENT_SCORES,
    OUT_OF_FOLD,
    PublishedScore,
    PublishedScores,
    agreement,
    clip_replicates,
)
from dawnchorus.metrics.adjusted_p import holm
from dawnchorus.report.html import Html, element, number, section, table, with_interval
from dawnchorus.report.result_data import TRAINING, ResultData
from dawnchorus.report.run_differences import SCORES
from dawnchorus.scores.frame_files import open_frames
from dawnchorus.targets.resampling_units import with_units

_AGREES = {True: "yes", False: "no", None: "cannot be said"}
HEADER = (
    "run", "score of", "on", "score", ">published", ">of the run", ">difference", ">p", ">p (Holm)",
    "agrees",
)  # fmt: skip


@dataclass(frozen=True)
class Agreement:
    """A published score and that of a run: ``found`` is what `published_scores.agreement` returns."""

    run: str
    published: PublishedScore
    found: Mapping[str, Any]
    p_holm: float = math.nan


def agreements(runs: Mapping[str, ResultData], published: PublishedScores) -> list[Agreement]:
    """Return each published score beside that of each run; p is adjusted for their number.

    Raises
    ------
    ValueError
        Where a run has no such ensemble, test or score.
    """
    found = []
    for name, run in runs.items():
        known: dict[tuple, dict[str, tuple[float, np.ndarray]]] = {}
        for one in published.scores:
            key = (one.ensemble, one.on, one.decoding)
            if key not in known:
                known[key] = _measured(name, run, one)
            if one.score not in known[key]:
                raise ValueError(
                    f"{name} has no score {one.score!r} of {one.ensemble}, {one.on}; it has "
                    f"{', '.join(known[key])}"
                )
            confidence = run.settings["evaluation"]["confidence"]
            found.append(Agreement(name, one, agreement(one, *known[key][one.score], confidence)))
    adjusted = holm([one.found["p_two_sided"] for one in found])
    return [replace(one, p_holm=float(p)) for one, p in zip(found, adjusted, strict=True)]


def agreement_rows(found: Iterable[Agreement]) -> list[tuple]:
    """Return the cells under `HEADER`."""
    rows = []
    for one in found:
        decoding = f", {one.published.decoding}" if one.published.decoding else ""
        reach = f" {one.published.tolerance:g}" if one.found["by"] == "tolerance" else ""
        rows.append(
            (
                one.run,
                one.published.ensemble + decoding,
                one.published.on,
                SCORES[one.published.score],
                number(one.published.value),
                with_interval(one.found, "value"),
                number(one.found["difference"], "+.3f"),
                number(one.found["p_two_sided"]),
                number(one.p_holm),
                f"{_AGREES[one.found['agrees']]} ({one.found['by']}{reach})",
            )
        )
    return rows


def agreement_section(found: list[Agreement], source: str) -> Html:
    """Return the section; nothing where there are no published scores."""
    if not found:
        return Html("")
    n_agree = sum(bool(one.found["agrees"]) for one in found)
    text = (
        f"{n_agree} of {len(found)} scores agree with those of {source}. By tolerance: no further apart "
        "than it says; by interval: the published score is in that of the run, which tells of other "
        "recordings, not of another training. p is of a difference of 0, and Holm's is adjusted for "
        "all rows."
    )
    rows = agreement_rows(found)
    return section(
        "published",
        "Published scores",
        element("p", text),
        table("Scores beside published ones", HEADER, rows),
    )


def _measured(
    name: str, run: ResultData, one: PublishedScore
) -> dict[str, tuple[float, np.ndarray]]:
    """Return the scores that a run has of an ensemble on a test, with their replicates."""
    test = TRAINING if one.on == OUT_OF_FOLD else one.on
    if one.ensemble not in run.scores:
        raise ValueError(
            f"{name} has no ensemble {one.ensemble!r}; expected one of {', '.join(run.scores)}"
        )
    if one.score in EVENT_SCORES:
        return _measured_events(name, run, one)
    if test not in run.truths:
        tests = [OUT_OF_FOLD if key == TRAINING else key for key in run.truths]
        raise ValueError(f"{name} has no scores of {one.on!r}; expected one of {', '.join(tests)}")
    rules = run.settings | {"sources": run.asked["sources"]}
    truth, _ = with_units(run.truths[test], run.truths[test].recordings, rules)
    return clip_replicates(truth, run.scores[one.ensemble][test], rules, list(SCORES))


def _measured_events(
    name: str, run: ResultData, one: PublishedScore
) -> dict[str, tuple[float, np.ndarray]]:
    asked = run.asked.get("event_evaluation")
    decodings = asked["settings"]["events"]["decodings"] if asked else {}
    if run.events is None or one.decoding not in decodings:
        raise ValueError(
            f"{name} has no decoding {one.decoding!r} of {one.score!r}; it has "
            f"{', '.join(decodings) or 'no events'}"
        )
    truths = run_comparison.event_truths(asked, run.events["classes"])
    if one.on not in truths:
        raise ValueError(f"{name} has no events of {one.on!r}; expected one of {', '.join(truths)}")
    frames, decoders = asked["frames"][one.ensemble], asked["decoders"][one.ensemble]
    found = event_scores.ensemble_scores(
        one.ensemble,
        lambda corpus: open_frames(frames[corpus]),
        decoders,
        {one.on: truths[one.on]},
        asked["settings"],
    )
    measured = found.measured[one.decoding][one.on]
    return {
        score: (measured.values[key], measured.replicates[key])
        for score, key in event_scores.COMPARED.items()
    }
