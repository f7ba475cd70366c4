"""SpecAugment's masks: bands of frames and of frequencies that a model has to do without.

Park et al. (2019), "SpecAugment", https://arxiv.org/abs/1904.08779, section 2; without its time
warping, which the authors found to matter least.

* `masked`: a batch, in place.
"""

from collections.abc import Mapping

import numpy as np


def masked(windows: np.ndarray, settings: Mapping, rng: np.random.Generator) -> None:
    """Mask blocks of frames and of bands of each window of a batch, in place.

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
