"""The file of a normaliser: mean and deviation of every band.

It has a row per band, F in all: ``band`` (from 0, the lowest), ``mean`` and ``deviation`` in the unit
of the frontend, ``frames`` (n, the same in each row).

* `read_normaliser`: as arrays.
* `COLUMNS`: of the table.
"""

from pathlib import Path

import numpy as np

from dawnchorus.runtime import artefacts

COLUMNS = ("band", "mean", "deviation", "frames")
_SHOWN = 5  # bands named in a message


def read_normaliser(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation of the bands of a normaliser: (F,) and (F,), float64.

    Raises
    ------
    ValueError
        Where the file is no normaliser: other columns, bands that are not 0, 1, ... in order, or
        a mean or deviation that is not finite; deviations are above 0.
    """
    rows = artefacts.read_table(path)
    try:
        bands = [int(row["band"]) for row in rows]
        mean, deviation = (
            np.array([float(row[name]) for row in rows], np.float64) for name in COLUMNS[1:3]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from None
    if not rows or bands != list(range(len(rows))):
        raise _damaged(path, f"its bands are {bands[:_SHOWN]}, {len(bands)} in all")
    is_sound = np.isfinite(mean) & np.isfinite(deviation) & (deviation > 0)
    if not is_sound.all():
        band = int(np.argmin(is_sound))
        raise _damaged(path, f"band {band} has mean {mean[band]} and deviation {deviation[band]}")
    return mean, deviation


def _damaged(path: str | Path, why: str) -> ValueError:
    return ValueError(
        f"{path} is no normaliser ({why}); expected columns {', '.join(COLUMNS)} with bands 0, 1, "
        "..., finite means and deviations above 0: delete it and run again"
    )
