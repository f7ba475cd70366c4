"""Grey images, and PNG files of them.

PNG specification, third edition, https://www.w3.org/TR/png-3/. What is written holds the picture and
nothing else; equal pictures give equal bytes with the same zlib.

* `write`: a picture from bands of its rows.
* `check`: whether a file is whole.
* `grey`: an image in 256 shades; `thumbnail`: made small as well.
"""

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

THUMBNAIL = (96, 160)  # rows and columns of a thumbnail [pixels]


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


def thumbnail(image: np.ndarray) -> np.ndarray:
    """Return an image (F, T) as a grey picture of the size `THUMBNAIL`, uint8: means of its pixels."""
    if image.dtype == np.uint8 and image.shape == THUMBNAIL:
        return image
    rows, columns = THUMBNAIL
    small = _resized(_resized(_finite(image), rows).T, columns).T
    return np.round(small).astype(np.uint8) if image.dtype == np.uint8 else grey(small)


def grey(image: np.ndarray) -> np.ndarray:
    """Return an image stretched to 0..255, uint8; one without contrast is black."""
    image = _finite(image)
    low, high = np.percentile(image, 1), image.max()
    if not low < high:
        return np.zeros(image.shape, np.uint8)
    return np.round((image - low).clip(0) * (255 / (high - low))).astype(np.uint8)


def _finite(image: np.ndarray) -> np.ndarray:
    """Return an image as float32, with the least of its finite values for those that are not."""
    image = np.asarray(image, np.float32)
    is_finite = np.isfinite(image)
    least = image[is_finite].min() if is_finite.any() else np.float32(0)
    return np.where(is_finite, image, least)


def _resized(image: np.ndarray, size: int) -> np.ndarray:
    """Return ``size`` rows for those of an image: means of neighbours, or each several times."""
    first = np.arange(size) * len(image) // size
    if len(image) <= size:
        return image[first]
    counts = np.diff([*first, len(image)])
    return np.add.reduceat(image, first, axis=0) / counts[:, None].astype(np.float32)


def _chunk(kind: bytes, content: bytes) -> bytes:
    check_sum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check_sum)


_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = _chunk(b"IEND", b"")
