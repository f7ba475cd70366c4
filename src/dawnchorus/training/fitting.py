"""The training loop.

* `train_member`: one member of a stage, from targets and spectrograms to a model and its history.
* `Training`: model, optimiser and schedule at some step, as a checkpoint keeps it.

Every random draw is a function of (seed, stage, member, epoch, step): order and augmentation come
from `batches`, initial weights from the global seed, dropout from generator states set before each
step. So two trainings are equal bit for bit on one class of machines with one number of threads, and
one that was killed goes on to the weights of one that was not.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from dawnchorus import artefacts, logs, provenance, seeds, segments, stopping, targets
from dawnchorus.training import (
    batches,
    beginning,
    checkpoints,
    choosing,
    optimizers,
    parts,
    saving,
    schedules,
    teaching,
)

HISTORY = ("epoch", "rate", *choosing.METRICS)
TEST = ("test_accuracy", "test_map_micro", "test_map_macro")  # of the last row, where there is any
_SAID_EVERY_S = 10.0


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
        self.schedule, self.choice = schedules.make(settings), choosing.Choice(settings)
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
        self._generators = _seed_generators(model)

    @property
    def is_over(self) -> bool:
        """Whether the schedule or the early stopping has ended the training."""
        return self.schedule.is_over or self.choice.is_over

    def train_on(
        self, windows: np.ndarray, wanted: np.ndarray, weights: np.ndarray | None = None
    ) -> None:
        """Take one step on windows (B, T, F), targets (B, C) and weights (B,) of the windows."""
        drawn = np.array([self.epoch, self.step], np.uint32)
        for number, generator in enumerate(self._generators):
            word = seeds.integer(*self.key, "dropout", number)
            generator.state.assign(drawn * np.uint32(2654435761) + np.uint32(word))
        self.model.reset_metrics()
        if self.model.output_shape[-1] != wanted.shape[1]:  # a softmax over absent and present
            wanted = np.concatenate([1 - wanted, wanted], axis=1)
        told = self.model.train_on_batch(windows, wanted, sample_weight=weights, return_dict=True)
        self.loss_sum += float(told["loss"])
        self.step += 1

    def end_epoch(self, figures: Mapping[str, float]) -> bool:
        """Note an epoch, set the rate of the next, and return whether its weights are to be kept.

        Parameters
        ----------
        figures : mapping
            What validation says: `choosing.METRICS` but for the loss.
        """
        self.epoch += 1
        row = {"epoch": self.epoch, "rate": self.schedule.rate(self.epoch)}
        row |= {"loss": self.loss_sum / self.step, **figures}
        self.history.append(row)
        self.schedule.observe(row)
        self.model.optimizer.learning_rate = self.schedule.rate(self.epoch + 1)
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

    def _variables(self) -> list:
        return [*self.model.weights, *self.model.optimizer.variables]


def train_member(
    member_name: str,
    stage: str,
    targets_path: str | Path,
    shards: Mapping[str, Sequence[str]],
    settings: Mapping,
    library: Mapping,
    model_path: str | Path,
    history_path: str | Path,
    kept_path: str | Path,
) -> None:
    """Train one member of a stage.

    Parameters
    ----------
    member_name : str
        ``f{fold}p{part}s{seed}``.
    stage : str
        Name of the stage.
    targets_path : path
        Targets of the stage.
    shards : mapping of corpus to paths
        Spectrogram shards of the corpora in the targets.
    settings : dict
        ``seed``, ``window``, ``segments``, ``model``, ``training``, ``augmentation``, ``pooling``,
        ``validation``, ``backend``; where there are teachers (see `teaching.Teachers`), ``teachers``
        and ``temperature``.
    library : dict
        Digests of the code, which a checkpoint must agree with.
    model_path, history_path, kept_path : path
        The model with its last weights; one row per epoch, see `HISTORY`; kept weights by name.

    Raises
    ------
    dawnchorus.stopping.Stopped
        On SIGTERM, after the step in hand; the checkpoint is written.
    """
    key = (settings["seed"], stage, member_name)
    wanted = targets.read(targets_path)
    source = segments.open_source(shards, settings["segments"], settings["window"])
    own = parts.parts(wanted, targets.Member.named(member_name), source, settings, key)
    teachers = beginning.teachers(own.examples, settings)
    training = Training(beginning.model(own.examples, settings, key), settings["training"], key)
    digest = training_digest(stage, targets_path, shards, settings, library)
    checkpoint = checkpoints.path_beside(model_path, digest)
    _take_up(training, checkpoint)
    _fit(training, own, teachers, settings["training"], checkpoint)
    for name in settings["training"]["keep"]:
        if name not in training.choice.kept:
            logs.LOG.info("warning: no weights are kept as %s: it was a number in no epoch", name)
    _write_history(training, own, history_path)
    saving.save_kept(kept_path, checkpoints.Epochs(checkpoint, training.choice.kept))
    saving.save(training.model, model_path)
    checkpoints.remove(checkpoint)


def training_digest(
    stage: str,
    targets_path: str | Path,
    shards: Mapping[str, Sequence[str]],
    settings: Mapping,
    library: Mapping,
) -> str:
    """Return 16 hexadecimal digits of all that decides the weights of a stage's members.

    A checkpoint is taken up only where this agrees; the contents of targets and spectrograms count,
    and those of teachers and of a model to start from.
    """
    read = [targets_path, *_in_order(shards)]
    for teacher in settings.get("teachers") or ():
        read += [teacher["model"], teacher["kept"], *_in_order(teacher["shards"] or {})]
    start = settings["training"]["pretrained"]
    read += [start["path"]] if start else []
    contents = [artefacts.sha256(path) for path in read]
    return provenance.settings_digest([stage, settings, library, contents])


def _in_order(shards: Mapping[str, Sequence[str]]) -> list[str]:
    return [path for corpus in sorted(shards) for path in shards[corpus]]


def _fit(
    training: Training,
    own: parts.Parts,
    teachers: teaching.Teachers | None,
    settings: Mapping,
    checkpoint: Path,
) -> None:
    with stopping.heeded() as told_to_stop:
        while training.epoch < settings["epochs"] and not training.is_over:
            started = time.monotonic()
            n_windows = _train_epoch(training, own.examples, teachers, told_to_stop, checkpoint)
            windows_per_s = n_windows / (time.monotonic() - started)
            is_kept = training.end_epoch(own.watched.measure(training.model, "val"))
            if is_kept:
                checkpoints.save_epoch(checkpoint, training.epoch, training.model.get_weights())
            _say_epoch(training, settings, windows_per_s, time.monotonic() - started)
            if training.epoch % settings["checkpoint_every"] == 0:
                _save(training, checkpoint)


def _train_epoch(training, examples, teachers, told_to_stop, checkpoint: Path) -> int:
    """Take the steps of an epoch that are left and return the number of windows."""
    said, n_windows = time.monotonic(), 0
    for windows, wanted, weights in batches.ahead(examples, training.epoch, training.step):
        if teachers is not None:
            wanted = teachers.targets(windows, wanted)
        training.train_on(windows, wanted, weights)
        n_windows += len(windows)
        if told_to_stop():
            _save(training, checkpoint)
            raise stopping.Stopped(
                f"told to stop in epoch {training.epoch + 1}; {checkpoint} goes on from there"
            )
        if time.monotonic() - said > _SAID_EVERY_S:
            said = time.monotonic()
            logs.LOG.info(
                "epoch %d: step %d of %d, loss %.4f", training.epoch + 1, training.step,
                examples.steps, training.loss_sum / training.step,
            )  # fmt: skip
    return n_windows


def _save(training: Training, checkpoint: Path) -> None:
    checkpoints.save(checkpoint, training.arrays(), training.state())
    checkpoints.forget_epochs(checkpoint, training.choice.kept.values())


def _take_up(training: Training, checkpoint: Path) -> None:
    found = checkpoints.load(checkpoint)
    if found is None:
        return
    _, state = found
    if not checkpoints.Epochs(checkpoint, state["choice"]["kept"]).are_whole():
        logs.LOG.info("kept weights of checkpoint %s are gone: training starts anew", checkpoint)
        return
    training.restore(*found)
    logs.LOG.info("going on from epoch %d, step %d", training.epoch + 1, training.step)


def _write_history(training: Training, own: parts.Parts, path: str | Path) -> None:
    """Write a row per epoch; what is measured once stands in the last."""
    columns, rows = HISTORY, [dict(row) for row in training.history]
    if own.test is not None and rows:
        columns = (*HISTORY, *TEST)
        rows[-1] |= own.test.measure(training.model, "test")
    nan = float("nan")
    table = [[row["epoch"], *(f"{row.get(name, nan):.7g}" for name in columns[1:])] for row in rows]
    artefacts.write_table(path, columns, table)


def _penalise(model: keras.Model, l2: float) -> None:
    """Add ``l2`` times the sum of squares of all kernels to the loss."""
    if l2:
        for variable in model.trainable_variables:
            if variable.name.endswith("kernel"):
                variable.regularizer = keras.regularizers.L2(l2)


def _seed_generators(model: keras.Model) -> list:
    layers = model._flatten_layers(include_self=False)
    return [layer.seed_generator for layer in layers if getattr(layer, "seed_generator", None)]


def _say_epoch(training: Training, settings: Mapping, windows_per_s: float, seconds: float) -> None:
    row = training.history[-1]
    figures = ", ".join(f"{name} {row[name]:.4g}" for name in choosing.METRICS)
    logs.LOG.info(
        "epoch %d of %d: %s, rate %.1g, %.0f windows/s, at most %.0f s left", row["epoch"],
        settings["epochs"], figures, row["rate"], windows_per_s,
        (settings["epochs"] - row["epoch"]) * seconds,
    )  # fmt: skip
