"""Several runs side by side: what they are all tested on, and how much they differ.

Axes: N recordings, C classes. The first run is what the others are compared with.

* `Comparison`, `compare_runs`: runs by name, the recordings of all, paired differences.
* `Difference`: one score of one run minus that of the first.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dawnchorus.evaluation import run_comparison
from dawnchorus.metrics.adjusted_p import holm
from dawnchorus.report.result_data import TRAINING, ResultData, place, read_results
from dawnchorus.runtime import artefacts
from dawnchorus.targets.ground_truth import GroundTruth
from dawnchorus.targets.resampling_units import with_units

SCORES = {
    "auroc": "AUROC", "top1_accuracy": "top-1", "mlrap": "MLRAP", "map_macro_skip_absent": "cmAP",
    "event_macro_f": "event F, macro", "segment_macro_f": "segment F, macro",
    "psds1": "PSDS1", "psds2": "PSDS2",
}  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """Score of ``second`` minus that of ``first`` (run and ensemble each), on a set of recordings.

    ``found``: ``difference``, ``low``, ``high`` and ``p_two_sided``; ``p_holm``: the last, adjusted for
    the number of differences.
    """

    first: tuple[str, str]
    second: tuple[str, str]
    where: str
    score: str
    found: Mapping[str, float]
    p_holm: float = float("nan")


@dataclass(frozen=True)
class Comparison:
    """Runs by name, in order; ``truths``: the sets of recordings that all have scores of, by test.

    ``notes``: what could not be compared, and why. ``tables``: settings of each run by section.
    """

    runs: Mapping[str, ResultData]
    truths: Mapping[str, GroundTruth]
    notes: list[str]
    differences: list[Difference]

    @property
    def first(self) -> ResultData:
        """The run that the others are compared with."""
        return next(iter(self.runs.values()))

    def label(self, run: str, ensemble: str) -> str:
        """Return what an ensemble of a run is called: by the run alone where it has no other."""
        return run if len(self.runs[run].scores) == 1 else f"{run}, {ensemble}"


def compare_runs(
    asked: Mapping[str, Mapping[str, Any]], results: Mapping[str, str] | None = None
) -> Comparison:
    """Read runs and compare the others with the first.

    Parameters
    ----------
    asked : mapping of run to mapping
        What `dawnchorus.report.result_data.read_results` reads, ``sources`` (tables by corpus) and,
        where events are detected, ``event_evaluation``.
    results : mapping of run to str, optional
        Results folders; those of the working directory otherwise.

    Raises
    ------
    ValueError
        Where they are tested on other recordings.
    """
    folders = results or dict.fromkeys(asked, artefacts.RESULTS)
    run_comparison.check_tests({name: one["settings"]["test"] for name, one in asked.items()})
    runs = {name: read_results(one, folders[name]) for name, one in asked.items()}
    first, *_ = runs.values()
    truths, notes = {}, []
    # their test sets, or what stands in the place of one: the training's recordings, out of fold
    tested = [test for test in first.truths if test != TRAINING]
    for test in [*tested, TRAINING]:
        found = {name: one.truths[test] for name, one in runs.items() if test in one.truths}
        if len(found) < len(runs):
            if test != TRAINING or (found and not tested):
                missing = ", ".join(name for name in runs if name not in found)
                raise ValueError(f"the test sets differ: {missing} has no scores of {place(test)}")
            continue
        try:
            run_comparison.check_truths(place(test), found)
        except ValueError as error:
            if test != TRAINING or not tested:
                raise
            notes.append(f"Out-of-fold scores are not compared: {error}.")
            continue
        rules = first.settings | {"sources": first.asked["sources"]}
        truths[test], _ = with_units(first.truths[test], first.truths[test].recordings, rules)
    differences = [*_clips(runs, truths), *_events(runs, notes)]
    adjusted = holm([one.found["p_two_sided"] for one in differences])
    differences = [
        replace(one, p_holm=float(p)) for one, p in zip(differences, adjusted, strict=True)
    ]
    return Comparison(runs, truths, notes, differences)


def _pairs(first: ResultData, other: ResultData) -> list[tuple[str, str]]:
    """Return ensembles of one name; where none is in both, those whose recordings are shown."""
    common = [(name, name) for name in first.scores if name in other.scores]
    shown = (first.shown_ensemble, other.shown_ensemble)
    return common or ([shown] if None not in shown else [])


def _clips(
    runs: Mapping[str, ResultData], truths: Mapping[str, GroundTruth]
) -> Iterator[Difference]:
    (name, first), *others = runs.items()
    for other_name, other in others:
        for one, two in _pairs(first, other):
            for test, truth in truths.items():
                row_of = {
                    recording: row for row, recording in enumerate(other.truths[test].recordings)
                }
                rows = [row_of[recording] for recording in truth.recordings]
                found = run_comparison.score_differences(
                    truth, first.scores[one][test], other.scores[two][test][rows], first.settings
                )
                for score, about in found.items():
                    yield Difference((name, one), (other_name, two), place(test), score, about)


def _events(runs: Mapping[str, ResultData], notes: list[str]) -> Iterator[Difference]:
    """Yield differences of detected events, by the last decoding that runs have in common."""
    detecting = {name: run for name, run in runs.items() if run.events is not None}
    if len(detecting) < 2:
        return
    (name, first), *others = detecting.items()
    asked = {name: run.asked["event_evaluation"] for name, run in detecting.items()}
    classes = {name: run.events["classes"] for name, run in detecting.items() if run.events}
    truths = {name: run_comparison.event_truths(asked[name], classes[name]) for name in detecting}
    for test in truths[name]:
        run_comparison.check_event_truths(
            test, {one: own[test] for one, own in truths.items() if test in own}
        )
    for other_name, other in others:
        decodings = [
            decoding for decoding in asked[name]["settings"]["events"]["decodings"]
            if decoding in asked[other_name]["settings"]["events"]["decodings"]
        ]  # fmt: skip
        if not decodings:
            notes.append(
                f"Events of {name} and {other_name} are not compared: no decoding has one name."
            )
            continue
        for one, two in _pairs(first, other):
            found = run_comparison.event_differences(
                (asked[name], one), (asked[other_name], two), decodings[-1], truths[name]
            )
            for test, scores in found.items():
                for score, about in scores.items():
                    ensembles = (
                        (name, f"{one}, {decodings[-1]}"),
                        (other_name, f"{two}, {decodings[-1]}"),
                    )
                    yield Difference(*ensembles, test, score, about)
