"""Checks of the corpora that an experiment names.

* `check_references`: whether the corpora exist, and no recording is named twice.
* `experiments_of_run`: those that are built, as a whole or for their models.
* `corpora_of`, `corpora_of_run`: what an experiment, or a run, reads.
"""

import itertools
from collections.abc import Mapping, Sequence
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
    references = [*experiment["train"], *experiment["test"]]
    references += (experiment["events"] or {}).get("validation", [])
    for stage in experiment["stages"].values():
        references += stage["targets"].get("unlabelled", [])
    return sorted({parse_reference(reference)[0] for reference in references})


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
    """Return the names of the corpora that the experiments of a run read, sorted."""
    chosen = (config["experiments"][name] for name in experiments_of_run(config))
    return sorted({corpus for experiment in chosen for corpus in corpora_of(experiment)})
