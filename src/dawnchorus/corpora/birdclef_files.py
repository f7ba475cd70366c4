"""Files of a BirdCLEF corpus: recordings with their descriptions.

Audio in one folder and XML (or JSON) in another, or the tree that kahl2018 sorts them into:
``train/<class>/``, ``val/<class>/`` and ``metadata/<stem>.json``.

* `from_folders`, `from_tree`: the recordings of either.
* `Row`, `Read`: what they return.
* `by_stem`, `stem_of`, `merge_descriptions`: pairs of recordings and descriptions, by file name.
* `subfolders`: the folders in a folder.
"""

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dawnchorus.corpora import audio_files, birdclef_metadata, class_names, selection
from dawnchorus.corpora.birdclef_metadata import Described, Description
from dawnchorus.corpora.tables import SEPARATOR
from dawnchorus.formats import audio_names, label_sheet

NAME_UNSUPPORTED = "control characters or bytes that are not UTF-8"


class Row(NamedTuple):
    """A recording: its class and its background species are class names, empty if not known."""

    id: str
    path: str
    said: Description
    name: str
    split: str = ""
    background: tuple[str, ...] = ()


class Read(NamedTuple):
    """What folders hold: recordings, exclusions (id, code, detail) and notes."""

    rows: list[Row]
    excluded: list[tuple[str, str, str]]
    notes: list[str]


def from_folders(settings: Mapping) -> Read:
    """Return the recordings of ``audio`` that files of ``xml``, or else of ``metadata``, describe.

    Parameters
    ----------
    settings : mapping
        Those of `dawnchorus.corpora.adapters.birdclef`. Without XML and JSON every recording is returned,
        and nothing is said of it.

    Raises
    ------
    ValueError
        Where a folder cannot be read, names collide, files contradict each other, or one has no
        recording and ``missing_files`` is "error".
    """
    audio = str(settings["audio"])
    folder = audio_files.scan(audio)
    found, odd = by_stem(folder.audio, audio)
    excluded = [(audio_names.escaped(name), "NAME_UNSUPPORTED", NAME_UNSUPPORTED) for name in odd]
    paths = {stem: os.path.join(audio, name) for stem, name in found.items()}
    source = settings.get("xml") or settings.get("metadata")
    if not source:
        rows = [Row(stem, path, Description(), "") for stem, path in paths.items()]
        return Read(rows, excluded, folder.notes())
    read = birdclef_metadata.read_folder(str(source), "xml" if settings.get("xml") else "json")
    said, notes = merge_descriptions(read.read, str(source))
    kind = settings["class_from"]
    rows = [
        Row(stem, paths[stem], one, birdclef_metadata.class_of(one, kind))
        for stem, one in said.items()
        if stem in paths
    ]
    excluded += _unreadable(read) + _missing(said, rows, str(source), audio, settings)
    # a file that cannot be read describes its recording, too: that is excluded and needs no note
    described = {
        *said,
        *(audio_names.composed(name.rpartition(".")[0]) for name in read.unreadable),
    }
    if bare := sorted(set(paths) - described):
        named = os.path.basename(os.path.normpath(str(source)))
        notes.append(
            f"{len(bare)} recordings are not described in {named} and are left out: "
            f"{label_sheet.examples(bare)}"
        )
    ignored = audio_files.ignored_notes(audio, [folder], [str(source)])
    return Read(rows, excluded, ignored + notes)


def from_tree(settings: Mapping) -> Read:
    """Return the recordings of a sorted tree; the folder that a recording is in is its split.

    Parameters
    ----------
    settings : mapping
        Those of `dawnchorus.corpora.adapters.birdclef`; ``audio`` is the folder above ``train`` and
        ``val``. The folder of a recording without metadata is its class.

    Raises
    ------
    ValueError
        As `from_folders`, and where a recording lies in the folder of another class than its
        metadata says.
    """
    root = str(settings["audio"])
    where: dict[str, tuple[str, str]] = {}  # split and class folder by path below root
    odd, scanned = [], []
    for split in (selection.TRAINING, selection.VALIDATION):
        for folder in subfolders(os.path.join(root, split)):
            scanned.append(audio_files.scan(os.path.join(root, split, folder)))
            for name in scanned[-1].audio:
                place = os.path.join(split, folder, name)
                if audio_names.is_supported(place) and SEPARATOR not in folder:
                    # systems differ in how they store accents
                    where[place] = (split, audio_names.composed(folder))
                else:
                    odd.append(place)
    if not where:
        raise ValueError(
            f"{root!r} holds no recordings in train/<class>/ or val/<class>/, which sorted: true "
            "expects; is it the folder above the two?"
        )
    notes = audio_files.ignored_notes(root, scanned)
    found, _ = by_stem(list(where), root)
    source = str(settings.get("metadata") or os.path.join(root, "metadata"))
    read = Described({}, {})
    if settings.get("metadata") or os.path.isdir(source):
        read = birdclef_metadata.read_folder(source, "json")
    said, said_notes = merge_descriptions(read.read, source)
    rows = []
    for stem, place in found.items():
        split, folder = where[place]
        one = said.get(stem) or Description(class_id=folder, species=folder)
        name = birdclef_metadata.class_of(one, settings["class_from"])
        # a file moved by hand would be trained as another class
        if folder not in map(audio_names.composed, (name, one.species, one.class_id)):
            raise ValueError(
                f"LABEL_CONFLICT: {place} lies in {folder!r}, but its metadata says "
                f"{one.species!r} ({one.class_id!r}); move the file or correct the metadata"
            )
        rows.append(Row(stem, os.path.join(root, place), one, name, split))
    excluded = [(audio_names.escaped(name), "NAME_UNSUPPORTED", NAME_UNSUPPORTED) for name in odd]
    excluded += _unreadable(read) + _missing(said, rows, source, root, settings)
    n_bare = sum(stem not in said for stem in found)
    notes += [f"{n_bare} recordings have no metadata: their folder is their class"] * (n_bare > 0)
    return Read(rows, excluded, notes + said_notes)


def by_stem(names: Sequence[str], where: str) -> tuple[dict[str, str], list[str]]:
    """Return names (or paths) by their stem in Unicode's composed form, and those not supported.

    Raises
    ------
    ValueError
        Where two have one stem.
    """
    supported = [name for name in names if audio_names.is_supported(name)]
    found = [os.path.basename(name).rpartition(".")[0] for name in supported]
    audio_files.reject_collisions(found, supported, where)
    stems = dict(zip(map(audio_names.composed, found), supported, strict=True))
    return stems, [name for name in names if not audio_names.is_supported(name)]


def stem_of(name: str, said: Description) -> str:
    """Return the stem of the recording that a file of this name describes."""
    told = said.file_name or name
    bare = told.rpartition(".")[0] if told == name or audio_names.is_audio(told) else told
    return audio_names.composed(bare)


def merge_descriptions(
    read: Mapping[str, Description], where: str
) -> tuple[dict[str, Description], list[str]]:
    """Return what is said of each recording, by its stem, and a note on what is said twice.

    Raises
    ------
    ValueError
        Where two files contradict each other.
    """
    names = list(read)
    stems = [stem_of(name, read[name]) for name in names]

    def entry(i: int) -> label_sheet.Entry:
        fields = read[names[i]]._replace(file_name="")._asdict()
        told = tuple(f"{field} {value}" for field, value in fields.items() if value)
        return label_sheet.Entry(told, os.path.join(where, names[i]), 1)

    kept, notes = label_sheet.unique_entries(stems, entry)
    return {stems[i]: read[names[i]] for i in kept}, notes


def subfolders(path: str) -> list[str]:
    """Return the names of the folders in a folder, sorted, without hidden ones.

    Raises
    ------
    ValueError
        Where it cannot be read; one that does not exist has none.
    """
    try:
        with os.scandir(path) as entries:
            return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ValueError(f"folder {path!r} cannot be read ({error.strerror})") from None


def _unreadable(read: Described) -> list[tuple[str, str, str]]:
    return [
        (audio_names.escaped(name), "LABEL_UNREADABLE", why)
        for name, why in read.unreadable.items()
    ]


def _missing(
    said: Mapping[str, Description], rows: Sequence[Row], source: str, audio: str, settings: Mapping
) -> list[tuple[str, str, str]]:
    """Return what is described and not there, as it is excluded."""
    there = {row.id for row in rows}
    missing = [stem for stem in said if stem not in there]
    if missing and settings.get("missing_files", "error") == "error":
        raise ValueError(
            f"MISSING_FILE: {len(missing)} recordings that {source} describes are not in {audio}: "
            f"{label_sheet.examples(missing)}; put them there or set missing_files: exclude"
        )
    kind = settings["class_from"]
    gone = (birdclef_metadata.class_of(said[stem], kind) for stem in missing)
    class_names.check_losses(gone, (row.name for row in rows), "that are there")
    return [
        (audio_names.escaped(stem), "MISSING_FILE", "described by metadata") for stem in missing
    ]
