"""Inputs and settings of rules/reports.smk."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from dawnchorus.plan import paths
from dawnchorus.plan.event_rules import EventRules
from dawnchorus.plan.workflow_run import Params, Run, Wildcards, corpora_in
from dawnchorus.runtime.provenance import code_digest
from dawnchorus.runtime.run import digest_of_file
from dawnchorus.settings.differences import differences

_STATIC = ("report.css", "report.js")
_FILES = (".h5", ".keras", ".onnx", ".py", ".tflite", ".yaml")  # that a setting may name


@dataclass(frozen=True, repr=False, eq=False)
class ReportRules:
    """Rules ``report`` and ``compare`` of one run."""

    run: Run

    def results(self, wildcards: Wildcards) -> list[str]:
        """Return the results that the report shows, beside the metrics of clips."""
        asked = self._asked(wildcards)
        return [
            *([asked["events"]] if asked["events"] else []),
            *(one["path"] for one in asked["detections"]),
            *asked["audits"].values(),
            *(path for members in asked["histories"].values() for path in members.values()),
            *(path for found in asked["ensembles"].values() for path in found.values()),
            *asked["verdicts"].values(),
        ]

    def settings(self, wildcards: Wildcards) -> Params:
        """Return what the report is made of, and the settings that it shows."""
        name, chosen = wildcards.experiment, self.run.experiment(wildcards)
        config, asked, events = self.run.config, self._asked(wildcards), EventRules(self.run)
        frontends = {
            frontend
            for stage in chosen["stages"].values()
            for frontend in (stage["frontend"], stage["predict_frontend"])
            if frontend
        } | {chosen["frontend"]}
        recipes = {config["frontends"][frontend]["audio"] for frontend in frontends}
        corpora = self.run.scored_corpora(name)
        static = (self.run.package or Path(__file__).parents[1]) / "report/static"
        return {
            **asked,
            "name": name,
            "settings": _by_content(chosen),
            "changed": _by_content(differences(name, chosen)),
            "static": {one: digest_of_file(str(static / one))[:12] for one in _STATIC},
            "frontends": {
                frontend: _by_content(config["frontends"][frontend])
                for frontend in sorted(frontends)
            },
            "audio": {recipe: config["audio"][recipe] for recipe in sorted(recipes)},
            "labels": self.run.labels(corpora),
            # no inputs: to hash the sound of a corpus takes longer than to hear sixty seconds of it, and
            # other sound gives other scores, which are inputs
            "sound": {
                corpus: {
                    "folder": asked["verdicts"][corpus].rpartition("/")[0],
                    "shards": config["corpora"][corpus]["shards"],
                }
                for corpus in corpora
            },
            "windows": {stage: self.run.scores(name, stage, corpora) for stage in chosen["stages"]},
            # what a comparison with other runs needs beside it
            "sources": self.run.source_tables(name, corpora),
            **({"event_evaluation": events.evaluation(wildcards)} if asked["events"] else {}),
        }

    # compare

    @property
    def comparisons(self) -> list[str]:
        """Return the pages of comparisons whose experiments are all built."""
        built = set(self.run.config["run"])
        return [
            paths.COMPARISON.format(comparison=name)
            for name, about in self.run.config["compare"].items()
            if set(about["experiments"]) <= built
        ]

    def compared_results(self, wildcards: Wildcards) -> list[str]:
        """Return the results of all experiments of a comparison."""
        found: list[str] = []
        for one in self._compared(wildcards):
            asked = self._asked(one)
            found += [asked["metrics"], asked["folds"], *self.results(one)]
            if asked["events"]:
                events = EventRules(self.run)
                found += [*events.all_frames(one), *events.all_decoders(one)]
        return list(dict.fromkeys(found))

    def comparison(self, wildcards: Wildcards) -> Params:
        """Return what the experiments of a comparison are made of, by name."""
        return {one.experiment: self.settings(one) for one in self._compared(wildcards)}

    def _compared(self, wildcards: Wildcards) -> list[Wildcards]:
        names = self.run.config["compare"][wildcards.comparison]["experiments"]
        return [cast(Wildcards, SimpleNamespace(experiment=name)) for name in names]

    def _asked(self, wildcards: Wildcards) -> Params:
        """Return the paths of all results by what they are."""
        name, chosen = wildcards.experiment, self.run.experiment(wildcards)
        events = chosen["events"]
        corpora = self.run.scored_corpora(name)
        return {
            "metrics": paths.METRICS.format(experiment=name),
            "folds": paths.FOLDS.format(experiment=name),
            "events": paths.EVENT_METRICS.format(experiment=name) if events else None,
            "detections": self._detections(wildcards) if events else [],
            "audits": {
                stage: paths.AUDIT.format(experiment=name, stage=stage)
                for stage, about in chosen["stages"].items()
                if about["targets"]["from"] == "predictions"
            },
            "histories": {
                stage: {
                    member: paths.HISTORY.format(experiment=name, stage=stage, member=member)
                    for member in self.run.members(name, stage)
                }
                for stage in chosen["stages"]
            },
            "ensembles": {
                ensemble: self.run.ensemble_scores(name, ensemble, corpora)
                for ensemble in chosen["ensembles"]
            },
            "verdicts": self.run.verdicts(name, corpora),
        }

    def _detections(self, wildcards: Wildcards) -> list[Params]:
        """Return the detections that are shown: by the last decoding of each ensemble."""
        chosen = self.run.experiment(wildcards)
        decoding = list(chosen["events"]["decodings"])[-1]
        tables = self.run.event_tables(corpora_in(chosen["test"]))
        names = {"experiment": wildcards.experiment, "decoding": decoding}
        return [
            {
                "ensemble": ensemble,
                "decoding": decoding,
                "corpus": corpus,
                "path": paths.DETECTIONS.format(ensemble=ensemble, corpus=corpus, **names),
                "events": path,
            }
            for ensemble in chosen["ensembles"]
            for corpus, path in tables.items()
        ]


def _by_content(value: Any) -> Any:
    """Return settings with files named by their content: one that is moved or renamed repeats nothing."""
    if isinstance(value, Mapping):
        return {key: _by_content(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_by_content(one) for one in value]
    if not isinstance(value, str) or not value.endswith(_FILES) or not Path(value).is_file():
        return value
    # of code the layout and the comments do not count
    digest = code_digest(value) if value.endswith(".py") else digest_of_file(value)[:12]
    return f"{digest}{Path(value).suffix}"
