"""Evaluation of detected events: every ensemble of an experiment under every decoding.

Scored are the recordings of test subsets with known events, and of the validation subsets that have
chosen settings; a test subset without known events is counted. For the scores see
`dawnchorus.evaluation.event_scores`; undefined values are null in the file.

* `evaluate_events`: ``events.json``, and its text for the terminal.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from dawnchorus.evaluation import event_scores, event_summary
from dawnchorus.evaluation.baselines import Truths, baselines
from dawnchorus.evaluation.caveats import marked
from dawnchorus.evaluation.ceiling import ceiling_sentence
from dawnchorus.evaluation.energy_baseline import energy_report
from dawnchorus.evaluation.event_scores import Ensemble, ensemble_scores, read_content
from dawnchorus.evaluation.pretraining_scores import mark_seen_events
from dawnchorus.runtime import artefacts
from dawnchorus.runtime.logs import LOG
from dawnchorus.scores.frame_files import open_frames
from dawnchorus.settings.references import parse_reference
from dawnchorus.targets.ground_truth import EventGroundTruth, find_event_set, read_event_set
from dawnchorus.targets.resampling_units import with_units

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
    """Score the detected events of all ensembles, write the scores and their text.

    Parameters
    ----------
    frames : mapping of ensemble to mapping of corpus to path
        Averaged frame scores of the test and validation corpora.
    decoders : mapping of ensemble to path
        Settings of its decodings, see `dawnchorus.events.decoding_choice.choose_decodings`.
    labels, verdicts, events : mapping of corpus to path
        Tables of the test and validation corpora; a corpus that is tested may have none of events.
    settings : mapping
        The experiment: ``name``, ``seed``, ``test``, ``stages``, ``ensembles``, ``evaluation``
        (``replicates``, ``bootstrap``, ``confidence`` in (0, 1), ``compare``: pairs of ensembles),
        ``sources`` (see `dawnchorus.targets.resampling_units.with_units`), ``events`` (the whole
        section) and, optional, ``models``: how many models each ensemble has, ``energy``: the files of
        `dawnchorus.evaluation.energy_baseline.detect_energy`, and ``pretraining``: what networks have
        seen, see `dawnchorus.evaluation.pretraining_scores.mark_seen`.
    json_path : path
        JSON: scores, counts and the policy behind them.
    text_path : path
        Text of one screen.

    Raises
    ------
    ValueError
        Where an ensemble or a corpus has no file, files disagree about the classes, no subset is
        named, one of validation has no recording with known events, or a recording to be scored has
        no frame scores.
    """
    _check(frames, decoders, (labels, verdicts, events), settings)
    classes = read_content(next(iter(decoders.values())))["classes"]
    for path in decoders.values():
        if (own := read_content(path)["classes"]) != classes:
            raise ValueError(
                f"{path} has decodings of classes {own[:_NAMED]!r}, others of {classes[:_NAMED]!r}; "
                "ensembles of one experiment have one list"
            )

    def known(read: Callable[..., EventGroundTruth], subsets: Sequence[str]) -> dict:
        """Return the ground truth of some subsets, by name."""
        found = {}
        for name in subsets:
            corpus, _ = parse_reference(name)
            tables = (table.get(corpus) for table in (labels, verdicts, events))
            one = read(name, *tables, classes, settings.get("crossing", {}).get(corpus, "clip"))
            one, counts = with_units(one, [(corpus, i) for i in one.ids], settings)
            found[name] = dataclasses.replace(one, excluded=one.excluded | counts)
        return found

    inspected = known(find_event_set, settings["test"])
    tests = {name: one for name, one in inspected.items() if one.ids}
    validations = known(read_event_set, settings["events"]["validation"])

    def measured(name: str, truths: Truths) -> Ensemble:
        """Return the scores of an ensemble on some recordings."""
        return ensemble_scores(
            name, lambda corpus: open_frames(frames[name][corpus]), decoders[name], truths, settings
        )

    found = {name: measured(name, {**tests, **validations}) for name in settings["ensembles"]}
    own, comparisons = baselines(found, tests, validations, settings), []
    if files := settings.get("energy"):
        own["energy"], comparisons = energy_report(files, found, tests, validations, settings)
    # the test events of all subsets as those of one: ids of two may be equal
    annotated = [e._replace(id=f"{test}/{e.id}") for test in tests for e in tests[test].events]
    rate = next(iter(found.values())).frames_per_second
    content = {
        "experiment": settings["name"],
        "policy": event_scores.policy(settings),
        "classes": classes,
        "test": {name: event_scores.event_totals(one) for name, one in tests.items()},
        "not_scored": {name: one.excluded for name, one in inspected.items() if not one.ids},
        "validation": {name: event_scores.event_totals(one) for name, one in validations.items()},
        "ensembles": {
            name: _content(name, one, tests, validations, settings) for name, one in found.items()
        },
        "ceiling": ceiling_sentence(annotated, rate, settings["events"]),
        "baselines": own,
        "comparisons": [*comparisons, *_comparisons(found, tests, settings)],
    }
    mark_seen_events(content, tests, measured, settings)
    artefacts.write_json(json_path, content)
    artefacts.write_text(text_path, event_summary.text(content))
    if left := list(content["not_scored"]):
        LOG.info("warning: no events are known of %s, which are not scored", ", ".join(left))
    n_recordings = sum(own["scored"] for own in content["test"].values())
    LOG.info("events of %d ensembles scored on %d test recordings", len(found), n_recordings)


def _check(
    frames: Mapping, decoders: Mapping, tables: Sequence[Mapping], settings: Mapping
) -> None:
    """Raise where an ensemble, a subset or a pair has nothing to be scored by."""
    if not settings["ensembles"]:
        raise ValueError("no ensemble to score events of; expected one under ensembles")
    validation = settings["events"]["validation"]
    subsets = [*settings["test"], *validation]
    if not subsets:
        raise ValueError(
            f"experiment {settings['name']!r} has no events to score: test and events.validation are "
            "empty; expected a corpus under one of them, or events: null"
        )
    needed = {parse_reference(subset)[0]: subset for subset in subsets}
    for name in settings["ensembles"]:
        if name not in frames or name not in decoders:
            raise ValueError(f"ensemble {name!r} has no frame scores or no decoders; predict again")
        if missing := sorted(needed.keys() - frames[name].keys()):
            raise ValueError(
                f"ensemble {name!r} has no frame scores of corpus {missing[0]!r}; expected them for "
                f"{sorted(needed)!r}"
            )
    labels, verdicts, events = tables
    for corpus, subset in needed.items():
        if corpus not in labels or corpus not in verdicts:
            raise ValueError(
                f"{subset!r}: no labels or verdicts of corpus {corpus!r}; start the workflow again"
            )
    for subset in validation:
        if parse_reference(subset)[0] not in events:
            raise ValueError(
                f"validation {subset!r}: its corpus has no table of events; expected one with a "
                "list of strong labels, or leave it out of events.validation"
            )
    for name in {name for pair in settings["evaluation"]["compare"] for name in pair}:
        if name not in settings["ensembles"]:
            raise ValueError(
                f"evaluation.compare names {name!r}; expected ensembles out of "
                f"{list(settings['ensembles'])!r}"
            )


def _content(
    name: str, found: Ensemble, tests: Truths, validations: Truths, settings: Mapping
) -> dict:
    """Return what the file says of one ensemble."""
    decodings = {}
    for key, by_subset in found.measured.items():
        about = found.about["decodings"][key]
        # its scores on the recordings that chose it are optimistic
        is_chosen_here = settings["events"]["decodings"][key]["tune"] == "events"
        own = {subset: one.content for subset, one in by_subset.items()}
        decodings[key] = dict(about) | {
            "test": marked({name: own[name] for name in tests}, found.stages, settings),
            "validation": {
                name: own[name] | {"chosen_here": is_chosen_here} for name in validations
            },
        }
    unfiltered = {subset: one.content for subset, one in found.unfiltered.items()}
    return {
        "stages": found.stages,
        "models": settings.get("models", {}).get(name),
        "learning": found.learning,
        "frames_per_second": found.frames_per_second,
        "decodings": decodings,
        "psds_unfiltered": {
            "test": marked({name: unfiltered[name] for name in tests}, found.stages, settings),
            "validation": {name: unfiltered[name] for name in validations},
        },
    }


def _comparisons(found: Mapping[str, Ensemble], tests: Truths, settings: Mapping) -> Iterator[dict]:
    """Yield differences: of ensembles under each decoding, and of decodings of each ensemble."""
    names = settings["events"]["decodings"]
    # tuned ones come first: the text of one screen loses rows from the end
    tuned = [name for name in names if names[name]["tune"] != "none"]
    pairs = [
        ((first, decoding), (second, decoding))
        for decoding in [*tuned, *(name for name in names if name not in tuned)]
        for first, second in settings["evaluation"]["compare"]
    ]
    # a tuned decoding is compared with each that is not
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
