"""Checks of a stage: names that must exist, orders, choices that must fit each other.

* `check_stages`: all stages of an experiment.
* `see_alike`: whether the models of two stages can be asked about the same windows.

Checks of frames and windows stand in `dawnchorus.settings.frame_check`.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from dawnchorus.settings.architecture import architecture_model, head
from dawnchorus.settings.corpus_check import check_references
from dawnchorus.settings.errors import check_known, check_name, nearest
from dawnchorus.settings.frame_check import check_frames
from dawnchorus.settings.frontend import frontend_model, layout
from dawnchorus.settings.references import overlap, parse_teacher
from dawnchorus.settings.training import n_epochs, optimizer_options

# of segments: which windows are trained on or scored, not what a window is
_CHOOSING = (
    "signal_threshold", "min_score", "max_score", "exempt", "min_length_s", "too_short",
    "max_per_class", "max_per_recording", "noise_share", "labels",
)  # fmt: skip
_DEALT_BY = ("seed", "train", "classes", "folds")
_LIMITS = ("min_duration_s", "max_duration_s", "allow_truncated", "quiet_dbfs", "decoder")


def check_stages(path: str, experiment: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Raise a ValueError for the first stage that cannot be."""
    earlier: list[str] = []
    for name, stage in experiment["stages"].items():
        here = f"{path}.stages.{name}"
        check_name(f"{path}.stages", name)
        _check_segments(here, stage, experiment, config)
        _check_training(here, stage, experiment["folds"])
        if stage["targets"]["from"] == "predictions":
            targets, where = stage["targets"], f"{here}.targets"
            if targets["stage"] not in earlier:
                later = targets["stage"] in experiment["stages"]
                what = "a later stage, or this one" if later else "no stage of the experiment"
                raise ValueError(
                    f"{where}.stage: {targets['stage']!r} is {what}"
                    f"{nearest(targets['stage'], earlier) if earlier else '; there is no earlier stage'}"
                )
            check_references(f"{where}.unlabelled", targets["unlabelled"], config)
            teacher = experiment["stages"][targets["stage"]]["targets"]
            # an earlier stage with pseudo-labels has trained on those recordings as well
            known = [*experiment["train"], *teacher.get("unlabelled", [])]
            for reference, trained in itertools.product(targets["unlabelled"], known):
                if overlap(reference, trained):
                    raise ValueError(
                        f"{where}.unlabelled: stage {targets['stage']!r} has trained on {reference!r}; a "
                        "pseudo-label never comes from a model that trained on the recording"
                    )
            if targets["low"] >= targets["high"]:
                raise ValueError(
                    f"{where}.low: {targets['low']!r}; expected less than high {targets['high']!r}"
                )
        if stage["targets"]["from"] == "teachers":
            _check_teachers(f"{here}.targets", stage, experiment, earlier, config)
        if stage["targets"]["from"] == "mean_teacher":
            unlabelled, where = stage["targets"]["unlabelled"], f"{here}.targets.unlabelled"
            if architecture_model(stage["model"]).is_solved():
                raise ValueError(
                    f"{here}.model: {stage['model']['name']!r} is solved at once; expected one that is "
                    "trained by steps, as a mean teacher is"
                )
            check_references(where, unlabelled, config)
            for reference, other in itertools.product(unlabelled, experiment["train"]):
                if overlap(reference, other):
                    raise ValueError(
                        f"{where}: {reference!r} is labelled and trained on; name it once"
                    )
        check_frames(here, stage, experiment)
        earlier.append(name)


def _check_segments(
    path: str, stage: Mapping[str, Any], experiment: Mapping[str, Any], config: Mapping[str, Any]
) -> None:
    frontends = [name for name in (stage["frontend"], stage["predict_frontend"]) if name]
    for name in frontends:
        check_known(f"{path}.frontend: {name!r}", name, config["frontends"])
    kind = stage["segments"]["kind"]
    for name in frontends:
        frontend = config["frontends"][name]
        if (kind == "chunks") != (layout(frontend) == "chunks"):
            is_chunked = layout(frontend) == "chunks"
            fitting = "chunks" if is_chunked else "windows, cells or time"
            raise ValueError(
                f"{path}.segments.kind: {kind!r}; expected {fitting} for frontends.{name} of kind "
                f"{frontend['kind']}"
            )
        needed_kind = {"cells": "psd", "time": "mel_power"}.get(kind)
        if needed_kind and frontend["kind"] != needed_kind:
            raise ValueError(
                f"{path}.segments.kind: {kind!r}; expected a frontend of kind {needed_kind}, which "
                f"stores what they are cut by ({name} is {frontend['kind']})"
            )
        # here, where it costs nothing: each member's job would find it out again
        found = frontend_model(frontend).shape(stage["window"])
        least = architecture_model(stage["model"]).least_input()
        if any(size < needed for size, needed in zip(found, least, strict=True)):
            raise ValueError(
                f"{path}.model: {stage['model']['name']} sees {found[0]} frames x {found[1]} bands of "
                f"frontend {name!r}; expected at least {least[0]} x {least[1]} (a longer window, more "
                "bands, or a smaller network)"
            )
        if frontend["kind"] == "pretrained" and stage["augmentation"]["shift_bands"]:
            raise ValueError(
                f"{path}.augmentation.shift_bands: {stage['augmentation']['shift_bands']!r}; expected 0: "
                f"rows of frontend {name!r} are values of a network, not bands"
            )
        _check_limits(path, name, experiment, config)
    if stage["segments"]["min_score"] > stage["segments"]["max_score"]:
        raise ValueError(
            f"{path}.segments.min_score: {stage['segments']['min_score']!r}; expected at most "
            f"max_score {stage['segments']['max_score']!r}"
        )


def _check_limits(
    path: str, name: str, experiment: Mapping[str, Any], config: Mapping[str, Any]
) -> None:
    """Refuse a frontend whose audio recipe would use other recordings than the experiment's."""
    one, other = (
        config["audio"][config["frontends"][chosen]["audio"]]
        for chosen in (experiment["frontend"], name)
    )
    for key in _LIMITS:
        if one[key] != other[key]:
            raise ValueError(
                f"{path}.frontend: {name!r} has {key} {other[key]!r} in its audio recipe; expected "
                f"{one[key]!r} as that of {experiment['frontend']}, so that both use the same "
                "recordings"
            )


def _check_training(path: str, stage: Mapping[str, Any], folds: Mapping[str, Any]) -> None:
    """Refuse a training that cannot be, weights that it does not keep, and choices by no recording."""
    training, used = stage["training"], stage["use"]
    last = n_epochs(training)  # None: only the windows tell
    if training["loss"] == "categorical_crossentropy" and head(stage["model"]) != "softmax":
        raise ValueError(
            f"{path}.training.loss: 'categorical_crossentropy'; expected binary_crossentropy, or a model "
            "with head: softmax"
        )
    for option in training["optimizer_options"]:
        known = optimizer_options(training)
        check_known(f"{path}.training.optimizer_options: {option!r}", option, known)
    shares = training["validation"]
    if shares["unit"] == "chunk" and not 0 < shares["share"] + shares["test_share"] < 1:
        raise ValueError(
            f"{path}.training.validation.share: {shares['share']!r}, with test_share "
            f"{shares['test_share']!r}; expected more than 0 and less than 1 together"
        )
    for use in [used] if isinstance(used, str) else used:
        what, snapshots = f"{path}.use: {use!r}", training["snapshot_every"]
        if use.startswith("best_") and use not in training["keep"]:
            raise ValueError(
                f"{what}; expected last, or one of training.keep: {training['keep']!r}"
            )
        # epoch_N: its weights are on disk only where a snapshot was due
        if use.startswith("epoch_") and (not snapshots or int(use[6:]) % snapshots):
            raise ValueError(
                f"{what}; expected a multiple of training.snapshot_every ({snapshots!r})"
            )
        if use.startswith("epoch_") and last and not 0 < int(use[6:]) <= last:
            raise ValueError(f"{what}; expected epoch_1 to epoch_{last}")
    first = training["early_stopping"]["from_epoch"]
    if training["keep"] and last and first > last:
        raise ValueError(
            f"{path}.training.early_stopping.from_epoch: {first!r}; expected at most epochs "
            f"{last!r}, or no epoch is kept"
        )
    chosen_by = [*training["keep"], training["early_stopping"]["metric"] or ""]
    # chunks that are held out, or all labelled recordings, choose the epoch where no fold does
    by_chunk = training["validation"]["unit"] == "chunk"
    is_open = by_chunk or stage["targets"].get("labelled") == "validate"
    if any("val_" in name for name in chosen_by) and folds["validation"] == "none" and not is_open:
        raise ValueError(
            f"{path}.training: {next(name for name in chosen_by if 'val_' in name)!r} chooses an "
            "epoch by validation; expected folds.validation: next (or own), or "
            "training.validation.unit: chunk"
        )


def _check_teachers(
    path: str,
    stage: Mapping[str, Any],
    experiment: Mapping[str, Any],
    earlier: Sequence[str],
    config: Mapping[str, Any],
) -> None:
    targets = stage["targets"]
    if not targets["stages"] and not targets["models"]:
        raise ValueError(f"{path}.stages: []; expected a stage, or a file in models")
    for file in targets["models"]:
        if not file.endswith(".keras"):
            raise ValueError(f"{path}.models: {file!r}; expected a .keras file")
    for teacher in targets["stages"]:
        what = f"{path}.stages: {teacher!r}"
        if "/" in teacher:
            # a stage of another experiment, whose members have to be of the same folds
            owner, teacher_name = parse_teacher(teacher, "")
            if owner not in config["experiments"]:
                known = nearest(owner, config["experiments"])
                raise ValueError(
                    f"{what.removesuffix(repr(teacher))}{owner!r} is no experiment{known}"
                )
            other = config["experiments"][owner]
            check_known(f"{what} is no stage of {owner}", teacher_name, other["stages"])
            about = other["stages"][teacher_name]
            if about["targets"]["from"] != "labels" or about["seeds"] < stage["seeds"]:
                raise ValueError(
                    f"{what}; expected a stage that learns from labels and has a member for each of the "
                    f"{stage['seeds']} seeds of this one"
                )
            if about["output"] == "frame":
                raise ValueError(f"{what}; expected a stage with output: clip as teacher")
            for key in _DEALT_BY:
                own, found = experiment[key], other[key]
                if key == "folds":  # which fold chooses the epoch deals nothing
                    own, found = ({**of, "validation": ""} for of in (own, found))
                if own != found:
                    raise ValueError(
                        f"{what} has {key} {other[key]!r}; expected {experiment[key]!r}, so that its "
                        "folds are those of this experiment"
                    )
            _check_limits(path.removesuffix(".targets"), about["frontend"], experiment, config)
            continue
        if teacher not in earlier:
            raise ValueError(f"{what} is no earlier stage{nearest(teacher, earlier)}")
        about = experiment["stages"][teacher]
        # a member learns from the teacher of its own fold and seed, and parts of pseudo-labels
        # would give a fold several
        if about["targets"]["from"] == "predictions" or about["seeds"] < stage["seeds"]:
            raise ValueError(
                f"{what}; expected a stage without pseudo-labels that has a member for each of the "
                f"{stage['seeds']} seeds of this one"
            )


def see_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether models of two stages can be asked about the same windows.

    Parameters
    ----------
    one, other : mapping
        ``frontend``, ``segments`` and ``window``, which says nothing of chunks.
    """
    return _windows_of(one) == _windows_of(other)


def _windows_of(stage: Mapping[str, Any]) -> tuple[Any, ...]:
    segments = {key: value for key, value in stage["segments"].items() if key not in _CHOOSING}
    window = None if segments["kind"] == "chunks" else stage["window"]
    return stage["frontend"], window, segments
