"""Audio files of a folder, their names, states and content hashes.

* `scan`: the audio files of one folder; `walk`: those of a folder and of all folders below it.
* `ignored_notes`: notes on the other files of several folders.
* `state_of`: size, modification time and inode of a regular file.
* `reject_collisions`: names that differ in case or Unicode form alone.
* `file_hash`: SHA-256 of one file; `content_hashes`: of many, computed again only where one has changed.
* `has_content`: whether a file has this content already.
"""

import hashlib
import os
import stat
import time
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from dawnchorus.formats.audio_names import composed, escaped, is_audio
from dawnchorus.formats.label_sheet import examples
from dawnchorus.runtime import artefacts, hashes, logs

_BLOCK = 1 << 20  # bytes hashed at a time
_BATCH = 64  # files per task of the pool
_THREADS = 3  # SHA-256 of large blocks runs outside the interpreter's lock
_UNSETTLED_NS = 2_000_000_000  # a file as young as this may change again within one clock tick


class Folder(NamedTuple):
    """Names of the audio files of a folder and of its other files; hidden ones are counted."""

    path: str
    audio: list[str]
    n_hidden: int
    others: list[str]

    def notes(self) -> list[str]:
        """Return one line per kind of ignored file."""
        named = escaped(os.path.basename(os.path.normpath(self.path)))
        return [
            f"{named}: {count} {'file' if count == 1 else 'files'} ignored, {why}"
            for count, why in (
                (self.n_hidden, "hidden or partly downloaded"),
                (len(self.others), "not audio by the extension"),
            )
            if count
        ]


def scan(folder: str) -> Folder:
    """Return the audio files of one folder (not of the folders in it), sorted by name.

    Hidden files (``.x``, ``._x.wav``) and partial ones (``x.wav.part``) are counted, not returned.

    Raises
    ------
    ValueError
        Where the folder is missing or cannot be read.
    """
    audio, others, n_hidden = [], [], 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith(".") or name.endswith(".part"):
                    n_hidden += 1
                elif is_audio(name):
                    audio.append(name)
                elif not entry.is_dir():
                    others.append(name)
    except OSError as error:
        raise ValueError(
            f"folder {folder!r} cannot be read ({error.strerror}); it should hold recordings"
        ) from None
    return Folder(folder, sorted(audio), n_hidden, others)


class Walked(NamedTuple):
    """Audio files below a folder: paths with slashes from there on, sorted; folders; links."""

    paths: list[str]
    folders: dict[str, Folder]  # by their path with slashes, the folder itself as ""
    linked: list[str]  # a note on links to folders that are read already


def walk(root: str) -> Walked:
    """Return the audio files of a folder and of the folders below it; hidden ones are left out.

    Raises
    ------
    ValueError
        Where a folder is missing or cannot be read.
    """
    found, again, seen = [], [], set()
    waiting, links = [""], []
    # links are followed last: a folder keeps the name that it has itself
    while waiting or links:
        below = waiting.pop() if waiting else links.pop(0)
        path = os.path.join(root, below) if below else root
        names, linked = [], []
        try:
            about = os.stat(path)
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.name == artefacts.RECORDS:  # a results folder: it holds no recordings
                        names, linked = [], []
                        break
                    if entry.is_dir() and not entry.name.startswith("."):
                        name = f"{below}/{entry.name}" if below else entry.name
                        (linked if entry.is_symlink() else names).append(name)
        except OSError as error:
            raise ValueError(
                f"folder {path!r} cannot be read ({error.strerror}); it should hold recordings"
            ) from None
        # device and inode tell a folder from all others, whatever links lead to it
        if (about.st_dev, about.st_ino) in seen:
            again.append(below)
            continue
        seen.add((about.st_dev, about.st_ino))
        found.append(below)
        # the last is read next: this way in the order of their names
        waiting += sorted(names, reverse=True)
        links += sorted(linked)
    scanned = {below: scan(os.path.join(root, below) if below else root) for below in found}
    paths = [
        f"{below}/{name}" if below else name
        for below, folder in scanned.items()
        for name in folder.audio
    ]
    linked = []
    if again:
        linked.append(
            f"{len(again)} links lead to folders that are read already and are left out: "
            f"{examples(sorted(again))}"
        )
    return Walked(sorted(paths), scanned, linked)


def ignored_notes(path: str, folders: Sequence[Folder], read: Collection[str] = ()) -> list[str]:
    """Return the notes on several folders below a path as if they were one: 1500 classes are many.

    ``read`` are files, and folders of files, that are read as something else: tables of labels beside
    the recordings, say.
    """
    used = [os.path.normpath(one) for one in read]
    below = tuple(one + os.sep for one in used)
    places = (
        os.path.normpath(os.path.join(one.path, name)) for one in folders for name in one.others
    )
    others = [place for place in places if place not in used and not place.startswith(below)]
    return Folder(path, [], sum(one.n_hidden for one in folders), others).notes()


def state_of(path: str) -> str:
    """Return ``bytes mtime_ns inode`` of a regular file.

    Empty for anything else: a folder, a pipe, a dead link, a file that is not there.
    """
    try:
        found = os.stat(path)
    except OSError:
        return ""
    if not stat.S_ISREG(found.st_mode):
        return ""
    return hashes.state(found)


def reject_collisions(names: Iterable[str], shown: Sequence[str], where: str) -> None:
    """Refuse names that differ only in case or in Unicode's form.

    Parameters
    ----------
    names : iterable of str
        What has to differ.
    shown : sequence of str
        What the message calls each of them.
    where : str
        Where they are, for the message.

    Raises
    ------
    ValueError
        Naming the first two that collide.
    """
    # macOS and Windows take such names for one: a copy of the corpus there would lose a recording
    folded = [composed(composed(name).casefold()) for name in names]
    if len(set(folded)) == len(folded):
        return
    first: dict[str, str] = {}
    for key, name in sorted(zip(folded, shown, strict=True)):
        if key in first:
            raise ValueError(
                f"NAME_COLLISION in {where}: {first[key]!r} and {name!r} are one name where case, "
                "accents' spelling or the extension do not count; rename or remove one"
            )
        first[key] = name


def content_hashes(paths: Sequence[str], states: Sequence[str], cache: str | Path) -> list[str]:
    """Return the SHA-256 of files, from the cache where size, time and inode are as they were.

    A folder that is moved on its disk keeps all three, so that nothing is read again.

    Parameters
    ----------
    paths, states : sequences of str
        Files and what `state_of` says of them; a file without a state gets an empty hash.
    cache : path
        Where hashes are kept between calls; made and brought up to date.

    Returns
    -------
    list of str
        64 hexadecimal digits each; empty where the file cannot be read, which is for the step that
        decodes it to judge.
    """
    kept = hashes.read(cache)
    keys = [f"{state} {path}" for path, state in zip(paths, states, strict=True)]
    found = [kept.get(key, "") for key in keys]
    stale = [i for i, digest in enumerate(found) if not digest and states[i]]
    # nothing new and nothing gone: the cache needs no writing
    if not stale and len(kept) == len(keys):
        return found
    moved = hashes.by_file_name(kept) if stale else {}
    for i in stale:
        found[i] = moved.get(hashes.without_folder(keys[i]), "")
    stale = [i for i in stale if not found[i]]
    settled = {key: digest for key, digest in zip(keys, found, strict=True) if digest}
    progress = logs.progress("recordings hashed", len(stale))
    batches = [stale[start : start + _BATCH] for start in range(0, len(stale), _BATCH)]
    try:
        pool = ThreadPoolExecutor(_THREADS)
        try:
            done = pool.map(lambda own: [file_hash(paths[i], states[i]) for i in own], batches)
            for own, hashed in zip(batches, done, strict=True):
                for i, (digest, is_settled) in zip(own, hashed, strict=True):
                    found[i] = digest
                    progress.step()
                    if is_settled:
                        settled[keys[i]] = digest
        finally:  # who interrupts it does not wait for what has not begun
            pool.shutdown(wait=True, cancel_futures=True)
    finally:  # an interrupted first listing of a large archive keeps what it has read
        lines = [f"{digest} {key}\n" for key, digest in sorted(settled.items())]
        content = "".join(lines).encode("utf-8", "surrogateescape")
        if not has_content(cache, content):
            artefacts.write_bytes(cache, content)
    return found


def file_hash(path: str, state: str) -> tuple[str, bool]:
    """Return the SHA-256 of a file, and whether it may be remembered for this state.

    64 hexadecimal digits, or none of what is no regular file or cannot be read. A file that has changed
    a moment ago, or since its state was taken, may change again without another state.
    """
    digest = hashlib.sha256()
    try:
        # a pipe that took the file's place would block a plain open for ever
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return "", False
            while block := os.read(descriptor, _BLOCK):
                digest.update(block)
        finally:
            os.close(descriptor)
    except OSError:
        return "", False
    modified_ns = int(state.split(" ")[1])
    is_old = abs(time.time_ns() - modified_ns) > _UNSETTLED_NS
    return digest.hexdigest(), is_old and state_of(path) == state


def has_content(path: str | Path, content: bytes) -> bool:
    """Return whether a file has exactly this content, so that it need not be written."""
    try:
        return os.path.getsize(path) == len(content) and Path(path).read_bytes() == content
    except OSError:
        return False
