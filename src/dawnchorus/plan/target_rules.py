"""Inputs and settings of rules/targets.smk."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dawnchorus.plan import paths
from dawnchorus.plan.network_use import pretraining
from dawnchorus.plan.workflow_run import Params, Paths, Run, ScorePaths, Wildcards, corpora_in


@dataclass(frozen=True, repr=False, eq=False)
class TargetRules:
    """Folds, leaks, thresholds, targets and audits of one run."""

    run: Run

    def training_verdicts(self, wildcards: Wildcards) -> list[str]:
        """Return the verdicts of the training corpora."""
        return list(self._training_verdicts(wildcards).values())

    def folds(self, wildcards: Wildcards) -> Params:
        """Return what decides the folds of an experiment."""
        chosen = self.run.experiment(wildcards)
        corpora = corpora_in(chosen["train"])
        # which fold validates a model is the training's choice, not the folds'
        dealt = {key: value for key, value in chosen["folds"].items() if key != "validation"}
        return {
            "settings": {**dealt, "seed": chosen["seed"]},
            "train": chosen["train"],
            "labels": self.run.labels(corpora),
            "listings": self.run.listings(corpora),
            "verdicts": self._training_verdicts(wildcards),
        }

    def leaks(self, wildcards: Wildcards) -> Params:
        """Return the recordings among which no tested one may be trained on."""
        chosen = self.run.experiment(wildcards)
        unlabelled = self.run.unlabelled_references(wildcards.experiment)
        validation = (chosen["events"] or {}).get("validation", [])
        corpora = corpora_in([*chosen["train"], *unlabelled, *chosen["test"], *validation])
        about = pretraining(self.run, wildcards.experiment, corpora)
        return {
            **({"pretraining": about} if about else {}),
            "train": chosen["train"],
            "unlabelled": unlabelled,
            "test": chosen["test"],
            "validation": validation,
            "labels": self.run.labels(corpora),
            "listings": self.run.listings(corpora),
        }

    def validation_files(self, wildcards: Wildcards) -> list[str]:
        """Return what thresholds are chosen by: scores, and verdicts that may take classes away."""
        return [
            *_files(self._validation_scores(wildcards)),
            *self._losing(wildcards).values(),
        ]

    def threshold_settings(self, wildcards: Wildcards) -> Params:
        """Return what decides the thresholds of hard pseudo-labels."""
        chosen = self.run.experiment(wildcards)
        return {
            "settings": {**self._targets(wildcards), "classes": chosen["classes"]},
            "train": chosen["train"],
            "labels": self.run.labels(corpora_in(chosen["train"])),
            "scores": self._validation_scores(wildcards),
            "verdicts": self._losing(wildcards),
        }

    def teacher_files(self, wildcards: Wildcards) -> list[str]:
        """Return what a stage knows of unlabelled recordings: scores or verdicts."""
        # an earlier stage has scores, a mean teacher learns without; labels may lose classes
        scores, verdicts = self._teacher_scores(wildcards), self._verdicts(wildcards)
        return [*_files(scores), *verdicts.values()]

    def thresholds(self, wildcards: Wildcards) -> list[str]:
        """Return the thresholds of hard pseudo-labels; none for other targets."""
        if not _are_hard(self._targets(wildcards)):
            return []
        names = {"experiment": wildcards.experiment, "stage": wildcards.stage}
        return [paths.THRESHOLDS.format(**names)]

    def settings(self, wildcards: Wildcards) -> Params:
        """Return what decides the targets of a stage."""
        chosen, targets = self.run.experiment(wildcards), self._targets(wildcards)
        references = targets.get("unlabelled", [])
        scores = self._teacher_scores(wildcards)
        is_joining = bool(self._unlabelled_verdicts(wildcards))
        # only labels that are read: those of other unlabelled corpora would make targets stale
        keeps_groups = targets.get("parts", 1) > 1 and not targets["split_groups"]
        read = [one for one in references if is_joining or keeps_groups or ":" in one]
        grouped = {"by": chosen["folds"]["by"]} if keeps_groups else {}
        return {
            "settings": {
                **targets,
                "seed": chosen["seed"],
                "classes": chosen["classes"],
                **grouped,
            },
            "train": chosen["train"],
            "labels": self.run.labels(corpora_in([*chosen["train"], *read])),
            "teachers": {r: scores[corpora_in([r])[0]] for r in references if scores},
            "verdicts": self._verdicts(wildcards),
        }

    def audit(self, wildcards: Wildcards) -> Params:
        """Return pseudo-labels and the labels with which they are compared."""
        targets = self._targets(wildcards)
        return {
            "targets": targets,
            "scores": self._teacher_scores(wildcards),
            "labels": self.run.labels(corpora_in(targets["unlabelled"])),
            "verdicts": self._audited_verdicts(wildcards),
        }

    def audited_verdicts(self, wildcards: Wildcards) -> list[str]:
        """Return the verdicts of audited corpora whose recordings may lose classes."""
        return list(self._audited_verdicts(wildcards).values())

    def _audited_verdicts(self, wildcards: Wildcards) -> Paths:
        corpora = corpora_in(self._targets(wildcards)["unlabelled"])
        return self.run.losing(wildcards.experiment, corpora)

    def _targets(self, wildcards: Wildcards) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.run.stage(wildcards)["targets"]
        return found

    def _training_verdicts(self, wildcards: Wildcards) -> Paths:
        corpora = corpora_in(self.run.experiment(wildcards)["train"])
        return self.run.verdicts(wildcards.experiment, corpora)

    def _teacher_scores(self, wildcards: Wildcards) -> ScorePaths:
        """Return the scores of the earlier stage that pseudo-labels come from."""
        targets = self._targets(wildcards)
        if targets["from"] != "predictions":
            return {}
        corpora = corpora_in(targets["unlabelled"])
        return self.run.scores(wildcards.experiment, targets["stage"], corpora)

    def _unlabelled_verdicts(self, wildcards: Wildcards) -> Paths:
        """Return the verdicts of what a mean teacher's stage uses without labels."""
        targets = self._targets(wildcards)
        if targets["from"] != "mean_teacher":
            return {}
        return self.run.verdicts(wildcards.experiment, corpora_in(targets["unlabelled"]))

    def _losing(self, wildcards: Wildcards) -> Paths:
        """Return the verdicts of training corpora whose recordings may lose classes."""
        corpora = corpora_in(self.run.experiment(wildcards)["train"])
        return self.run.losing(wildcards.experiment, corpora)

    def _verdicts(self, wildcards: Wildcards) -> Paths:
        return {**self._losing(wildcards), **self._unlabelled_verdicts(wildcards)}

    def _validation_scores(self, wildcards: Wildcards) -> ScorePaths:
        """Return the out-of-fold scores of training recordings by the earlier stage."""
        targets = self._targets(wildcards)
        # a number is no choice: no scores are read, so none make the targets stale
        if not _are_hard(targets) or isinstance(targets["thresholds"], (int, float)):
            return {}
        corpora = corpora_in(self.run.experiment(wildcards)["train"])
        return self.run.scores(wildcards.experiment, targets["stage"], corpora)


def _files(scores: ScorePaths) -> list[str]:
    return [path for files in scores.values() for path in files]


def _are_hard(targets: Mapping[str, Any]) -> bool:
    return bool(targets["from"] == "predictions" and targets["labels"] == "hard")
