"""Recordings from their addresses to a folder: whole, decoded, and known by their content.

A file is written under a hidden name, looked at (what it begins with), decoded in the limited child of
the workflow and hashed; only then it gets its name, which is made of its number. The lock file says what
was there: a recording whose content is another than it says is not taken, and the row tells so.

* `download`: the recordings of a selection.
* `Downloaded`, `COLUMNS`: what became of one.
* `extension_of`: the format of a file by its first bytes.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dawnchorus.acquisition.http_client import Client, Refused
from dawnchorus.acquisition.metadata import Metadata
from dawnchorus.audio.decoder_process import Decoder
from dawnchorus.audio.verdicts import USED, Excluded
from dawnchorus.formats import download_lock
from dawnchorus.formats.download_lock import LockedRecording
from dawnchorus.runtime import artefacts, logs
from dawnchorus.settings.audio import AudioRecipe

KEPT, NEW, CHANGED, NO_AUDIO, REFUSED, OVER_LIMIT = (
    "kept", "downloaded", "changed", "no_audio", "refused", "over_limit",
)  # fmt: skip
_SAVED_EACH = (
    20  # downloads, at one a second: what a kill costs is looked at again, not asked again
)


class Downloaded(NamedTuple):
    """What became of a recording: ``status`` is one of the above, or a code of a verdict."""

    number: str
    status: str
    detail: str
    file: str
    sha256: str
    bytes: int


COLUMNS = (*Downloaded._fields, *(name for name in Metadata._fields if name != "number"))


def download(
    client: Client, rows: Sequence[Metadata], folder: str | Path, most_bytes: int
) -> list[Downloaded]:
    """Download recordings into a folder, and write its lock file and who is to be named.

    Parameters
    ----------
    client : Client
    rows : sequence of Metadata
    folder : path
        ``audio/``, ``lock.csv`` and ``ATTRIBUTION.csv`` stand in it. What is there and is what the
        lock says is not asked for again; what is there without a row in the lock is looked at again.
    most_bytes : int
        Of all files together; recordings beyond are left out, and say so.

    Returns
    -------
    list of Downloaded
        In the order of ``rows``.
    """
    folder = Path(folder)
    audio = folder / download_lock.AUDIO
    audio.mkdir(parents=True, exist_ok=True)
    lock_path = folder / download_lock.LOCK
    known = (
        {one.number: one for one in download_lock.read_lock(lock_path)}
        if lock_path.exists()
        else {}
    )
    lock, found, total = dict(known), [], 0
    progress = logs.progress("recordings", len(rows))
    recipe = AudioRecipe().complete()
    with Decoder({"recipe": recipe, "archive": None}) as decoder:
        for number, row in enumerate(rows, 1):
            one = _there(row, known.get(row.number), audio, decoder)
            if one is None and total >= most_bytes:
                one = Downloaded(row.number, OVER_LIMIT, f"{total} bytes are there", "", "", 0)
            if one is None:
                one = _fetched(client, row, known.get(row.number), audio, decoder)
            total += one.bytes
            found.append(one)
            if one.file:
                lock[row.number] = LockedRecording(
                    row.number, one.file, one.sha256, str(one.bytes), row.label, row.background,
                    row.recordist, row.licence, row.url,
                )  # fmt: skip
            if number % _SAVED_EACH == 0:
                _save(folder, lock.values())
            progress.step()
    _save(folder, lock.values())
    for status in sorted({one.status for one in found}):
        logs.LOG.info("%s: %d", status, sum(one.status == status for one in found))
    return found


def table_rows(rows: Sequence[Metadata], found: Sequence[Downloaded]) -> list[tuple[str, ...]]:
    """Return what became of recordings with what is known of them, as texts; see `COLUMNS`."""
    return [tuple(map(str, (*one, *row[1:]))) for row, one in zip(rows, found, strict=True)]


def extension_of(head: bytes) -> str | None:
    """Return the extension of an audio file by its first bytes, or None where it is none."""
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"fLaC":
        return "flac"
    if head[:4] == b"OggS":
        return "ogg"
    if head[4:8] == b"ftyp":
        return "m4a"
    # a tag, or the first eleven bits of a frame of layer III
    is_frame = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2
    return "mp3" if head[:3] == b"ID3" or is_frame else None


def _save(folder: Path, lock: Iterable[LockedRecording]) -> None:
    """Write the lock file, and who is to be named, of the recordings whose files are there."""
    lock = [one for one in lock if (folder / download_lock.AUDIO / one.file).exists()]
    attributed = download_lock.attribution_rows(sorted(lock, key=lambda one: int(one.number)))
    texts = {
        download_lock.LOCK: download_lock.lock_text(lock),
        download_lock.ATTRIBUTION: download_lock.table_text(download_lock.ATTRIBUTED, attributed),
    }
    for name, text in texts.items():
        with artefacts.writing(folder / name, record=False) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="")


def _there(
    row: Metadata, locked: LockedRecording | None, audio: Path, decoder: Decoder
) -> Downloaded | None:
    """Return a recording that is there already and sound, or None."""
    if locked is not None:
        path = audio / locked.file
        if path.is_file() and not path.is_symlink() and artefacts.sha256(path) == locked.sha256:
            size = path.stat().st_size
            return Downloaded(row.number, KEPT, "", locked.file, locked.sha256, size)
        return None
    # a run that was killed between a file's name and the lock
    for path in sorted(audio.glob(f"XC{row.number}.*")):
        if not path.is_symlink() and not _fault(path, decoder):
            size, digest = path.stat().st_size, artefacts.sha256(path)
            return Downloaded(row.number, KEPT, "", path.name, digest, size)
    return None


def _fetched(
    client: Client, row: Metadata, locked: LockedRecording | None, audio: Path, decoder: Decoder
) -> Downloaded:
    """Return a recording that is asked for, under its name where it is sound."""
    part = audio / f".XC{row.number}.part"
    try:
        size = client.download(row.file_url, part)
    except Refused as error:
        return Downloaded(row.number, REFUSED, str(error), "", "", 0)
    with open(part, "rb") as file:
        head = file.read(64)
    extension = extension_of(head)
    if extension is None:
        part.unlink()
        detail = f"begins with {head[:16]!r}, which is no sound"
        return Downloaded(row.number, NO_AUDIO, detail, "", "", 0)
    digest = artefacts.sha256(part)
    if locked is not None and locked.sha256 != digest:
        part.unlink()
        detail = (
            f"sha256 {digest[:12]}, the lock has {locked.sha256[:12]}; remove its row to take it"
        )
        return Downloaded(row.number, CHANGED, detail, "", "", 0)
    if fault := _fault(part, decoder):
        part.unlink()
        return Downloaded(row.number, *fault, "", "", 0)
    name = f"XC{row.number}.{extension}"
    artefacts.synchronise(part)
    os.replace(part, audio / name)
    return Downloaded(row.number, NEW, "", name, digest, size)


def _fault(path: Path, decoder: Decoder) -> tuple[str, str] | None:
    """Return why a file cannot be used, code and detail, or None; it is decoded to its end."""
    decoder.ask({"path": str(path), "bytes": "", "sha256": "", "state": ""})
    try:
        verdict: Mapping = decoder.answer(lambda channels: None)
    except Excluded as excluded:
        return excluded.code, excluded.detail
    if verdict["verdict"] != USED:
        return verdict["verdict"], verdict["detail"]
    return None
