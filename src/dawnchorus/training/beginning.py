"""What a member has before its first step.

* `model`: fresh or pretrained weights, with or without a standardised input.
* `teachers`: those whose opinion replaces the labels.
"""

from collections.abc import Mapping

import keras

from dawnchorus import models, seeds
from dawnchorus.training import batches, pretrained, standardising, teaching


def model(examples: batches.Batches, settings: Mapping, key: tuple) -> keras.Model:
    """Return a model; its weights follow from the key, and from a file where there is one.

    Parameters
    ----------
    examples : Batches
        What it will train on.
    settings : mapping
        ``model`` and ``training``: ``standardise``, ``pretrained``.
    key : tuple
        Seed, stage and member.
    """
    source, training = examples.source, settings["training"]
    keras.utils.set_random_seed(seeds.integer(*key, "weights"))
    n_classes = examples.values.shape[1]
    built = models.build(
        input_shape=source.shape, n_classes=n_classes, output="clip", **settings["model"]
    )
    kind = training["standardise"]
    if kind != "none":
        rng = seeds.generator(*key, "standardise")
        found = standardising.moments(source, examples.recordings, examples.windows, kind, rng)
        built = standardising.standardised(built, *found)
    if training["pretrained"]:
        pretrained.start_from(built, training["pretrained"])
    return built


def teachers(examples: batches.Batches, settings: Mapping) -> teaching.Teachers | None:
    """Return the teachers of a member, or None; labels are no targets of its batches any more.

    Parameters
    ----------
    examples : Batches
        What the member will train on; changed in place.
    settings : mapping
        ``teachers`` (see `teaching.Teachers`), ``temperature`` and ``training``.
    """
    about = settings.get("teachers")
    if not about:
        return None
    chosen = settings["training"] | {"temperature": settings["temperature"]}
    found = teaching.Teachers(about, examples.recordings, examples.values.shape[1], chosen)
    examples.values = found.table
    return found
