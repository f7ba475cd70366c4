"""A bounded look at a folder whose layout is not known yet.

* `look`: the audio files and the other files below a folder, as far as the look goes.
* `Survey`: what it found.
* `first_bytes`: the beginning of a file, as text.
"""

import itertools
import os
import time
from typing import NamedTuple

from dawnchorus.formats import audio_names
from dawnchorus.formats.label_sheet import examples
from dawnchorus.runtime import artefacts

MOST_FILES = 200_000  # files that a look counts in all
MOST_IN_FOLDER = 50_000  # and in one folder: a flat archive hides no other folders
MOST_SECONDS = 20.0


class Survey(NamedTuple):
    """Files below a folder.

    ``audio`` and ``others`` have names by folder below ``root`` (``""`` is the root itself), both
    sorted; ``sizes`` has the bytes of each audio file by its path below the root. ``is_complete``
    says whether everything was looked at.
    """

    root: str
    audio: dict[str, list[str]]
    others: dict[str, list[str]]
    sizes: dict[str, int]
    is_complete: bool

    def audio_paths(self) -> list[str]:
        """Return the paths of the audio files below the root, with slashes."""
        return [join(folder, name) for folder, names in self.audio.items() for name in names]

    def paths_of(self, *extensions: str) -> list[str]:
        """Return the paths below the root of other files with one of these extensions (``.csv``)."""
        return [
            join(folder, name)
            for folder, names in self.others.items()
            for name in names
            if name.lower().endswith(extensions)
        ]

    def place(self, path: str) -> str:
        """Return the path of a file or folder from its path below the root."""
        return os.path.join(self.root, *path.split("/")) if path else self.root

    def said(self) -> str:
        """Return what there is, in words: for a message that no layout fits."""
        paths = self.audio_paths()
        others = [join(folder, name) for folder, names in self.others.items() for name in names]
        folders = f"{len(self.audio)} {'folder' if len(self.audio) == 1 else 'folders'}"
        audio = f"{len(paths)} audio files in {folders} ({examples(paths[:5])})"
        rest = f"{len(others)} other files" + (f" ({examples(others)})" if others else "")
        return f"{audio if paths else 'no audio file'} and {rest}"


def join(folder: str, name: str) -> str:
    """Return a path with slashes below the root."""
    return f"{folder}/{name}" if folder else name


def look(root: str) -> Survey:
    """Look at a folder and those below it, nearest first.

    Hidden files and folders, half-downloaded files and results folders are passed over. A link to a
    folder that was looked at already is not followed.

    Raises
    ------
    ValueError
        Where the folder is missing, is none or cannot be read.
    """
    audio: dict[str, list[str]] = {}
    others: dict[str, list[str]] = {}
    sizes: dict[str, int] = {}
    is_complete, n_files = True, 0
    end = time.monotonic() + MOST_SECONDS
    waiting, seen = [""], set()
    while waiting:
        below = waiting.pop(0)
        path = os.path.join(root, *below.split("/")) if below else root
        try:
            about = os.stat(path)
            if (about.st_dev, about.st_ino) in seen:
                continue
            seen.add((about.st_dev, about.st_ino))
            with os.scandir(path) as entries:
                names = list(itertools.islice(entries, MOST_IN_FOLDER + 1))
        except OSError as error:
            if not below:
                raise ValueError(
                    f"folder {root!r} cannot be read ({error.strerror}); expected a folder of recordings"
                ) from None
            is_complete = False
            continue
        if any(entry.name == artefacts.RECORDS for entry in names):  # a results folder
            continue
        is_complete = is_complete and len(names) <= MOST_IN_FOLDER
        folders = []
        for entry in sorted(names[:MOST_IN_FOLDER], key=lambda entry: entry.name):
            name = entry.name
            if name.startswith(".") or name.endswith(".part"):
                continue
            if entry.is_dir():
                folders.append(join(below, name))
            elif audio_names.is_audio(name):
                audio.setdefault(below, []).append(name)
                try:
                    sizes[join(below, name)] = entry.stat().st_size
                except OSError:  # a dead link
                    sizes[join(below, name)] = 0
            else:
                others.setdefault(below, []).append(name)
        n_files += len(names)
        waiting += folders
        if waiting and (n_files > MOST_FILES or time.monotonic() > end):
            is_complete = False
            break
    return Survey(root, audio, others, sizes, is_complete)


def first_bytes(path: str, n_bytes: int = 65_536) -> str:
    """Return the beginning of a file as text; what is not UTF-8 is replaced, what is no file empty."""
    if not os.path.isfile(path):  # a pipe would block
        return ""
    try:
        with open(path, "rb") as file:
            return file.read(n_bytes).decode("utf-8-sig", "replace")
    except OSError:
        return ""
