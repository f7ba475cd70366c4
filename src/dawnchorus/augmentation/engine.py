"""Random changes of training windows.

The engine of kahl2018: so many tries per window, each of which succeeds with a probability and then
takes one of the methods not yet used, all equally likely. SpecAugment's masks follow. The shifts of
grill2017 come before, and mixup after.

* `rotations`, `shift_bands`, `random_band_shifts`: shifts in time and in frequency.
* `augment`: a batch, in place.
* `draw_methods`: the methods for one window.
* `spec_augment`: masks, a batch in place.
* `mixup`: windows of a batch and their targets, mixed in pairs.
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

Noise = Callable[[np.random.Generator], np.ndarray]
_NOISE = ("add_noise", "mix_noise")  # methods that need more than their options


def rotations(n: int, window: int, settings: Mapping, rng: np.random.Generator) -> np.ndarray:
    """Return circular shifts in frames, shape (n,): uniform over the window, or zeros.

    grill2017 calls this Rotation; that the shift is uniform over the whole window is inferred.
    """
    if not settings["rotate"]:
        return np.zeros(n, np.int64)
    return rng.integers(0, window, n)


def shift_bands(window: np.ndarray, bands: int) -> None:
    """Shift a window (T, F), lowest band first, by ``bands`` towards higher frequencies, in place.

    The bands that open up repeat the edge: bands below the lowest do not exist, and zeros would be a
    pattern of their own. (The original's edge filling is not known.)
    """
    if bands > 0:
        window[:, bands:] = window[:, :-bands].copy()
        window[:, :bands] = window[:, bands : bands + 1]
    elif bands < 0:
        window[:, :bands] = window[:, -bands:].copy()
        window[:, bands:] = window[:, bands - 1 : bands]


def random_band_shifts(windows: np.ndarray, settings: Mapping, rng: np.random.Generator) -> None:
    """Shift each window of a batch (B, T, F) by a whole number of bands, in place.

    Parameters
    ----------
    windows : array, shape (B, T, F)
    settings : mapping
        ``shift_bands``: the largest shift in bands, either way; 0 for none. grill2017: 1, integer
        steps inferred.
    rng : numpy.random.Generator
    """
    largest = settings["shift_bands"]
    if largest == 0:
        return
    for window, bands in zip(
        windows, rng.integers(-largest, largest + 1, len(windows)), strict=True
    ):
        shift_bands(window, int(bands))


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
        `spec_augment`).
    rng : numpy.random.Generator
        Nothing is drawn where there is neither a method nor a mask.
    noise : callable, optional
        Gives a noise image (F, T) for a Generator. Without one the methods of noise count as
        not there; with ``drop_without_noise`` it is drawn all the same, and a window that draws it
        is lost, as kahl2018 loses it without a message.

    Returns
    -------
    array, shape (B,), bool
        Which windows are to be used: all, but for those lost.
    """
    kept = np.ones(len(windows), bool)
    # sorted, as the order of keys is no setting: with another order other methods would be drawn
    names = sorted(settings["methods"])
    if noise is None and not settings["drop_without_noise"]:
        names = [name for name in names if name not in _NOISE]
    if settings["count"] and names:
        for place, window in enumerate(windows):
            drawn = draw_methods(names, settings["count"], settings["probability"], rng)
            # without noise the name is there only with drop_without_noise, and the window is lost
            kept[place] = noise is not None or not set(_NOISE) & set(drawn)
            if not drawn or not kept[place]:
                continue
            image = window.T
            for name in drawn:
                extra = {"noise": noise} if name in _NOISE else {}
                image = method(name)(image, rng, **settings["methods"][name], **extra)
            # noise and bicubic overshoot leave the range of a picture
            window.T[:] = image if settings["clip"] is None else np.clip(image, *settings["clip"])
    if settings["spec_augment"] is not None:
        spec_augment(windows, settings["spec_augment"], rng)
    return kept


def method(name: str) -> Callable[..., np.ndarray]:
    """Return what a method does: a pure function of an image, a Generator and options.

    The image is an array (F, T) of floats, usually in 0 to 1; the result has the same shape and type
    and may be out of that range.
    """
    return importlib.import_module(f"dawnchorus.augmentation.methods.{name}").apply


def draw_methods(
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


def spec_augment(windows: np.ndarray, settings: Mapping, rng: np.random.Generator) -> None:
    """Mask blocks of frames and of bands of each window of a batch, in place.

    Park et al. (2019), "SpecAugment", https://arxiv.org/abs/1904.08779, section 2; without its time
    warping, which the authors found to matter least.

    Parameters
    ----------
    windows : array, shape (B, T, F)
    settings : mapping
        ``time_masks`` and ``frequency_masks`` (masks per window, the paper's m_T and m_F),
        ``time_width`` and ``frequency_width`` (the widest, as a share of the window in [0, 1]; the
        paper's T and F), ``replace`` (``mean`` of the window, or ``zero``). The width is uniform
        from 0 to the widest, the start uniform over where the mask fits; masks may overlap.
    rng : numpy.random.Generator
    """
    for window in windows:
        value = window.mean() if settings["replace"] == "mean" else 0.0
        for axis, name in ((window, "time"), (window.T, "frequency")):
            for _ in range(settings[f"{name}_masks"]):
                widest = int(len(axis) * settings[f"{name}_width"])
                width = int(rng.integers(0, widest + 1))
                start = int(rng.integers(0, len(axis) - width + 1))
                axis[start : start + width] = value


def mixup(
    windows: np.ndarray, values: np.ndarray, settings: Mapping, rng: np.random.Generator
) -> np.ndarray:
    """Mix each window of a batch with another one, in place, and return the targets mixed alike.

    Zhang et al. (2018), "mixup: Beyond Empirical Risk Minimization",
    https://arxiv.org/abs/1710.09412, section 2.

    The partners are a permutation of the batch. Each pair has a share of its own, where the
    authors' example draws one for a batch: the distribution of a pair is the same.

    Parameters
    ----------
    windows : array, shape (B, T, F)
        NaN where a window is padded: what is mixed with padding stays as it is (and the targets
        are mixed all the same).
    values : array, shape (B, C), or (B, T', C) of frames
        Targets; left as they are.
    settings : mapping
        ``mixup``: the paper's alpha; a window keeps a share drawn from Beta(alpha, alpha). With 0
        nothing is mixed and nothing drawn.
    rng : numpy.random.Generator

    Returns
    -------
    array, of the targets' shape
    """
    alpha = settings["mixup"]
    if alpha == 0 or len(windows) < 2:
        return values
    partners = rng.permutation(len(windows))
    shares = rng.beta(alpha, alpha, len(windows)).astype(windows.dtype)
    others = windows[partners]
    # padding takes the other's values first: the mix is then the sound of the one that has it
    is_padded, are_padded = np.isnan(windows), np.isnan(others)
    np.copyto(windows, others, where=is_padded)
    np.copyto(others, windows, where=are_padded)
    others *= (1 - shares)[:, None, None]
    windows *= shares[:, None, None]
    windows += others
    shares = shares.astype(values.dtype).reshape(
        -1, *[1] * (values.ndim - 1)
    )  # (B, 1) or (B, 1, 1)
    return shares * values + (1 - shares) * values[partners]
