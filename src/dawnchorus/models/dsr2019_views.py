"""Two averaged views of a slice, which owl and robin of dsr2019 look at.

Each is an average, a convolution of one filter of 4 x 4, normalised, a nonlinearity and a maximum; of
216 frames x 256 bands either has 49 x 62 cells.

* `views`: both.
* `least_input`: the smallest input.
"""

from dawnchorus.models import dsr2019_blocks

KERNEL = (4, 4)
# average, its step, and the maximum; frames x bands
VIEWS = {"near": ((16, 6), 1, (4, 4)), "far": ((16, 4), 2, (2, 2))}


def views(x, nonlinearity: str) -> list:
    """Return both views of (B, T, F, 1), cut to equal size: each (B, T', F', 1)."""
    from keras import layers

    found = []
    for name, (size, step, pool) in VIEWS.items():
        y = layers.AveragePooling2D(size, strides=step, name=f"mean_{name}")(x)
        options = {"nonlinearity": nonlinearity, "pool": pool}
        found.append(dsr2019_blocks.block(y, 1, KERNEL, f"_{name}", **options))
    # of some sizes one view has a cell more
    frames, bands = (min(view.shape[axis] for view in found) for axis in (1, 2))
    return [
        view if view.shape[1:3] == (frames, bands)
        else layers.Cropping2D(
            ((0, view.shape[1] - frames), (0, view.shape[2] - bands)), name=f"cut_{name}"
        )(view)
        for name, view in zip(VIEWS, found, strict=True)
    ]  # fmt: skip


def least_input(cells: int) -> tuple[int, int]:
    """Return the fewest frames and bands of which either view has so many cells."""
    sizes = []
    for size, step, pool in VIEWS.values():
        averaged = [cells * p + k - 1 for p, k in zip(pool, KERNEL, strict=True)]
        sizes.append([(n - 1) * step + field for n, field in zip(averaged, size, strict=True)])
    return max(size[0] for size in sizes), max(size[1] for size in sizes)
