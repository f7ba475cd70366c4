"""Inputs and settings of rules/predictions.smk."""

from dataclasses import dataclass

from dawnchorus.plan import paths
from dawnchorus.plan.workflow_run import Params, Run, Wildcards
from dawnchorus.settings.training import LARGEST_BATCH

_POOLING_SETTINGS = ("pooling", "average", "average_unit", "ignored_classes")
_WINDOW_SETTINGS = ("window", "segments", "use", "clip_pooling")


@dataclass(frozen=True, repr=False, eq=False)
class PredictionRules:
    """Rules ``predict``, ``ensemble`` and both again of frames, of one run."""

    run: Run

    def models_by_member(self, wildcards: Wildcards) -> dict[str, dict[str, str]]:
        """Return the model and the kept weights of each member of a stage."""
        found = {}
        for member in self.run.members(wildcards.experiment, wildcards.stage):
            names = {
                "experiment": wildcards.experiment, "stage": wildcards.stage, "member": member,
            }  # fmt: skip
            found[member] = {
                "model": paths.MODEL.format(**names),
                "kept": paths.KEPT_WEIGHTS.format(**names),
            }
        return found

    def models(self, wildcards: Wildcards) -> list[str]:
        """Return all models and kept weights of a stage."""
        members = self.models_by_member(wildcards).values()
        return [path for member in members for path in member.values()]

    def shards(self, wildcards: Wildcards) -> list[str]:
        """Return the spectrograms from which a stage predicts, of the shards of a job."""
        stage, corpus = self.run.stage(wildcards), wildcards.corpus
        names = {"corpus": corpus, "frontend": stage["predict_frontend"] or stage["frontend"]}
        found = self.run.runs_of_shards(corpus).get(wildcards.shards, [])
        return [paths.SPECTROGRAMS.format(shard=shard, **names) for shard in found]

    def threads(self, wildcards: Wildcards) -> int:
        """Return the threads of the backend: they are part of an experiment's numbers."""
        return int(self.run.experiment(wildcards)["backend"]["threads"])

    def settings(self, wildcards: Wildcards) -> Params:
        """Return what decides the scores of a stage, beside its models."""
        stage = self.run.stage(wildcards)
        return {
            **{key: stage[key] for key in _WINDOW_SETTINGS},
            "batch_size": stage["training"]["batch_size"] or LARGEST_BATCH,
            "backend": self.run.experiment(wildcards)["backend"],
        }

    def library(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the digests of the code behind window scores."""
        windows = self.run.window_modules(wildcards.experiment, wildcards.stage)
        return self.run.library("predict", *windows)

    def frames_library(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the digests of the code behind frame scores."""
        windows = self.run.window_modules(wildcards.experiment, wildcards.stage)
        return self.run.library("predict_frames", *windows)

    def scores(self, wildcards: Wildcards) -> list[str]:
        """Return the window scores of an ensemble's stages."""
        return [path for found in self.scores_by_stage(wildcards) for path in found]

    def scores_by_stage(self, wildcards: Wildcards) -> list[list[str]]:
        """Return the window scores of each stage of an ensemble."""
        name, corpus = wildcards.experiment, wildcards.corpus
        return [self.run.scores(name, s, [corpus])[corpus] for s in self._stages(wildcards)]

    def frames(self, wildcards: Wildcards) -> list[str]:
        """Return the frame scores of an ensemble's stages."""
        return [path for found in self.frames_by_stage(wildcards) for path in found]

    def frames_by_stage(self, wildcards: Wildcards) -> list[list[str]]:
        """Return the frame scores of each stage of an ensemble."""
        name, corpus = wildcards.experiment, wildcards.corpus
        return [self.run.frame_scores(name, s, [corpus])[corpus] for s in self._stages(wildcards)]

    def pooling(self, wildcards: Wildcards) -> Params:
        """Return how windows become recordings and models an ensemble."""
        return {key: self.run.experiment(wildcards)[key] for key in _POOLING_SETTINGS}

    def average(self, wildcards: Wildcards) -> str:
        """Return how the frame scores of models are averaged."""
        return str(self.run.experiment(wildcards)["average"])

    def _stages(self, wildcards: Wildcards) -> list[str]:
        return list(self.run.experiment(wildcards)["ensembles"][wildcards.ensemble])
