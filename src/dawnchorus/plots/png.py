"""Grey pictures as PNG files.

PNG specification, third edition, https://www.w3.org/TR/png-3/. What is written holds the picture and
nothing else; equal pictures give equal bytes with the same zlib.

* `write`: a picture from bands of its rows.
* `check`: whether a file is whole.
"""

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np


def write(path: str | Path, shape: tuple[int, int], bands: Iterable[np.ndarray]) -> None:
    """Write a grey picture; it is never in memory as a whole.

    Parameters
    ----------
    path : path
    shape : (rows, columns)
    bands : arrays, shape (n, columns), uint8
        From the top down; their rows add up to those of ``shape``.
    """
    packer = zlib.compressobj()
    header = struct.pack(">IIBBBBB", shape[1], shape[0], 8, 0, 0, 0, 0)  # 8 bits, grey
    with open(path, "wb") as file:
        file.write(_SIGNATURE + _chunk(b"IHDR", header))
        for band in bands:
            rows = np.zeros((len(band), shape[1] + 1), np.uint8)  # the first byte: no filter
            rows[:, 1:] = band
            file.write(_chunk(b"IDAT", packer.compress(rows.tobytes())))
        file.write(_chunk(b"IDAT", packer.flush()) + _END)


def check(path: str | Path) -> None:
    """Raise an OSError where a file lacks the beginning or the end of a PNG."""
    content = Path(path).read_bytes()
    if not (content.startswith(_SIGNATURE) and content.endswith(_END)):
        raise OSError(f"{path} reads back without a beginning or an end; is the disk sound?")


def _chunk(kind: bytes, content: bytes) -> bytes:
    check_sum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check_sum)


_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = _chunk(b"IEND", b"")
