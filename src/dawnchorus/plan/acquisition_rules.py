"""Inputs and settings of rules/acquisition.smk."""

from dataclasses import dataclass

from dawnchorus.plan import downloaded_files, paths
from dawnchorus.plan.training_rules import TrainingRules
from dawnchorus.plan.workflow_run import Params, Paths, Run, Wildcards
from dawnchorus.settings.corpus_check import corpora_of


@dataclass(frozen=True, repr=False, eq=False)
class AcquisitionRules:
    """Rules of downloads and of databases of one run."""

    run: Run

    def query(self, wildcards: Wildcards) -> Params:
        """Return what the API is asked, and how."""
        chosen = self.run.config["corpora"][wildcards.corpus]
        return {"query": chosen["query"], "access": chosen["access"]}

    def choice(self, wildcards: Wildcards) -> Params:
        """Return which recordings are chosen."""
        found: Params = self.run.config["corpora"][wildcards.corpus]["choice"]
        return found

    def access(self, wildcards: Wildcards) -> Params:
        """Return how the server is asked for recordings."""
        return {"access": self.run.config["corpora"][wildcards.corpus]["access"]}

    def folder(self, wildcards: Wildcards) -> str:
        """Return where the recordings of a corpus are to be."""
        return str(self.run.config["corpora"][wildcards.corpus]["folder"])

    def downloads(self, wildcards: Wildcards) -> list[str]:
        """Return what became of the recordings of each corpus that is acquired."""
        return [paths.DOWNLOADS.format(corpus=name) for name in self.run.acquired]

    # list_segments, build_database

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
            "downloads": downloaded_files.tables(self.run.config, corpora),
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
