"""The rules as rules/*.smk declare them, with the functions that they name.

A rule file holds rules and nothing else: literal paths, and names of functions of plan. That is
little enough to be read without Snakemake; a test holds the jobs that follow from it equal to
Snakemake's own.

* `all_rules`: what the Snakefile names ``corpora``, ``audio`` and so on, as the rule files are.
* `result_files`, `show_summaries`: what rule ``all`` asks for, and what is printed once it is done.
* `read_rules`: all rules of a folder, with their functions bound to a run.
* `Rule`: one of them.
"""

import ast
import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from dawnchorus.plan import paths
from dawnchorus.plan.acquisition_rules import AcquisitionRules
from dawnchorus.plan.application_rules import ApplicationRules
from dawnchorus.plan.audio_rules import AudioRules
from dawnchorus.plan.baseline_rules import BaselineRules
from dawnchorus.plan.corpus_rules import CorpusRules
from dawnchorus.plan.evaluation_rules import EvaluationRules
from dawnchorus.plan.event_rules import EventRules
from dawnchorus.plan.export_rules import ExportRules
from dawnchorus.plan.prediction_rules import PredictionRules
from dawnchorus.plan.report_rules import ReportRules
from dawnchorus.plan.spectrogram_rules import SpectrogramRules
from dawnchorus.plan.target_rules import TargetRules
from dawnchorus.plan.training_rules import TrainingRules
from dawnchorus.plan.workflow_run import Run, corpora_in
from dawnchorus.runtime import finished


class AllRules(NamedTuple):
    """One object per rule file, in the order of the work."""

    acquisition: AcquisitionRules
    corpora: CorpusRules
    audio: AudioRules
    spectrograms: SpectrogramRules
    targets: TargetRules
    training: TrainingRules
    predictions: PredictionRules
    baselines: BaselineRules
    evaluation: EvaluationRules
    events: EventRules
    exports: ExportRules
    reports: ReportRules
    applications: ApplicationRules


def all_rules(run: Run) -> AllRules:
    """Return the functions of all rule files, bound to a run."""
    return AllRules(
        AcquisitionRules(run),
        CorpusRules(run),
        AudioRules(run),
        SpectrogramRules(run),
        TargetRules(run),
        TrainingRules(run),
        PredictionRules(run),
        BaselineRules(run),
        EvaluationRules(run),
        EventRules(run),
        ExportRules(run),
        ReportRules(run),
        ApplicationRules(run),
    )


def result_files(run: Run) -> list[str]:
    """Return the files that the experiments of a run are built for."""
    found = [paths.DOWNLOADS.format(corpus=name) for name in run.acquired]
    for name in run.config["run"]:
        chosen, corpora = run.settings_of(name), corpora_in(run.settings_of(name)["test"])
        found += [paths.METRICS.format(experiment=name), paths.REPORT.format(experiment=name)]
        found += [
            paths.SEGMENTS_PICTURE.format(experiment=name, stage=stage) for stage in chosen["drawn"]
        ]
        found += [
            paths.AUDIT.format(experiment=name, stage=stage)
            for stage, about in chosen["stages"].items()
            if about["targets"]["from"] == "predictions"
        ]
        if chosen["events"]:
            found += [paths.EVENT_METRICS.format(experiment=name)]
            found += [
                paths.CHALLENGE_EVENTS.format(experiment=name, ensemble=e, decoding=d, corpus=c)
                for e in chosen["ensembles"]
                for d in chosen["events"]["decodings"]
                for c in corpora
            ]
            found += [
                paths.EXPORT_FOLDER.format(experiment=name, ensemble=e, decoding=d, corpus=c)
                for e, d in chosen["events"]["exports"]
                for c in corpora
            ]
        if chosen["database"]:
            found += [paths.DATABASE.format(experiment=name)]
        found += [
            paths.EXPORTED_MODEL.format(experiment=name, ensemble=ensemble)
            for ensemble in chosen["export"]
        ]
        found += [
            paths.SUBMISSION.format(experiment=name, corpus=corpus)
            for corpus in corpora
            if run.submission_format(name, corpus) != "none"
        ]
    found += [paths.APPLIED_DETECTIONS.format(application=name) for name in run.config["apply"]]
    return found + ReportRules(run).comparisons


def show_summaries(run: Run) -> None:
    """Print the summaries of the experiments of a run that has ended well, those that are there."""
    # each step has used what the steps before it made: no job will be repeated
    finished.forget(paths.RESULTS)
    for name in run.config["run"]:
        for pattern in (paths.SUMMARY, paths.EVENT_SUMMARY):
            path = Path(pattern.format(experiment=name))
            if path.exists():
                print(f"\n{path.read_text()}", file=sys.stderr)


# as snakefmt lays rules out: directives behind four blanks, what they hold behind eight
_RULE = re.compile(r"^rule (\w+):\n((?:[ \t]+.*\n|\n)*)", re.M)
_DIRECTIVE = re.compile(r"^    (\w+):(.*\n(?:        .*\n|\n)*)", re.M)


class Unpacked(NamedTuple):
    """A function that returns inputs by name: ``unpack(...)`` of a rule."""

    function: Callable[..., dict[str, str]]


@dataclass(frozen=True)
class Rule:
    """One rule: patterns, and functions of wildcards.

    Parameters
    ----------
    name : str
        As in ``rule train:``.
    inputs, params : mapping of str
        A pattern, a function of the wildcards, or (of params) a value. Under ``""`` the `Unpacked`
        function of a rule whose inputs depend on the config by name.
    outputs : mapping of str to str
        Patterns.
    log, script : str
        Pattern; path from the rule file.
    benchmark : str or None
        Pattern.
    """

    name: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, str]
    params: Mapping[str, Any]
    log: str
    script: str
    benchmark: str | None = None


def read_rules(run: Run) -> list[Rule]:
    """Return the rules of ``rules/*.smk`` beside the Snakefile, bound to a run.

    Raises
    ------
    ValueError
        Where a rule holds more than paths and functions of plan.
    """
    names = {
        **all_rules(run)._asdict(),
        "run": run,
        "unpack": Unpacked,
        "ancient": _as_it_is,
        "directory": _as_it_is,
    }
    found = []
    for path in sorted(run.base.glob("rules/*.smk")):
        for name, body in _RULE.findall(path.read_text(encoding="utf-8")):
            directives = dict(_DIRECTIVE.findall(body))
            given: dict[str, dict[str, Any]] = {}
            try:
                for key in _READ:
                    # a directive has the arguments of a call; one without a name stands under ""
                    text = directives.get(key, "")
                    call = ast.parse(f"_({textwrap.dedent(text)})", mode="eval").body
                    if not isinstance(call, ast.Call) or len(call.args) > 1:
                        raise SyntaxError(text)
                    given[key] = {k.arg or "": _value(k.value, names) for k in call.keywords}
                    if call.args:
                        given[key][""] = _value(call.args[0], names)
            except (SyntaxError, KeyError, AttributeError) as error:
                raise ValueError(
                    f"rule {name} holds more than paths and functions of plan: {error!r}"
                ) from None
            single: dict[str, Any] = {
                key: given[key].get("") for key in ("log", "script", "benchmark")
            }
            found.append(Rule(name, given["input"], given["output"], given["params"], **single))
    return [rule for rule in found if rule.outputs]  # a target makes nothing itself


_READ = ("input", "output", "params", "log", "benchmark", "script")


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return names[name]
        case ast.Attribute(value=owner, attr=name):
            return getattr(_value(owner, names), name)
        case ast.Call(func=function, args=arguments, keywords=[]):
            return _value(function, names)(*(_value(a, names) for a in arguments))
    raise SyntaxError(ast.unparse(node))


# `ancient` and `directory` say when a path counts as new, not which path it is.
def _as_it_is(value: Any) -> Any:
    return value
