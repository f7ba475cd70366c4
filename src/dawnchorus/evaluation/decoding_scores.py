"""One ensemble of an experiment, measured under each of its decodings.

* `measured`: figures of its detected events and frame scores on several references.
* `filtered`: frame scores after a decoding's filter.
* `read_content`: its file of decoders, as it is.

Axes: T frames, C classes.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dawnchorus.evaluation import baselines, event_scores
from dawnchorus.evaluation.event_scores import Measured
from dawnchorus.events.decoder_file import read_decoders
from dawnchorus.events.decoding import filter_frames, filtered_scores
from dawnchorus.events.detection import detected
from dawnchorus.events.event_truth import Judged
from dawnchorus.scores.frame_files import Frames, open_frames
from dawnchorus.settings.references import parse_reference

_NAMED = 5  # names an error shows


class Ensemble(NamedTuple):
    """What was measured of one ensemble.

    ``stages``; ``about``: its file of decoders; ``decodings``: settings by name;
    ``frames_per_second`` (None where there is no reference); ``timings``: onset and number of frames,
    by reference and id; ``measured``: by decoding and reference; ``unfiltered``: of frame scores as
    they are, by reference.
    """

    stages: list[str]
    about: Mapping
    decodings: Mapping[str, Mapping]
    frames_per_second: float | None
    timings: Mapping[str, baselines.Timings]
    measured: Mapping[str, Mapping[str, Measured]]
    unfiltered: Mapping[str, Measured]


def measured(
    name: str,
    frames: Mapping[str, str | Path],
    decoders_path: str | Path,
    references: Mapping[str, Judged],
    settings: Mapping,
) -> Ensemble:
    """Measure an ensemble under each of its decodings.

    Parameters
    ----------
    name : str
        Ensemble.
    frames : mapping of corpus to path
        Its frame scores.
    decoders_path : path
        Settings of its decodings.
    references : mapping of reference to Judged
    settings : mapping
        The experiment; see `dawnchorus.evaluation.event_evaluation.evaluate_events`.

    Raises
    ------
    ValueError
        Where files disagree about classes or frames, or a recording has no frame scores.
    """
    about, decodings = read_content(decoders_path), read_decoders(decoders_path)
    wanted = list(settings["events"]["decodings"])
    if missing := [key for key in wanted if key not in decodings]:
        raise ValueError(
            f"{decoders_path} has no decoding {missing[0]!r}; expected {wanted!r}, choose them again"
        )
    decodings = {key: decodings[key] for key in wanted}  # a file has no order
    timings, unfiltered, rates = {}, {}, set()
    found = {key: {} for key in decodings}
    for reference, known in references.items():
        with open_frames(frames[parse_reference(reference)[0]]) as scores:
            _check_classes(scores, known.classes)
            rates.add(scores.frames_per_second)
            blocks = {identifier: scores.of(identifier) for identifier in known.ids}
            timings[reference] = {
                identifier: (onset_s, len(own)) for identifier, (onset_s, own) in blocks.items()
            }
            own, unfiltered[reference] = _measured(scores, blocks, decodings, known, settings)
        for key, one in own.items():
            found[key][reference] = one
    if len(rates) > 1:
        raise ValueError(
            f"ensemble {name!r} has frame scores at {sorted(rates)} frames per second; expected one"
        )
    stages = list(settings["ensembles"][name])
    rate = rates.pop() if rates else None
    return Ensemble(stages, about, decodings, rate, timings, found, unfiltered)


def filtered(
    blocks: event_scores.Scores, rate: float, filter_s: np.ndarray
) -> dict[str, tuple[float, np.ndarray]]:
    """Return frame scores by id, onset [s] and (T, C), after a median filter of C lengths [s]."""
    return {
        identifier: (onset_s, filtered_scores(own, rate, filter_s))
        for identifier, (onset_s, own) in blocks.items()
    }


def read_content(path: str | Path) -> dict:
    """Return what a file of decoders says: ``classes`` and ``decodings``."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def _measured(
    scores: Frames,
    blocks: event_scores.Scores,
    decodings: Mapping[str, Mapping],
    known: Judged,
    settings: Mapping,
) -> tuple[dict[str, Measured], Measured]:
    """Return the figures of one reference, by decoding, and those of the scores as they are."""
    rate, scored = scores.frames_per_second, {}

    def of_scores(filter_s) -> Measured:
        key = filter_frames(filter_s, rate).tobytes()
        if key not in scored:  # decodings often have one filter, and PSDS take long
            smooth = filtered(blocks, rate, filter_s)
            scored[key] = event_scores.of_scores(known, smooth, rate, settings)
        return scored[key]

    found = {}
    for name, chosen in decodings.items():
        events = [e for i in known.ids for e in detected(scores, i, chosen, known.durations_s)]
        by_event = event_scores.of_events(known, events, settings)
        found[name] = event_scores.joined(by_event, of_scores(chosen["filter_s"]))
    return found, of_scores(np.zeros(len(known.classes)))


def _check_classes(scores: Frames, classes: Sequence[str]) -> None:
    if scores.class_names != list(classes):
        raise ValueError(
            f"{scores.path} scores the classes {scores.class_names[:_NAMED]!r}, the decoders "
            f"{list(classes)[:_NAMED]!r}; choose the decodings again"
        )
