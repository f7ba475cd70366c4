"""Settings of a training; those of a schedule stand in its module in `training.schedules`."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from dawnchorus.settings.section import (
    Ascending,
    ByName,
    Count,
    GivenKeys,
    NotNegative,
    Positive,
    Settings,
    Share,
    Unique,
    Unit,
    misfit,
)

Pooling = Literal[
    "max", "mean", "median", "min", "mean_exp", "mean_exp_3", "median_filtered", "log_mean_exp",
    "mean_normalised", "surest", "last",
]  # fmt: skip

# Epochs of a training whose length is in steps, where nothing says how many steps an epoch has.
EPOCHS_OF_STEPS = 50
LARGEST_BATCH = 32  # windows of a step, where no number is set, and that are scored at once
# Options that the Keras class of each optimizer takes; all of them take weight_decay.
OPTIMIZER_OPTIONS = {
    "adam": ("beta_1", "beta_2", "epsilon"),
    "adamw": ("beta_1", "beta_2", "epsilon"),
    "rmsprop": ("rho", "momentum", "epsilon"),
    "sgd": ("momentum", "nesterov"),
}


class ScheduleSettings(Settings):
    """How the learning rate changes during a training."""

    kind: str
    """The rule."""
    warmup_epochs: Annotated[int, Field(ge=0), Unit("epochs")] = 0
    """Epochs of a linear rise before the rule begins."""
    warmup_steps: Annotated[int, Field(ge=1), Unit("steps")] | None = None
    """The same in steps, rounded up to whole epochs; null: warmup_epochs."""


class OptimizerOptions(GivenKeys):
    """Options of the optimizer; what is absent is Keras' default."""

    beta_1: Share | None = None
    """adam, adamw: decay of the mean of the gradients."""
    beta_2: Share | None = None
    """adam, adamw: decay of the mean of their squares."""
    epsilon: Positive | None = None
    """adam, adamw, rmsprop: added to the denominator."""
    momentum: Share | None = None
    """rmsprop, sgd: share of the last step that is repeated."""
    nesterov: bool | None = None
    """sgd: Nesterov momentum."""
    rho: Share | None = None
    """rmsprop: decay of the mean of squared gradients."""
    weight_decay: NotNegative | None = None
    """Decay of all weights per step."""


class EarlyStopping(Settings):
    """When a training ends before its last epoch, and which epochs may be chosen."""

    metric: (
        Literal["loss", "val_loss", "val_accuracy", "val_map_micro", "val_map_macro", "val_mlrap",
                "val_macro_f"]
        | None
    ) = None  # fmt: skip
    """What has to improve; null: nothing ends the training early."""
    patience: Annotated[Count, Unit("epochs")] = 10
    """Epochs without an improvement before the training ends."""
    patience_steps: Annotated[int, Field(ge=1), Unit("steps")] | None = None
    """The same in steps, rounded up to whole epochs; null: patience."""
    min_delta: NotNegative = 0.0
    """Least improvement that counts."""
    from_epoch: Annotated[Count, Unit("epoch")] = 1
    """The first epoch that counts, also for the weights that are kept."""


class Pretrained(Settings):
    """Weights of another training to start from."""

    path: str
    """A `.keras` file."""
    head: bool = False
    """Take the last layer as well; the classes have to be the same."""


class Resampling(Settings):
    """How many windows of each class an epoch has."""

    factor: Positive = 1.2
    """Windows drawn of each class, with replacement, as a multiple of those aimed at."""
    most: Annotated[int, Field(ge=1), Unit("windows")] | None = 1800
    """Windows of a class that are aimed at; fewer where the smallest class has fewer."""


class ValidationSettings(Settings):
    """How the epochs of a training are compared."""

    pooling: Pooling = "mean"
    """From the windows of a validation recording to its score."""
    unit: Literal["recording", "window", "frame", "chunk"] = "recording"
    """What is scored; chunk holds chunks of training recordings out, as toth2016 and kahl2018 did."""
    share: Share = 0.05
    """Of unit chunk: share of the chunks that validates."""
    test_share: Share = 0.0
    """Of unit chunk: share of the chunks that is left out altogether."""
    order: Literal["random", "sequential", "recordings"] = "random"
    """Of unit chunk: sequential cuts in the order of shuffled recordings, as toth2016 did; recordings
    holds whole ones out, a share of equally many windows of each class, as dsr2019 did."""
    lose_border: bool = False
    """A fault of toth2016, to reproduce it: one chunk is lost at each border."""


Best = Literal["best_loss", "best_val_loss", "best_val_accuracy", "best_val_map_micro",
               "best_val_map_macro", "best_val_mlrap", "best_val_macro_f"]  # fmt: skip


class TrainingSettings(Settings):
    """How one member is trained."""

    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"] = "adam"
    """The optimizer of Keras."""
    optimizer_options: OptimizerOptions = OptimizerOptions()
    """Its options."""
    learning_rate: Positive = 0.001
    """Learning rate at the start, after the warm-up."""
    loss: Literal["binary_crossentropy", "categorical_crossentropy"] = "binary_crossentropy"
    """The loss; categorical_crossentropy needs a model with a softmax head."""
    batch_size: Annotated[int, Field(ge=1), Unit("windows")] | None = None
    """Windows in a step; null: 32, and at most a tenth of the training windows."""
    steps: Annotated[int, Field(ge=1), Unit("steps")] | None = 1000
    """Length in steps, rounded up to whole epochs; it takes the place of epochs."""
    epochs: Annotated[int, Field(ge=1), Unit("epochs")] | None = None
    """Length in epochs, at most; it takes the place of steps."""
    steps_per_epoch: (
        Annotated[int, Field(ge=1), Unit("steps")] | Literal["whole_batches"] | None
    ) = None
    """Steps of an epoch; null: a pass, or a fiftieth of steps; whole_batches: the full ones of a pass."""
    target_range: Annotated[
        list[Share], Field(min_length=2, max_length=2), Unit("target"), Ascending
    ] = [0.01, 0.99]
    """Labels 0..1 are mapped to this range before the loss."""
    schedule: Annotated[
        dict[str, Any], ByName("dawnchorus.training.schedules", "kind", "cosine")
    ] = Field(default_factory=dict, validate_default=True)
    """How the learning rate changes."""
    early_stopping: EarlyStopping = EarlyStopping()
    """When the training ends before its last epoch."""
    keep: Annotated[list[Best], Unique] = []
    """Weights that are kept beside the last: those of the best epoch by these metrics."""
    snapshot_every: Annotated[int, Field(ge=1), Unit("epochs")] | None = None
    """Epochs between weights that are kept for good; null: none."""
    l2: NotNegative = 0.0
    """Weight of the sum of squares of all kernels in the loss."""
    shuffle: Literal["windows", "batches"] = "windows"
    """batches: contiguous batches in random order, as toth2016 did."""
    oversample: Annotated[int, Field(ge=1), Unit("windows")] | None = None
    """Least number of windows of a class, reached by repeating some; null: none are repeated."""
    resample: Resampling | None = None
    """Equally many windows of each class, drawn with replacement; null: all windows, as they are."""
    class_weights: Literal["none", "balanced"] = "none"
    """balanced: windows of rare classes weigh more in the loss."""
    standardise: Literal["none", "scalar", "band", "corpus"] = "none"
    """Mean and deviation of the training windows; corpus: of all frames trained on in any stage."""
    labelled_twice: bool = False
    """A fault of serizel2018, to reproduce it: labelled recordings count twice in corpus."""
    pretrained: Pretrained | None = None
    """Weights to start from; null: fresh ones."""
    validation: ValidationSettings = ValidationSettings()
    """How epochs are compared."""
    untrained: Literal["retrain", "leave_out", "keep"] = "retrain"
    """What becomes of a model that did not learn; retrain: it is trained again, at most twice."""
    checkpoint_every: Annotated[Count, Unit("epochs")] = 1
    """Epochs between checkpoints, from which a killed training goes on."""

    @model_validator(mode="before")
    @classmethod
    def _one_length(cls, given: Any) -> Any:
        # the one that is given takes the place of the default of the other
        if not isinstance(given, Mapping):
            return given
        lengths = {key for key in ("steps", "epochs") if given.get(key) is not None}
        if len(lengths) == 2:
            raise misfit("steps", given["steps"], "steps or epochs, not both")
        return {**given, "steps": None} if lengths == {"epochs"} else given

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.steps is None and self.epochs is None:
            raise misfit("steps", None, "a number, of steps or of epochs")
        return self


def n_epochs(training: Mapping[str, Any]) -> int | None:
    """Return the epochs of a training; None where only its windows tell how many there are."""
    steps, each = training["steps"], training["steps_per_epoch"]
    if steps is None:
        return int(training["epochs"])
    if each == "whole_batches":
        return None
    return math.ceil(int(steps) / int(each or math.ceil(steps / EPOCHS_OF_STEPS)))


def optimizer_options(training: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the options that the optimizer of a training takes."""
    return ("weight_decay", *OPTIMIZER_OPTIONS[training["optimizer"]])
