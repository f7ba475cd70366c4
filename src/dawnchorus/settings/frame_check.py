"""Checks of frames and events: choices that must fit each other.

* `check_frames`: a stage that is trained on, or asked about, frames.
* `check_events`: how an experiment's events are decoded and scored.
"""

import itertools
from collections.abc import Mapping
from typing import Any

from dawnchorus.settings.architecture import frames_per_score, has_frames
from dawnchorus.settings.corpus_check import check_references
from dawnchorus.settings.errors import check_known, check_name
from dawnchorus.settings.frontend import frame_s
from dawnchorus.settings.references import overlap

# Methods of augmentation that move sound in time, while the targets of frames stay where they were.
_MOVING = ("flip", "roll_time", "crop", "zoom", "rotate_image")


def check_frames(path: str, stage: Mapping[str, Any], experiment: Mapping[str, Any]) -> None:
    """Raise a ValueError where a stage wants of frames or windows what it cannot have."""
    targets, segments = stage["targets"], stage["segments"]
    if stage["output"] == "frame" and not has_frames(stage):
        raise ValueError(
            f"{path}.output: 'frame'; expected clip, or segments.kind: windows and a model with "
            f"frame output, such as crnn ({stage['model']['name']} with {segments['kind']} has none)"
        )
    if stage["output"] == "frame" and stage["training"]["loss"] != "binary_crossentropy":
        raise ValueError(f"{path}.training.loss: expected binary_crossentropy with output: frame")
    if stage["training"]["validation"]["unit"] == "frame" and stage["output"] != "frame":
        raise ValueError(
            f"{path}.training.validation.unit: 'frame'; expected it with output: frame"
        )
    if targets.get("level") == "frame":
        if stage["output"] != "frame":
            raise ValueError(
                f"{path}.targets.level: 'frame'; expected output: frame of the stage, or level: clip"
            )
        if not has_frames(experiment["stages"][targets["stage"]]):
            raise ValueError(
                f"{path}.targets.level: 'frame'; expected a stage before it that scores frames, such as "
                "a crnn's"
            )
    if stage["output"] == "frame" or segments["labels"] == "window":
        # targets have times here, which some that serve labels of recordings know nothing of
        if targets["from"] == "teachers":
            raise ValueError(
                f"{path}.targets.from: 'teachers'; expected output: clip and segments.labels: recording "
                "for it: teachers speak of recordings and of windows"
            )
        moving = [name for name in stage["augmentation"]["methods"] if name in _MOVING]
        if moving:
            raise ValueError(
                f"{path}.augmentation.methods: {moving[0]!r} moves sound that has its time in the "
                "targets; expected none of " + ", ".join(_MOVING)
            )
        training = stage["training"]
        by_class = training["class_weights"] != "none" or training["oversample"] is not None
        if by_class and segments["labels"] == "window":
            raise ValueError(
                f"{path}.training: class_weights and oversample count recordings; expected neither with "
                "segments.labels: window"
            )
    if has_frames(stage) and (stage["output"] == "frame" or experiment["events"]):
        # a window has whole frames of scores
        pools = frames_per_score(stage["model"])
        if stage["window"] % pools:
            raise ValueError(
                f"{path}.window: {stage['window']!r}; expected a multiple of {pools}, the product of "
                "the model's frame_pools"
            )
    _check_windows(path, stage)
    stages = experiment["stages"]  # those of other experiments are looked at with their folds
    teachers = [stages[name] for name in targets.get("stages", ()) if name in stages]
    if any(teacher["output"] == "frame" for teacher in teachers):
        raise ValueError(f"{path}.targets.stages: expected stages with output: clip as teachers")


def check_events(path: str, experiment: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Raise a ValueError for what cannot be in an experiment's section of events."""
    events = experiment["events"]
    check_references(f"{path}.validation", events["validation"], config)
    # what chooses a decoding plays no other part: its scores would be too good
    others = [*experiment["train"], *experiment["test"]]
    for stage in experiment["stages"].values():
        others += stage["targets"].get("unlabelled", [])
    for chosen_by, other in itertools.product(events["validation"], others):
        if overlap(chosen_by, other):
            raise ValueError(
                f"{path}.validation: {chosen_by!r} shares recordings with {other!r}; decodings are "
                "never chosen by what is trained on or tested"
            )
    for name, stage in experiment["stages"].items():
        used = any(name in stages for stages in experiment["ensembles"].values())
        if used and not has_frames(stage):
            raise ValueError(
                f"{path}: ensembles have stage {name!r}, whose model {stage['model']['name']} scores "
                "no frames; expected one such as crnn, with segments.kind: windows"
            )
    _check_rates(path, experiment, config)
    for name, decoding in events["decodings"].items():
        check_name(f"{path}.decodings", name)
        here = f"{path}.decodings.{name}"
        if decoding["tune"] == "events" and not events["validation"]:
            raise ValueError(
                f"{here}.tune: 'events'; expected none or clips, or a corpus with events in "
                "events.validation to choose by"
            )
        if decoding["tune"] == "events" and not decoding["grids"]:
            raise ValueError(f"{here}.grids: empty; expected a setting to tune, or tune: none")
        # other settings share the type of thresholds, and may be of any length [s]
        threshold, grid = decoding["threshold"], decoding["grids"].get("threshold", ())
        each = threshold.values() if isinstance(threshold, Mapping) else [threshold]
        if any(number > 1 for number in each):
            raise ValueError(f"{here}.threshold: {threshold!r}; expected 0 to 1")
        if any(number > 1 for number in grid):
            raise ValueError(f"{here}.grids.threshold: expected numbers from 0 to 1")
        for setting in decoding["together"] if decoding["tune"] == "events" else ():
            check_known(f"{here}.together: {setting!r}", setting, decoding["grids"])
    for ensemble, decoding in events["exports"]:
        check_known(f"{path}.exports: {ensemble!r}", ensemble, experiment["ensembles"])
        check_known(f"{path}.exports: {decoding!r}", decoding, events["decodings"])


def _check_rates(path: str, experiment: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Reject ensembles of unequal frames: they are averaged one by one."""
    for name, stages in experiment["ensembles"].items():
        rates, tails = {}, set()
        for stage_name in stages:
            stage = experiment["stages"][stage_name]
            frontend = config["frontends"][stage["predict_frontend"] or stage["frontend"]]
            seconds = frame_s(frontend, config["audio"][frontend["audio"]]["sample_rate"])
            rates[stage_name] = frames_per_score(stage["model"]) * seconds
            tails.add((stage["window"], stage["segments"]["min_fill"]))
        if len(set(rates.values())) > 1:
            shown = ", ".join(f"{stage} {seconds:.4g} s" for stage, seconds in rates.items())
            raise ValueError(
                f"{path}: ensemble {name!r} averages frames of different lengths ({shown}); expected "
                "one frontend and equal frame_pools"
            )
        # with min_fill, other windows leave out other ends of recordings
        if len(tails) > 1 and any(fill > 0 for _, fill in tails):
            raise ValueError(
                f"{path}: ensemble {name!r} has stages of other windows or segments.min_fill, which "
                f"leave out other ends of recordings ({sorted(tails)}); expected the same of all"
            )


def _check_windows(path: str, stage: Mapping[str, Any]) -> None:
    segments, augmentation = stage["segments"], stage["augmentation"]
    for key, other in (("padding", "zeros"), ("labels", "window")):
        if segments["kind"] != "windows" and segments[key] == other:
            raise ValueError(f"{path}.segments.{key}: {other!r}; expected it with kind: windows")
    if segments["padding"] == "zeros" and segments["rescale"]:
        raise ValueError(f"{path}.segments.rescale: true; expected it with padding: loop")
    if segments["padding"] == "zeros" and (augmentation["methods"] or augmentation["spec_augment"]):
        raise ValueError(
            f"{path}.augmentation: methods and spec_augment know no padding; expected none of them, "
            "or segments.padding: loop"
        )
    if stage["training"]["standardise"] == "corpus" and segments["kind"] != "windows":
        raise ValueError(
            f"{path}.training.standardise: 'corpus'; expected it with segments.kind: windows"
        )
    by_chunk = stage["training"]["validation"]["unit"] == "chunk"
    if by_chunk and (stage["output"] == "frame" or stage["targets"]["from"] == "mean_teacher"):
        raise ValueError(
            f"{path}.training.validation.unit: 'chunk'; expected recording with output: frame, and "
            "of a mean teacher"
        )
