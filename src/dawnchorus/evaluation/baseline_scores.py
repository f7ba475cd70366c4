"""Figures of the rows that frame those of an experiment, see `dawnchorus.evaluation.baselines`.

* `framed`: ceilings of decodings, and what hears nothing.
"""

from collections.abc import Mapping, Sequence

from dawnchorus.evaluation import baselines, event_scores
from dawnchorus.evaluation.decoding_scores import Ensemble, filtered
from dawnchorus.events.event_truth import Judged
from dawnchorus.formats.event import Event
from dawnchorus.metrics.event_pairs import Collars
from dawnchorus.runtime import artefacts

References = Mapping[str, Judged]


def framed(
    found: Mapping[str, Ensemble], tests: References, validations: References, settings: Mapping
) -> dict:
    """Return the rows that an experiment wants, by name.

    Parameters
    ----------
    found : mapping of ensemble to Ensemble
        At least one.
    tests, validations : mapping of reference to Judged
        What is tested, and what periods of clicks are chosen on.
    settings : mapping
        The experiment; see `dawnchorus.evaluation.event_evaluation.evaluate_events`.

    Returns
    -------
    dict
        Of ``oracle``, ``whole_clips`` and ``clicks`` those that ``events.framing`` names.
    """
    wanted, content = settings["events"]["framing"], {}
    timed = next(iter(found.values()))
    if "oracle" in wanted:
        content["oracle"] = _oracles(found, tests, settings)
    if "whole_clips" in wanted:
        own = {name: baselines.whole_clips(known) for name, known in tests.items()}
        content["whole_clips"] = {"test": _framed(own, tests, timed, settings)}
    if "clicks" in wanted:
        trains = baselines.chosen_trains(
            list(validations.values()), Collars(**settings["events"]["collar"])
        )
        content["clicks"] = _clicks(trains, tests, validations, timed, settings)
    return content


def _clicks(
    trains: Mapping[str, baselines.Train],
    tests: References,
    validations: References,
    timed: Ensemble,
    settings: Mapping,
) -> dict:
    if not trains:
        why = "without validation recordings with events there is nothing to choose periods on"
        return {"left_out": why}
    every = {**tests, **validations}
    own = {name: baselines.clicks(known, trains) for name, known in every.items()}
    framed = _framed(own, every, timed, settings)
    return {
        "chosen_on": list(validations),
        "trains": {label: train._asdict() for label, train in trains.items()},
        "classes_without": [name for name in _classes(every) if name not in trains],
        "test": {name: framed[name] for name in tests},
        "validation": {name: framed[name] | {"chosen_here": True} for name in validations},
    }


def _framed(
    events: Mapping[str, Sequence[Event]],
    references: References,
    timed: Ensemble,
    settings: Mapping,
) -> dict:
    """Return the figures of events that no model made; as scores they are 0 and 1 in its frames."""
    content = {}
    for name, known in references.items():
        rate = timed.frames_per_second
        scores = baselines.event_scores(known, events[name], timed.timings[name], rate)
        content[name] = event_scores.joined(
            event_scores.of_events(known, events[name], settings),
            event_scores.of_scores(known, scores, rate, settings),
        ).content
    return content


def _oracles(found: Mapping[str, Ensemble], tests: References, settings: Mapping) -> list[dict]:
    """Return the ceiling of each decoding of each ensemble; where nothing differs, of them as one."""
    of: dict[str, list] = {}
    for name, one in found.items():
        for decoding, chosen in one.decodings.items():
            kept = {key: values.tolist() for key, values in chosen.items() if key != "threshold"}
            timings = {reference: dict(one.timings[reference]) for reference in tests}
            key = artefacts.canonical_json([one.frames_per_second, kept, timings])
            of.setdefault(key, []).append((name, decoding))
    content = []
    for pairs in of.values():
        one, chosen = found[pairs[0][0]], found[pairs[0][0]].decodings[pairs[0][1]]
        content.append(
            {
                "of": [{"ensemble": name, "decoding": decoding} for name, decoding in pairs],
                "settings": {
                    key: row.tolist() for key, row in chosen.items() if key != "threshold"
                },
                "test": {
                    name: _oracle(known, one, chosen, name, settings)
                    for name, known in tests.items()
                },
            }
        )
    return content


def _oracle(
    known: Judged, one: Ensemble, chosen: Mapping, reference: str, settings: Mapping
) -> dict:
    rate = one.frames_per_second
    scores = baselines.event_scores(known, known.events, one.timings[reference], rate)
    found = baselines.oracle(known, scores, rate, chosen)
    smooth = filtered(scores, rate, chosen["filter_s"])
    return event_scores.joined(
        event_scores.of_events(known, found, settings),
        event_scores.of_scores(known, smooth, rate, settings),
    ).content


def _classes(references: References) -> list[str]:
    return next(iter(references.values())).classes
