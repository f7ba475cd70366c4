"""Start from the weights of another training.

* `start_from`: copy the weights of a ``.keras`` file into a model of the same architecture.
"""

from collections.abc import Mapping
from pathlib import Path

import keras

from dawnchorus.models import model_files
from dawnchorus.runtime import logs


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
    _check(path, found, own)
    for (_, theirs), (_, ours) in zip(found, own, strict=True):
        for variable, weights in zip(ours, theirs, strict=True):
            variable.assign(weights)
    logs.LOG.info("weights of %d layers come from %s", len(own), path)


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


def _check(path: Path, found: list[tuple[str, list]], own: list[tuple[str, list]]) -> None:
    if len(found) != len(own):
        raise ValueError(
            f"pretrained.path {path}: {len(found)} layers with weights; expected {len(own)}, those "
            "of the same architecture with the same options"
        )
    for (name, theirs), (own_name, ours) in zip(found, own, strict=True):
        shapes, expected = ([tuple(v.shape) for v in layer] for layer in (theirs, ours))
        if shapes != expected:
            raise ValueError(
                f"pretrained.path {path}: layer {name!r} has weights {shapes}; expected {expected} "
                f"as in {own_name!r}; other classes need head: false"
            )
