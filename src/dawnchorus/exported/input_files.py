"""The recordings that a command line names.

* `recordings_in`: the files behind files, folders, patterns and a list on standard input.
"""

import glob
import os
import sys
from collections.abc import Iterable, Iterator, Sequence

from dawnchorus.formats import audio_names

LIST = "-"  # stands for a list of paths on standard input


def recordings_in(paths: Sequence[str], listed: Iterable[str] | None = None) -> list[str]:
    """Return the recordings that paths name, in their order, each once.

    Parameters
    ----------
    paths : sequence of str
        A file, whatever its extension; a folder, of which the audio files and those of the folders in
        it are meant, in the order of their names; a pattern with ``*``, ``?``, ``[...]`` or ``**``; or
        ``-`` for a list of all of these, a path on each line.
    listed : iterable of str, optional
        Lines of the list; those of standard input where left out.

    Returns
    -------
    list of str
        Paths as they were given, or as they are below the folder given. A file that is not there stays
        in the list: what cannot be read is for the step that decodes it to say.

    Raises
    ------
    ValueError
        Where a folder holds no recording, a pattern matches none, or nothing is named.
    """
    lines = sys.stdin if listed is None else listed
    named = []
    for path in paths:
        named += [line.rstrip("\r\n") for line in lines] if path == LIST else [path]
    found: dict[str, None] = {}
    for path in filter(str.strip, named):
        if os.path.isdir(path):
            found |= dict.fromkeys(_in_folder(path))
        elif not glob.has_magic(path) or os.path.lexists(path):
            found[path] = None
        else:
            matches = [
                one
                for one in glob.glob(path, recursive=True)
                if os.path.isdir(one) or audio_names.is_audio(one)
            ]
            # of a place under several names, as by a link to a folder above, the shortest
            names = {os.path.realpath(one): one for one in sorted(matches, key=len, reverse=True)}
            if not names:
                raise ValueError(
                    f"no recording matches {path!r}; expected a pattern of audio files"
                )
            for match in sorted(names.values()):
                inner = _in_folder(match, may_be_empty=True) if os.path.isdir(match) else [match]
                found |= dict.fromkeys(inner)
    if not found:
        raise ValueError("no recording is named; expected files, folders, patterns or - for a list")
    # one recording under two names is scored once: its rows would be there twice
    first = {os.path.realpath(file): file for file in reversed(found)}
    return [file for file in found if first[os.path.realpath(file)] == file]


def _in_folder(folder: str, may_be_empty: bool = False) -> Iterator[str]:
    """Yield the audio files below a folder; hidden ones, such as ``._x.wav``, are none."""
    n_found, seen = 0, set()
    for inner, folders, names in os.walk(folder, followlinks=True):
        # a link to a folder above would be followed for ever
        if (place := os.path.realpath(inner)) in seen:
            folders.clear()
            continue
        seen.add(place)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if audio_names.is_audio(name) and not name.startswith("."):
                n_found += 1
                yield os.path.join(inner, name)
    if not n_found and not may_be_empty:
        expected = ", ".join(sorted(audio_names.EXTENSIONS))
        raise ValueError(f"folder {folder!r} holds no recording; expected files of {expected}")
