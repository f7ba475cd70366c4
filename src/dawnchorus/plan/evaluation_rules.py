"""Inputs and settings of rules/evaluation.smk."""

from dataclasses import dataclass

from dawnchorus.plan import paths
from dawnchorus.plan.network_use import pretraining
from dawnchorus.plan.workflow_run import (
    Params,
    Paths,
    Run,
    ScorePaths,
    Wildcards,
    corpora_in,
    references_of,
)
from dawnchorus.settings.frontend import window_s

_EVALUATED = (
    "seed", "train", "test", "folds", "ensembles", "pooling", "average", "average_unit",
    "ignored_classes", "evaluation", "baselines",
)  # fmt: skip
_SUBMITTED = ("best", "interval_s", "keep_trailing")
_SUBMITTED_POOLING = ("pooling", "average", "ignored_classes")


@dataclass(frozen=True, repr=False, eq=False)
class EvaluationRules:
    """Rules ``calibrate``, ``evaluate`` and ``submit`` of one run."""

    run: Run

    # calibrate

    def out_of_fold_scores(self, wildcards: Wildcards) -> list[str]:
        """Return the recording scores of an ensemble for the training corpora."""
        return list(self._out_of_fold_scores(wildcards).values())

    def calibration(self, wildcards: Wildcards) -> Params:
        """Return what decides the calibration of an ensemble, beside its scores."""
        chosen = self.run.experiment(wildcards)
        folds = chosen["folds"]
        return {
            "scores": self._out_of_fold_scores(wildcards),
            "labels": self.run.labels(corpora_in(chosen["train"])),
            "settings": {
                "calibration": chosen["calibration"],
                "folds": {"by": folds["by"], "count": folds["count"]},
            },
        }

    # evaluate

    def scores(self, wildcards: Wildcards) -> list[str]:
        """Return the window scores of all stages."""
        by_stage = self._scores(wildcards).values()
        return [path for found in by_stage for files in found.values() for path in files]

    def ensembles(self, wildcards: Wildcards) -> list[str]:
        """Return the recording scores of all ensembles."""
        return [path for found in self._ensembles(wildcards).values() for path in found.values()]

    def calibrations(self, wildcards: Wildcards) -> list[str]:
        """Return the calibrations of all ensembles; none where scores stay as they are."""
        return list(self._calibrations(wildcards).values())

    def baselines(self, wildcards: Wildcards) -> list[str]:
        """Return the scores of the baselines; none where none are wanted."""
        if not self.run.experiment(wildcards)["baselines"]:
            return []
        return [paths.BASELINES.format(experiment=wildcards.experiment)]

    def verdicts(self, wildcards: Wildcards) -> list[str]:
        """Return the verdicts of all scored corpora."""
        return list(self._verdicts(wildcards).values())

    def settings(self, wildcards: Wildcards) -> Params:
        """Return what decides the metrics of an experiment."""
        chosen = self.run.experiment(wildcards)
        # of a stage only whether scores are transductive or windows padded; the rest is behind them
        stages = {}
        for name, stage in chosen["stages"].items():
            frontend = self.run.config["frontends"][stage["predict_frontend"] or stage["frontend"]]
            sample_rate = self.run.config["audio"][frontend["audio"]]["sample_rate"]
            try:
                length_s = window_s(stage["window"], frontend, sample_rate)
            except ImportError:  # the reference asks what follows from a kind that is not there
                length_s = None
            stages[name] = {"targets": stage["targets"], "window_s": length_s}
        kept = {key: chosen[key] for key in _EVALUATED}
        corpora = self.run.scored_corpora(wildcards.experiment)
        kept["baselines_path"] = next(iter(self.baselines(wildcards)), None)
        kept["sources"] = self.run.source_tables(wildcards.experiment, corpora)
        if about := pretraining(self.run, wildcards.experiment, corpora):
            kept["pretraining"] = about
        return {
            "settings": {"name": wildcards.experiment, "stages": stages, **kept},
            "scores": self._scores(wildcards),
            "ensembles": self._ensembles(wildcards),
            "calibrations": self._calibrations(wildcards),
            "labels": self.run.labels(corpora),
            "verdicts": self._verdicts(wildcards),
        }

    # submit

    def submitted_scores(self, wildcards: Wildcards) -> str:
        """Return the recording scores of the submitted ensemble."""
        ensemble = self.run.experiment(wildcards)["submission"]["ensemble"]
        found = self.run.ensemble_scores(wildcards.experiment, ensemble, [wildcards.corpus])
        return found[wildcards.corpus]

    def submitted_windows(self, wildcards: Wildcards) -> list[str]:
        """Return the window scores of the submitted ensemble, for a format of intervals."""
        return [path for found in self._submitted_windows(wildcards) for path in found]

    def _submitted_windows(self, wildcards: Wildcards) -> list[list[str]]:
        name, corpus = wildcards.experiment, wildcards.corpus
        # the other formats score recordings; windows would make their files stale
        if self.run.submission_format(name, corpus) != "birdclef2018_soundscape":
            return []
        chosen = self.run.experiment(wildcards)
        stages = chosen["ensembles"][chosen["submission"]["ensemble"]]
        return [self.run.scores(name, stage, [corpus])[corpus] for stage in stages]

    def submission(self, wildcards: Wildcards) -> Params:
        """Return what decides the submission for a corpus."""
        chosen, corpus = self.run.experiment(wildcards), wildcards.corpus
        return {
            "settings": {
                "format": self.run.submission_format(wildcards.experiment, corpus),
                **{key: chosen["submission"][key] for key in _SUBMITTED},
                **{key: chosen[key] for key in _SUBMITTED_POOLING},
                "test": references_of(corpus, chosen["test"]),
            },
            "windows": self._submitted_windows(wildcards),
            "labels": self.run.labels([corpus])[corpus],
            "label_rows": self.run.label_rows(corpus),
        }

    def submission_library(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the digests of the code behind a submission, its own format's alone."""
        name = self.run.submission_format(wildcards.experiment, wildcards.corpus)
        return self.run.library("submit", f"dawnchorus.formats.submissions.{name}")

    def _scores(self, wildcards: Wildcards) -> dict[str, ScorePaths]:
        name = wildcards.experiment
        corpora = self.run.scored_corpora(name)
        stages = self.run.experiment(wildcards)["stages"]
        return {stage: self.run.scores(name, stage, corpora) for stage in stages}

    def _ensembles(self, wildcards: Wildcards) -> dict[str, Paths]:
        name = wildcards.experiment
        corpora = self.run.scored_corpora(name)
        ensembles = self.run.experiment(wildcards)["ensembles"]
        return {e: self.run.ensemble_scores(name, e, corpora) for e in ensembles}

    def _out_of_fold_scores(self, wildcards: Wildcards) -> Paths:
        corpora = corpora_in(self.run.experiment(wildcards)["train"])
        return self.run.ensemble_scores(wildcards.experiment, wildcards.ensemble, corpora)

    def _calibrations(self, wildcards: Wildcards) -> Paths:
        name, chosen = wildcards.experiment, self.run.experiment(wildcards)
        if chosen["calibration"]["method"] == "none":
            return {}
        return {
            e: paths.CALIBRATION.format(experiment=name, ensemble=e) for e in chosen["ensembles"]
        }

    def _verdicts(self, wildcards: Wildcards) -> Paths:
        name = wildcards.experiment
        return self.run.verdicts(name, self.run.scored_corpora(name))
