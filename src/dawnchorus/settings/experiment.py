"""Settings of an experiment and of its stages."""

from typing import Annotated, Any, Literal

from pydantic import Field

from dawnchorus.settings.architecture import Architecture
from dawnchorus.settings.augmentation import AugmentationSettings
from dawnchorus.settings.evaluation import EvaluationSettings, SubmissionSettings
from dawnchorus.settings.event_task import EventSettings
from dawnchorus.settings.fold import FoldSettings
from dawnchorus.settings.section import Count, Few, Names, Seed, Settings, SomeNames, Unit
from dawnchorus.settings.segment import SegmentSettings
from dawnchorus.settings.target import Targets
from dawnchorus.settings.training import Pooling, TrainingSettings

Use = Annotated[
    str,
    Field(
        pattern="^(last|epoch_[0-9]+|"
        "best_(loss|val_(loss|accuracy|map_micro|map_macro|mlrap|macro_f)))$"
    ),
]


class Backend(Settings):
    """What computes the networks."""

    name: Literal["tensorflow", "jax", "torch"] = "tensorflow"
    """Backend of Keras."""
    threads: Annotated[Few, Unit("threads")] = 1
    """CPU threads of one training; the bits of its weights follow from it."""
    deterministic: bool = True
    """Use only operations that give the same bits every time."""


class ModelSettings(Settings):
    """What a stage takes from its experiment where it says nothing itself."""

    frontend: str = "bulbul"
    """Name of the frontend."""
    window: Annotated[Count, Unit("frames")] = 1000
    """Length of what a model sees; recordings are looped or padded to it."""
    segments: SegmentSettings = SegmentSettings()
    """What of a recording a model sees."""
    predict_frontend: str | None = None
    """A fault of kahl2018, to reproduce it: another frontend in prediction; null: the same."""
    model: Architecture = Field(default_factory=dict, validate_default=True)
    """The network."""
    augmentation: AugmentationSettings = AugmentationSettings()
    """Changes of training windows."""
    training: TrainingSettings = Field(default_factory=lambda: TrainingSettings())
    """How members are trained."""
    seeds: Annotated[Few, Unit("models")] = 1
    """Models for each fold and part."""
    use: Use = "last"
    """Weights that predict: last, one of training.keep, or epoch_N of a snapshot."""
    output: Literal["clip", "frame"] = "clip"
    """What a model is trained to score: clips, or each of their frames."""
    clip_pooling: Literal["average", "max", "linear_softmax"] = "average"
    """From frames to the score of a window, of output frame."""


INHERITED = tuple(ModelSettings.model_fields)


class Stage(ModelSettings):
    """A round of training and prediction."""

    targets: Targets
    """What the stage learns."""


class Experiment(ModelSettings):
    """Corpora, folds, stages and ensembles, and how they are evaluated."""

    seed: Seed = 2017
    """Every random draw follows from it."""
    backend: Backend = Backend()
    """What computes the networks."""
    train: SomeNames
    """Corpora that are trained on, or corpus:subset."""
    test: Names = []
    """Corpora that are scored but never trained on, or corpus:subset."""
    classes: SomeNames | None = None
    """Classes that are scored; null: those of the training labels, sorted."""
    folds: FoldSettings = FoldSettings()
    """Which recordings validate which models."""
    stages: Annotated[dict[str, Stage], Field(min_length=1)]
    """Stages by name, in order."""
    pooling: Pooling = "max"
    """From the windows of a recording to its score."""
    average: Literal["mean", "median"] = "mean"
    """Over models."""
    average_unit: Literal["recording", "chunk", "window", "frame"] = "recording"
    """chunk: models are averaged window by window, then pooled."""
    ignored_classes: Names = []
    """Classes that get the lowest score of their window, such as the Noise of kahl2018."""
    drawn: Names = []
    """Stages whose segments become a picture, class by class."""
    ensembles: Annotated[dict[str, SomeNames], Field(min_length=1)] = {"first": ["first"]}
    """Stages that are averaged, by the name of the ensemble."""
    evaluation: EvaluationSettings = EvaluationSettings()
    """How scores are measured."""
    events: EventSettings | None = None
    """How detected events are scored; null: none are detected."""
    submission: SubmissionSettings = SubmissionSettings()
    """How scores are written for a challenge."""


DEFAULT_STAGES: dict[str, Any] = {"first": {"targets": {"from": "labels"}}}
