"""A model in training, step by step.

* `Training`: model, optimiser and schedule at some step, as a checkpoint keeps it.
* `make_optimizer`: an optimiser by name, with the options its Keras class takes.
"""

import inspect
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from dawnchorus.runtime import seeds
from dawnchorus.training import schedule, validation

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
}
OPTIONS = ("beta_1", "beta_2", "epsilon", "momentum", "nesterov", "rho", "weight_decay")


class Training:
    """A model in training.

    Parameters
    ----------
    model : keras.Model
        Compiled here; weights called kernel get the penalty ``l2``.
    settings : dict
        The ``training`` section: ``optimizer``, ``optimizer_options``, ``learning_rate``,
        ``schedule``, ``epochs``, ``loss``, ``l2``, ``early_stopping``, ``keep``, ``snapshot_every``;
        lengths in epochs, as of `dawnchorus.training.training_length.in_epochs`.
    key : tuple
        Seed, stage and member.
    """

    def __init__(self, model: keras.Model, settings: Mapping, key: tuple):
        self.model, self.key = model, key
        self.schedule, self.choice = schedule.make(settings), validation.EpochChoice(settings)
        self.epoch, self.step, self.loss_sum = 0, 0, 0.0
        self.history: list[dict] = []
        if settings["l2"]:
            for variable in model.trainable_variables:
                if variable.name.endswith("kernel"):
                    variable.regularizer = keras.regularizers.L2(settings["l2"])
        optimizer = make_optimizer(
            settings["optimizer"], self.schedule.rate(1), settings["optimizer_options"]
        )
        # XLA on the CPU is slower than TensorFlow's own kernels here; JAX has no other way
        is_compiled = keras.backend.backend() == "jax"
        model.compile(optimizer=optimizer, loss=settings["loss"], jit_compile=is_compiled)
        optimizer.build(model.trainable_variables)
        self.optimizer = optimizer
        # layers of layers too, as the recurrent ones within a bidirectional one
        layers = model._flatten_layers(include_self=False)
        found = (getattr(layer, "seed_generator", None) for layer in layers)
        self._generators = [generator for generator in found if generator]

    @property
    def result(self) -> keras.Model:
        """The model that is validated, kept and saved."""
        return self.model

    @property
    def is_over(self) -> bool:
        """Whether the schedule or the early stopping has ended the training."""
        return self.schedule.is_over or self.choice.is_over

    def train_step(
        self, windows: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> None:
        """Take one step on windows (B, T, F), targets (B, C) or (B, T', C), and weights (B,)."""
        self.seed_dropout()
        self.model.reset_metrics()
        if self.model.output_shape[-1] != targets.shape[-1]:  # a softmax over absent and present
            targets = np.concatenate([1 - targets, targets], axis=-1)
        if weights is not None and targets.ndim == 3:  # a window's weight is that of its frames
            weights = weights[:, np.newaxis]
        logs = self.model.train_on_batch(windows, targets, sample_weight=weights, return_dict=True)
        self.loss_sum += float(logs["loss"])
        self.step += 1

    def end_epoch(self, metrics: Mapping[str, float]) -> bool:
        """Add an epoch to the history, set the next rate, and return whether to keep its weights.

        Parameters
        ----------
        metrics : mapping
            `validation.METRICS` without the first, which is the loss of training.
        """
        self.epoch += 1
        row = {"epoch": self.epoch, "rate": self.schedule.rate(self.epoch)}
        row |= {"loss": self.loss_sum / self.step, **metrics}
        self.history.append(row)
        self.schedule.observe(row)
        self.optimizer.learning_rate = self.schedule.rate(self.epoch + 1)
        # a checkpoint between two epochs then is one of the next, before its first step
        self.step, self.loss_sum = 0, 0.0
        return self.choice.observe(row)

    def seed_dropout(self) -> None:
        """Seed the dropout of a step by its epoch and number."""
        # 2^32 over the golden ratio (Knuth): states of neighbouring steps lie far apart
        drawn = np.array([self.epoch, self.step], np.uint32)
        for number, generator in enumerate(self._generators):
            word = seeds.integer(*self.key, "dropout", number)
            generator.state.assign(drawn * np.uint32(2654435761) + np.uint32(word))

    def arrays(self) -> list[np.ndarray]:
        """Return the values of all weights and optimiser variables."""
        return [keras.ops.convert_to_numpy(variable) for variable in self.variables()]

    def state(self) -> dict:
        """Return the rest of the state, as JSON takes it."""
        state = {name: getattr(self, name) for name in ("epoch", "step", "loss_sum", "history")}
        return state | {"schedule": vars(self.schedule), "choice": self.choice.state()}

    def restore(self, arrays: Sequence[np.ndarray], state: dict) -> None:
        """Set the state of a checkpoint: its arrays, and `state`."""
        for variable, array in zip(self.variables(), arrays, strict=True):
            variable.assign(array)
        vars(self.schedule).update(state["schedule"])
        self.choice.restore(state["choice"])
        for name in ("epoch", "step", "loss_sum", "history"):
            setattr(self, name, state[name])

    def variables(self) -> list:
        """Return all variables that a checkpoint keeps."""
        return [*self.model.weights, *self.optimizer.variables]


def make_optimizer(name: str, learning_rate: float, options: Mapping) -> keras.optimizers.Optimizer:
    """Return an optimiser.

    Parameters
    ----------
    name : {"adam", "adamw", "rmsprop", "sgd"}
    learning_rate : float
        Of the first epoch.
    options : mapping
        Some of `OPTIONS`; what is left out is Keras' default.

    Raises
    ------
    ValueError
        Where the name is unknown or its class does not take an option.
    """
    if name not in OPTIMIZERS:
        raise ValueError(f"optimizer {name!r}; expected one of {', '.join(OPTIMIZERS)}")
    parameters = inspect.signature(OPTIMIZERS[name].__init__).parameters
    taken = [option for option in OPTIONS if option in parameters]
    for option in options:
        if option not in taken:
            raise ValueError(
                f"optimizer_options: {name} takes no {option!r}; expected {', '.join(taken)}"
            )
    return OPTIMIZERS[name](learning_rate=learning_rate, **options)
