"""Scores that were published, and whether those of a run agree with them.

A file of published scores is JSON::

    {"source": "Authors, year, table", "scores": [
      {"ensemble": "final", "on": "field", "score": "auroc", "value": 0.88, "tolerance": 0.01}]}

``on`` is a test subset or ``out of fold``, ``score`` one of `SCORES`; of detected events ``decoding``
names one. ``metrics.json`` of another run is one as well: all of its scores of ensembles.

* `read_published`: the scores of a file.
* `agreement`: one of them beside that of a run.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dawnchorus.evaluation.clip_scores import replicated, statistics
from dawnchorus.evaluation.run_comparison import COMPARED
from dawnchorus.metrics import bootstrap
from dawnchorus.settings.errors import validated
from dawnchorus.settings.section import Settings
from dawnchorus.targets.ground_truth import GroundTruth

OUT_OF_FOLD = "out of fold"
EVENT_SCORES = ("event_macro_f", "segment_macro_f", "psds1", "psds2")
SCORES = ("auroc", *COMPARED, *EVENT_SCORES)
_ROUNDING = 1e-9


class PublishedScore(Settings):
    """One published score."""

    score: Literal[
        "auroc", "top1_accuracy", "mlrap", "map_macro_skip_absent", "event_macro_f",
        "segment_macro_f", "psds1", "psds2",
    ]  # fmt: skip
    """Which score it is."""
    value: float
    """What was published."""
    ensemble: str
    """The ensemble of the run that it is compared with."""
    on: str = OUT_OF_FOLD
    """The test subset, or out of fold."""
    decoding: str | None = None
    """Of detected events: the decoding."""
    tolerance: float | None = None
    """How far it may be from that of the run; null: as far as the interval of the run reaches."""


class PublishedScores(Settings):
    """A file of published scores."""

    source: str
    """Where they were published."""
    scores: list[PublishedScore]
    """The scores."""


def read_published(path: str | Path) -> PublishedScores:
    """Read a file of published scores, or ``metrics.json`` of a run.

    Raises
    ------
    ValueError
        Where it is neither; one sentence with the key that is wrong.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # no JSON, or no text
        raise ValueError(f"{path} is no JSON: {error}") from None
    if isinstance(content, dict) and {"ensembles", "policy", "experiment"} <= content.keys():
        scores = []
        for name, one in content["ensembles"].items():
            for on, found in [*one["test"].items(), (OUT_OF_FOLD, one["out_of_fold"])]:
                named = {"auroc": found["auroc"]}
                identified = found.get("identification", {})
                named |= {key: identified[key]["value"] for key in COMPARED if key in identified}
                scores += [
                    {"ensemble": name, "on": on, "score": score, "value": value}
                    for score, value in named.items()
                    if value is not None  # without positives or negatives there is none
                ]
        content = {"source": f"metrics.json of {content['experiment']}", "scores": scores}
    complete = validated(str(path), PublishedScores, content)
    if not complete["scores"]:
        raise ValueError(f"{path}: scores: []; expected one or more")
    return PublishedScores.model_validate(complete)


def clip_replicates(
    truth: GroundTruth, scores: np.ndarray, settings: Mapping, names: Sequence[str]
) -> dict[str, tuple[float, np.ndarray]]:
    """Return scores of recordings by name, each with its bootstrap replicates (R,).

    Parameters
    ----------
    truth : GroundTruth
        N recordings.
    scores : array, shape (N, C)
    settings : mapping
        See `dawnchorus.evaluation.clip_scores`.
    names : sequence of str
        Of `SCORES`; those that are not defined for one class are left out.
    """
    rows = np.arange(len(scores))
    measured = {k: v for k, v in statistics(truth, scores, settings).items() if k in names}
    drawn = replicated(truth, measured, {None: rows}, settings)[None]
    return {name: (one.described(rows)["value"], drawn[name]) for name, one in measured.items()}


def agreement(
    published: PublishedScore, value: float, replicates: np.ndarray, confidence: float
) -> dict[str, Any]:
    """Return a score of a run beside a published one.

    Parameters
    ----------
    published : PublishedScore
    value : float
        That of the run.
    replicates : array, shape (R,)
        Its bootstrap replicates; NaN where there is no interval.
    confidence : float
        In (0, 1).

    Returns
    -------
    dict
        ``value``, ``low`` and ``high`` of the run, ``difference`` (run minus published), ``p_two_sided``
        (of no difference, as far as recordings are the cause), ``by`` ("tolerance", "interval" or
        "nothing") and ``agrees`` (None where neither tolerance nor interval is there).
    """
    limits = bootstrap.limits(replicates, confidence)
    change = value - published.value
    by, agrees = "nothing", None
    if published.tolerance is not None:
        by, agrees = "tolerance", abs(change) <= published.tolerance + _ROUNDING
    elif not math.isnan(limits["low"]):
        inside = limits["low"] - _ROUNDING <= published.value <= limits["high"] + _ROUNDING
        by, agrees = "interval", inside
    return {
        "value": value,
        **limits,
        "difference": change,
        "p_two_sided": bootstrap.p_two_sided(replicates - published.value),
        "by": by,
        "agrees": None if math.isnan(value) else agrees,
    }
