"""The child process that meets foreign bytes, and how the parent and it speak.

Samples go through a slab of shared memory, everything else as one JSON object per line. The parent
says first what holds for all recordings (``recipe``, ``archive``, ``slab``: a file descriptor), and
the child answers with ``ready``. Then for each recording:

* the parent sends the request: ``path``, ``bytes``, ``sha256``, ``state``;
* where the slab is full, the child says how much is in it (``n``, ``of`` channels) and waits for a
  line, whatever it says;
* at the end it sends the verdict, and again how much is in the slab.

* `main`: what the child does.
* `room`: how many samples of each channel the slab holds.
"""

import ctypes
import json
import math
import mmap
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SLAB_BYTES = 8 << 20  # 95 s at 22,050 Hz
SAMPLE_BYTES = 4
_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux' prctl


def main() -> None:
    """Answer requests until the parent closes the pipe."""
    _die_with_parent()
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # a library that prints must not speak on the parent's line
    setup = json.loads(sys.stdin.buffer.readline())
    # not above: the parent reads this file too, and does without numpy
    from dawnchorus.audio import decode, resampling

    def tell(what: dict) -> None:
        answers.write(json.dumps(what).encode() + b"\n")

    recipe, limits = setup["recipe"], setup["recipe"]["decoder"]
    slab = _Slab(setup["slab"], tell)
    # what the resampler loads is no part of the memory that a recording may take
    resampling.stream(recipe["resampler"], 2 * recipe["sample_rate"], recipe["sample_rate"], 1)
    _limit_memory(limits["memory_mb"])
    tell({"ready": True})
    for line in iter(sys.stdin.buffer.readline, b""):
        _limit_seconds(limits["seconds"])
        slab.n = 0
        try:
            verdict = decode.resample(json.loads(line), recipe, setup["archive"], slab.add)
        except MemoryError:
            detail = f"asked for more than {limits['memory_mb']} MB"
            verdict = {"verdict": "DECODER_MEMORY", "detail": detail}
        tell({**verdict, **slab.filling()})


def room(n_channels: int) -> int:
    """Return how many samples of each channel the slab holds; channel follows channel."""
    return SLAB_BYTES // SAMPLE_BYTES // n_channels


class _Slab:
    """The child's end of the shared memory."""

    def __init__(self, descriptor: int, tell: Callable[[dict], None]):
        import numpy as np

        self.samples = np.frombuffer(mmap.mmap(descriptor, SLAB_BYTES), np.float32)
        self.tell = tell
        self.n, self.of = 0, 1

    def add(self, block: "np.ndarray") -> None:
        """Put samples into the slab, shape (S, C); wait for the parent where it is full."""
        self.of = block.shape[1]
        most = room(self.of)
        channels = self.samples[: most * self.of].reshape(self.of, most)
        while len(block):
            if self.n == most:
                self.tell(self.filling())
                sys.stdin.buffer.readline()
                self.n = 0
            n = min(most - self.n, len(block))
            channels[:, self.n : self.n + n] = block[:n].T
            self.n += n
            block = block[n:]

    def filling(self) -> dict:
        """Return how many samples of each channel are held, and of how many channels."""
        return {"n": self.n, "of": self.of}


def _die_with_parent() -> None:
    # a parent that is dead already has closed the pipe, and that ends the child as well
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def _limit_memory(megabytes: float) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # elsewhere the limit is not kept
        with open("/proc/self/statm") as file:
            taken = int(file.read().split()[0]) * resource.getpagesize()
        most = taken + int(megabytes * (1 << 20))
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _limit_seconds(seconds: float) -> None:
    """Let the kernel end a recording that computes for longer; the parent minds one that waits."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = math.ceil(time.process_time() + seconds) + 1
    if hard == resource.RLIM_INFINITY or soft < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
