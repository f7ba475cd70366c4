"""How good the detected events of an experiment are: every ensemble under every decoding.

Judged are the recordings of test references with known events, and of the validation references that
have chosen settings. A figure is what `dawnchorus.detection.figures` says it is; undefined values are
null in the file.

* `evaluate_events`: ``events.json``, and its text for the terminal.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dawnchorus import artefacts, corpora
from dawnchorus.caveats import marked
from dawnchorus.detection import figures, framing, report
from dawnchorus.detection.judged import Judged, judged
from dawnchorus.detection.measuring import Ensemble, filtered, measured, read_content
from dawnchorus.events.contents import Event
from dawnchorus.events.matching import Collars
from dawnchorus.logs import LOG

_NAMED = 5  # names an error shows

References = Mapping[str, Judged]


def evaluate_events(
    frames: Mapping[str, Mapping[str, str | Path]],
    decoders: Mapping[str, str | Path],
    labels: Mapping[str, str | Path],
    verdicts: Mapping[str, str | Path],
    events: Mapping[str, str | Path],
    settings: Mapping,
    json_path: str | Path,
    text_path: str | Path,
) -> None:
    """Judge the detected events of all ensembles, write the figures and their text.

    Parameters
    ----------
    frames : mapping of ensemble to mapping of corpus to path
        Averaged frame scores of the test and validation corpora.
    decoders : mapping of ensemble to path
        Settings of its decodings, see `dawnchorus.detection.decoders.choose_decodings`.
    labels, verdicts, events : mapping of corpus to path
        Tables of the test and validation corpora.
    settings : mapping
        The experiment: ``name``, ``seed``, ``test``, ``stages``, ``ensembles``, ``evaluation``
        (``replicates``, ``confidence`` in (0, 1), ``compare``: pairs of ensembles), ``events`` (the
        whole section) and, optional, ``models``: how many models each ensemble has.
    json_path : path
        JSON: figures, counts and the policy behind them.
    text_path : path
        Text of one screen.

    Raises
    ------
    ValueError
        Where an ensemble or a corpus has no file, files disagree about the classes, a reference has
        no recording with known events, or one that should be judged has no frame scores.
    """
    _check(frames, decoders, (labels, verdicts, events), settings)
    classes = _class_names(decoders)
    tests, validations = (
        {reference: _judged(reference, labels, verdicts, events, classes) for reference in names}
        for names in (settings["test"], settings["events"]["validation"])
    )
    found = {
        name: measured(name, frames[name], decoders[name], {**tests, **validations}, settings)
        for name in settings["ensembles"]
    }
    content = {
        "experiment": settings["name"],
        "policy": figures.policy(settings),
        "classes": classes,
        "test": {name: figures.described(known) for name, known in tests.items()},
        "validation": {name: figures.described(known) for name, known in validations.items()},
        "ensembles": {
            name: _content(name, one, tests, validations, settings) for name, one in found.items()
        },
        "framing": _framing(found, tests, validations, settings),
        "comparisons": list(_comparisons(found, tests, settings)),
    }
    artefacts.write_json(json_path, content)
    artefacts.write_text(text_path, report.text(content))
    n_recordings = sum(len(known.ids) for known in tests.values())
    LOG.info("events of %d ensembles judged on %d test recordings", len(found), n_recordings)


def _check(
    frames: Mapping, decoders: Mapping, tables: Sequence[Mapping], settings: Mapping
) -> None:
    if not settings["ensembles"]:
        raise ValueError("no ensemble to judge events of; expected one under ensembles")
    references = [*settings["test"], *settings["events"]["validation"]]
    needed = {corpora.parse_reference(reference)[0]: reference for reference in references}
    for name in settings["ensembles"]:
        if name not in frames or name not in decoders:
            raise ValueError(f"ensemble {name!r} has no frame scores or no decoders; predict again")
        if missing := sorted(needed.keys() - frames[name].keys()):
            raise ValueError(
                f"ensemble {name!r} has no frame scores of corpus {missing[0]!r}; expected them for "
                f"{sorted(needed)!r}"
            )
    for corpus, reference in needed.items():
        if any(corpus not in table for table in tables):
            raise ValueError(
                f"{reference!r}: no labels, verdicts or events of corpus {corpus!r}; events are "
                "judged on corpora with a list of them"
            )
    for name in {name for pair in settings["evaluation"]["compare"] for name in pair}:
        if name not in settings["ensembles"]:
            raise ValueError(
                f"evaluation.compare names {name!r}; expected ensembles out of "
                f"{list(settings['ensembles'])!r}"
            )


def _class_names(decoders: Mapping[str, str | Path]) -> list[str]:
    """Return the classes that the decoders of all ensembles agree on."""
    names = []
    for path in decoders.values():
        own = read_content(path)["classes"]
        names = names or own
        if own != names:
            raise ValueError(
                f"{path} has decodings of classes {own[:_NAMED]!r}, others of {names[:_NAMED]!r}; "
                "ensembles of one experiment have one list"
            )
    return names


def _judged(reference: str, labels, verdicts, events, classes: Sequence[str]) -> Judged:
    corpus, _ = corpora.parse_reference(reference)
    return judged(reference, labels[corpus], verdicts[corpus], events[corpus], classes)


def _content(
    name: str, found: Ensemble, tests: References, validations: References, settings: Mapping
) -> dict:
    """Return what the file says of one ensemble."""
    decodings = {}
    for key, by_reference in found.measured.items():
        about = found.about["decodings"][key]
        is_chosen_here = settings["events"]["decodings"][key]["tune"] == "events"
        own = {reference: one.content for reference, one in by_reference.items()}
        decodings[key] = dict(about) | {
            "test": marked({name: own[name] for name in tests}, found.stages, settings),
            "validation": {
                name: own[name] | {"chosen_here": is_chosen_here} for name in validations
            },
        }
    unfiltered = {reference: one.content for reference, one in found.unfiltered.items()}
    return {
        "stages": found.stages,
        "models": settings.get("models", {}).get(name),
        "frames_per_second": found.frames_per_second,
        "decodings": decodings,
        "psds_unfiltered": {
            "test": marked({name: unfiltered[name] for name in tests}, found.stages, settings),
            "validation": {name: unfiltered[name] for name in validations},
        },
    }


def _comparisons(
    found: Mapping[str, Ensemble], tests: References, settings: Mapping
) -> Iterator[dict]:
    """Yield differences: of ensembles under each decoding, and of decodings of each ensemble."""
    names = settings["events"]["decodings"]
    tuned = [name for name in names if names[name]["tune"] != "none"]
    pairs = [
        ((first, decoding), (second, decoding))
        for decoding in [*tuned, *(name for name in names if name not in tuned)]
        for first, second in settings["evaluation"]["compare"]
    ]
    pairs += [
        ((ensemble, first), (ensemble, second))
        for ensemble in found
        for second in tuned
        for first in names
        if first not in tuned
    ]
    for first, second in pairs:
        one, other = (found[ensemble].measured[decoding] for ensemble, decoding in (first, second))
        changes = {name: figures.difference(one[name], other[name], settings) for name in tests}
        stages = [*found[first[0]].stages, *found[second[0]].stages]
        yield {
            "first": dict(zip(("ensemble", "decoding"), first, strict=True)),
            "second": dict(zip(("ensemble", "decoding"), second, strict=True)),
            "test": marked(changes, stages, settings),
        }


def _framing(
    found: Mapping[str, Ensemble], tests: References, validations: References, settings: Mapping
) -> dict:
    wanted, content = settings["events"]["framing"], {}
    timed = next(iter(found.values()))
    if "oracle" in wanted:
        content["oracle"] = _oracles(found, tests, settings)
    if "whole_clips" in wanted:
        own = {name: framing.whole_clips(known) for name, known in tests.items()}
        content["whole_clips"] = {"test": _framed(own, tests, timed, settings)}
    if "clicks" in wanted:
        trains = framing.chosen_trains(
            list(validations.values()), Collars(**settings["events"]["collar"])
        )
        content["clicks"] = _clicks(trains, tests, validations, timed, settings)
    return content


def _clicks(
    trains: Mapping[str, framing.Train],
    tests: References,
    validations: References,
    timed: Ensemble,
    settings: Mapping,
) -> dict:
    if not trains:
        why = "without validation recordings with events there is nothing to choose periods on"
        return {"left_out": why}
    every = {**tests, **validations}
    own = {name: framing.clicks(known, trains) for name, known in every.items()}
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
        scores = framing.event_scores(known, events[name], timed.timings[name], rate)
        content[name] = figures.joined(
            figures.of_events(known, events[name], settings),
            figures.of_scores(known, scores, rate, settings),
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
    scores = framing.event_scores(known, known.events, one.timings[reference], rate)
    found = framing.oracle(known, scores, rate, chosen)
    smooth = filtered(scores, rate, chosen["filter_s"])
    return figures.joined(
        figures.of_events(known, found, settings),
        figures.of_scores(known, smooth, rate, settings),
    ).content


def _classes(references: References) -> list[str]:
    return next(iter(references.values())).classes
