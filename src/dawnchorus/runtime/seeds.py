"""Random generators by seed and names: what was drawn before changes nothing.

* `generator`: a NumPy Generator for a seed and a path such as (stage, member, epoch).
* `integer`: a seed for a library that wants one number.
"""

import hashlib

import numpy as np


def generator(seed: int, *path: str | int) -> np.random.Generator:
    """Return the Generator of a seed and a path of names and numbers."""
    digest = _digest(path)
    return np.random.default_rng([seed, *(_number(digest, at) for at in range(0, 16, 4))])


def integer(seed: int, *path: str | int) -> int:
    """Return a seed in [0, 2**31) for a seed and a path of names and numbers."""
    # libraries take a signed number of 32 bits
    return _number(_digest((seed, *path)), 0) >> 1


def _number(digest: bytes, at: int) -> int:
    return int.from_bytes(digest[at : at + 4], "big")


def _digest(path: tuple) -> bytes:
    # with types and a sign that no name has between: (1, "2"), ("1", 2) and (12,) all differ
    return hashlib.sha256("\x1f".join(f"{type(p).__name__}:{p}" for p in path).encode()).digest()
