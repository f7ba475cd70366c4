"""Settings of targets: what a stage learns, by the source of its labels.

The sources are four fixed kinds, not modules by name: each is a part of the workflow with inputs of
its own.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from dawnchorus.settings.section import (
    ByKey,
    Count,
    Few,
    Names,
    NotNegative,
    Positive,
    Rate,
    Score,
    Seconds,
    Settings,
    SomeNames,
    Unit,
)
from dawnchorus.settings.training import Pooling


class LabelTargets(Settings):
    """Targets from the labels of the corpora."""

    # `from` is a word of Python, so the field has another name, here and below
    source: Literal["labels"] = Field("labels", alias="from")
    """Where targets come from."""


class PredictionTargets(Settings):
    """Labels, and the predictions of an earlier stage for unlabelled recordings."""

    source: Literal["predictions"] = Field("predictions", alias="from")
    """Where targets come from."""
    stage: str
    """The earlier stage."""
    unlabelled: SomeNames
    """Corpora, or subsets of them, that get pseudo-labels."""
    select: Literal["confident", "all"] = "confident"
    """confident: recordings scored at most low or at least high; all: every recording."""
    low: Score = 0.1
    """Highest score of a confident absence."""
    high: Score = 0.9
    """Lowest score of a confident presence."""
    labels: Literal["soft", "hard"] = "soft"
    """soft: the scores; hard: 1 from the threshold of the class on, else 0."""
    thresholds: Literal["tuned", "published"] | Score = "tuned"
    """Of hard labels: tuned out of fold, as serizel2018 published (tenths), or one number."""
    level: Literal["clip", "frame"] = "clip"
    """frame: the scores of each frame."""
    frame_threshold: Score = 0.5
    """Of hard labels of frames."""
    filter_s: Seconds = 0.0
    """Length of a median filter on hard labels of frames."""
    labelled: Literal["train", "validate"] = "train"
    """validate: labelled recordings choose the epoch and train nothing."""
    parts: Annotated[Few, Unit("parts")] = 2
    """The recordings are dealt into so many parts; each part trains members of its own."""
    untaught: Literal["end", "train"] = "end"
    """Where pseudo-labels are none, or of one class; end: no member of the stage is trained."""
    split_groups: bool = False
    """Let parts divide groups (see folds.by), as grill2017 did."""
    pooling: Pooling = "max"
    """From the windows of a recording to its score."""
    average: Literal["mean", "median"] = "mean"
    """Over the members of the earlier stage."""


class TeacherTargets(Settings):
    """Scores of other models, for the same augmented windows: of stages the same fold's members."""

    source: Literal["teachers"] = Field("teachers", alias="from")
    """Where targets come from."""
    stages: Names = []
    """The earlier stages; experiment/stage: one of another experiment with the same folds."""
    models: Names = []
    """Model files (`.keras`) with the classes and the windows of this stage, of whatever training."""
    temperature: Positive = 1.0
    """Softens the scores of the teachers (Hinton et al. 2015)."""


class MeanTeacherTargets(Settings):
    """Labels, and agreement with the moving average of the model (Tarvainen and Valpola 2017)."""

    source: Literal["mean_teacher"] = Field("mean_teacher", alias="from")
    """Where targets come from."""
    unlabelled: SomeNames
    """Corpora, or subsets of them, on which only agreement is learnt."""
    decay: Rate = 0.999
    """Decay of the moving average."""
    weight: NotNegative = 1.0
    """Greatest weight of the agreement in the loss."""
    ramp_up_epochs: Annotated[int, Field(ge=0), Unit("epochs")] = 20
    """Epochs until that weight is reached."""
    unlabelled_batch: Annotated[Count, Unit("windows")] = 16
    """Unlabelled windows beside each batch of labelled ones."""
    noise: NotNegative = 0.0
    """Deviation of the noise that is added to windows: the student's, and an independent teacher's."""
    views: Literal["independent", "one"] = "independent"
    """independent: student and teacher see their own noise, masks and shifts; one: the same windows."""


SOURCES: dict[str, type[Settings]] = {
    "labels": LabelTargets,
    "predictions": PredictionTargets,
    "teachers": TeacherTargets,
    "mean_teacher": MeanTeacherTargets,
}


Targets = Annotated[dict[str, Any], ByKey(SOURCES, "from")]
