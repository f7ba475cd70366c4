"""Inputs and settings of rules/training.smk."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dawnchorus.plan import paths
from dawnchorus.plan.workflow_run import Params, Run, ScorePaths, Wildcards, corpora_in
from dawnchorus.settings.references import parse_teacher
from dawnchorus.settings.stage_check import see_alike
from dawnchorus.settings.training import LARGEST_BATCH

_DRAWN_PER_CLASS = 12
# frames of all windows of all epochs: minutes of the default network on one core, at 3.2e-6 s each
# (Intel Xeon with AVX-512, 2026-11-30), and an hour of one that takes twenty times as long
_SMALL_FRAMES = 5e7
_SMALL_MINUTES, _MINUTES = 60, 1440
_BYTES_PER_FRAME = 100  # of a recording: 70 frames/s of MP3 at 56 kbit/s; of WAV it is many more
_MODEL_SETTINGS = (
    "frontend", "window", "segments", "model", "augmentation", "output", "clip_pooling",
)  # fmt: skip
_FRAME_TARGET_SETTINGS = ("labels", "frame_threshold", "filter_s", "average")


@dataclass(frozen=True, repr=False, eq=False)
class TrainingRules:
    """Rules ``normalise``, ``train`` and ``draw_segments`` of one run."""

    run: Run

    # normalise

    def normalised_shards(self, wildcards: Wildcards) -> list[str]:
        """Return the spectrograms of all recordings that any stage trains on."""
        frontend = self.run.stage(wildcards)["frontend"]
        return self.run.spectrograms(frontend, self._normalised_corpora(wildcards))

    def normaliser_settings(self, wildcards: Wildcards) -> Params:
        """Return what decides the mean and deviation of every band."""
        stage = self.run.stage(wildcards)
        references = self.run.unlabelled_references(wildcards.experiment)
        unlabelled = list(dict.fromkeys(references))
        corpora = self._normalised_corpora(wildcards)
        return {
            "shards": {c: self.run.spectrograms(stage["frontend"], [c]) for c in corpora},
            # only to find subsets: an edit of other labels makes no training stale
            "labels": self.run.labels(corpora_in([r for r in unlabelled if ":" in r])),
            "unlabelled": unlabelled,
            "labelled_twice": stage["training"]["labelled_twice"],
        }

    # train

    def shards(self, wildcards: Wildcards) -> list[str]:
        """Return the spectrograms of a stage, and those of teachers with other windows."""
        corpora = self.run.training_corpora(wildcards.experiment, wildcards.stage)
        frontends = [self.run.stage(wildcards)["frontend"]]
        for stage in self._teacher_stages(wildcards):
            if not self._has_same_windows(wildcards, stage):
                frontends.append(self.run.window_settings(wildcards.experiment, stage)["frontend"])
        unique = dict.fromkeys(frontends)
        return [path for frontend in unique for path in self.run.spectrograms(frontend, corpora)]

    def shards_by_corpus(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the spectrograms that a stage trains on, by corpus."""
        return self._shards_by_corpus(wildcards, self.run.stage(wildcards)["frontend"])

    def teacher_models(self, wildcards: Wildcards) -> list[str]:
        """Return the models and kept weights of a distilled stage's teachers."""
        found = [one for one in self._teachers(wildcards) if one["kept"] is not None]
        return [one[key] for one in found for key in ("model", "kept")]

    def pretrained(self, wildcards: Wildcards) -> list[str]:
        """Return the copies of the models from outside that a training starts or learns from."""
        chosen = self.run.pretrained(self.run.stage(wildcards))
        files = [self.run.copied_model(path) for path in self._teacher_files(wildcards)]
        return [*([chosen["path"]] if chosen else []), *files]

    def normaliser(self, wildcards: Wildcards) -> list[str]:
        """Return the normaliser of a stage that is standardised over corpora."""
        if self.run.stage(wildcards)["training"]["standardise"] != "corpus":
            return []
        names = {"experiment": wildcards.experiment, "stage": wildcards.stage}
        return [paths.NORMALISER.format(**names)]

    def teacher_frames(self, wildcards: Wildcards) -> list[str]:
        """Return the frame scores of an earlier stage that pseudo-labels of frames come from."""
        return [path for files in self._teacher_frames(wildcards).values() for path in files]

    def threads(self, wildcards: Wildcards) -> int:
        """Return the threads of the backend: they are part of an experiment's numbers."""
        return int(self.run.experiment(wildcards)["backend"]["threads"])

    def group(self, wildcards: Wildcards) -> str | None:
        """Return the group of a small training: several of them are one submission to a cluster.

        Locally groups mean nothing. How many share a submission stands in the profile.
        """
        return "members" if self._is_small(wildcards) else None

    def minutes(self, wildcards: Wildcards, attempt: int) -> int:
        """Return the minutes that a training asks a cluster for."""
        return (_SMALL_MINUTES if self._is_small(wildcards) else _MINUTES) * attempt

    def settings(self, wildcards: Wildcards) -> Params:
        """Return what decides the weights of a member."""
        experiment, stage = self.run.experiment(wildcards), self.run.stage(wildcards)
        targets: Mapping[str, Any] = stage["targets"]
        mean_teacher, validation = None, experiment["folds"]["validation"]
        if targets["from"] == "mean_teacher":
            mean_teacher = {k: v for k, v in targets.items() if k not in ("from", "unlabelled")}
        if targets.get("labelled") == "validate":
            validation = "all"  # of the labelled recordings choose the epoch
        # a stage that is trained on recordings alone is not stale where events have changed
        frame_targets: Params | None = None
        if stage["output"] != "clip" or stage["segments"]["labels"] != "recording":
            tables = self.run.event_tables(corpora_in(experiment["train"]))
            labels = self.run.labels(tables)
            frame_targets = {
                "events": {c: {"events": tables[c], "labels": labels[c]} for c in tables},
                "scores": self._teacher_frames(wildcards),
                **{key: targets[key] for key in _FRAME_TARGET_SETTINGS if key in targets},
            }
        training = {
            **stage["training"],
            "pretrained": self.run.pretrained(stage),
            "mean_teacher": mean_teacher,
        }
        return {
            **{key: experiment[key] for key in ("seed", "backend")},
            **{key: stage[key] for key in _MODEL_SETTINGS},
            "model": {**stage["model"], "name": self.run.name_in_jobs(stage["model"]["name"])},
            "training": training,
            "pooling": stage["training"]["validation"]["pooling"],
            "validation": validation,
            "teachers": self._teachers(wildcards),
            "temperature": targets.get("temperature"),
            "untaught": targets.get("untaught"),
            "normaliser": next(iter(self.normaliser(wildcards)), None),
            "frame_targets": frame_targets,
        }

    def library(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the digests of the code behind a training: of what it loads by name, its own alone."""
        stage = self.run.stage(wildcards)
        seen = [wildcards.stage, *self._teacher_stages(wildcards)]
        return self.run.library(
            "train",
            self.run.chosen_code("models.architectures", stage["model"]["name"]),
            f"dawnchorus.training.schedules.{stage['training']['schedule']['kind']}",
            *self.run.window_modules(wildcards.experiment, *seen),
            *(f"dawnchorus.augmentation.methods.{m}" for m in stage["augmentation"]["methods"]),
        )

    def frames_seen(self, wildcards: Wildcards) -> float:
        """Return the frames of all windows of all epochs of a training, at most."""
        stage = self.run.stage(wildcards)
        given = stage["training"]
        size = given["batch_size"] or LARGEST_BATCH
        if given["epochs"] is None:
            return float(given["steps"] * size * stage["window"])
        if isinstance(given["steps_per_epoch"], int):
            return float(given["epochs"] * given["steps_per_epoch"] * size * stage["window"])
        corpora = self.run.training_corpora(wildcards.experiment, wildcards.stage)
        shards = [about for c in corpora for about in self.run.index[c]["shards"].values()]
        # a pass sees each recording once, in as many windows as its length has
        frames = sum(about["bytes"] for about in shards) / _BYTES_PER_FRAME
        each = max(frames, stage["window"] * sum(about["recordings"] for about in shards))
        return float(given["epochs"] * each)

    def _is_small(self, wildcards: Wildcards) -> bool:
        """Return whether a training takes minutes."""
        return self.frames_seen(wildcards) <= _SMALL_FRAMES

    # draw_segments

    def drawing(self, wildcards: Wildcards) -> Params:
        """Return which windows are drawn."""
        return {
            **self.run.window_settings(wildcards.experiment, wildcards.stage),
            "shards": self.shards_by_corpus(wildcards),
            "per_class": _DRAWN_PER_CLASS,
        }

    def drawing_library(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the digests of the code behind the picture of a stage's windows."""
        windows = self.run.window_modules(wildcards.experiment, wildcards.stage)
        return self.run.library("draw_segments", *windows)

    def _normalised_corpora(self, wildcards: Wildcards) -> list[str]:
        unlabelled = self.run.unlabelled_references(wildcards.experiment)
        return corpora_in([*self.run.experiment(wildcards)["train"], *unlabelled])

    def _shards_by_corpus(self, wildcards: Wildcards, frontend: str) -> dict[str, list[str]]:
        corpora = self.run.training_corpora(wildcards.experiment, wildcards.stage)
        return {corpus: self.run.spectrograms(frontend, [corpus]) for corpus in corpora}

    def _teacher_stages(self, wildcards: Wildcards) -> list[str]:
        return list(self.run.stage(wildcards)["targets"].get("stages", []))

    def _teacher_files(self, wildcards: Wildcards) -> list[str]:
        return list(self.run.stage(wildcards)["targets"].get("models", []))

    def _has_same_windows(self, wildcards: Wildcards, stage: str) -> bool:
        teacher = self.run.window_settings(wildcards.experiment, stage)
        own = self.run.window_settings(wildcards.experiment, wildcards.stage)
        return see_alike(teacher, own)

    def _teachers(self, wildcards: Wildcards) -> list[Params]:
        """Return the models of other stages, of the same fold and seed, and those of files."""
        found = []
        for stage in self._teacher_stages(wildcards):
            windows = self.run.window_settings(wildcards.experiment, stage)
            experiment, name = parse_teacher(stage, wildcards.experiment)
            names = {"experiment": experiment, "stage": name, "member": wildcards.member}
            # None: the teacher labels the batch of the student itself, augmented as that is
            shards = None
            if not self._has_same_windows(wildcards, stage):
                shards = self._shards_by_corpus(wildcards, windows["frontend"])
            teacher = {
                **windows,
                "stage": stage,
                "model": paths.MODEL.format(**names),
                "kept": paths.KEPT_WEIGHTS.format(**names),
                "use": self.run.settings_of(experiment)["stages"][name]["use"],
                "shards": shards,
            }
            found.append(teacher)
        own = self.run.window_settings(wildcards.experiment, wildcards.stage)
        outside = {**own, "stage": None, "kept": None, "use": "last", "shards": None}
        files = self._teacher_files(wildcards)
        return found + [{**outside, "model": self.run.copied_model(path)} for path in files]

    def _teacher_frames(self, wildcards: Wildcards) -> ScorePaths:
        targets = self.run.stage(wildcards)["targets"]
        if targets.get("level") != "frame":
            return {}
        corpora = corpora_in(targets["unlabelled"])
        return self.run.frame_scores(wildcards.experiment, targets["stage"], corpora)
