"""Descriptions of recordings in XML and JSON files of BirdCLEF, read as untrusted input.

XML: one file per recording, root ``Audio`` (LifeCLEF 2014 to 2018). JSON: the metadata that
kahl2018 writes beside its sorted files, with keys ``sci-name``, ``species`` (the common name),
``background``, ``filename`` and ``classid``; `dawnchorus sort` adds those of `FURTHER`. A file of
more than `MAX_BYTES`, one that declares entities, one with more than `MAX_CHARACTERS` in its fields
and one that is not what it should be is refused in one sentence that becomes the detail of
``LABEL_UNREADABLE``.

* `Description`: what was said.
* `read_folder`: the files of a folder, read, and those that cannot be.
* `class_of`: the class of a recording by one of `KINDS`.
* `class_name_lookup`, `background_classes`: class names of background species.
* `media_id_of`: what a challenge calls a recording, from its file name.
"""

import json
import os
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import defusedxml.ElementTree
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError

from dawnchorus.corpora.tables import SEPARATOR
from dawnchorus.formats import audio_names

KINDS = ("ClassId", "species", "genus", "family", "order")
MAX_BYTES = 1_000_000  # of a file; descriptions have a few thousand
MAX_CHARACTERS = 10_000  # of all fields: a table of much longer ones cannot be read back
FURTHER = ("author", "date", "locality", "quality", "mediaid", "family", "order")
_LIST = re.compile("[,;]")
_MAX_QUOTED = 300  # characters of a message that quotes an untrusted file
_MEDIA_ID = re.compile(r"_RN([^_]+)$")  # as in LIFECLEF2014_BIRDAMAZON_XC_WAV_RN1


class Description(NamedTuple):
    """Description of one recording; a field that is not given is empty.

    ``species`` is "Genus species", ``common_name`` the first of the vernacular ones; ``background``
    holds names as they were written.
    """

    file_name: str = ""
    media_id: str = ""
    class_id: str = ""
    species: str = ""
    common_name: str = ""
    family: str = ""
    order: str = ""
    author: str = ""
    date: str = ""
    locality: str = ""
    quality: str = ""
    background: tuple[str, ...] = ()


class Described(NamedTuple):
    """The files of a folder: name to what it says, and name to why it cannot be read."""

    read: dict[str, Description]
    unreadable: dict[str, str]


def read_folder(folder: str, extension: str) -> Described:
    """Read all files of a folder with the extension "xml" or "json", in any case, by name.

    Raises
    ------
    ValueError
        Where the folder cannot be read.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise ValueError(
            f"folder {folder!r} cannot be read ({error.strerror}); it should hold {extension} files"
        ) from None
    read, unreadable = {}, {}
    parse = _from_xml if extension == "xml" else _from_json
    for name in names:
        if name.startswith(".") or not name.lower().endswith(f".{extension}"):
            continue
        try:
            said = parse(_content(os.path.join(folder, name)))
            # all of it at once: a corpus has tens of thousands of these on every start
            text = "".join((*said[:-1], *said.background))
            if len(text) > MAX_CHARACTERS:
                raise ValueError(
                    f"{len(text)} characters in its fields, at most {MAX_CHARACTERS} are read"
                )
            if not audio_names.is_supported(text):
                field, text = next(
                    (field, text)
                    for field, value in said._asdict().items()
                    for text in (value if isinstance(value, tuple) else (value,))
                    if not audio_names.is_supported(text)
                )
                raise ValueError(f"{field} '{audio_names.escaped(text)}' holds control characters")
            for field in ("media_id", "class_id", "species", "family", "order", "background"):
                if SEPARATOR in "".join(getattr(said, field)):
                    raise ValueError(f"{field} {getattr(said, field)!r} holds {SEPARATOR!r}")
            if "/" in said.file_name or "\\" in said.file_name or said.file_name in (".", ".."):
                raise ValueError(
                    f"file name {said.file_name!r} leads elsewhere, expected a plain name"
                )
            read[name] = said
        except ValueError as error:
            unreadable[name] = str(error)[:_MAX_QUOTED]
    return Described(read, unreadable)


def class_of(said: Description, kind: str) -> str:
    """Return the class of a recording by one of `KINDS`; empty where it is not said."""
    return {
        "ClassId": said.class_id,
        "species": said.species,
        "genus": said.species.partition(" ")[0],
        "family": said.family,
        "order": said.order,
    }[kind]


def class_name_lookup(said: Iterable[Description], kind: str) -> dict[str, str]:
    """Return class names by ClassId and by "genus species", both in small letters."""
    names: dict[str, str] = {}
    for one in said:
        if class_of(one, kind):
            for name in filter(None, (one.class_id, one.species)):
                names.setdefault(name.casefold(), class_of(one, kind))
    return names


def background_classes(
    background: Sequence[str], names: Mapping[str, str], kind: str
) -> tuple[list[str], list[str]]:
    """Return the class names of background species, and those that no file explains.

    A third word (the subspecies) may be there. An unexplained name stays as it was written, the
    genus of it where classes are genera: another corpus may have that class.
    """
    found, unexplained = [], []
    for name in background:
        words = name.split()
        known = names.get(name.casefold()) or names.get(" ".join(words[:2]).casefold())
        if known is None:
            unexplained.append(name)
            known = words[0] if kind == "genus" else name
        found.append(known)
    return list(dict.fromkeys(found)), unexplained


def media_id_of(stem: str) -> str:
    """Return the text after ``_RN`` at the end of a file name without its extension, or nothing."""
    found = _MEDIA_ID.search(stem)
    return found[1] if found else ""


def _content(path: str) -> bytes:
    try:
        # a pipe would block a plain open for ever
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ValueError("not a regular file")
            content = b""
            while len(content) <= MAX_BYTES and (block := os.read(descriptor, MAX_BYTES + 1)):
                content += block
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from None
    if len(content) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} bytes, expected a description of one recording")
    return content


def _from_xml(content: bytes) -> Description:
    try:
        root = defusedxml.ElementTree.fromstring(content, forbid_dtd=True)
    except DefusedXmlException:
        raise ValueError("declares a document type or entities, which are refused") from None
    except (ParseError, ValueError, LookupError) as error:
        raise ValueError(f"not XML ({error})") from None
    if root.tag != "Audio":
        raise ValueError(f"the root element is {root.tag[:40]!r}, expected 'Audio'")
    fields: dict[str, str] = {}
    for child in root:
        fields.setdefault(child.tag, _text(child.text))
    genus, species = fields.get("Genus", ""), fields.get("Species", "")
    return Description(
        file_name=fields.get("FileName", ""),
        media_id=fields.get("MediaId", ""),
        class_id=fields.get("ClassId", ""),
        species=f"{genus} {species}" if genus and species else "",
        common_name=_names(fields.get("VernacularNames", ""))[0],
        family=fields.get("Family", ""),
        order=fields.get("Order", ""),
        author=fields.get("Author", ""),
        date=fields.get("Date", ""),
        locality=fields.get("Locality", ""),
        quality=fields.get("Quality", ""),
        background=tuple(filter(None, _names(fields.get("BackgroundSpecies", "")))),
    )


def _from_json(content: bytes) -> Description:
    try:
        told = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({error})") from None
    background = told.get("background") or [] if isinstance(told, dict) else None
    if not isinstance(background, list):
        raise ValueError("expected an object with 'background' as a list")
    fields = {key: told.get(key) for key in ("sci-name", "species", "filename", "classid")}
    fields |= {key: told.get(key) for key in FURTHER}
    for key, value in [*fields.items(), *(("background", name) for name in background)]:
        # true is an int in Python, and a list holds no null
        may_be = (str, int) if key == "background" else (str, int, type(None))
        if isinstance(value, bool) or not isinstance(value, may_be):
            raise ValueError(f"{key!r} is {type(value).__name__}, expected a text")
    text = {key: _text("" if value is None else str(value)) for key, value in fields.items()}
    return Description(
        file_name=text["filename"],
        media_id=text["mediaid"],
        class_id=text["classid"],
        species=text["sci-name"],
        common_name=text["species"],
        background=tuple(filter(None, (_text(str(name)) for name in background))),
        **{key: text[key] for key in FURTHER if key != "mediaid"},
    )


def _text(text: str | None) -> str:
    return " ".join((text or "").split())


def _names(text: str) -> list[str]:
    return [name.strip() for name in _LIST.split(text)]
