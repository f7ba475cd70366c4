"""The jobs of a run, and which of them a change makes stale; without Snakemake.

Snakemake decides what is run. This says the same of the params and inputs of a run in
milliseconds, for tests and for the documentation of the config; a test holds the jobs equal to those
of a dry run.

* `jobs`: the jobs of a run, each after those whose outputs it reads.
* `stale`: the jobs that a change of config, recordings or code makes stale.
* `Job`: rule, wildcards, inputs, outputs, params.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from dawnchorus.plan import paths
from dawnchorus.plan.result_files import result_files
from dawnchorus.plan.rule_files import Rule, Unpacked, read_rules
from dawnchorus.plan.workflow_run import Run

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
    inputs : mapping of str to list of str
        Paths by the name that the rule gives them.
    outputs : mapping of str to str
        Paths by the name that the rule gives them.
    params : mapping
        As the script gets them.
    """

    rule: str
    wildcards: Mapping[str, str]
    inputs: Mapping[str, list[str]]
    outputs: Mapping[str, str]
    params: Mapping[str, Any]

    @property
    def key(self) -> Key:
        """What identifies the job: its rule and its wildcards."""
        return self.rule, tuple(sorted(self.wildcards.items()))

    @property
    def input_paths(self) -> list[str]:
        """All inputs."""
        return [path for found in self.inputs.values() for path in found]


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
        self._rules = [_MatchedRule(rule, run) for rule in read_rules(run)]

    def add(self, path: str) -> None:
        """Add the job that makes a file, after those that make its inputs."""
        if path in self._made or not path.startswith(f"{paths.RESULTS}/"):
            return
        if path.startswith(_COPIES):
            return
        matches = [(r, wildcards) for r in self._rules if (wildcards := r.match(path)) is not None]
        if len(matches) != 1:
            names = ", ".join(matched.rule.name for matched, _ in matches)
            raise ValueError(f"{path} is made by {names or 'no rule'}; expected one")
        job = matches[0][0].job(matches[0][1])
        self._made.update(job.outputs.values())
        for needed in job.input_paths:
            self.add(needed)
        self.found.append(job)


class _MatchedRule:
    """A rule and the regular expressions of its outputs."""

    def __init__(self, rule: Rule, run: Run) -> None:
        self.rule = rule
        self._patterns = [_expression(pattern, run) for pattern in rule.outputs.values()]

    def match(self, path: str) -> dict[str, str] | None:
        """Return the wildcards with which the rule makes a file, or None."""
        for pattern in self._patterns:
            if found := pattern.fullmatch(path):
                return found.groupdict()
        return None

    def job(self, wildcards: Mapping[str, str]) -> Job:
        """Return the rule's job for some wildcards."""
        return Job(
            self.rule.name,
            wildcards,
            dict(_inputs(self.rule.inputs, wildcards)),
            {name: _filled(p, wildcards) for name, p in self.rule.outputs.items()},
            {name: _filled(value, wildcards) for name, value in self.rule.params.items()},
        )


def _expression(pattern: str, run: Run) -> re.Pattern[str]:
    text = re.escape(pattern).replace(r"\{", "{").replace(r"\}", "}")
    for name in paths.wildcards_of(pattern):
        first, rest = f"(?P<{name}>{run.constraint(name)})", f"(?P={name})"
        before, _, after = text.partition(f"{{{name}}}")
        text = before + first + after.replace(f"{{{name}}}", rest)
    return re.compile(text)


def _inputs(
    inputs: Mapping[str, Any], wildcards: Mapping[str, str]
) -> Iterator[tuple[str, list[str]]]:
    for name, value in inputs.items():
        if isinstance(value, Unpacked):
            found = value.function(SimpleNamespace(**wildcards))
            yield from ((key, [path]) for key, path in found.items())
        else:
            found = _filled(value, wildcards)
            yield name, [found] if isinstance(found, str) else list(found)


def _filled(value: Any, wildcards: Mapping[str, str]) -> Any:
    """Return the value of a pattern or a function for some wildcards; others stay as they are."""
    if isinstance(value, str):
        return value.format(**wildcards)
    return value(SimpleNamespace(**wildcards)) if callable(value) else value
