"""Comparison of runs on the same recordings: whether they are the same, and paired differences.

Axes: N recordings, C classes.

* `check_tests`, `check_truths`, `check_event_truths`: refuse runs that are not tested alike.
* `score_differences`: one run's scores minus another's, with intervals.
* `event_truths`, `event_differences`: the same of detected events.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dawnchorus.evaluation import event_scores
from dawnchorus.evaluation.clip_scores import POINTS, difference
from dawnchorus.scores.frame_files import open_frames
from dawnchorus.settings.references import parse_reference
from dawnchorus.targets.ground_truth import EventGroundTruth, GroundTruth, find_event_set
from dawnchorus.targets.resampling_units import with_units

COMPARED = (*POINTS, "map_macro_skip_absent")  # beside the AUROC, where classes are several
_NAMED = 3  # offenders a message names


def check_tests(tests: Mapping[str, Sequence[str]]) -> None:
    """Raise a ValueError where runs (by name) are tested on other subsets."""
    (first, expected), *others = tests.items()
    for name, found in others:
        if set(found) != set(expected):
            raise ValueError(
                f"{first} and {name} are tested on other recordings: "
                f"{', '.join(expected) or 'none'}, and {', '.join(found) or 'none'}; "
                "compare runs with equal test sets"
            )


def check_truths(where: str, truths: Mapping[str, GroundTruth]) -> None:
    """Raise where runs (by name) have other recordings, classes or labels in a set of recordings.

    Parameters
    ----------
    where : str
        What the set is called.
    truths : mapping of run to GroundTruth

    Raises
    ------
    ValueError
        One sentence: which run has what the other has not.
    """
    (first, expected), *others = truths.items()
    for name, found in others:
        both = f"the test sets of {first} and {name} differ: {where}"
        if found.class_names != expected.class_names:
            one, other = set(expected.class_names), set(found.class_names)
            said = [*_only(first, one - other), *_only(name, other - one)] or ["another order"]
            raise ValueError(f"{both} has other classes ({'; '.join(said)})")
        mine, theirs = set(expected.recordings), set(found.recordings)
        if mine != theirs:
            said = [*_only(first, mine - theirs), *_only(name, theirs - mine)]
            raise ValueError(
                f"{both} has {len(mine)} and {len(theirs)} scored recordings ({'; '.join(said)})"
            )
        row_of = {recording: row for row, recording in enumerate(found.recordings)}
        rows = [row_of[recording] for recording in expected.recordings]
        other = (found.targets[rows] != expected.targets).any(axis=1)
        if other.any():
            names = [
                "/".join(expected.recordings[row])
                for row in np.flatnonzero(other)[:_NAMED].tolist()
            ]
            raise ValueError(
                f"{both} has other labels of {int(other.sum())} recordings, such as {names!r}"
            )


def check_event_truths(where: str, truths: Mapping[str, EventGroundTruth]) -> None:
    """Raise where runs (by name) have other recordings, classes or annotated events in a set."""
    (first, expected), *others = truths.items()
    for name, found in others:
        same = (
            set(found.ids) == set(expected.ids)
            and list(found.classes) == list(expected.classes)
            and sorted(found.events) == sorted(expected.events)
        )
        if not same:
            raise ValueError(
                f"the test sets of {first} and {name} differ: {where} has {len(expected.ids)} and "
                f"{len(found.ids)} recordings with {len(expected.events)} and {len(found.events)} "
                "annotated events, or other classes"
            )


def score_differences(
    truth: GroundTruth, first: np.ndarray, second: np.ndarray, settings: Mapping
) -> dict[str, dict]:
    """Return the scores of the second minus those of the first, by name: ``auroc`` and `COMPARED`.

    Parameters
    ----------
    truth : GroundTruth
        N recordings.
    first, second : array, shape (N, C)
    settings : mapping
        See `dawnchorus.evaluation.clip_scores`.

    Returns
    -------
    dict
        Of each what `dawnchorus.metrics.bootstrap.difference` returns.
    """
    found = difference(truth, first, second, settings, COMPARED)
    others = found.pop("identification", {})
    return {"auroc": found, **others}


def event_truths(asked: Mapping[str, Any], classes: Sequence[str]) -> dict[str, EventGroundTruth]:
    """Return the tested recordings of a run whose events are known, by test subset.

    Parameters
    ----------
    asked : mapping
        ``labels``, ``verdicts`` and ``events`` (paths by corpus) and ``settings``: what
        `dawnchorus.evaluation.event_evaluation.evaluate_events` takes.
    classes : sequence of str
        Those that are scored.
    """
    settings, found = asked["settings"], {}
    for test in settings["test"]:
        corpus, _ = parse_reference(test)
        tables = (asked[kind].get(corpus) for kind in ("labels", "verdicts", "events"))
        one = find_event_set(test, *tables, classes, settings["crossing"].get(corpus, "clip"))
        if one.ids:
            found[test], _ = with_units(one, [(corpus, i) for i in one.ids], settings)
    return found


def event_differences(
    first: tuple[Mapping[str, Any], str],
    second: tuple[Mapping[str, Any], str],
    decoding: str,
    truths: Mapping[str, EventGroundTruth],
) -> dict[str, dict[str, dict]]:
    """Return scores of detected events of the second minus those of the first, by test and score.

    Parameters
    ----------
    first, second : (mapping, str)
        What `event_truths` takes, with ``frames`` (paths by ensemble and corpus) and ``decoders`` (by
        ensemble); and the name of an ensemble. Of the first are the rules of scoring.
    decoding : str
        A name of a decoding of both.
    truths : mapping of subset to EventGroundTruth

    Returns
    -------
    dict
        By test, what `dawnchorus.evaluation.event_scores.difference` returns.
    """
    rules = first[0]["settings"]
    measured = []
    for asked, ensemble in (first, second):
        section = rules["events"] | {
            "decodings": {decoding: asked["settings"]["events"]["decodings"][decoding]}
        }
        settings = rules | {"events": section, "ensembles": asked["settings"]["ensembles"]}

        def opened(corpus: str, own: Mapping[str, str | Path] = asked["frames"][ensemble]):
            return open_frames(own[corpus])

        found = event_scores.ensemble_scores(
            ensemble, opened, asked["decoders"][ensemble], truths, settings
        )
        measured.append(found.measured[decoding])
    one, other = measured
    return {test: event_scores.difference(one[test], other[test], rules) for test in truths}


def _only(name: str, found: set) -> list[str]:
    """Return in words what one run alone has; nothing where that is nothing."""
    if not found:
        return []
    shown = ["/".join(one) if isinstance(one, tuple) else one for one in sorted(found)[:_NAMED]]
    more = f" and {len(found) - len(shown)} more" if len(found) > len(shown) else ""
    return [f"only {name} has {', '.join(shown)}{more}"]
