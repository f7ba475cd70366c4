"""Checks of the corpora that an experiment names.

* `check_references`: whether the corpora exist, and no recording is named twice.
* `experiments_of_run`: those that are built, as a whole or for their models.
* `references_of`, `corpora_of`, `corpora_of_run`: what an experiment, or a run, reads.
* `corpora_behind`, `learnt_corpora`: the same with what teaches it; what models of stages learn from.
* `strange_corpora`: corpora that an experiment uses beside those it trains and tests on.
* `is_result`: whether an exported model is made by the run.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dawnchorus.settings.errors import check_known
from dawnchorus.settings.references import overlap, parse_reference, parse_teacher


def check_references(path: str, references: Sequence[str], config: Mapping[str, Any]) -> None:
    """Raise a ValueError where a corpus is unknown, or recordings are named twice."""
    for reference in references:
        try:
            corpus = parse_reference(reference)[0]
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        check_known(f"{path}: {corpus!r}", corpus, config["corpora"])
    for one, other in itertools.combinations(references, 2):
        if overlap(one, other):
            raise ValueError(f"{path}: {one!r} and {other!r} share recordings; name them once")


def corpora_of(experiment: Mapping[str, Any]) -> list[str]:
    """Return the names of the corpora that an experiment reads, sorted."""
    return sorted({parse_reference(reference)[0] for _, reference in references_of(experiment)})


def references_of(experiment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield setting and reference of all recordings that an experiment reads."""
    for key in ("train", "test"):
        yield from ((key, reference) for reference in experiment[key])
    for name, stage in experiment["stages"].items():
        path = f"stages.{name}.targets.unlabelled"
        yield from ((path, reference) for reference in stage["targets"].get("unlabelled", []))
    events = experiment["events"] or {}
    yield from (("events.validation", reference) for reference in events.get("validation", []))


def strange_corpora(config: Mapping[str, Any]) -> list[str]:
    """Return a note on each corpus of a run that is neither trained nor tested on.

    An experiment that is `like` another keeps what that one learns from without labels, and what
    chooses its decodings, although it trains and tests on other recordings. Noted is therefore what an
    experiment of other recordings names in the same setting.
    """
    notes = []
    used = {name: set(references_of(one)) for name, one in config["experiments"].items()}
    for name in experiments_of_run(config):
        experiment = config["experiments"][name]
        own = {parse_reference(one)[0] for key in ("train", "test") for one in experiment[key]}
        notes += [
            f"experiments.{name}.{path}: {reference!r} is neither trained nor tested on here; is it "
            "kept from an experiment that this one is like?"
            for path, reference in references_of(experiment)
            if parse_reference(reference)[0] not in own
            and any(
                (path, reference) in used[other]
                and any(
                    experiment[key] != config["experiments"][other][key]
                    for key in ("train", "test")
                )
                for other in used
            )
        ]
    return list(dict.fromkeys(notes))


def experiments_of_run(config: Mapping[str, Any]) -> list[str]:
    """Return the experiments of ``run``, and those whose stages teach one of them."""
    names = list(config["run"])
    for name in names:  # it grows: a teacher may have teachers
        for stage in config["experiments"][name]["stages"].values():
            if stage["targets"]["from"] == "teachers":
                found = (parse_teacher(text, name)[0] for text in stage["targets"]["stages"])
                names += [other for other in dict.fromkeys(found) if other not in names]
    return names


def corpora_of_run(config: Mapping[str, Any]) -> list[str]:
    """Return the names of the corpora that the experiments and applications of a run read, sorted."""
    chosen = (config["experiments"][name] for name in experiments_of_run(config))
    found = {corpus for experiment in chosen for corpus in corpora_of(experiment)}
    return sorted(found.union(*(about["corpora"] for about in config["apply"].values())))


def corpora_behind(config: Mapping[str, Any], name: str) -> list[str]:
    """Return the corpora that an experiment and those whose stages teach it read, sorted."""
    taught_by = experiments_of_run({**config, "run": [name]})
    return sorted({c for one in taught_by for c in corpora_of(config["experiments"][one])})


def learnt_corpora(config: Mapping[str, Any], name: str, stages: Sequence[str]) -> list[str]:
    """Return the corpora that the models of some stages learn from, sorted.

    Recordings with pseudo-labels count, and those of the stages that made these, and of teachers.
    """
    found: set[str] = set()
    todo = [(name, stage) for stage in stages]
    for experiment, stage in todo:  # it grows: a teacher may have teachers
        chosen = config["experiments"][experiment]
        targets = chosen["stages"][stage]["targets"]
        references = [*chosen["train"], *targets.get("unlabelled", [])]
        found.update(parse_reference(one)[0] for one in references)
        earlier = [targets["stage"]] if targets["from"] == "predictions" else []
        earlier += targets["stages"] if targets["from"] == "teachers" else []
        taught_by = (parse_teacher(text, experiment) for text in earlier)
        todo += [one for one in taught_by if one not in todo]
    return sorted(found)


def is_result(path: str) -> bool:
    """Return whether an exported model is one that the run itself makes."""
    return path.startswith("results/")
