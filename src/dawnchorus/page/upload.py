"""What a client sends, held in memory while it is looked at, and under no name of a client.

The decoder is another process and opens a path: it gets that of a file in memory. Where the system has
none, it is a temporary file, which is removed with the upload.

* `Upload`: the bytes; `shown_name`: what the recording is called in answers.
"""

import os
import tempfile

_MOST_NAME = 120  # characters


class Upload:
    """Bytes that are gone with the ``with`` block, or with the process.

    Attributes
    ----------
    path : str
        What the decoder opens.
    n_bytes : int
    """

    def __init__(self):
        self.n_bytes = 0
        if hasattr(os, "memfd_create"):
            self._file = open(os.memfd_create("upload"), "r+b", buffering=0)
            self.path = f"/proc/{os.getpid()}/fd/{self._file.fileno()}"
        else:
            self._file = tempfile.NamedTemporaryFile(buffering=0)
            self.path = self._file.name

    def __enter__(self) -> "Upload":
        return self

    def __exit__(self, *_) -> None:
        self._file.close()

    def add(self, piece: bytes) -> None:
        """Take the next bytes."""
        waiting = memoryview(piece)
        while waiting:
            waiting = waiting[self._file.write(waiting) :]
        self.n_bytes += len(piece)


def shown_name(given: str) -> str:
    """Return a client's name of a recording without folders and control characters."""
    name = given.replace("\\", "/").rpartition("/")[2]
    name = "".join(one if one.isprintable() else " " for one in name).strip()
    # the end has the extension
    return name[-_MOST_NAME:].strip() or "recording"
