"""A member before its first step.

* `new_training`: a model that is about to be trained, alone or as a mean teacher's student.
* `new_model`: fresh or pretrained weights, with or without a standardised input.
* `start_from`: copy the weights of a ``.keras`` file into a model of the same architecture.
* `input_moments`: mean and variance of training windows, over all values or of every band.
* `with_standardised_input`: a model with a layer in front that applies them and travels with its file.
* `with_filled_padding`: a model that is not standardised, and whose windows are padded.
* `teachers`: models whose scores replace the labels.

Standardisation ``corpus`` takes mean and deviation from `dawnchorus.training.normaliser`, not from the
windows. Frames that pad a window are NaN in every band and become 0 after the standardisation, as in
serizel2018. toth2016 has a scaler (one mean and one deviation of all values, from 5,000 recordings)
that is used neither in training nor in prediction; here it is a choice, and used in both.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from dawnchorus.models import blocks, model_files, zoo
from dawnchorus.runtime import logs, seeds
from dawnchorus.segments import window_source
from dawnchorus.training import (
    batches,
    distillation,
    mean_teacher,
    normaliser,
    steps,
)

KINDS = ("none", "scalar", "band", "corpus")
MOST_WINDOWS = 5000  # as the scaler of toth2016
_AT_ONCE = 64  # windows in memory


def new_training(examples: batches.Batches, settings: Mapping, key: tuple) -> steps.Training:
    """Return a training before its first step; parameters are those of `new_model`."""
    built, chosen = new_model(examples, settings, key), settings["training"]
    if chosen["mean_teacher"]:
        rotates = examples.settings["augmentation"]["rotate"]
        return mean_teacher.MeanTeacher(built, chosen, key, examples.steps, rotates)
    return steps.Training(built, chosen, key)


def new_model(examples: batches.Batches, settings: Mapping, key: tuple) -> keras.Model:
    """Return a model; its weights follow from the key, and from a file where there is one.

    Parameters
    ----------
    examples : Batches
        What it will train on.
    settings : mapping
        ``model``, ``output``, ``segments``, ``normaliser`` (path, of ``standardise: corpus``) and
        ``training``: ``standardise``, ``pretrained``.
    key : tuple
        Seed, stage and member.
    """
    source, training = examples.source, settings["training"]
    # layers draw their initial weights from the global seed, in the order they are made
    keras.utils.set_random_seed(seeds.integer(*key, "weights"))
    n_classes = examples.values.shape[1]
    built = zoo.build(
        input_shape=source.shape,
        n_classes=n_classes,
        output=settings["output"],
        **settings["model"],
    )
    kind, padded = training["standardise"], settings["segments"].get("padding") == "zeros"
    if kind == "none":
        built = with_filled_padding(built) if padded else built
    elif kind == "corpus":
        mean, deviation = normaliser.read_normaliser(settings["normaliser"])
        built = with_standardised_input(built, mean, deviation**2, padded)
    else:
        rng = seeds.generator(*key, "standardise")
        found = input_moments(source, examples.recordings, examples.windows, kind, rng)
        built = with_standardised_input(built, *found, padded)
    if training["pretrained"]:
        start_from(built, training["pretrained"])
    return built


def teachers(examples: batches.Batches, settings: Mapping) -> distillation.Teachers | None:
    """Return the teachers of a member, or None; their scores replace the targets of its batches.

    Parameters
    ----------
    examples : Batches
        What the member will train on; changed in place.
    settings : mapping
        ``teachers`` (see `distillation.Teachers`), ``temperature`` and ``training``.

    Raises
    ------
    ValueError
        Where a teacher is left out as it did not learn.
    """
    about = settings.get("teachers")
    if not about:
        return None
    for teacher in about:
        known = model_files.read_learning(teacher["kept"]) if teacher["kept"] else {}
        if known.get("left_out"):
            raise ValueError(
                f"teacher {teacher['model']} did not learn: {known['reasons'][0]}; expected one that "
                "learnt: leave its stage out of targets.stages, or mend that"
            )
    chosen = settings["training"] | {"temperature": settings["temperature"]}
    found = distillation.Teachers(
        about, examples.recordings, examples.values.shape[1], chosen, examples.source.shape
    )
    examples.values = found.table
    return found


def start_from(model: keras.Model, settings: Mapping) -> None:
    """Copy the weights of a saved model, layer by layer in their order.

    A layer that standardises the input is no weight: that of the model stays.

    Parameters
    ----------
    model : keras.Model
        Changed in place.
    settings : mapping
        ``path`` of a ``.keras`` file; ``head``: False leaves the last layer that has a kernel as it
        is, so that the classes may be others.

    Raises
    ------
    ValueError
        Where the file is missing, or the layers of the two are not alike.
    """
    path = Path(settings["path"])
    if not path.is_file():
        raise ValueError(f"pretrained.path {str(path)!r} is no file; expected a .keras model")
    found, own = _layers(model_files.load(path)), _layers(model)
    if not settings["head"]:
        found, own = _without_head(found), _without_head(own)
    if len(found) != len(own):
        raise ValueError(
            f"pretrained.path {path}: {len(found)} layers with weights; expected {len(own)}, those "
            "of the same architecture with the same options"
        )
    # all are compared before the first is changed
    for (name, theirs), (own_name, ours) in zip(found, own, strict=True):
        shapes, expected = ([tuple(v.shape) for v in layer] for layer in (theirs, ours))
        if shapes != expected:
            raise ValueError(
                f"pretrained.path {path}: layer {name!r} has weights {shapes}; expected {expected} "
                f"as in {own_name!r}; other classes need head: false"
            )
    for (_, theirs), (_, ours) in zip(found, own, strict=True):
        for variable, weights in zip(ours, theirs, strict=True):
            variable.assign(weights)
    logs.LOG.info("weights of %d layers come from %s", len(own), path)


def input_moments(
    source: window_source.Source,
    recordings: Sequence[tuple[str, str]],
    index: window_source.Index,
    kind: str,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of windows as a model gets them, before augmentation.

    Frames that are NaN in every band are padding and do not count.

    Parameters
    ----------
    source : dawnchorus.segments.window_source.Source
    recordings : N pairs (corpus, id)
    index : dawnchorus.segments.window_source.Index
        Training windows; of more than `MOST_WINDOWS` a random sample is taken.
    kind : {"scalar", "band"}
    rng : numpy.random.Generator

    Returns
    -------
    mean, variance : arrays, shape () or (F,), float64

    Raises
    ------
    ValueError
        Where a window holds another value that is not finite, or all frames are padding.
    """
    rows = np.arange(len(index))
    if len(rows) > MOST_WINDOWS:
        # sorted: the windows of a recording are read together
        rows = np.sort(rng.choice(len(index), MOST_WINDOWS, replace=False))
    axis = None if kind == "scalar" else 0
    n, mean, spread = 0, np.float64(0), np.float64(0)
    for first in range(0, len(rows), _AT_ONCE):
        part = index.take(rows[first : first + _AT_ONCE])
        windows = source.batch(recordings, part).astype(np.float64)
        is_padding = np.isnan(windows).all(axis=2)
        is_finite = (np.isfinite(windows) | is_padding[..., np.newaxis]).all(axis=(1, 2))
        if not is_finite.all():
            recording = "/".join(recordings[part.recording[np.argmin(is_finite)]])
            raise ValueError(
                f"standardise: a window of {recording} holds values that are not finite; expected a "
                "frontend with a floor above 0, or standardise: none"
            )
        frames = windows[~is_padding]  # (T', F)
        if not len(frames):
            continue
        # Chan, Golub and LeVeque (1979): sums of squares of decibels would lose digits
        n_new, mean_new = frames.size / np.size(frames.mean(axis=axis)), frames.mean(axis=axis)
        between = mean_new - mean
        spread = spread + frames.var(axis=axis) * n_new + between**2 * n * n_new / (n + n_new)
        mean, n = mean + between * n_new / (n + n_new), n + n_new
    if not n:
        raise ValueError(
            f"standardise: {len(rows)} windows of {len(recordings)} recordings hold no frame that "
            "is not padding; expected one or more"
        )
    return mean, spread / n


def with_standardised_input(
    model: keras.Model, mean: np.ndarray, variance: np.ndarray, padded: bool = False
) -> keras.Model:
    """Return a model of windows (B, T, F) that standardises them and applies another.

    Parameters
    ----------
    model : keras.Model
    mean, variance : arrays, shape () or (F,)
    padded : bool, optional
        Whether NaN becomes 0 once the rest is standardised.
    """
    axis = -1 if np.ndim(mean) else None
    # as lists, which the model's file can hold: they are part of the layer's config
    layer = keras.layers.Normalization(
        axis=axis, mean=mean.tolist(), variance=variance.tolist(), name="standardise"
    )
    return _behind([layer, _filling()] if padded else [layer], model, "standardised")


def with_filled_padding(model: keras.Model) -> keras.Model:
    """Return a model of windows (B, T, F) that makes NaN, their padding, 0 and applies another."""
    return _behind([_filling()], model, "filled")


def _layers(model: keras.Model) -> list[tuple[str, list]]:
    """Return the layers that have weights: name and weights, in the order of the weights."""
    layers: dict[str, list] = {}
    for variable in model.weights:
        layers.setdefault(variable.path.rpartition("/")[0], []).append(variable)
    return list(layers.items())


def _without_head(layers: list[tuple[str, list]]) -> list[tuple[str, list]]:
    with_kernel = [
        number for number, (_, weights) in enumerate(layers)
        if any(variable.name == "kernel" for variable in weights)
    ]  # fmt: skip
    return [layer for number, layer in enumerate(layers) if number != with_kernel[-1]]


def _filling() -> keras.layers.Layer:
    return blocks.FilledPadding(name="fill_padding")


def _behind(layers: Sequence[keras.layers.Layer], model: keras.Model, how: str) -> keras.Model:
    windows = x = keras.Input(model.input_shape[1:], name=model.inputs[0].name)
    for layer in layers:
        x = layer(x)
    return keras.Model(windows, model(x), name=f"{how}_{model.name}")
