"""Settings of an experiment, of its stages, folds, segments, evaluation and submissions.

* `Experiment`, `Stage`: what an experiment is; `ModelSettings`: what its stages take from it.
* `SegmentSettings`: what of a recording a model sees at once.
* `FoldSettings`: which recordings validate which models.
* `EvaluationSettings`, `SubmissionSettings`, `format_of`: how scores are measured and written.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from dawnchorus.settings.architecture import Architecture
from dawnchorus.settings.augmentation import AugmentationSettings
from dawnchorus.settings.ensembles import CalibrationSettings
from dawnchorus.settings.event_task import EventSettings
from dawnchorus.settings.section import (
    Count,
    Few,
    Names,
    Positive,
    PositiveSeconds,
    Rate,
    Score,
    Seconds,
    Seed,
    Settings,
    Share,
    SomeNames,
    Unique,
    Unit,
)
from dawnchorus.settings.target import Targets
from dawnchorus.settings.training import Pooling, TrainingSettings

# a text, not a list of choices: the number of a snapshot may be any
Weights = Annotated[
    str,
    Field(
        pattern="^(last|epoch_[0-9]+|"
        "best_(loss|val_(loss|accuracy|map_micro|map_macro|mlrap|macro_f)))$"
    ),
]


Use = Weights | Annotated[list[Weights], Field(min_length=1), Unique]


class Backend(Settings):
    """What computes the networks."""

    name: Literal["tensorflow", "jax", "torch"] = "tensorflow"
    """Backend of Keras."""
    threads: Annotated[Few, Unit("threads")] = 1
    """CPU threads of one training; the bits of its weights follow from it."""
    deterministic: bool = True
    """Use only operations that give the same bits every time."""


class SegmentSettings(Settings):
    """How recordings are cut into windows, and which windows are trained on."""

    kind: Literal["windows", "cells", "time", "chunks"] = "windows"
    """windows: fixed steps; cells, time: what toth2016 and dsr2019 find signal in; chunks: pictures of a
    frontend."""
    padding: Literal["loop", "zeros"] = "loop"
    """windows: what follows the end of a recording: its beginning, or zeros."""
    min_fill: Rate = 0.0
    """windows: a last window with no more than this share of sound is left out."""
    labels: Literal["recording", "window"] = "recording"
    """Which classes a window gets: those of its recording, or those with an event in the window."""
    factor: Positive = 1.5
    """cells: a cell is signal at so many times the mean plus deviation of its band."""
    expand: bool = True
    """cells: neighbours of signal count as signal."""
    drop_columns: Share = 0.95
    """cells: columns with more than this share of zeros are dropped."""
    filtered: bool = True
    """cells: false keeps every column and masks nothing."""
    empty: Literal["unfiltered", "zeros"] = "unfiltered"
    """cells: what a recording without signal gives: all columns, or nothing as in the original."""
    step_s: PositiveSeconds = 2.5
    """time: seconds from one slice to the next."""
    reach: Annotated[int, Field(ge=1, le=10_000), Unit("frames")] = 15
    """time: length of the line by which frames with signal are widened."""
    predict_from: Literal["recording", "signal", "loudest"] = "recording"
    """time in prediction: slices of the recording, of its signal, or its one loudest window."""
    noise_recordings: Annotated[int, Field(ge=0), Unit("recordings")] = 1
    """time: recordings of a class that give noise to add."""
    noise_slices: Annotated[int, Field(ge=1), Unit("slices")] = 4
    """time: slices of noise of such a recording, at most."""
    signal_threshold: Score | None = None
    """chunks in training: least score of a chunk with signal; null: min_score."""
    min_score: Score = 0.0
    """chunks in training: least score of an accepted chunk."""
    max_score: Score = 1.0
    """chunks in training: greatest score of an accepted chunk."""
    exempt: Names = []
    """chunks in training: classes whose chunks need no score."""
    min_length_s: Seconds = 0.0
    """chunks in training: least sound in a chunk; see too_short."""
    too_short: Literal["longest", "none"] = "longest"
    """chunks in training: what a recording without such a chunk gives; none as kahl2018."""
    max_per_class: Annotated[int, Field(ge=1), Unit("chunks")] | None = None
    """chunks in training: a recording gives its share of so many, plus one."""
    max_per_recording: Annotated[int, Field(ge=1), Unit("chunks")] | None = None
    """chunks in prediction: only the first so many."""
    noise_share: Share = 0.1
    """chunks: share of the chunks without signal that is kept as noise to add."""
    rescale: bool = False
    """chunks: stretch to 0..1 where both ends are used, as kahl2018 does."""
    zero_centre: bool = False
    """chunks: map 0..1 to -1..1."""
    min_max: Literal["never", "always", "training"] = "never"
    """Stretch each window to 0..1, after augmentation; training: not where models are applied, a fault
    of dsr2019, to reproduce it."""


class HeldOut(Settings):
    """Shares of the recordings that kind holdout keeps out of the training; both may be 0."""

    test: Rate = 0.0
    """Share that is scored."""
    validation: Rate = 0.05
    """Share that chooses the epoch."""


class FoldSettings(Settings):
    """How recordings are dealt into folds. A fold never divides a group."""

    kind: Literal[
        "rotate", "stratified", "grouped", "given", "leave_one_data_set_out", "holdout"
    ] = "rotate"
    """rotate: by position; given: the column of the corpus; holdout: one member, two shares."""
    count: Annotated[int, Field(ge=1, le=1000), Unit("folds")] = 5
    """Number of folds; one member is trained for each."""
    by: Literal["group", "recordist"] = "group"
    """What no fold divides."""
    split_groups: bool = False
    """Let folds divide groups; scores are then marked as optimistic."""
    validation: Literal["none", "next", "own"] = "none"
    """Which fold chooses the epoch; own is the fold that is scored, and is marked as optimistic."""
    shares: HeldOut = HeldOut()
    """Of kind holdout."""


class ModelSettings(Settings):
    """What a stage takes from its experiment where it says nothing itself."""

    frontend: str = "log-mel"
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
    # a factory: to make one loads the module of its schedule
    training: TrainingSettings = Field(default_factory=lambda: TrainingSettings())
    """How members are trained."""
    seeds: Annotated[Few, Unit("models")] = 1
    """Models for each fold and part."""
    use: Use = "last"
    """Weights that predict: last, one of training.keep, epoch_N of a snapshot; of a list the mean."""
    output: Literal["clip", "frame"] = "clip"
    """What a model is trained to score: clips, or each of their frames."""
    clip_pooling: Literal["average", "max", "linear_softmax"] = "average"
    """From frames to the score of a window, of output frame."""


# what one stage may say, its experiment may say for all of them
INHERITED = tuple(ModelSettings.model_fields)


class Stage(ModelSettings):
    """A round of training and prediction."""

    targets: Targets
    """What the stage learns."""


class EvaluationSettings(Settings):
    """How the scores of an experiment are measured."""

    replicates: Annotated[int, Field(ge=100, le=1_000_000), Unit("replicates")] = 1000
    """Replicates of the bootstrap."""
    bootstrap: Literal["groups", "sources", "connected_sources"] = "groups"
    """What a replicate draws; sources: those of source_table, a recording weighs their product."""
    confidence: Annotated[float, Field(gt=0.5, lt=1), Unit("share")] = 0.95
    """Coverage of the intervals."""
    threshold: Literal["f1", "youden"] = "f1"
    """Rule by which the threshold of a class is chosen out of fold."""
    top_k: Annotated[int, Field(ge=2, le=1000), Unit("classes")] = 5
    """Rank up to which top-k accuracy counts."""
    compare: list[Annotated[list[str], Field(min_length=2, max_length=2)]] = []
    """Pairs of ensembles; the second is compared with the first."""


class SubmissionSettings(Settings):
    """How the scores of test corpora are written for a challenge."""

    format: str = "none"
    """The format; none: no submission. Formats are the modules of formats/submissions."""
    by_corpus: dict[str, str] = {}
    """Another format for a test corpus."""
    ensemble: str = "first"
    """The ensemble that is submitted."""
    best: Annotated[Few, Unit("classes")] = 100
    """Classes of each recording or interval (birdclef2018 formats)."""
    interval_s: PositiveSeconds = 5.0
    """Length of an interval (birdclef2018_soundscape)."""
    keep_trailing: bool = True
    """Keep an incomplete last interval (birdclef2018_soundscape); false as kahl2018 did."""


def format_of(submission: dict[str, Any], corpus: str) -> str:
    """Return the submission format of a test corpus; ``none`` for none."""
    chosen: str = submission["by_corpus"].get(corpus, submission["format"])
    return chosen


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
    calibration: CalibrationSettings = CalibrationSettings()
    """How the scores of ensembles become probabilities."""
    export: Names = []
    """Ensembles that become one file each, for use on new recordings."""
    database: bool = False
    """Recordings, classes, segments and downloads as one SQLite file, for people to ask."""
    baselines: Names = ["logistic_regression", "band_rise", "majority", "chance"]
    """What is scored beside the models, on the spectrograms of the first stage; []: nothing."""
    evaluation: EvaluationSettings = EvaluationSettings()
    """How scores are measured."""
    events: EventSettings | None = None
    """How detected events are scored; null: none are detected."""
    submission: SubmissionSettings = SubmissionSettings()
    """How scores are written for a challenge."""


# Not the default of the field: what a stage takes from its experiment is laid over it before the
# models check it.
DEFAULT_STAGES: dict[str, Any] = {"first": {"targets": {"from": "labels"}}}
