"""The parent's end of the limited child: ask it for a recording, take its answer, replace it.

* `Decoder`: one child, for as long as a shard takes.
"""

import contextlib
import json
import mmap
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from dawnchorus.audio import child
from dawnchorus.audio.verdicts import EXCLUSIONS, USED, Excluded
from dawnchorus.runtime.logs import LOG

COMMAND = (sys.executable, "-P", "-c", "from dawnchorus.audio import child; child.main()")
_START_S = 120.0  # for loading the libraries, from a slow network drive too
_LINE_BYTES = 1 << 16  # of one message; a sane one has some hundreds
_LIBRARY = str(Path(__file__).resolve().parents[2])


class Decoder:
    """A child process that decodes one recording after another.

    To be used in a ``with`` block, which ends the child. The child also ends with the thread
    that first asked it.

    Parameters
    ----------
    setup : mapping
        ``recipe`` and ``archive``, as `child` expects them.
    """

    def __init__(self, setup: Mapping):
        self.setup = setup
        self.left_s = 0.0  # that the child may still let the parent wait
        self._process: subprocess.Popen | None = None
        self._stderr = tempfile.TemporaryFile()
        self._slab_file = _shared_memory()
        self._slab = mmap.mmap(self._slab_file.fileno(), child.SLAB_BYTES)

    def __enter__(self) -> "Decoder":
        return self

    def __exit__(self, *_) -> None:
        self._end()
        self._stderr.close()
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
        if self._process is not None:
            with contextlib.suppress(BrokenPipeError):
                self._tell(request)
                return
            self._end()
        self._start()
        self._tell(request)

    def answer(self, add: Callable[[Sequence[memoryview]], None]) -> dict:
        """Take the answer to the last question.

        Parameters
        ----------
        add : callable
            Takes samples as they come: float32 bytes of each channel, good until it returns.

        Returns
        -------
        dict
            The fields of `verdicts.Resampled` but for ``id`` and ``first_sample``.

        Raises
        ------
        Excluded
            DECODER_CRASHED, DECODER_TIMEOUT, DECODER_MEMORY: the child is gone, and the next
            question starts another.
        """
        self.left_s = self.setup["recipe"]["decoder"]["seconds"]
        while "verdict" not in (message := self._message()):
            self._empty_slab(message, add)
            with contextlib.suppress(BrokenPipeError):  # the next message tells why
                self._tell({"go": "on"})
        if message["verdict"] == "DECODER_MEMORY":
            raise self._failed("DECODER_MEMORY", message["detail"])
        if message["verdict"] not in (USED, *EXCLUSIONS):
            raise self._failed("DECODER_CRASHED", "the decoder spoke nonsense")
        if message["verdict"] == USED:
            self._empty_slab(message, add)
        return {key: value for key, value in message.items() if key not in ("n", "of")}

    def _empty_slab(self, message: Mapping, add: Callable) -> None:
        n, n_channels = message.get("n", 0), message.get("of", 0)
        if n_channels < 1 or not 0 <= n <= child.room(n_channels):
            raise self._failed("DECODER_CRASHED", "the decoder spoke nonsense")
        starts = [c * child.room(n_channels) * child.SAMPLE_BYTES for c in range(n_channels)]
        with memoryview(self._slab) as slab:
            add([slab[start : start + n * child.SAMPLE_BYTES] for start in starts])

    def _tell(self, what: Mapping) -> None:
        self._process.stdin.write(json.dumps(what).encode() + b"\n")

    def _start(self) -> None:
        self._stderr.seek(0)  # the child writes where the parent stands
        self._stderr.truncate()
        self._process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            bufsize=0,
            env=_environment(),
            pass_fds=[self._slab_file.fileno()],
        )
        self.left_s = _START_S
        try:
            self._tell({**self.setup, "slab": self._slab_file.fileno()})
            self._message()
        except (BrokenPipeError, Excluded) as error:
            self._end()
            raise OSError(f"the audio decoder does not start: {self._last_words()}") from error

    def _message(self) -> dict:
        """Return the next line of the child."""
        line = bytearray()
        source = self._process.stdout
        poll = select.poll()
        poll.register(source, select.POLLIN)
        while not line.endswith(b"\n"):
            started = time.monotonic()
            is_there = poll.poll(max(0.0, self.left_s) * 1000)
            # what the parent itself does in between is not held against the child
            self.left_s -= time.monotonic() - started
            if not is_there:
                limit_s = self.setup["recipe"]["decoder"]["seconds"]
                raise self._failed("DECODER_TIMEOUT", f"not done after {limit_s:g} s")
            piece = source.read(_LINE_BYTES)
            if not piece:
                raise self._failed(*self._cause())
            line += piece
            if len(line) > _LINE_BYTES:
                raise self._failed("DECODER_CRASHED", "the decoder spoke nonsense")
        try:
            return json.loads(line)
        except ValueError:
            raise self._failed("DECODER_CRASHED", "the decoder spoke nonsense") from None

    def _cause(self) -> tuple[str, str]:
        """Return the code for a child that has closed its end of the pipe."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        status = self._process.poll()
        if status == -signal.SIGXCPU:
            limit_s = self.setup["recipe"]["decoder"]["seconds"]
            return "DECODER_TIMEOUT", f"not done after {limit_s:g} s of computing"
        if status == -signal.SIGKILL:
            return "DECODER_MEMORY", "the decoder was killed, as the system does for want of memory"
        if status is not None and status < 0:
            return "DECODER_CRASHED", f"the decoder died of {signal.Signals(-status).name}"
        return "DECODER_CRASHED", f"the decoder ended with status {status}"

    def _failed(self, code: str, detail: str) -> Excluded:
        self._end()
        if code == "DECODER_CRASHED":
            LOG.info("%s: %s", detail, self._last_words())
        return Excluded(code, detail)

    def _last_words(self) -> str:
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it left no message"

    def _end(self) -> None:
        if self._process is None:
            return
        # it keeps nothing that would be lost
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._process = None


def _shared_memory() -> BinaryIO:
    """Open a file for the slab: one that is no file, where there is such a thing."""
    if hasattr(os, "memfd_create"):
        file = open(os.memfd_create("slab"), "r+b", buffering=0)
    else:
        file = tempfile.TemporaryFile()
    file.truncate(child.SLAB_BYTES)
    return file


def _environment() -> dict[str, str]:
    """Return the child's environment: it finds the same library and wastes no time."""
    paths = [_LIBRARY, *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "OPENBLAS_NUM_THREADS": "1",
        # glibc would give every buffer back to the kernel and have it zeroed for the next one
        "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
        "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    }
