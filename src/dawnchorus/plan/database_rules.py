"""Inputs and settings of rules/databases.smk."""

from dataclasses import dataclass

from dawnchorus.plan import paths
from dawnchorus.plan.training_rules import TrainingRules
from dawnchorus.plan.workflow_run import Params, Paths, Run, Wildcards
from dawnchorus.settings.corpus_check import corpora_of


@dataclass(frozen=True, repr=False, eq=False)
class DatabaseRules:
    """Rules ``list_segments`` and ``build_database`` of one run."""

    run: Run

    def shards(self, wildcards: Wildcards) -> list[str]:
        """Return the spectrograms that a stage trains on."""
        return TrainingRules(self.run).shards(wildcards)

    def tables(self, wildcards: Wildcards) -> list[str]:
        """Return the tables of the audio behind them."""
        return [path for paths_of in self._tables(wildcards).values() for path in paths_of]

    def listed(self, wildcards: Wildcards) -> Params:
        """Return which segments are listed."""
        return {
            **self.run.window_settings(wildcards.experiment, wildcards.stage),
            "shards": TrainingRules(self.run).shards_by_corpus(wildcards),
            "tables": self._tables(wildcards),
        }

    def library(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the digests of the code behind a stage's segments."""
        windows = self.run.window_modules(wildcards.experiment, wildcards.stage)
        return self.run.library("list_segments", *windows)

    def segments(self, wildcards: Wildcards) -> list[str]:
        """Return the segments of all stages of an experiment."""
        return list(self._segments(wildcards).values())

    def database(self, wildcards: Wildcards) -> Params:
        """Return the tables that a database is made of."""
        corpora = corpora_of(self.run.experiment(wildcards))
        return {
            "labels": self.run.labels(corpora),
            "segments": self._segments(wildcards),
            "downloads": self.run.downloaded(corpora),
        }

    def _segments(self, wildcards: Wildcards) -> Paths:
        names = {"experiment": wildcards.experiment}
        stages = self.run.experiment(wildcards)["stages"]
        return {stage: paths.SEGMENTS.format(stage=stage, **names) for stage in stages}

    def _tables(self, wildcards: Wildcards) -> dict[str, list[str]]:
        frontend = self.run.stage(wildcards)["frontend"]
        audio = self.run.config["frontends"][frontend]["audio"]
        corpora = self.run.training_corpora(wildcards.experiment, wildcards.stage)
        return {c: self.run.shards(paths.SHARD_TABLE, [c], audio=audio) for c in corpora}
