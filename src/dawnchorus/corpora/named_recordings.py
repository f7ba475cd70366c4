"""Recordings in folders, found by the names that lists and tables give them.

A list knows a recording by a file name, with or without extension and folders. Names meet files by
their stem, whatever its case. Folders count where a stem is that of several recordings, such as
``0400.wav`` of two sites.

* `Recordings`: the files below some folders, by name.
"""

import collections
import itertools
import os
import re
from collections.abc import Collection, Sequence

from dawnchorus.corpora import audio_files, birdclef_files
from dawnchorus.formats import audio_names, label_sheet


class Recordings:
    """The audio files of folders and of those below them.

    An id is the stem of the file, or, where several files have it, its path below the folder without
    the extension.

    Parameters
    ----------
    folders : sequence of str
    read : collection of str
        Files and folders below them that are read as lists: no note says that they are ignored.

    Attributes
    ----------
    paths : dict of str to list of str
        Files by id; several where two folders hold the same.
    excluded : list of (id, code, detail)
        Names that cannot be handled.
    notes : list of str

    Raises
    ------
    ValueError
        Where a folder cannot be read, or two names in one differ in case or extension alone.
    """

    def __init__(self, folders: Sequence[str], read: Collection[str] = ()):
        self.excluded: list[tuple[str, str, str]] = []
        self.notes: list[str] = []
        self._other_case: set[str] = set()
        places = []
        # a folder that is given twice is read once: its files would collide with themselves
        for folder in dict.fromkeys(map(os.path.normpath, folders)):
            walked = audio_files.walk(folder)
            self.notes += audio_files.ignored_notes(folder, list(walked.folders.values()), read)
            self.notes += walked.linked
            for below, scanned in walked.folders.items():
                by_stem, odd = birdclef_files.by_stem(scanned.audio, scanned.path)
                beside = f"{below}/" if below else ""
                places += [
                    (audio_names.composed(beside + stem), os.path.join(scanned.path, name))
                    for stem, name in by_stem.items()
                ]
                self.excluded += [
                    (
                        audio_names.escaped(beside + name),
                        "NAME_UNSUPPORTED",
                        birdclef_files.NAME_UNSUPPORTED,
                    )
                    for name in odd
                ]
        n_alike = collections.Counter(_stem(place).casefold() for place, _ in places)
        self.paths: dict[str, list[str]] = {}
        # ids by what a name is looked up by
        self._known: dict[str, list[str]] = {}
        for place, path in places:
            stem = _stem(place)
            identifier = stem if n_alike[stem.casefold()] == 1 else place
            self.paths.setdefault(identifier, []).append(path)
            self._known.setdefault(stem.casefold(), []).append(identifier)

    def id_of(self, name: str) -> str:
        """Return the id of a recording that a list names; that of a missing one is its stem.

        Parameters
        ----------
        name : str
            Without the extension.

        Raises
        ------
        ValueError
            Where it fits several files equally well.
        """
        stem = _stem(audio_names.composed(name))
        found = list(dict.fromkeys(self._known.get(stem.casefold(), ())))
        if not found:
            return stem
        if len(found) > 1:
            named = audio_names.composed(name.replace("\\", "/")).split("/")[::-1]
            fits = []
            for identifier in found:
                place = os.path.splitext(self.paths[identifier][0])[0].replace(os.sep, "/")
                own = audio_names.composed(place).split("/")[::-1]
                pairs = zip(own, named, strict=False)
                equal = itertools.takewhile(lambda p: p[0].casefold() == p[1].casefold(), pairs)
                # the case decides last: a list from another system may have lost it
                fits.append((len(list(equal)), own[0] == named[0]))
            found = [one for one, fit in zip(found, fits, strict=True) if fit == max(fits)]
        if len(found) > 1:
            raise ValueError(
                f"NAME_COLLISION: {name!r} names {len(found)} recordings: "
                f"{label_sheet.examples(sorted(found))}; put its folder before the name"
            )
        if _stem(found[0]) != stem:
            self._other_case.add(found[0])
        return found[0]

    def path_of(self, identifier: str) -> str:
        """Return the file of a recording.

        Raises
        ------
        ValueError
            Where two folders hold it.
        """
        path, *others = self.paths[identifier]
        if others:
            raise ValueError(
                f"NAME_COLLISION: a clip is in {path!r} and in {others[0]!r}; remove one, or give "
                "the folders a corpus each"
            )
        return path

    def case_notes(self) -> list[str]:
        """Return a note on recordings that were named in another case than that of their file."""
        if not self._other_case:
            return []
        named = label_sheet.examples(sorted(self._other_case))
        return [f"{len(self._other_case)} recordings are named in another case: {named}"]


def _stem(name: str) -> str:
    return re.split(r"[/\\]", name)[-1]
