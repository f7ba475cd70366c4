"""Inputs and settings of rules/exports.smk."""

from dataclasses import dataclass
from types import SimpleNamespace

from dawnchorus.plan import downloaded_files, paths
from dawnchorus.plan.prediction_rules import PredictionRules
from dawnchorus.plan.spectrogram_rules import SpectrogramRules
from dawnchorus.plan.workflow_run import Params, Run, Wildcards
from dawnchorus.settings.architecture import frames_per_score, has_frames
from dawnchorus.settings.corpus_check import learnt_corpora
from dawnchorus.settings.frontend import frontend_model

_STAGE_SETTINGS = ("segments", "use", "clip_pooling")
_POOLING_SETTINGS = ("pooling", "average", "average_unit", "ignored_classes")


@dataclass(frozen=True, repr=False, eq=False)
class ExportRules:
    """Rule ``export`` of one run."""

    run: Run

    def models(self, wildcards: Wildcards) -> list[str]:
        """Return the models and kept weights of all stages of an ensemble."""
        stages = self._models(wildcards).values()
        return [path for members in stages for files in members.values() for path in files.values()]

    def decoders(self, wildcards: Wildcards) -> list[str]:
        """Return the decodings of an ensemble, where its experiment detects events."""
        if not self.run.experiment(wildcards)["events"]:
            return []
        names = {"experiment": wildcards.experiment, "ensemble": wildcards.ensemble}
        return [paths.DECODERS.format(**names)]

    def calibrations(self, wildcards: Wildcards) -> list[str]:
        """Return the calibration of an ensemble, where its scores become probabilities."""
        if self.run.experiment(wildcards)["calibration"]["method"] == "none":
            return []
        names = {"experiment": wildcards.experiment, "ensemble": wildcards.ensemble}
        return [paths.CALIBRATION.format(**names)]

    def settings(self, wildcards: Wildcards) -> Params:
        """Return what an exported model says beside its networks."""
        chosen, models = self.run.experiment(wildcards), self._models(wildcards)
        stages, frontends = {}, {}
        for name in chosen["ensembles"][wildcards.ensemble]:
            stage = chosen["stages"][name]
            frontend = stage["predict_frontend"] or stage["frontend"]
            known = self.run.config["frontends"][frontend]
            asked = SimpleNamespace(frontend=frontend)
            frontends[frontend] = {
                "settings": SpectrogramRules(self.run).frontend(asked),
                "audio": self.run.config["audio"][known["audio"]],
                # what decides no number: of a pretrained network its card's words, and no path
                "outside": {"about": known["about"], "file": None} if "about" in known else {},
            }
            stages[name] = {
                **{key: stage[key] for key in _STAGE_SETTINGS},
                # a chunk has the frames of its frontend, whatever the experiment's window is
                "window": frontend_model(known).shape(stage["window"])[0],
                "frontend": frontend,
                "models": models[name],
                "has_frames": has_frames(stage),
                "frames_per_score": frames_per_score(stage["model"]),
            }
        corpora = learnt_corpora(self.run.config, wildcards.experiment, list(stages))
        recordings = {c: {"labels": self.run.index[c]["labels"]} for c in corpora}
        for corpus, about in recordings.items():
            about |= {key: self.run.config["corpora"][corpus][key] for key in _OF_RECORDINGS}
        return {
            "name": f"{wildcards.experiment}/{wildcards.ensemble}",
            "ensemble": wildcards.ensemble,
            "backend": chosen["backend"],
            "stages": stages,
            "frontends": frontends,
            "pooling": {key: chosen[key] for key in _POOLING_SETTINGS},
            "recordings": recordings,
            "locks": downloaded_files.locks(self.run.config, corpora),
        }

    def library(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the digests of the code behind an exported model, of its frontends' kinds too."""
        chosen = self.run.experiment(wildcards)
        stages = [chosen["stages"][name] for name in chosen["ensembles"][wildcards.ensemble]]
        frontends = [stage["predict_frontend"] or stage["frontend"] for stage in stages]
        kinds = [self.run.config["frontends"][name]["kind"] for name in frontends]
        folder = "frontends.kinds"
        modules = [self.run.chosen_code(folder, kind) for kind in dict.fromkeys(kinds)]
        return self.run.library("export", *modules)

    def _models(self, wildcards: Wildcards) -> dict[str, dict[str, dict[str, str]]]:
        """Return model and kept weights by stage and member."""
        predictions, found = PredictionRules(self.run), {}
        for stage in self.run.experiment(wildcards)["ensembles"][wildcards.ensemble]:
            asked = SimpleNamespace(experiment=wildcards.experiment, stage=stage)
            found[stage] = predictions.models_by_member(asked)
        return found


_OF_RECORDINGS = ("licence", "attribution")
