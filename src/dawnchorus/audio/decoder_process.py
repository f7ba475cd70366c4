"""The limited child process that decodes recordings, and the parent's end of it.

Samples go through a slab of shared memory, everything else as one JSON object per line. The parent
first sends what holds for all recordings (``recipe``, ``archive``, ``slab``: a file descriptor), and
the child answers with ``ready``. Then for each recording:

* the parent sends the request: ``path``, ``bytes``, ``sha256``, ``state``;
* where the slab is full, the child says how much is in it (``n``, ``of`` channels) and waits for a
  line, whatever it says;
* at the end the child sends the verdict, and again how much is in the slab.

The parent handles bytes alone: nothing that this module imports at its top loads numpy.

* `Decoder`: the parent's end of one child, for as long as a shard takes.
* `main`: what the child does.
* `slab_samples`: how many samples of each channel the slab holds.
"""

import contextlib
import ctypes
import json
import math
import mmap
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dawnchorus.audio.verdicts import EXCLUSIONS, USED, Excluded
from dawnchorus.runtime.logs import LOG

if TYPE_CHECKING:
    import numpy as np

COMMAND = (
    sys.executable, "-P", "-c",
    "from dawnchorus.audio import decoder_process; decoder_process.main()",
)  # fmt: skip
SLAB_BYTES = 8 << 20  # 95 s at 22,050 Hz
SAMPLE_BYTES = 4
_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2) on Linux
_START_S = 120.0  # for loading the libraries, from a slow network drive too
_LINE_BYTES = 1 << 16  # of one message; a correct one has some hundreds
_LIBRARY = str(Path(__file__).resolve().parents[2])


def slab_samples(n_channels: int) -> int:
    """Return how many samples of each channel the slab holds; channel follows channel."""
    return SLAB_BYTES // SAMPLE_BYTES // n_channels


class Decoder:
    """A child process that decodes one recording after another.

    Use it in a ``with`` block, which ends the child. The child also ends with the thread that sent
    the first request.

    Parameters
    ----------
    setup : mapping
        ``recipe`` and ``archive``, which hold for all recordings.
    """

    def __init__(self, setup: Mapping):
        self.setup = setup
        self.left_s = 0.0  # how much longer the parent waits for the child
        self._process: subprocess.Popen | None = None
        self._is_starting = False  # it has not said that it is ready
        self._stderr = tempfile.TemporaryFile()
        # in memory where the system can, so that samples never touch a disk
        if hasattr(os, "memfd_create"):
            self._slab_file = open(os.memfd_create("slab"), "r+b", buffering=0)
        else:
            self._slab_file = tempfile.TemporaryFile()
        self._slab_file.truncate(SLAB_BYTES)
        self._slab = mmap.mmap(self._slab_file.fileno(), SLAB_BYTES)

    def __enter__(self) -> "Decoder":
        return self

    def __exit__(self, *_) -> None:
        self._end()
        self._stderr.close()
        # An error behind `answer`, such as a full disk, still holds views of the slab in its traceback:
        # closing it would raise in the place of that error. It goes with the last view.
        with contextlib.suppress(BufferError):
            self._slab.close()
        self._slab_file.close()

    def ask(self, recording: Mapping) -> None:
        """Have a recording decoded; one at a time.

        Raises
        ------
        OSError
            Where no child can be started.
        """
        request = {key: recording[key] for key in ("path", "bytes", "sha256")}
        request["state"] = recording.get("state", "")
        if self._process is not None and not self._is_starting:
            with contextlib.suppress(BrokenPipeError):
                self._send(request)
                return
            self._end()
        if self._process is None:
            self.start()
        self._is_starting = False
        try:
            self._message()
        except Excluded as error:
            self._end()
            raise OSError(f"the audio decoder does not start: {self._last_error()}") from error
        self._send(request)

    def start(self) -> None:
        """Start a child, which loads its libraries while the caller does something else.

        Raises
        ------
        OSError
            Where no process can be started; `ask` tells of one that ends at once.
        """
        self._stderr.seek(0)  # parent and child share the position in this file
        self._stderr.truncate()
        python_path = [_LIBRARY, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(python_path),
            # threads of its own would take address space, which is limited
            "OPENBLAS_NUM_THREADS": "1",
            # else glibc returns every buffer to the kernel, which zeroes it for the next one
            "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
            "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
        }
        self._process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            bufsize=0,
            env=environment,
            pass_fds=[self._slab_file.fileno()],
        )
        self.left_s, self._is_starting = _START_S, True
        with contextlib.suppress(BrokenPipeError):  # the first message has the reason
            self._send({**self.setup, "slab": self._slab_file.fileno()})

    def answer(self, add: Callable[[Sequence[memoryview]], None]) -> dict:
        """Receive the answer to the last request.

        Parameters
        ----------
        add : callable
            Takes samples as they come: float32 bytes of each channel, valid until it returns.

        Returns
        -------
        dict
            The fields of `verdicts.Resampled` except ``id`` and ``first_sample``.

        Raises
        ------
        Excluded
            DECODER_CRASHED, DECODER_TIMEOUT, DECODER_MEMORY: the child is gone, and the next
            request starts another.
        """
        self.left_s = self.setup["recipe"]["decoder"]["seconds"]
        while "verdict" not in (message := self._message()):
            self._empty_slab(message, add)
            self._let_go_on()
        return self._verdict(message, add)

    def pieces(self) -> Generator[list[bytes], None, dict]:
        """Yield the samples of the last request as they come, and return the answer.

        The child decodes on while what was yielded is at work: the slab is copied first.

        Yields
        ------
        list of bytes
            Float32 samples of each channel. Those of a recording that is excluded in the end must be
            discarded.

        Returns
        -------
        dict
            As `answer` returns it; its errors are those of `answer`.
        """
        self.left_s = self.setup["recipe"]["decoder"]["seconds"]
        held: list[bytes] = []

        def hold(channels: Sequence[memoryview]) -> None:
            held[:] = map(bytes, channels)

        while "verdict" not in (message := self._message()):
            self._empty_slab(message, hold)
            self._let_go_on()
            yield [*held]
        held.clear()
        verdict = self._verdict(message, hold)
        if held:
            yield [*held]
        return verdict

    def _let_go_on(self) -> None:
        with contextlib.suppress(BrokenPipeError):  # the next message has the reason
            self._send({"go": "on"})

    def _verdict(self, message: Mapping, add: Callable) -> dict:
        """Take what the last message of a recording brings, and return its fields."""
        if message["verdict"] == "DECODER_MEMORY":
            raise self._failed("DECODER_MEMORY", message["detail"])
        if message["verdict"] not in (USED, *EXCLUSIONS):
            raise self._failed("DECODER_CRASHED", "the decoder sent an invalid message")
        if message["verdict"] == USED:
            self._empty_slab(message, add)
        return {key: value for key, value in message.items() if key not in ("n", "of")}

    def _empty_slab(self, message: Mapping, add: Callable) -> None:
        n, n_channels = message.get("n", 0), message.get("of", 0)
        if n_channels < 1 or not 0 <= n <= slab_samples(n_channels):
            raise self._failed("DECODER_CRASHED", "the decoder sent an invalid message")
        starts = [c * slab_samples(n_channels) * SAMPLE_BYTES for c in range(n_channels)]
        with memoryview(self._slab) as slab:
            add([slab[start : start + n * SAMPLE_BYTES] for start in starts])

    def _send(self, message: Mapping) -> None:
        self._process.stdin.write(json.dumps(message).encode() + b"\n")

    def _message(self) -> dict:
        """Return the next line of the child."""
        line = bytearray()
        source = self._process.stdout
        poll = select.poll()
        poll.register(source, select.POLLIN)
        while not line.endswith(b"\n"):
            started = time.monotonic()
            is_ready = poll.poll(max(0.0, self.left_s) * 1000)
            # only the waiting counts: the parent's own work is not the child's delay
            self.left_s -= time.monotonic() - started
            if not is_ready:
                limit_s = self.setup["recipe"]["decoder"]["seconds"]
                raise self._failed("DECODER_TIMEOUT", f"not done after {limit_s:g} s")
            piece = source.read(_LINE_BYTES)
            if not piece:
                # the child has closed its end of the pipe: how it ended says why
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(5)
                status = self._process.poll()
                code, detail = "DECODER_CRASHED", f"the decoder ended with status {status}"
                if status == -signal.SIGXCPU:
                    limit_s = self.setup["recipe"]["decoder"]["seconds"]
                    code, detail = "DECODER_TIMEOUT", f"not done after {limit_s:g} s of computing"
                elif status == -signal.SIGKILL:
                    code = "DECODER_MEMORY"
                    detail = "the decoder was killed, as the system does when memory is short"
                elif status is not None and status < 0:
                    detail = f"the decoder died of {signal.Signals(-status).name}"
                raise self._failed(code, detail)
            line += piece
            if len(line) > _LINE_BYTES:
                raise self._failed("DECODER_CRASHED", "the decoder sent an invalid message")
        try:
            return json.loads(line)
        except ValueError:
            raise self._failed("DECODER_CRASHED", "the decoder sent an invalid message") from None

    def _failed(self, code: str, detail: str) -> Excluded:
        self._end()
        if code == "DECODER_CRASHED":
            LOG.info("%s: %s", detail, self._last_error())
        return Excluded(code, detail)

    def _last_error(self) -> str:
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it left no message"

    def _end(self) -> None:
        if self._process is None:
            return
        # killed, not asked to stop: a child that hangs does not listen, and it owns no file
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._process = None


def main() -> None:
    """Decode what the parent requests until it closes the pipe."""
    if sys.platform == "linux":
        # a parent that is dead already has closed the pipe, and that ends the child as well
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # a library that prints must not write into the parent's pipe
    setup = json.loads(sys.stdin.buffer.readline())
    # not at the top: the parent imports this file too, and decodes nothing itself
    from dawnchorus.audio import decode, resampling

    def send(message: dict) -> None:
        answers.write(json.dumps(message).encode() + b"\n")

    recipe, limits = setup["recipe"], setup["recipe"]["decoder"]
    slab = _Slab(setup["slab"], send)
    # what the resampler loads is no part of the memory that a recording may take
    resampling.stream(recipe["resampler"], 2 * recipe["sample_rate"], recipe["sample_rate"], 1)
    # a crash is to leave no core file behind
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # macOS accepts the limit and does not keep it
        with open("/proc/self/statm") as file:
            taken = int(file.read().split()[0]) * resource.getpagesize()
        most = taken + int(limits["memory_mb"] * (1 << 20))
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    send({"ready": True})
    for line in iter(sys.stdin.buffer.readline, b""):
        # the kernel ends a recording that computes for longer; the parent ends one that waits
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        soft = math.ceil(time.process_time() + limits["seconds"]) + 1
        if hard == resource.RLIM_INFINITY or soft < hard:
            resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
        slab.n = 0
        try:
            verdict = decode.resample(json.loads(line), recipe, setup["archive"], slab.add)
        except MemoryError:
            detail = f"asked for more than {limits['memory_mb']} MB"
            verdict = {"verdict": "DECODER_MEMORY", "detail": detail}
        send({**verdict, **slab.filling()})


class _Slab:
    """The child's end of the shared memory."""

    def __init__(self, descriptor: int, send: Callable[[dict], None]):
        import numpy as np

        self.samples = np.frombuffer(mmap.mmap(descriptor, SLAB_BYTES), np.float32)
        self.send = send
        self.n, self.of = 0, 1

    def add(self, block: "np.ndarray") -> None:
        """Put samples into the slab, shape (S, C); wait for the parent where it is full."""
        self.of = block.shape[1]
        most = slab_samples(self.of)
        channels = self.samples[: most * self.of].reshape(self.of, most)
        while len(block):
            if self.n == most:
                self.send(self.filling())
                sys.stdin.buffer.readline()
                self.n = 0
            n = min(most - self.n, len(block))
            channels[:, self.n : self.n + n] = block[:n].T
            self.n += n
            block = block[n:]

    def filling(self) -> dict:
        """Return how many samples of each channel are held, and of how many channels."""
        return {"n": self.n, "of": self.of}
