"""Which methods a window meets.

System 002's engine: so many tries per window, each of which succeeds with a probability and then
takes one of the methods not yet used, all equally likely.

* `augment`: a batch, in place.
* `chosen`: the methods for one window.
* `method`: one by its name, from ``methods/``: a module with ``apply(image, rng, **options)`` each.

Windows are (B, T, F): batch, frames, bands. The methods work on images (F, T), which are views of
them; row 0 is the top of the picture in chunks of a frontend with ``flip``, and the lowest band
elsewhere. Whatever is random is drawn from the Generator that the caller makes from (seed, stage,
member, epoch, step); how many draws a window takes depends on the draws before. What the methods do
is what Kahl et al. have in their baseline system for BirdCLEF 2018
(https://arxiv.org/abs/1804.07177); two of them differ from it in values, not in meaning: ``crop`` and
``zoom`` use cubic convolution, and ``rotate_image`` uses `scipy.ndimage`, where that system has a
library for pictures.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from dawnchorus.augmentation.spec_augment import masked

Noise = Callable[[np.random.Generator], np.ndarray]
_NOISE = "add_noise"  # the one method that needs more than its options


def augment(
    windows: np.ndarray,
    settings: Mapping,
    rng: np.random.Generator,
    noise: Noise | None = None,
) -> np.ndarray:
    """Change the windows of a batch by methods drawn for each, then mask them, in place.

    Parameters
    ----------
    windows : array, shape (B, T, F), float32
    settings : mapping
        ``count`` (tries per window), ``probability`` (of each), ``methods`` (name to all
        its options), ``clip`` (None, or the range to which a window is cut after its methods; one
        that met none stays as it is), ``drop_without_noise``, ``spec_augment`` (None, or see
        `dawnchorus.augmentation.spec_augment.masked`). The shifts of system 000 and mixup are not
        made here.
    rng : numpy.random.Generator
        Nothing is drawn where there is neither a method nor a mask.
    noise : callable, optional
        Gives a noise image (F, T) for a Generator. Without one the method ``add_noise`` counts as
        not there; with ``drop_without_noise`` it is drawn all the same, and a window that draws it
        is lost, as system 002 loses it without a word.

    Returns
    -------
    array, shape (B,), bool
        Which windows are to be used: all, but for those lost.
    """
    kept = np.ones(len(windows), bool)
    # sorted, as the order of keys is no setting: with another order other methods would be drawn
    names = sorted(settings["methods"])
    if noise is None and not settings["drop_without_noise"]:
        names = [name for name in names if name != _NOISE]
    if settings["count"] and names:
        for place, window in enumerate(windows):
            drawn = chosen(names, settings["count"], settings["probability"], rng)
            kept[place] = noise is not None or _NOISE not in drawn
            if drawn and kept[place]:
                window.T[:] = _changed(window.T, drawn, settings, rng, noise)
    if settings["spec_augment"] is not None:
        masked(windows, settings["spec_augment"], rng)
    return kept


def method(name: str) -> Callable[..., np.ndarray]:
    """Return what a method does: a pure function of an image, a Generator and options.

    The image is an array (F, T) of floats, usually in 0 to 1; the result has the same shape and type
    and may be out of that range.
    """
    return importlib.import_module(f"dawnchorus.augmentation.methods.{name}").apply


def chosen(
    names: Sequence[str], count: int, probability: float, rng: np.random.Generator
) -> list[str]:
    """Return the methods that a window meets, in order and none twice.

    Parameters
    ----------
    names : sequence of str
        Methods to choose from.
    count : int
        Tries; there are no more than methods.
    probability : float in [0, 1]
        Of a try to succeed.
    rng : numpy.random.Generator
    """
    left, found = list(names), []
    for _ in range(count):
        if left and rng.random() < probability:
            found.append(left.pop(int(rng.integers(len(left)))))
    return found


def _changed(image, drawn, settings, rng, noise) -> np.ndarray:
    for name in drawn:
        extra = {"noise": noise} if name == _NOISE else {}
        image = method(name)(image, rng, **settings["methods"][name], **extra)
    return image if settings["clip"] is None else np.clip(image, *settings["clip"])
