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

from dawnchorus import artefacts, frontends, logs, models, provenance, seeds, stopping, targets
from dawnchorus.training import batches, checkpoints, saving, schedules

HISTORY = ("epoch", "rate", "loss", "val_loss", "val_accuracy")
_SAID_EVERY_S = 10.0


class Training:
    """A model in training.

    Parameters
    ----------
    model : keras.Model
    settings : dict
        The ``training`` section: ``optimizer``, ``learning_rate``, ``loss`` and ``plateau``.
    key : tuple
        Seed, stage and member.
    """

    def __init__(self, model: keras.Model, settings: Mapping, key: tuple):
        self.model, self.key = model, key
        self.schedule = schedules.Plateau(settings["learning_rate"], **settings["plateau"])
        self.epoch, self.step, self.loss_sum = 0, 0, 0.0
        self.history: list[list] = []
        optimizer = keras.optimizers.get(
            {
                "class_name": settings["optimizer"],
                "config": {"learning_rate": settings["learning_rate"]},
            }
        )
        # XLA on the CPU is slower than TensorFlow's own kernels here; JAX has no other way
        is_compiled = keras.backend.backend() == "jax"
        model.compile(optimizer=optimizer, loss=settings["loss"], jit_compile=is_compiled)
        optimizer.build(model.trainable_variables)
        self._generators = _seed_generators(model)

    def train_on(self, windows: np.ndarray, wanted: np.ndarray) -> None:
        """Take one step on windows (B, W, F) and targets (B, C)."""
        drawn = np.array([self.epoch, self.step], np.uint32)
        for number, generator in enumerate(self._generators):
            word = seeds.integer(*self.key, "dropout", number)
            generator.state.assign(drawn * np.uint32(2654435761) + np.uint32(word))
        self.model.reset_metrics()
        if self.model.output_shape[-1] != wanted.shape[1]:  # a softmax over absent and present
            wanted = np.concatenate([1 - wanted, wanted], axis=1)
        self.loss_sum += float(self.model.train_on_batch(windows, wanted, return_dict=True)["loss"])
        self.step += 1

    def end_epoch(self, val_loss: float, val_accuracy: float) -> None:
        """Note an epoch and set the rate of the next."""
        loss = self.loss_sum / self.step
        self.history.append([self.epoch + 1, self.schedule.rate, loss, val_loss, val_accuracy])
        self.schedule.observe(loss)
        self.model.optimizer.learning_rate = self.schedule.rate
        self.epoch, self.step, self.loss_sum = self.epoch + 1, 0, 0.0

    def arrays(self) -> list[np.ndarray]:
        """Return the values of all weights and optimiser variables."""
        return [keras.ops.convert_to_numpy(variable) for variable in self._variables()]

    def state(self) -> dict:
        """Return what is not an array."""
        state = {name: getattr(self, name) for name in ("epoch", "step", "loss_sum", "history")}
        return state | {"schedule": vars(self.schedule)}

    def restore(self, arrays: Sequence[np.ndarray], state: dict) -> None:
        """Go back to where a checkpoint was written."""
        for variable, array in zip(self._variables(), arrays, strict=True):
            variable.assign(array)
        vars(self.schedule).update(state["schedule"])
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
        ``seed``, ``window``, ``model``, ``training``, ``augmentation``, ``backend``.
    library : dict
        Digests of the code, which a checkpoint must agree with.
    model_path, history_path : path
        The model, and one row per epoch: rate, training loss, loss and accuracy on the own fold.

    Raises
    ------
    dawnchorus.stopping.Stopped
        On SIGTERM, after the step in hand; the checkpoint is written.
    """
    member = targets.Member.named(member_name)
    wanted = targets.read(targets_path)
    key = (settings["seed"], stage, member_name)
    joint = batches.open_joint(shards)
    chosen = settings["training"] | {
        "window": settings["window"], "augmentation": settings["augmentation"],
    }  # fmt: skip
    rows, own = wanted.training_rows(member), wanted.validation_rows(member)
    training_batches = batches.Batches(joint, *_rows(wanted, rows), chosen, key)
    validation = batches.Batches(joint, *_rows(wanted, own), chosen, key)
    keras.utils.set_random_seed(seeds.integer(*key, "weights"))
    input_shape = (settings["window"], joint.n_bands)
    model = models.build(input_shape=input_shape, n_classes=len(wanted.class_names), output="clip",
                         **settings["model"])  # fmt: skip
    training = Training(model, settings["training"], key)
    digest = training_digest(stage, targets_path, shards, settings, library)
    checkpoint = checkpoints.path_beside(model_path, digest)
    _take_up(training, checkpoint)
    _fit(training, training_batches, validation, settings["training"], checkpoint)
    rows = [[*row[:1], *(f"{value:.7g}" for value in row[1:])] for row in training.history]
    artefacts.write_table(history_path, HISTORY, rows)
    saving.save(_uncompiled(model), model_path)
    checkpoints.remove(checkpoint)


def training_digest(
    stage: str,
    targets_path: str | Path,
    shards: Mapping[str, Sequence[str]],
    settings: Mapping,
    library: Mapping,
) -> str:
    """Return 16 hexadecimal digits of all that decides the weights of a stage's members.

    A checkpoint is taken up only where this agrees; the contents of targets and spectrograms count.
    """
    read = [targets_path, *(path for corpus in sorted(shards) for path in shards[corpus])]
    contents = [artefacts.sha256(path) for path in read]
    return provenance.settings_digest([stage, settings, library, contents])


def _fit(training: Training, examples, validation, settings: Mapping, checkpoint: Path) -> None:
    with stopping.heeded() as told_to_stop:
        while training.epoch < settings["epochs"] and not training.schedule.is_over:
            started, first = time.monotonic(), training.step
            said = started
            for windows, wanted in batches.ahead(examples, training.epoch, training.step):
                training.train_on(windows, wanted)
                if told_to_stop():
                    checkpoints.save(checkpoint, training.arrays(), training.state())
                    raise stopping.Stopped(
                        f"told to stop in epoch {training.epoch + 1}; {checkpoint} goes on from there"
                    )
                if time.monotonic() - said > _SAID_EVERY_S:
                    said = time.monotonic()
                    _say_step(training, examples)
            clips_per_s = (examples.steps - first) * examples.size / (time.monotonic() - started)
            training.end_epoch(*_validate(training.model, validation))
            _say_epoch(training, settings, clips_per_s, time.monotonic() - started)
            if training.epoch % settings["checkpoint_every"] == 0:
                checkpoints.save(checkpoint, training.arrays(), training.state())


def _validate(model: keras.Model, validation) -> tuple[float, float]:
    """Return the mean cross-entropy and the accuracy at 0.5 over a fold's first windows.

    It is watched, not used: no epoch is chosen by it.
    """
    settings, n = validation.settings, len(validation.recordings)
    scores = []
    for first in range(0, n, validation.size):
        names = validation.recordings[first : first + validation.size]
        windows = np.empty((len(names), settings["window"], validation.joint.n_bands), np.float32)
        frontends.windows_into(windows, validation.joint, names, [0] * len(names))
        scores.append(models.class_scores(model, windows, validation.values.shape[1]))
    if not scores:
        return float("nan"), float("nan")
    wanted = validation.values.astype(np.float64)
    found = np.clip(np.concatenate(scores).astype(np.float64), 1e-7, 1 - 1e-7)
    loss = -(wanted * np.log(found) + (1 - wanted) * np.log(1 - found)).mean()
    return float(loss), float(((found >= 0.5) == (wanted >= 0.5)).mean())


def _take_up(training: Training, checkpoint: Path) -> None:
    found = checkpoints.load(checkpoint)
    if found is not None:
        training.restore(*found)
        logs.LOG.info("going on from epoch %d, step %d", training.epoch + 1, training.step)


def _rows(wanted: targets.Targets, rows: np.ndarray):
    return [wanted.recordings[row] for row in rows], wanted.values[rows]


def _seed_generators(model: keras.Model) -> list:
    layers = model._flatten_layers(include_self=False)
    return [layer.seed_generator for layer in layers if getattr(layer, "seed_generator", None)]


def _uncompiled(model: keras.Model) -> keras.Model:
    plain = keras.models.clone_model(model)
    plain.set_weights(model.get_weights())
    return plain


def _say_step(training: Training, examples) -> None:
    logs.LOG.info(
        "epoch %d: step %d of %d, loss %.4f", training.epoch + 1, training.step, examples.steps,
        training.loss_sum / training.step,
    )  # fmt: skip


def _say_epoch(training: Training, settings: Mapping, clips_per_s: float, seconds: float) -> None:
    epoch, _, loss, val_loss, accuracy = training.history[-1]
    left_s = (settings["epochs"] - epoch) * seconds
    logs.LOG.info(
        "epoch %d of %d: loss %.4f, val_loss %.4f, val_accuracy %.3f, rate %.1g, %.0f clips/s, "
        "at most %.0f s left", epoch, settings["epochs"], loss, val_loss, accuracy,
        training.schedule.rate, clips_per_s, left_s,
    )  # fmt: skip
