"""Mixup: windows of a batch and their targets, mixed in pairs.

Zhang et al. (2018), "mixup: Beyond Empirical Risk Minimization", https://arxiv.org/abs/1710.09412,
section 2.

* `mixup`: a batch and its targets.
"""

from collections.abc import Mapping

import numpy as np


def mixup(
    windows: np.ndarray, values: np.ndarray, settings: Mapping, rng: np.random.Generator
) -> np.ndarray:
    """Mix each window of a batch with another one, in place, and return the targets mixed alike.

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
