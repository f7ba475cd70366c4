"""Bytes of a recording: read at any place, or with some of them replaced.

* `ByteReader`: pieces of a file, without a call to the system for each.
* `Patched`: a file some bytes of which read as others.
"""

import bisect
import io
import os
from collections.abc import Mapping
from typing import BinaryIO

_BLOCK = 1 << 20


class ByteReader:
    """Read pieces of a file at any place.

    Parameters
    ----------
    file : binary file
        Its position is moved.
    """

    def __init__(self, file: BinaryIO):
        self.file = file
        self.size = file.seek(0, os.SEEK_END)
        self._start, self._block = 0, b""

    def at(self, position: int, n_bytes: int) -> bytes:
        """Return the bytes from a position on: fewer at the end of the file."""
        first = position - self._start
        if first < 0 or first + n_bytes > len(self._block):
            self.file.seek(position)
            self._start, self._block, first = position, self.file.read(max(n_bytes, _BLOCK)), 0
        return self._block[first : first + n_bytes]

    def find(self, wanted: bytes, position: int) -> int:
        """Return where some bytes next occur from a position on, -1 where they do not."""
        while position + len(wanted) <= self.size:
            self.at(position, len(wanted))  # the block that holds them, and mostly much more
            if (found := self._block.find(wanted, position - self._start)) >= 0:
                return self._start + found
            if self._start + len(self._block) <= position:
                return -1  # the file has become shorter
            position = max(position + 1, self._start + len(self._block) - len(wanted) + 1)
        return -1


class Patched(io.RawIOBase):
    """A file some bytes of which read as others; the file itself stays as it is.

    Parameters
    ----------
    file : binary file
    patches : mapping
        Bytes by the position where they are read.
    """

    def __init__(self, file: BinaryIO, patches: Mapping[int, bytes]):
        super().__init__()
        self.file = file
        self.patches = sorted(patches.items())

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position and return it."""
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self.file.tell()

    def readinto(self, buffer) -> int:
        """Read into a buffer; return how many bytes were read."""
        start = self.file.tell()
        n_bytes = self.file.readinto(buffer)
        target = memoryview(buffer).cast("B")
        # the last patch that begins before may reach into what was read
        first = max(0, bisect.bisect(self.patches, (start,)) - 1)
        for position, new in self.patches[first:]:
            if position >= start + n_bytes:
                break
            for index, value in enumerate(new, position - start):
                if 0 <= index < n_bytes:
                    target[index] = value
        return n_bytes
