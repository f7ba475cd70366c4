"""The jobs of a run, and which of them a change makes stale; without Snakemake.

Snakemake decides what is run. This finds the same from params and inputs in milliseconds, for tests
and for the reference of the config; a test compares the jobs with those of a dry run.

* `jobs`: the jobs of a run, each after those whose outputs it reads.
* `stale`: the jobs that a change of config, recordings or code makes stale.
* `rules_by_key`: the rules that a change of each key makes stale, for the reference of the config.
* `Job`: rule, wildcards, inputs, outputs, params.
"""

import copy
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from dawnchorus.plan import paths
from dawnchorus.plan.rules import Rule, Unpacked, read_rules, result_files
from dawnchorus.plan.workflow_run import Run
from dawnchorus.settings.corpus_check import corpora_of_run
from dawnchorus.settings.load import compose

_COPIES = paths.PRETRAINED.partition("{")[0]  # made before the rules
Key = tuple[str, tuple[tuple[str, str], ...]]  # rule, sorted wildcards


@dataclass(frozen=True)
class Job:
    """One job of a run.

    Parameters
    ----------
    rule : str
        Name of its rule.
    wildcards : mapping of str to str
        Those of the outputs of the rule.
    inputs : mapping of str to str or list of str
        A path, or paths, by the name that the rule gives them.
    outputs : mapping of str to str
        Paths by the name that the rule gives them.
    params : mapping
        As the script gets them.
    """

    rule: str
    wildcards: Mapping[str, str]
    inputs: Mapping[str, str | list[str]]
    outputs: Mapping[str, str]
    params: Mapping[str, Any]

    @property
    def key(self) -> Key:
        """What identifies the job: its rule and its wildcards."""
        return self.rule, tuple(sorted(self.wildcards.items()))

    @property
    def input_paths(self) -> list[str]:
        """All inputs."""
        found = self.inputs.values()
        return [path for one in found for path in ([one] if isinstance(one, str) else one)]


def jobs(run: Run) -> list[Job]:
    """Return the jobs that make the results of a run, each after those whose outputs it reads.

    Raises
    ------
    ValueError
        Where a path below the results is the output of no rule, or of two.
    """
    planner = _Planner(run)
    for path in result_files(run):
        planner.add(path)
    return planner.found


def stale(before: Run, after: Run) -> set[Key]:
    """Return the jobs that have to be run again after a change.

    Those are the jobs of ``after`` whose params or inputs are others than in ``before``, those that
    were not there, and all that read what these make.
    """
    known = {job.key: _compared(job) for job in jobs(before)}
    found, made_again = set(), set[str]()
    for job in jobs(after):
        if known.get(job.key) != _compared(job) or not made_again.isdisjoint(job.input_paths):
            found.add(job.key)
            made_again.update(job.outputs.values())
    return found


def _compared(job: Job) -> tuple[str, list[str]]:
    """Return what Snakemake compares: params by their `repr`, where the order of keys counts."""
    return repr(dict(sorted(job.params.items()))), sorted(job.input_paths)


class _Planner:
    """Walks back from results to what they are made from."""

    def __init__(self, run: Run) -> None:
        self.found: list[Job] = []
        self._made: set[str] = set()  # outputs of the jobs that are found
        self._patterns: list[tuple[re.Pattern[str], Rule]] = []
        for rule in read_rules(run):
            for pattern in rule.outputs.values():
                text = re.escape(pattern).replace(r"\{", "{").replace(r"\}", "}")
                for name in paths.wildcards_of(pattern):
                    first, rest = f"(?P<{name}>{run.constraint(name)})", f"(?P={name})"
                    before, _, after = text.partition(f"{{{name}}}")
                    text = before + first + after.replace(f"{{{name}}}", rest)
                self._patterns.append((re.compile(text), rule))

    def add(self, path: str) -> None:
        """Add the job that makes a file, after those that make its inputs."""
        is_result = path.startswith(f"{paths.RESULTS}/") and not path.startswith(_COPIES)
        if path in self._made or not is_result:
            return
        matches = {
            rule.name: (rule, found.groupdict())
            for pattern, rule in self._patterns
            if (found := pattern.fullmatch(path))
        }
        if len(matches) != 1:
            raise ValueError(f"{path} is made by {', '.join(matches) or 'no rule'}; expected one")
        rule, wildcards = next(iter(matches.values()))
        inputs: dict[str, str | list[str]] = {}
        for name, value in rule.inputs.items():
            if isinstance(value, Unpacked):
                inputs |= value.function(SimpleNamespace(**wildcards))
            else:  # a function may return a tuple or a generator; what is compared is a list
                paths_of = _filled(value, wildcards)
                inputs[name] = paths_of if isinstance(paths_of, str) else list(paths_of)
        outputs = {name: _filled(pattern, wildcards) for name, pattern in rule.outputs.items()}
        params = {name: _filled(value, wildcards) for name, value in rule.params.items()}
        job = Job(rule.name, wildcards, inputs, outputs, params)
        self._made.update(job.outputs.values())
        for needed in job.input_paths:
            self.add(needed)
        self.found.append(job)


def _filled(value: Any, wildcards: Mapping[str, str]) -> Any:
    """Return the value of a pattern or a function for some wildcards; others stay as they are."""
    if isinstance(value, str):
        return value.format(**wildcards)
    return value(SimpleNamespace(**wildcards)) if callable(value) else value


# Overlays and the experiment to look at: together they have every kind of stage.
EXAMPLES = (
    ((), "demo"),
    (("grill2017",), "grill2017"),
    (("kahl2018",), "kahl2018-distilled"),
    (("toth2016",), "toth2016"),
    (("serizel2018",), "serizel2018"),
    (("serizel2018", "sound-events"), "sound-events"),
    (("finch",), "finch"),
    (("grill2017", "bird-presence"), "bird-presence"),
)
# Of a listed corpus: what stands for its tables where no recording is there.
_LISTED = {
    "shards": {"000": {"digest": "0", "recordings": 1, "bytes": 0}}, "labels": "0", "excluded": "0",
    "events": "0", "names": "0",
    "label_rows": {"columns": ["itemid", "hasbird"], "digest": "0"}, "sources": "0",
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
    files = [base / f"experiments/{overlay}.yaml" for overlay in overlays]
    config = {**compose(base / "config.yaml", files, {}), "run": [name]}
    run = Run(config, {corpus: _LISTED for corpus in corpora_of_run(config)}, base)
    known = {job.key: _compared(job) for job in jobs(run)}
    found: dict[str, set[str]] = {}
    # only sections that the experiment uses: a change of another one makes nothing of it stale
    experiment = run.config["experiments"][name]
    frontends = {stage["frontend"] for stage in experiment["stages"].values()}
    used = {
        "experiments": {name}, "corpora": set(corpora_of_run(run.config)), "frontends": frontends,
        "audio": {run.config["frontends"][frontend]["audio"] for frontend in frontends},
    }  # fmt: skip
    leaves = [
        leaf
        for section, names in used.items()
        for chosen in sorted(names)
        for leaf in _leaves((section, chosen), run.config[section][chosen])
    ]
    for keys, value in leaves:
        path = ".".join(_without_names(keys))
        if found.get(path):
            continue  # the same key of another stage
        config = {**run.config}
        place: Any = config  # mappings above the key are copied, all others shared
        for key in keys[:-1]:
            place[key] = {**place[key]}
            place = place[key]
        place[keys[-1]] = _other(copy.deepcopy(value))
        try:
            changed = {job.key: _compared(job) for job in jobs(replace(run, config=config))}
        except (KeyError, ValueError, TypeError, AttributeError, FileNotFoundError):
            continue  # a name of something else: no value stands for another one
        both = changed.keys() | known.keys()
        # a report shows the settings of its experiment, all of them
        found[path] = {key[0] for key in both if changed.get(key) != known.get(key)} - {"report"}
    return found


def _leaves(above: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the keys below some keys that hold no section, with their values."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            # a stage has what it takes from its experiment; the keys of an experiment act in its stages
            yield from _leaves((*above, key), inner)
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


def _other(value: Any) -> Any:
    """Return another value of the same type: which jobs change counts, not what they would do."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return f"{value}-other"
    if isinstance(value, list):
        return [*value, 1]
    return {"other": 1} if isinstance(value, Mapping) else 1
