"""Augmentation of windows, on arrays, with a Generator.

Windows are (B, T, F): batch, frames, bands. The methods work on images (F, T), which are views of
them; row 0 is the top of the picture in chunks of a frontend with ``flip``, and the lowest band
elsewhere. Whatever is random is drawn from the Generator that the caller makes from (seed, stage,
member, epoch, step); how many draws a window takes depends on the draws before.

* `rotations`, `shift_bands`, `random_band_shifts`: shifts in time and frequency (`shifts`).
* `augment`: methods drawn for each window, then masks (`engine`); `METHODS`: each one (`images`).
* `masked`: the masks of SpecAugment (`masking`).
* `mixed`: mixup within a batch (`mixing`).
* `check`: refuse settings that cannot work; `TABLE`: methods, options, defaults, ranges (`table`).

Settings are checked at every start of a workflow, so this module and `table` import no NumPy; what
works on arrays is imported when it is first asked for.
"""

from dawnchorus.augmentation.table import TABLE, check

__all__ = [
    "METHODS",
    "TABLE",
    "augment",
    "check",
    "masked",
    "mixed",
    "random_band_shifts",
    "rotations",
    "shift_bands",
]


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # named here in full: the digests of what a job runs follow import statements
    from dawnchorus.augmentation import engine, images, masking, mixing, shifts

    rooms = (engine, images, masking, mixing, shifts)
    return next(getattr(room, name) for room in rooms if name in room.__all__)
