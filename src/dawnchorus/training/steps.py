"""A model in training, step by step.

* `Training`: model, optimiser and schedule at some step, as a checkpoint keeps it.
"""

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from dawnchorus.runtime import seeds
from dawnchorus.training import epoch_choice, optimizers, schedule


class Training:
    """A model in training.

    Parameters
    ----------
    model : keras.Model
        Compiled here; weights called kernel get the penalty ``l2``.
    settings : dict
        The ``training`` section: ``optimizer``, ``optimizer_options``, ``learning_rate``,
        ``schedule``, ``epochs``, ``loss``, ``l2``, ``early_stopping``, ``keep``, ``snapshot_every``.
    key : tuple
        Seed, stage and member.
    """

    def __init__(self, model: keras.Model, settings: Mapping, key: tuple):
        self.model, self.key = model, key
        self.schedule, self.choice = schedule.make(settings), epoch_choice.Choice(settings)
        self.epoch, self.step, self.loss_sum = 0, 0, 0.0
        self.history: list[dict] = []
        _penalise(model, settings["l2"])
        optimizer = optimizers.make(
            settings["optimizer"], self.schedule.rate(1), settings["optimizer_options"]
        )
        # XLA on the CPU is slower than TensorFlow's own kernels here; JAX has no other way
        is_compiled = keras.backend.backend() == "jax"
        model.compile(optimizer=optimizer, loss=settings["loss"], jit_compile=is_compiled)
        optimizer.build(model.trainable_variables)
        self.optimizer = optimizer
        self._generators = _seed_generators(model)

    @property
    def result(self) -> keras.Model:
        """The model that is watched, kept and saved."""
        return self.model

    @property
    def is_over(self) -> bool:
        """Whether the schedule or the early stopping has ended the training."""
        return self.schedule.is_over or self.choice.is_over

    def train_on(
        self, windows: np.ndarray, wanted: np.ndarray, weights: np.ndarray | None = None
    ) -> None:
        """Take one step on windows (B, T, F), targets (B, C) or (B, T', C), and weights (B,)."""
        self._seed_dropout()
        self.model.reset_metrics()
        if self.model.output_shape[-1] != wanted.shape[-1]:  # a softmax over absent and present
            wanted = np.concatenate([1 - wanted, wanted], axis=-1)
        if weights is not None and wanted.ndim == 3:  # a window's weight is that of its frames
            weights = weights[:, np.newaxis]
        told = self.model.train_on_batch(windows, wanted, sample_weight=weights, return_dict=True)
        self.loss_sum += float(told["loss"])
        self.step += 1

    def end_epoch(self, figures: Mapping[str, float]) -> bool:
        """Note an epoch, set the rate of the next, and return whether its weights are to be kept.

        Parameters
        ----------
        figures : mapping
            What validation says: `epoch_choice.METRICS` but for the loss.
        """
        self.epoch += 1
        row = {"epoch": self.epoch, "rate": self.schedule.rate(self.epoch)}
        row |= {"loss": self.loss_sum / self.step, **figures}
        self.history.append(row)
        self.schedule.observe(row)
        self.optimizer.learning_rate = self.schedule.rate(self.epoch + 1)
        self.step, self.loss_sum = 0, 0.0
        return self.choice.observe(row)

    def arrays(self) -> list[np.ndarray]:
        """Return the values of all weights and optimiser variables."""
        return [keras.ops.convert_to_numpy(variable) for variable in self._variables()]

    def state(self) -> dict:
        """Return what is not an array."""
        state = {name: getattr(self, name) for name in ("epoch", "step", "loss_sum", "history")}
        return state | {"schedule": vars(self.schedule), "choice": self.choice.state()}

    def restore(self, arrays: Sequence[np.ndarray], state: dict) -> None:
        """Go back to where a checkpoint was written."""
        for variable, array in zip(self._variables(), arrays, strict=True):
            variable.assign(array)
        vars(self.schedule).update(state["schedule"])
        self.choice.restore(state["choice"])
        for name in ("epoch", "step", "loss_sum", "history"):
            setattr(self, name, state[name])

    def _seed_dropout(self) -> None:
        """Make the draws of a step a function of what step it is."""
        drawn = np.array([self.epoch, self.step], np.uint32)
        for number, generator in enumerate(self._generators):
            word = seeds.integer(*self.key, "dropout", number)
            generator.state.assign(drawn * np.uint32(2654435761) + np.uint32(word))

    def _variables(self) -> list:
        return [*self.model.weights, *self.optimizer.variables]


def _penalise(model: keras.Model, l2: float) -> None:
    """Add ``l2`` times the sum of squares of all kernels to the loss."""
    if l2:
        for variable in model.trainable_variables:
            if variable.name.endswith("kernel"):
                variable.regularizer = keras.regularizers.L2(l2)


def _seed_generators(model: keras.Model) -> list:
    layers = model._flatten_layers(include_self=False)
    return [layer.seed_generator for layer in layers if getattr(layer, "seed_generator", None)]
