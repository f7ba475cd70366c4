"""The mean teacher: a student learns labels, and consistency with the average of its past weights.

Tarvainen and Valpola (2017), https://arxiv.org/abs/1703.01780, as the baselines of DCASE 2019 to 2021
task 4 have it: consistency of clip scores and of frame scores, on labelled and unlabelled windows.
Theirs drops values in the teacher, too, and averages no moving statistics; here the teacher predicts
as it will be used, and its statistics are averages of the student's.

Student and teacher each see windows with their own noise, masks and shifts, as Tarvainen and Valpola
have it, or, with ``views: one``, the same windows. What decides the targets is common to both: which
windows are mixed, and how they are rotated. A rotation of its own the teacher gets after mixing, and
its frame scores are turned back.

* `Paired`: batches of labelled and unlabelled windows.
* `MeanTeacher`: student and teacher in training.
* `ramp_up`: the share of the consistency's weight at a step.
"""

import math
from collections.abc import Mapping

import keras
import numpy as np

from dawnchorus.models import frame_output
from dawnchorus.runtime import seeds
from dawnchorus.training import batches, steps


def ramp_up(step: int, n_steps: int) -> float:
    """Return exp(-5 (1 - step / n_steps)^2), which rises to 1 at ``n_steps`` and stays there.

    Laine and Aila (2017), https://arxiv.org/abs/1610.02242. Of no steps it is 1 from the start.
    """
    if n_steps == 0:
        return 1.0
    return math.exp(-5 * (1 - min(step / n_steps, 1)) ** 2)


class Paired:
    """Labelled windows followed by unlabelled ones, as batches.

    Parameters
    ----------
    labelled : Batches
    unlabelled : Batches
        Windows of the same shape; their targets are not looked at. Its key differs from that of the
        labelled ones: equal keys draw equal augmentation.
    n_views : {1, 2}, optional
        2: windows are (B, 2, T, F), those of the student and those of the teacher.

    Attributes
    ----------
    size : int
        B, of both together.
    source, recordings, values, settings, key, windows, n_noise, steps
        Those of the labelled ones.
    """

    def __init__(self, labelled: batches.Batches, unlabelled: batches.Batches, n_views: int = 1):
        if labelled.key == unlabelled.key:
            raise ValueError(
                f"labelled and unlabelled batches have one key, {labelled.key}; expected two: equal "
                "keys draw equal augmentation"
            )
        self._labelled, self._unlabelled, self._n_views = labelled, unlabelled, n_views
        self.source, self.recordings = labelled.source, labelled.recordings
        self.values = labelled.values
        self.settings, self.key = labelled.settings, labelled.key
        self.windows, self.n_noise = labelled.windows, labelled.n_noise
        self.size, self.steps = labelled.size + unlabelled.size, labelled.steps

    def fill(self, out: np.ndarray, epoch: int, step: int) -> batches.Made:
        """Fill ``out`` with the windows of a step, without a gap where some are lost.

        Parameters
        ----------
        out : array, shape (B, T, F) or (B, 2, T, F), as `empty` makes it
        epoch, step : int
            From 0.

        Returns
        -------
        values : array, shape (n, C) or (n, T', C), float32
            Of unlabelled windows, NaN.
        weights : array, shape (n,), float32, or None
            Of unlabelled windows, 1.
        """
        own, teacher = (out, None) if self._n_views == 1 else (out[:, 0], out[:, 1])

        def fill(part: batches.Batches, first: int, epoch: int, step: int) -> batches.Made:
            rows = slice(first, first + part.size)
            return part.fill(own[rows], epoch, step, None if teacher is None else teacher[rows])

        values, weights = fill(self._labelled, 0, epoch, step)
        # the two parts have passes of different lengths, and each goes on with its own
        place = divmod(epoch * self.steps + step, self._unlabelled.steps)
        n_unlabelled = len(fill(self._unlabelled, len(values), *place)[0])
        unknown = np.full((n_unlabelled, *values.shape[1:]), np.nan, np.float32)
        if weights is not None:
            weights = np.append(weights, np.ones(n_unlabelled, np.float32))
        return np.concatenate([values, unknown]), weights

    def empty(self) -> np.ndarray:
        """Return an array for one batch."""
        views = () if self._n_views == 1 else (self._n_views,)
        return np.empty((self.size, *views, *self.source.shape), np.float32)


class MeanTeacher(steps.Training):
    """A student in training, and the teacher that follows it.

    After step n the teacher's weights are a times its own plus 1 - a times the student's, a being
    the lesser of 1 - 1 / (n + 1) and ``decay``. The student's loss is that of the labels, a mean
    over labelled windows, plus the mean squared difference from the teacher's clip scores and, where
    the architecture has them, from its frame scores, over all windows.

    Parameters
    ----------
    model : keras.Model
        The student; clip or frame output of any architecture.
    settings : dict
        As of `steps.Training`, and ``mean_teacher``: ``decay`` in [0, 1), ``weight`` of the
        consistency, ``ramp_up_epochs`` until it is reached, ``noise``, the deviation of normal noise
        on the student's windows, and, where they are others, on the teacher's.
    key : tuple
        Seed, stage and member.
    n_steps : int
        Of an epoch.
    rotates : bool, optional
        Whether the teacher sees its own windows rotated along time.
    """

    def __init__(
        self,
        model: keras.Model,
        settings: Mapping,
        key: tuple,
        n_steps: int,
        rotates: bool = False,
    ):
        super().__init__(model, settings, key)
        self._rotates = rotates
        self._chosen, self._steps = settings["mean_teacher"], n_steps
        # not clone_model: a clone of a compiled model is compiled, with an optimiser of its own
        self._teacher = type(model).from_config(model.get_config())
        self._teacher.set_weights(model.get_weights())

        pairs = list(zip(self._teacher.weights, model.weights, strict=True))

        def approach(share):
            """Move the teacher's weights a share (a tensor) of the way to the student's."""
            for own, other in pairs:
                own.assign_add(share * (other - own))

        self._approach = approach
        if keras.backend.backend() == "tensorflow":
            import tensorflow

            # operation by operation it takes a tenth of the step of a small network
            self._approach = tensorflow.function(approach)
        self._predicting = keras.Model(self._teacher.inputs, _scores(self._teacher))
        for predicting in (self._teacher, self._predicting):
            predicting.compile(jit_compile=model.jit_compile)
        found = _scores(model)
        self._n_frames = found["frames"].shape[1] if "frames" in found else None
        again = {name: keras.layers.Identity()(scores) for name, scores in found.items()}
        # the labels' scores as they are: some losses are computed from the logits behind them
        self._student = keras.Model(model.inputs, {"labels": next(iter(found.values())), **again})
        self.optimizer = steps.make_optimizer(
            settings["optimizer"], self.schedule.rate(1), settings["optimizer_options"]
        )
        losses = {"labels": settings["loss"]} | dict.fromkeys(found, "mean_squared_error")
        self._student.compile(self.optimizer, losses, jit_compile=model.jit_compile)
        self.optimizer.build(self._student.trainable_variables)

    @property
    def result(self) -> keras.Model:
        """The teacher, which is validated, kept and saved."""
        return self._teacher

    def scores(self, windows: np.ndarray) -> dict[str, np.ndarray]:
        """Return the teacher's scores of windows: ``clip`` (B, C), ``frames`` (B, T', C), or one."""
        return self._predicting.predict_on_batch(windows)

    def train_step(
        self, windows: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> None:
        """Take one step on windows.

        Parameters
        ----------
        windows : array, shape (B, T, F), or (B, 2, T, F)
            The same for both, or those of the student and those of the teacher.
        targets : array, shape (B, C) or (B, T', C)
            Targets; NaN of a window without labels.
        weights : array, shape (B,), optional
            Of the labels of windows.
        """
        self.seed_dropout()
        self._student.reset_metrics()
        if self.model.output_shape[-1] != targets.shape[-1]:  # a softmax over absent and present
            targets = np.concatenate([1 - targets, targets], axis=-1)
        if windows.ndim == 3:
            said = self.scores(windows)
        else:
            # the teacher's view has noise and rotation of its own
            windows, view = windows[:, 0], self._noisy(windows[:, 1], "teacher_noise")
            if self._rotates:
                n_frames = view.shape[1] if self._n_frames is None else self._n_frames
                rng = seeds.generator(*self.key, "teacher_rotation", self.epoch, self.step)
                # in whole frames of scores, of which each may be several of the window
                turns = rng.integers(0, n_frames, len(view))
                view = _rolled(view, np.round(turns * view.shape[1] / n_frames).astype(int))
            said = self.scores(view)
            if self._rotates and "frames" in said:
                # turned back, so that a frame is that of the student's windows
                said["frames"] = _rolled(said["frames"], -turns)
        outputs = {"labels": np.nan_to_num(targets), **said}
        n_ramp = self._chosen["ramp_up_epochs"] * self._steps
        consistency = self._chosen["weight"] * ramp_up(self._taken(), n_ramp)
        weighed = dict.fromkeys(outputs, np.full((len(windows), 1), consistency, np.float32))
        # times these a mean over the batch is one over its labelled windows; in a column, which Keras
        # spreads over frames, and no vector
        is_labelled = ~np.isnan(targets).reshape(len(targets), -1).any(axis=1)
        share = len(targets) / max(1, np.count_nonzero(is_labelled))
        own = share * is_labelled * (1 if weights is None else weights)
        weighed["labels"] = own.astype(np.float32)[:, np.newaxis]
        found = self._student.train_on_batch(
            self._noisy(windows, "student_noise"), outputs, sample_weight=weighed, return_dict=True
        )
        self.loss_sum += float(found["loss"])
        self.step += 1
        share = max(1 / (self._taken() + 1), 1 - self._chosen["decay"])
        self._approach(keras.ops.convert_to_tensor(share, "float32"))

    def _noisy(self, windows: np.ndarray, whose: str) -> np.ndarray:
        """Return windows with the noise of a step, of the student or of the teacher."""
        if not self._chosen["noise"]:
            return windows
        rng = seeds.generator(*self.key, whose, self.epoch, self.step)
        drawn = rng.standard_normal(windows.shape, np.float32)
        return windows + np.float32(self._chosen["noise"]) * drawn

    def _taken(self) -> int:
        """Return the number of steps since the training began."""
        return self.epoch * self._steps + self.step

    def variables(self) -> list:
        """Return all variables that a checkpoint keeps."""
        return [*super().variables(), *self._teacher.weights]


def _scores(model: keras.Model) -> dict:
    """Return a model's scores by ``clip`` and ``frames``, its output first, of one pass.

    A standardised model holds another, whose tensors are not its own: that one is taken apart.
    """
    held = next((layer for layer in model.layers if isinstance(layer, keras.Model)), None)
    if held is not None:
        standardised = model.layers[model.layers.index(held) - 1].output
        return keras.Model(held.inputs, _scores(held))(standardised)
    if len(model.output_shape) == 3:
        return {"frames": model.output}
    found = {"clip": model.output}
    try:
        found["frames"] = frame_output.frame_model(model).output
    except ValueError:  # the architecture has none
        pass
    return found


def _rolled(values: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Return rows (B, T, ...), each shifted circularly along time as `numpy.roll` does."""
    places = (np.arange(values.shape[1]) - frames[:, np.newaxis]) % values.shape[1]  # (B, T)
    return np.take_along_axis(values, places[..., np.newaxis], axis=1)
