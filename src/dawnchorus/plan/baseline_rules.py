"""Inputs and settings of rules/baselines.smk."""

import math
from dataclasses import dataclass
from types import SimpleNamespace

from dawnchorus.plan.training_rules import TrainingRules
from dawnchorus.plan.workflow_run import Params, Run, Wildcards, corpora_in

_FITTED = ("seed", "train", "classes", "ignored_classes", "baselines")
_DETECTED = ("seed", "train", "test", "classes")
# a fit takes 4e-8 s for a product of recording, statistic and class; the default network 3.2e-6 s for
# a frame, and a job that imports TensorFlow 8 s to start (one core of an Intel Xeon, 2026-11-30)
_PRODUCT_S, _FRAME_S, _JOB_S = 4e-8, 3.2e-6, 8.0
_SHARE = 0.05  # of the trainings' time


@dataclass(frozen=True, repr=False, eq=False)
class BaselineRules:
    """Rules ``fit_baselines`` and ``detect_energy`` of one run."""

    run: Run

    # fit_baselines

    def clip_shards(self, wildcards: Wildcards) -> list[str]:
        """Return the spectrograms that baselines of recordings are fitted on and score."""
        return [path for own in self._shards(wildcards, ()).values() for path in own]

    def clip_settings(self, wildcards: Wildcards) -> Params:
        """Return what decides the scores of the baselines of recordings."""
        chosen = self.run.experiment(wildcards)
        kept = {key: chosen[key] for key in _FITTED}
        return {
            "shards": self._shards(wildcards, ()),
            "labels": self.run.labels(corpora_in(chosen["train"])),
            "settings": {
                **kept,
                "count": chosen["folds"]["count"],
                "most_work": self.most_work(wildcards),
            },
        }

    def most_work(self, wildcards: Wildcards) -> float:
        """Return the products of recordings, statistics and classes that a fit may take.

        A power of two, so that a recording more changes it seldom: at most a twentieth of what the
        trainings of a fold take, one of each stage.
        """
        about = TrainingRules(self.run)
        stages = self.run.experiment(wildcards)["stages"]
        trained_s = sum(
            _JOB_S
            + _FRAME_S
            * about.frames_seen(SimpleNamespace(experiment=wildcards.experiment, stage=stage))
            for stage in stages
        )
        return float(2 ** math.floor(math.log2(_SHARE * trained_s / _PRODUCT_S)))

    def clip_library(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the digests of the code behind the baselines, of those that are chosen alone."""
        names = self.run.experiment(wildcards)["baselines"]
        chosen = (self.run.chosen_code("evaluation.clip_baselines", name) for name in names)
        return self.run.library("fit_baselines", *chosen)

    # detect_energy

    def event_shards(self, wildcards: Wildcards) -> list[str]:
        """Return the spectrograms that the energy detector learns from and scores."""
        return [path for own in self._event_shards(wildcards).values() for path in own]

    def event_verdicts(self, wildcards: Wildcards) -> list[str]:
        """Return the verdicts of the corpora of those spectrograms."""
        name = wildcards.experiment
        return list(self.run.verdicts(name, self._event_shards(wildcards)).values())

    def energy_settings(self, wildcards: Wildcards) -> Params:
        """Return what decides the scores and the decoding of the energy detector."""
        name, chosen = wildcards.experiment, self.run.experiment(wildcards)
        shards = self._event_shards(wildcards)
        events = {key: chosen["events"][key] for key in ("collar", "validation")}
        return {
            "shards": shards,
            "tables": {
                "labels": self.run.labels(shards),
                "verdicts": self.run.verdicts(name, shards),
                "events": self.run.event_tables(shards),
            },
            "settings": {
                **{key: chosen[key] for key in _DETECTED},
                "events": events,
                "crossing": self.run.crossing(shards),
            },
        }

    def _event_shards(self, wildcards: Wildcards) -> dict[str, list[str]]:
        return self._shards(wildcards, self.run.experiment(wildcards)["events"]["validation"])

    def _shards(self, wildcards: Wildcards, more: list[str] | tuple[()]) -> dict[str, list[str]]:
        chosen = self.run.experiment(wildcards)
        # what the first stage sees: it is there anyway, so that nothing is decoded for baselines
        frontend = next(iter(chosen["stages"].values()))["frontend"]
        corpora = corpora_in([*chosen["train"], *more, *chosen["test"]])
        return {corpus: self.run.spectrograms(frontend, [corpus]) for corpus in corpora}
