"""What a member has before its first step.

* `training`: a model that is about to be trained, alone or as a mean teacher's student.
* `model`: fresh or pretrained weights, with or without a standardised input.
* `teachers`: those whose opinion replaces the labels.
"""

from collections.abc import Mapping

import keras

from dawnchorus.models import zoo
from dawnchorus.runtime import seeds
from dawnchorus.training import (
    batches,
    distillation,
    initial_weights,
    mean_teacher,
    normaliser_file,
    standardise,
    steps,
)


def training(examples: batches.Batches, settings: Mapping, key: tuple) -> steps.Training:
    """Return a training before its first step; parameters are those of `model`."""
    built, chosen = model(examples, settings, key), settings["training"]
    if chosen["mean_teacher"]:
        return mean_teacher.MeanTeacher(built, chosen, key, examples.steps)
    return steps.Training(built, chosen, key)


def model(examples: batches.Batches, settings: Mapping, key: tuple) -> keras.Model:
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
    keras.utils.set_random_seed(seeds.integer(*key, "weights"))
    n_classes = examples.values.shape[1]
    built = zoo.build(
        input_shape=source.shape,
        n_classes=n_classes,
        output=settings["output"],
        **settings["model"],
    )
    built = _standardised(built, examples, settings, key)
    if training["pretrained"]:
        initial_weights.start_from(built, training["pretrained"])
    return built


def _standardised(built: keras.Model, examples, settings: Mapping, key: tuple) -> keras.Model:
    kind = settings["training"]["standardise"]
    padded = settings["segments"].get("padding") == "zeros"
    if kind == "none":
        return standardise.filled(built) if padded else built
    if kind == "corpus":
        mean, deviation = normaliser_file.read_normaliser(settings["normaliser"])
        return standardise.standardised(built, mean, deviation**2, padded)
    rng = seeds.generator(*key, "standardise")
    source, windows = examples.source, examples.windows
    found = standardise.moments(source, examples.recordings, windows, kind, rng)
    return standardise.standardised(built, *found, padded)


def teachers(examples: batches.Batches, settings: Mapping) -> distillation.Teachers | None:
    """Return the teachers of a member, or None; labels are no targets of its batches any more.

    Parameters
    ----------
    examples : Batches
        What the member will train on; changed in place.
    settings : mapping
        ``teachers`` (see `distillation.Teachers`), ``temperature`` and ``training``.
    """
    about = settings.get("teachers")
    if not about:
        return None
    chosen = settings["training"] | {"temperature": settings["temperature"]}
    found = distillation.Teachers(about, examples.recordings, examples.values.shape[1], chosen)
    examples.values = found.table
    return found
