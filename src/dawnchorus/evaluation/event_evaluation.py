"""How good the detected events of an experiment are: every ensemble under every decoding.

Judged are the recordings of test references with known events, and of the validation references that
have chosen settings; a test reference without known events is counted. A figure is what
`dawnchorus.evaluation.event_scores` says it is; undefined values are null in the file.

* `evaluate_events`: ``events.json``, and its text for the terminal.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from dawnchorus.evaluation import event_report, event_scores
from dawnchorus.evaluation.baseline_scores import References, framed
from dawnchorus.evaluation.caveats import marked
from dawnchorus.evaluation.decoding_scores import Ensemble, measured, read_content
from dawnchorus.events.event_truth import Judged, inspected, judged
from dawnchorus.runtime import artefacts
from dawnchorus.runtime.logs import LOG
from dawnchorus.settings.references import parse_reference

_NAMED = 5  # names an error shows


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
        Settings of its decodings, see `dawnchorus.events.decoders.choose_decodings`.
    labels, verdicts, events : mapping of corpus to path
        Tables of the test and validation corpora; a corpus that is tested may have none of events.
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
        Where an ensemble or a corpus has no file, files disagree about the classes, no reference is
        named, one of validation has no recording with known events, or a recording that should be
        judged has no frame scores.
    """
    _check(frames, decoders, (labels, verdicts, events), settings)
    classes = _class_names(decoders)
    tables = labels, verdicts, events
    known = {name: _looked_up(inspected, name, tables, classes) for name in settings["test"]}
    tests = {name: one for name, one in known.items() if one.ids}
    validations = {
        name: _looked_up(judged, name, tables, classes) for name in settings["events"]["validation"]
    }
    found = {
        name: measured(name, frames[name], decoders[name], {**tests, **validations}, settings)
        for name in settings["ensembles"]
    }
    content = {
        "experiment": settings["name"],
        "policy": event_scores.policy(settings),
        "classes": classes,
        "test": {name: event_scores.described(one) for name, one in tests.items()},
        "not_judged": {name: one.excluded for name, one in known.items() if not one.ids},
        "validation": {name: event_scores.described(one) for name, one in validations.items()},
        "ensembles": {
            name: _content(name, one, tests, validations, settings) for name, one in found.items()
        },
        "framing": framed(found, tests, validations, settings),
        "comparisons": list(_comparisons(found, tests, settings)),
    }
    artefacts.write_json(json_path, content)
    artefacts.write_text(text_path, event_report.text(content))
    _say(content)


def _check(
    frames: Mapping, decoders: Mapping, tables: Sequence[Mapping], settings: Mapping
) -> None:
    if not settings["ensembles"]:
        raise ValueError("no ensemble to judge events of; expected one under ensembles")
    validation = settings["events"]["validation"]
    references = [*settings["test"], *validation]
    if not references:
        raise ValueError(
            f"experiment {settings['name']!r} has no events to judge: test and events.validation are "
            "empty; expected a corpus under one of them, or events: null"
        )
    needed = {parse_reference(reference)[0]: reference for reference in references}
    for name in settings["ensembles"]:
        if name not in frames or name not in decoders:
            raise ValueError(f"ensemble {name!r} has no frame scores or no decoders; predict again")
        if missing := sorted(needed.keys() - frames[name].keys()):
            raise ValueError(
                f"ensemble {name!r} has no frame scores of corpus {missing[0]!r}; expected them for "
                f"{sorted(needed)!r}"
            )
    _check_tables(needed, validation, tables)
    for name in {name for pair in settings["evaluation"]["compare"] for name in pair}:
        if name not in settings["ensembles"]:
            raise ValueError(
                f"evaluation.compare names {name!r}; expected ensembles out of "
                f"{list(settings['ensembles'])!r}"
            )


def _check_tables(
    needed: Mapping[str, str], validation: Sequence[str], tables: Sequence[Mapping]
) -> None:
    labels, verdicts, events = tables
    for corpus, reference in needed.items():
        if corpus not in labels or corpus not in verdicts:
            raise ValueError(
                f"{reference!r}: no labels or verdicts of corpus {corpus!r}; start the workflow again"
            )
    for reference in validation:
        if parse_reference(reference)[0] not in events:
            raise ValueError(
                f"validation {reference!r}: its corpus has no table of events; expected one with a "
                "list of strong labels, or leave it out of events.validation"
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


def _looked_up(
    looking: Callable[..., Judged],
    reference: str,
    tables: Sequence[Mapping],
    classes: Sequence[str],
) -> Judged:
    corpus, _ = parse_reference(reference)
    return looking(reference, *(table.get(corpus) for table in tables), classes)


def _say(content: Mapping) -> None:
    if left := list(content["not_judged"]):
        LOG.info("warning: no events are known of %s, which are not judged", ", ".join(left))
    n_recordings = sum(found["judged"] for found in content["test"].values())
    n_ensembles = len(content["ensembles"])
    LOG.info("events of %d ensembles judged on %d test recordings", n_ensembles, n_recordings)


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
        changes = {
            name: event_scores.difference(one[name], other[name], settings) for name in tests
        }
        stages = [*found[first[0]].stages, *found[second[0]].stages]
        yield {
            "first": dict(zip(("ensemble", "decoding"), first, strict=True)),
            "second": dict(zip(("ensemble", "decoding"), second, strict=True)),
            "test": marked(changes, stages, settings),
        }
