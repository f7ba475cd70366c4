"""Lines, fields and numbers of annotation files.

A file is UTF-8 with or without a byte order mark, with any line ends. Fields stand between tabs and
nothing quotes them, so that a tab or a line break can be in none.

* `lines_of`, `fields_of`: a file as numbered lines, a line as fields.
* `number`, `event`, `id_of`: what a field means, or an error that says where it stands.
* `interval`, `number_text`, `checked`, `can_stand`: what a writer needs for the way back.
"""

import math
import os
import re
from collections.abc import Iterable
from decimal import Decimal

from dawnchorus.formats import audio_names
from dawnchorus.formats.event import Event, checked_events

MOST_BYTES = 64_000_000  # of a file that a person or a program may have annotated in
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def content_of(path: str | os.PathLike) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    ValueError
        Where it is missing, is no regular file or has more than `MOST_BYTES`.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(f"annotation file {path} is no regular file")  # a pipe would block
    try:
        with open(path, "rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"annotation file {path} cannot be read ({error.strerror})") from None
    if len(content) > MOST_BYTES:
        raise ValueError(f"{path} has more than {MOST_BYTES} bytes; is it an annotation file?")
    return content


def lines_of(path: str | os.PathLike) -> list[tuple[int, str]]:
    """Return the lines of a file that are not blank, with their numbers from 1.

    Raises
    ------
    ValueError
        As `content_of`, and where the file is not UTF-8 or holds a NUL.
    """
    content = content_of(path)
    if content.startswith(_UTF16):
        raise ValueError(f"{path}, line 1: UTF-16, expected UTF-8; save it as UTF-8")
    try:
        text = content.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}, line {line}: not UTF-8; save it as UTF-8") from None
    # not splitlines: a name may hold what Unicode takes for a line break
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number_, line in enumerate(lines, 1):
        if "\0" in line:
            raise ValueError(f"{path}, line {number_}: a NUL character, expected text")
    return [(number_, line) for number_, line in enumerate(lines, 1) if line.strip()]


def fields_of(line: str) -> list[str]:
    """Return the fields of a line, without the blanks around them."""
    return [field.strip() for field in line.split("\t")]


def number(text: str, what: str, where: str) -> Decimal:
    """Return a finite number; ``what`` and ``where`` it is are for the message.

    Raises
    ------
    ValueError
        Where the text is none, such as with a decimal comma.
    """
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        has_comma = "," in text and _NUMBER.fullmatch(text.replace(",", ".", 1))
        hint = ", with a decimal point" if has_comma else ""
        raise ValueError(f"{where}: {what} is {text!r}, expected a finite number{hint}")
    return Decimal(text)


def event(name: str, onset_s: Decimal, offset_s: Decimal, label: str, where: str) -> Event:
    """Return an event.

    Raises
    ------
    ValueError
        Where times are not 0 <= onset < offset, or the class name is none.
    """
    if not 0 <= float(onset_s) < float(offset_s):
        raise ValueError(
            f"{where}: the event lasts from {onset_s} to {offset_s} s, expected 0 <= onset < offset"
        )
    if not label:
        raise ValueError(f"{where}: the event has no class, expected a name")
    try:
        return checked_events([Event(name, float(onset_s), float(offset_s), label)])[0]
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def id_of(name: str) -> str:
    """Return the id of the recording in a file of this name: without an audio extension."""
    stem = name.rpartition(".")[0] if audio_names.is_audio(name) else name
    return audio_names.composed(stem)


def interval(found: Event, decimals: int | None) -> tuple[str, str]:
    """Return onset and offset of an event as texts.

    With a number of ``decimals`` the offset is at least one unit of the last place after the onset:
    an event shorter than that stays an event.
    """
    onset, offset = (number_text(time, decimals) for time in (found.onset_s, found.offset_s))
    if Decimal(offset) <= Decimal(onset):
        offset = format(Decimal(onset) + Decimal(1).scaleb(-(decimals or 0)), "f")
    return onset, offset


def number_text(value: float, decimals: int | None = None) -> str:
    """Return a number without an exponent; None for ``decimals``: all digits that it has."""
    if decimals is not None:
        return f"{value:.{decimals}f}"
    return format(Decimal(repr(float(value))), "f")


def checked(names: Iterable[str], what: str) -> list[str]:
    """Return names that can stand between tabs.

    Raises
    ------
    ValueError
        Where one is empty, holds a tab or another control character, or has blanks at its ends.
    """
    found = list(names)
    for name in found:
        if not can_stand(name):
            raise ValueError(
                f"{what} {name!r} cannot stand in an annotation file; expected a name without "
                "tabs, control characters and outer blanks"
            )
    return found


def can_stand(name: str) -> bool:
    """Return whether a name reads back from between tabs as it is."""
    return (
        bool(name) and name == name.strip() and "\t" not in name and audio_names.is_supported(name)
    )
