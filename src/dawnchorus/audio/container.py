"""The bytes of a recording: opened safely, compared with the listing, their format and length.

Headers are read here because libsndfile decodes the rest of a cut file and reports no error.

* `open_recording`: the bytes of a regular file or of a member of an archive, as they were listed.
* `file_format`: the format, from the first bytes.
* `check_complete`: are as many bytes of samples present as the header claims?
"""

import contextlib
import functools
import hashlib
import io
import os
import shutil
import stat
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

from dawnchorus.audio.verdicts import Excluded
from dawnchorus.runtime import hashes

SMALL = (
    32 << 20
)  # bytes up to which a file is read at once, so that the hash is of the very bytes decoded
_BLOCK = 1 << 20
_MOST_CHUNKS = 10_000  # a real file has some tens; a hostile one must not delay the run
# lengths that programs write which stream, and cannot return to the header
_STREAMED = (0xFFFFFFFF, 0x7FFFF000)
_W64_TAIL = bytes.fromhex("2e91cf11a5d628db04c10000")  # of the GUID of a W64 file, after "riff"


@contextlib.contextmanager
def open_recording(
    path: str, n_bytes: str, sha256: str, state: str = "", archive: str | None = None
) -> Iterator[BinaryIO]:
    """Yield the bytes of a recording, after comparing them with the listing.

    Parameters
    ----------
    path : str
        A file, or with ``archive`` the name of a member.
    n_bytes, sha256 : str
        As listed; an empty text is not compared. Members are listed by their recipe, so their bytes
        are compared with the check sums of the archive instead.
    state : str, optional
        As `dawnchorus.runtime.hashes.state` gives it: a file in this state has the listed content.
    archive : str, optional
        A zip file.

    Yields
    ------
    binary file
        The file itself, whose state is compared again when the block ends; in memory up to `SMALL`
        bytes where its hash had to be computed.

    Raises
    ------
    Excluded
        MISSING_FILE, NOT_REGULAR, NAME_PERMISSION, AUDIO_EMPTY, AUDIO_CHANGED.
    """
    if archive is not None:
        n_bytes = sha256 = state = ""
    with _regular(path) if archive is None else _member(path, archive) as file:
        before = _state(file)
        size = before[0]
        if n_bytes not in ("", str(size)):
            raise Excluded("AUDIO_CHANGED", f"{size} bytes, {n_bytes} when it was listed")
        if size == 0:
            raise Excluded("AUDIO_EMPTY", "0 bytes")
        is_known = state != "" and hashes.state(os.fstat(file.fileno())) == state
        try:
            source = io.BytesIO(file.read(size)) if size <= SMALL and not is_known else file
            is_listed = is_known or not sha256
            if not is_listed:
                is_listed = hashlib.file_digest(source, "sha256").hexdigest() == sha256
                source.seek(0)
        except OSError as error:
            raise Excluded("MISSING_FILE", f"cannot be read: {error.strerror}") from error
        if not is_listed:
            raise Excluded("AUDIO_CHANGED", "other bytes than were listed")
        yield source
        if _state(file) != before:
            raise Excluded("AUDIO_CHANGED", "changed while it was read")


@contextlib.contextmanager
def _regular(path: str) -> Iterator[BinaryIO]:
    try:
        # asked before it is opened: opening a device can have effects
        is_regular = stat.S_ISREG(os.stat(path).st_mode)
        # does not block, in case a pipe has taken the place of the file since
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK) if is_regular else None
    except PermissionError as error:
        raise Excluded("NAME_PERMISSION", "no permission to read it") from error
    except OSError as error:
        raise Excluded("MISSING_FILE", f"cannot be opened: {error.strerror}") from error
    except ValueError as error:
        raise Excluded("MISSING_FILE", f"cannot be opened: {error}") from error
    if descriptor is None:
        raise Excluded("NOT_REGULAR", "a folder, a pipe or a device")
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Excluded("NOT_REGULAR", "a folder, a pipe or a device")
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _member(name: str, archive: str) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile(buffering=0) as file:
        try:
            with _archive(archive).open(name) as member:
                shutil.copyfileobj(member, file, _BLOCK)
        except KeyError as error:
            raise Excluded("MISSING_FILE", "not in the archive") from error
        except zipfile.BadZipFile as error:
            raise Excluded("AUDIO_CHANGED", f"damaged in the archive: {error}") from error
        file.seek(0)
        yield file


# opened once for all of its members: the list of them may be long
_archive = functools.lru_cache(maxsize=1)(zipfile.ZipFile)


def _state(file: BinaryIO) -> tuple:
    found = os.fstat(file.fileno())
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def file_format(head: bytes) -> str | None:
    """Return the format by the first 16 bytes, or None where the decoder does not support it."""
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"riff" and head[4:16] == _W64_TAIL:
        return "w64"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[:4] in (b"fLaC", b"OggS"):
        return "flac" if head[:4] == b"fLaC" else "ogg"
    # 11 set bits begin an MPEG frame; the layer 0 and the bit rate 15 do not exist
    is_frame = head[:1] == b"\xff" and len(head) > 2 and head[1] & 0xE0 == 0xE0
    if head[:3] == b"ID3" or (is_frame and head[1] & 0x06 and head[2] & 0xF0 != 0xF0):
        return "mp3"
    return None


def check_complete(source: BinaryIO, kind: str, allow_truncated: bool) -> bool:
    """Compare the length in the header of a recording with the bytes that follow.

    FLAC and mp3 are not checked here: their frames are counted once they are decoded.

    Returns
    -------
    bool
        Whether the end may be missing although no error is raised: the header gives no length, or
        ``allow_truncated`` permits it.

    Raises
    ------
    Excluded
        AUDIO_NO_SAMPLES, AUDIO_TRUNCATED.
    """
    size = source.seek(0, os.SEEK_END)
    if kind == "ogg":
        is_cut, detail = not _has_last_page(source, size), "the stream has no last page"
    else:
        claim = _sample_bytes(source, kind, size)
        if claim is None:
            return False
        claimed, present = claim
        if claimed == 0:
            detail = f"the header says 0 bytes of samples, {present} follow it"
            raise Excluded("AUDIO_NO_SAMPLES", detail)
        if kind == "wav" and claimed in _STREAMED and present > 0:
            return True
        is_cut, detail = claimed > present, f"{present} of {claimed} bytes of samples are there"
    if is_cut and not allow_truncated:
        raise Excluded("AUDIO_TRUNCATED", detail)
    return is_cut


def _sample_bytes(source: BinaryIO, kind: str, size: int) -> tuple[int, int] | None:
    """Return claimed and present bytes of the chunk of samples, None where no such chunk is found."""
    if kind not in ("wav", "w64", "aiff"):
        return None
    source.seek(0)
    order = ">" if source.read(4) in (b"FORM", b"RIFX") else "<"
    layout = struct.Struct("<4s12xQ" if kind == "w64" else f"{order}4sI")
    start, alignment = (40, 8) if kind == "w64" else (12, 2)
    large = None  # the size of the samples in an RF64 file, which does not fit their own chunk
    for _ in range(_MOST_CHUNKS):
        source.seek(start)
        head = source.read(layout.size)
        if len(head) < layout.size:
            return None
        name, n_bytes = layout.unpack(head)
        if kind == "w64":
            n_bytes = max(0, n_bytes - layout.size)  # W64 counts the chunk's own head
        start += layout.size
        if name == b"ds64":
            source.seek(start + 8)
            large = int.from_bytes(source.read(8), "little")
        if name in (b"data", b"SSND"):
            is_large = large is not None and n_bytes == 0xFFFFFFFF
            # the samples of an AIFF file come after an offset and a block size
            skipped = 8 if name == b"SSND" else 0
            claimed = large if is_large else n_bytes - skipped
            return max(0, claimed), max(0, size - start - skipped)
        start += -(-n_bytes // alignment) * alignment
        if start >= 1 << 62:  # beyond what a file can be, and so is a seek to it
            return None
    return None


def _has_last_page(source: BinaryIO, size: int) -> bool:
    """Return whether the last page of an Ogg stream is whole and marked as its last (RFC 3533)."""
    source.seek(max(0, size - (1 << 17)))  # a page has at most 65,307 bytes
    tail = source.read(1 << 17)
    start = tail.rfind(b"OggS")
    page = tail[start:]
    if start < 0 or len(page) < 27 or len(page) < 27 + page[26]:
        return False
    n_bytes = 27 + page[26] + sum(page[27 : 27 + page[26]])
    return bool(page[5] & 4) and len(page) >= n_bytes
