"""The bytes of a recording: opened safely, compared with the listing, their format.

* `open_recording`: the bytes of a regular file or of a member of an archive, as they were listed.
* `file_format`: the format, from the first bytes.
"""

import contextlib
import functools
import hashlib
import io
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

from dawnchorus.audio import mpeg_frames
from dawnchorus.audio.verdicts import Excluded
from dawnchorus.formats import audio_names
from dawnchorus.runtime import hashes

SMALL = (
    32 << 20
)  # bytes up to which a file is read at once, so that the hash is of the very bytes decoded
_BLOCK = 1 << 20
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


def file_format(file: BinaryIO) -> tuple[str, int]:
    """Return the format of a recording, and where it begins behind an ID3 tag.

    Raises
    ------
    Excluded
        AUDIO_FORMAT where no decoder is to open it.
    """
    file.seek(0)
    head = file.read(16)
    start = mpeg_frames.id3_bytes(head) if head[:3] == b"ID3" and len(head) == 16 else 0
    if start:
        file.seek(start)
        behind = file.read(16)
        # such a tag belongs before mp3; programs put it before other formats too
        kind = _format(behind)
        return ("mp3", 0) if kind not in ("flac", "aac") else (kind, start)
    kind = _format(head)
    if kind is None:
        raise Excluded("AUDIO_FORMAT", f"none of {', '.join(audio_names.FORMATS)}")
    return kind, 0


def _format(head: bytes) -> str | None:
    """Return the format by the first 16 bytes, None where it is none of those that are read."""
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"riff" and head[4:16] == _W64_TAIL:
        return "w64"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[:4] in (b"fLaC", b"OggS"):
        return "flac" if head[:4] == b"fLaC" else "ogg"
    if head[4:8] == b"ftyp":
        return "m4a"
    if len(head) < 3 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    # 12 set bits and layer 0 begin a frame of AAC (ADTS), with one of 13 sample rates
    if head[1] & 0xF6 == 0xF0 and head[2] >> 2 & 15 < 13:
        return "aac"
    # 11 set bits begin an MPEG frame; the layer 0 and the bit rate 15 do not exist
    return "mp3" if head[1] & 0x06 and head[2] & 0xF0 != 0xF0 else None
