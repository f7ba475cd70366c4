"""The WAV file of a shard: mono, 32-bit float, samples from byte 128 on.

The header reserves room for the 64-bit sizes of RF64 (EBU Tech 3306), which it turns into beyond
4 GiB, so that its length does not depend on what follows. The file is not written by libsndfile, whose
float files hold the time of writing in their PEAK chunk: equal samples have to give equal bytes.

* `ShardWriter`: adds recordings one after another, and removes a failed one.
* `open_shard`: the samples as a read-only memory map; `check_shard`: only whether they are complete.
* `shard_sample_rate`: their rate.
"""

import os
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import numpy as np

HEADER_BYTES = 128
SAMPLE_BYTES = 4
_FLOAT = 3  # format tag of IEEE floating point
_MOST = 0xFFFFFFFF  # largest size of a RIFF file; in RF64: the size stands in its chunk ds64


def header(n_samples: int, sample_rate: int) -> bytes:
    """Return the 128 bytes before ``n_samples`` float32 samples at ``sample_rate`` Hz."""
    n_bytes = n_samples * SAMPLE_BYTES
    riff_bytes = HEADER_BYTES - 8 + n_bytes
    is_large = riff_bytes >= _MOST
    sizes = (riff_bytes, n_bytes, n_samples) if is_large else (0, 0, 0)
    parts = [
        struct.pack("<4sI4s", b"RF64" if is_large else b"RIFF", min(riff_bytes, _MOST), b"WAVE"),
        struct.pack("<4sIQQQI", b"ds64" if is_large else b"JUNK", 28, *sizes, 0),
        struct.pack("<4sIHHIIHHH", b"fmt ", 18, _FLOAT, 1, sample_rate, sample_rate * 4, 4, 32, 0),
        struct.pack("<4sII", b"fact", 4, min(n_samples, _MOST)),
    ]
    # filled up so that the samples, and with them the memory map, begin at a multiple of 4
    n_fill = HEADER_BYTES - 16 - sum(map(len, parts))
    parts.append(struct.pack(f"<4sI{n_fill}x", b"JUNK", n_fill))
    parts.append(struct.pack("<4sI", b"data", _MOST if is_large else n_bytes))
    return b"".join(parts)


def open_shard(path: str | Path) -> "np.memmap":
    """Open the audio of a shard.

    Parameters
    ----------
    path : path
        WAV file written by `ShardWriter`.

    Returns
    -------
    memory map, shape (S,), float32, read-only
        The recordings one after another; the shard's table says where each lies. A plain empty
        array where the shard holds no samples: nothing can be mapped then.

    Raises
    ------
    ValueError
        Where the file is cut, longer than its header says, or no such file.
    """
    import numpy as np  # not above: the job that writes shards does not load it

    n_samples = check_shard(path)
    if n_samples == 0:
        return np.empty(0, np.float32)
    return np.memmap(path, "<f4", mode="r", offset=HEADER_BYTES, shape=(n_samples,))


def shard_sample_rate(path: str | Path) -> int:
    """Return the sample rate of a shard in Hz, 0 where it is no such file."""
    with open(path, "rb") as file:
        return _rate(file.read(HEADER_BYTES))


def check_shard(path: str | Path) -> int:
    """Return the number of samples of a shard, or raise ValueError where it is incomplete."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        found = file.read(HEADER_BYTES)
    n_samples = (size - HEADER_BYTES) // SAMPLE_BYTES
    sample_rate = _rate(found)
    is_whole = size >= HEADER_BYTES and size == HEADER_BYTES + n_samples * SAMPLE_BYTES
    if not is_whole or found != header(n_samples, sample_rate):
        raise ValueError(
            f"{path} is not a whole shard of audio: its {size} bytes and its header do not agree; "
            "remove it and run again"
        )
    return n_samples


def _rate(found: bytes) -> int:
    return int.from_bytes(found[60:64], "little")


class ShardWriter:
    """Write recordings one after another behind a header; a failed one is removed.

    Parameters
    ----------
    file : binary file
        Unbuffered, open for reading and writing, empty.
    folder : path
        Where the further channels of a recording wait for the end of its first.
    """

    def __init__(self, file: BinaryIO, folder: str | Path):
        self.file, self.folder = file, folder
        self.first_sample = 0  # of the recording that is being written
        self._n_samples = 0  # per channel, of the recording that is being written
        self._spool: BinaryIO | None = None
        self._blocks: list[int] = []  # samples per channel of each block in the spool
        file.write(bytes(HEADER_BYTES))

    def add(self, channels: Sequence[memoryview]) -> None:
        """Append to a recording: float32 bytes, as many of each of its channels."""
        first, *others = channels
        _write_all(self.file, first)
        self._n_samples += len(first) // SAMPLE_BYTES
        if others:
            self._spool = self._spool or tempfile.TemporaryFile(dir=self.folder, buffering=0)
            self._blocks.append(len(first))
        for samples in others:
            _write_all(self._spool, samples)

    def keep(self, n_channels: int) -> int:
        """End a recording and return its number of samples per channel."""
        # the further channels stand block by block in the spool, each channel after the other
        for row in range(n_channels - 1):
            start = 0
            for n_bytes in self._blocks:
                self._spool.seek(start + row * n_bytes)
                _write_all(self.file, self._spool.read(n_bytes))
                start += (n_channels - 1) * n_bytes
        n_samples = self._n_samples
        self.first_sample += n_samples * n_channels
        self._begin()
        return n_samples

    def drop(self) -> None:
        """Remove what was added since the last recording that was kept."""
        end = HEADER_BYTES + self.first_sample * SAMPLE_BYTES
        self.file.truncate(end)
        self.file.seek(end)
        self._begin()

    def finish(self, sample_rate: int) -> None:
        """Write the header."""
        self.file.seek(0)
        self.file.write(header(self.first_sample, sample_rate))

    def _begin(self) -> None:
        self._n_samples, self._blocks = 0, []
        if self._spool is not None:
            self._spool.close()
            self._spool = None


def _write_all(file: BinaryIO, content: bytes | memoryview) -> None:
    """Write to an unbuffered file, which may take less than it is given."""
    content = memoryview(content)
    while content:
        content = content[file.write(content) :]
