"""Which rules a change of a key makes stale, found by changing it: for the reference of the config.

* `rules_by_key`: the rules whose params or inputs follow from each key of some runs.
"""

import copy
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dawnchorus.plan.jobs import Job, jobs
from dawnchorus.plan.workflow_run import Run
from dawnchorus.settings.corpus_check import corpora_of_run
from dawnchorus.settings.load import compose

# Overlays and the experiment to look at: together they have every kind of stage.
EXAMPLES = (
    ((), "demo"),
    (("bad2017",), "bad2017"),
    (("birdclef2018",), "birdclef2018-distilled"),
    (("birdclef2016",), "birdclef2016"),
    (("dcase2018_task4",), "dcase2018_task4"),
    (("dcase2018_task4", "sound-events"), "sound-events"),
    (("finch",), "finch"),
)
# Of a listed corpus: what stands for its tables where no recording is there.
_LISTED = {
    "shards": {"000": {"digest": "0"}}, "labels": "0", "excluded": "0", "events": "0", "names": "0",
    "label_rows": "0",
}  # fmt: skip
# Sections that a name stands in, by the keys above it.
_NAMED = (
    ("audio",), ("frontends",), ("corpora",), ("experiments",), ("experiments", "stages"),
    ("experiments", "events", "decodings"), ("corpora", "data_sets"), ("corpora", "parts", "shares"),
    ("experiments", "ensembles"), ("experiments", "submission", "by_corpus"),
    ("corpora", "classes"), ("corpora", "columns"),
)  # fmt: skip


def rules_by_key(base: str | Path) -> dict[str, list[str]]:
    """Return the rules that follow from each key, by the path of the key without names.

    Parameters
    ----------
    base : path
        Folder of the Snakefile, with config.yaml and experiments/.

    Returns
    -------
    dict of str to list of str
        Such as ``experiments.training.epochs: [train]``; what is made from the results of these rules
        is stale as well. A key that no example has is absent.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for overlays, name in EXAMPLES:
        for path, rules in _rules_of_example(Path(base), overlays, name).items():
            found[path] |= rules
    return {path: sorted(rules) for path, rules in found.items() if rules}


def _rules_of_example(base: Path, overlays: Sequence[str], name: str) -> dict[str, set[str]]:
    run = _example(base, overlays, name)
    known = _compared(jobs(run))
    found: dict[str, set[str]] = {}
    for keys, value in _leaves(run.config, name):
        path = ".".join(_without_names(keys))
        if found.get(path):
            continue  # the same key of another stage
        try:
            changed = _compared(jobs(replace(run, config=_changed(run.config, keys, value))))
        except (KeyError, ValueError, TypeError, AttributeError):
            continue  # a name of something else: no value stands for another one
        both = changed.keys() | known.keys()
        found[path] = {key[0] for key in both if changed.get(key) != known.get(key)}
    return found


def _example(base: Path, overlays: Sequence[str], name: str) -> Run:
    files = [base / f"experiments/{overlay}.yaml" for overlay in overlays]
    config = {**compose(base / "config.yaml", files, {}), "run": [name]}
    return Run(config, {corpus: _LISTED for corpus in corpora_of_run(config)}, base)


def _compared(found: Sequence[Job]) -> dict[Any, Any]:
    return {job.key: (repr(job.params), sorted(job.input_paths)) for job in found}


def _leaves(config: Mapping[str, Any], name: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the keys of the sections that an experiment uses, with their values."""
    experiment = config["experiments"][name]
    used = {
        "experiments": {name}, "corpora": set(corpora_of_run(config)),
        "frontends": {stage["frontend"] for stage in experiment["stages"].values()},
    }  # fmt: skip
    used["audio"] = {config["frontends"][frontend]["audio"] for frontend in used["frontends"]}
    for section, names in used.items():
        for chosen in sorted(names):
            yield from _below((section, chosen), config[section][chosen])


def _below(above: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            # a stage has what it takes from its experiment; the keys of an experiment act in its stages
            yield from _below((*above, key), inner)
    else:
        yield above, value


def _without_names(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return the path of a key as the reference has it: names left out, keys of stages merged."""
    found: list[str] = []
    for key in keys:
        if found and tuple(k for k in found if k != "NAME") in _NAMED and found[-1] != "NAME":
            found.append("NAME")
        else:
            found.append(key)
    path = tuple(found)
    if path[:1] == ("experiments",):
        path = ("experiments", *path[2:])
        if path[1:3] == ("stages", "NAME") and path[3:4] != ("targets",):
            path = ("experiments", *path[3:])
    elif path[1:2] == ("NAME",):
        path = (path[0], *path[2:])
    return path


def _changed(config: Mapping[str, Any], keys: tuple[str, ...], value: Any) -> dict[str, Any]:
    result = {**config}
    place: Any = result
    for key in keys[:-1]:
        place[key] = {**place[key]}
        place = place[key]
    place[keys[-1]] = _other(copy.deepcopy(value))
    return result


def _other(value: Any) -> Any:
    """Return a value of the same type that is another."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return f"{value}-other"
    if isinstance(value, list):
        return [*value, 1]
    return {"other": 1} if isinstance(value, Mapping) else 1
