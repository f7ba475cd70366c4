"""Everything random is a function of names and numbers, never of what ran before.

* `generator`: a NumPy Generator for a seed and a path such as (stage, member, epoch).
* `integer`: a seed for a library that wants one number.
"""

import hashlib

import numpy as np


def generator(seed: int, *path: str | int) -> np.random.Generator:
    """Return the Generator of a seed and a path of names and numbers."""
    return np.random.default_rng([seed, *_words(path)])


def integer(seed: int, *path: str | int) -> int:
    """Return a seed in [0, 2**31) for a seed and a path of names and numbers."""
    return int.from_bytes(_digest((seed, *path))[:4], "big") >> 1


def _words(path: tuple) -> list[int]:
    digest = _digest(path)
    return [int.from_bytes(digest[at : at + 4], "big") for at in range(0, 16, 4)]


def _digest(path: tuple) -> bytes:
    return hashlib.sha256("\x1f".join(f"{type(p).__name__}:{p}" for p in path).encode()).digest()
