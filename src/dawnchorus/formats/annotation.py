"""Shared parts of annotation files: their content, and their lines, fields and numbers.

A format is a module of ``formats/annotations/``, found by its name where the config picks it:
``read_labels(path, settings)`` reads one file of strong labels as `Marked` (or `Annotations`), and
``ONE_EACH`` says whether there may be a folder with a file for each recording. Nothing is guessed and
nothing is dropped: ambiguous content is rejected in one sentence that names the file and the line, up
to five of them. What one of these modules writes, it reads back the same.

Events that no recording can have (`Mark.fault`) are left as they stand by ``read_labels``, for the
settings of the corpus to decide on, and rejected by ``read``.

A file is UTF-8 with or without a byte order mark, with any line ends. Fields stand between tabs and
nothing quotes them, so no field may contain a tab or a line break.

* `Annotations`, `Band`: recordings, events, and the frequencies that an event was marked over.
* `Marked`, `Mark`: the same with the place of each event in the file; `checked`: without faults.
* `NoTable`: a text file that is none of the format, such as a README among tables.
* `read_content`, `read_lines`, `split_fields`: a file as bytes or as numbered lines, a line as fields.
* `parse_number`, `parse_event`: what a field means, or an error that says where it stands.
* `recording_id`, `annotated_recording`: the recording, from the name of its file or of its table.
* `pair_bands`, `is_band`: a band for each event, as writers take them.
* `interval_text`, `number_text`, `checked_names`, `is_writable`: what writers need, so that a file
  reads back the same.
"""

import itertools
import math
import os
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from dawnchorus.formats import audio_names, label_sheet
from dawnchorus.formats.event import Event, checked_events
from dawnchorus.formats.label_sheet import RefusedRows

MOST_BYTES = 64_000_000  # a million events take less
Band = tuple[float | None, float | None]  # lowest and highest frequency [Hz]; None: not known
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
# as Raven and BirdNET-Analyzer name the tables of a recording
_SUFFIX = re.compile(
    r"(\.Table\.\d+)?\.selections?\.txt$|\.BirdNET\.selection\.table\.txt$|\.txt$", re.IGNORECASE
)


class Annotations(NamedTuple):
    """What one file says.

    ``recordings`` are the ids of all recordings that it names, also of those without events, in
    order, each with the line (from 1) that names it first; ``events`` are in the order of the file,
    and ``bands`` are theirs, None where there is none.
    """

    recordings: dict[str, int]
    events: list[Event]
    bands: list[Band | None]


class NoTable(ValueError):
    """A file of text that holds nothing of the format."""


class Mark(NamedTuple):
    """An event as it was annotated, its frequencies, and where it stands: file and line.

    Times may be any finite numbers and the class may be empty: `fault` says what is wrong.
    """

    event: Event
    band: Band | None
    place: str

    def fault(self) -> tuple[str, str] | None:
        """Return what no recording can have: its kind and a sentence; None where all is well.

        Kinds: ``blank`` (no class), ``crossing`` (it begins before 0) and ``outside`` (it has no
        length, ends before 0, or its frequencies are no range).
        """
        onset_s, offset_s = self.event.onset_s, self.event.offset_s
        if not 0 <= onset_s < offset_s:
            kind = "crossing" if onset_s < 0 < offset_s else "outside"
            lasting = f"lasts from {onset_s:.12g} to {offset_s:.12g} s"
            return kind, f"{self.place}: the event {lasting}, expected 0 <= onset < offset"
        if self.band is not None and not is_band(self.band):
            return (
                "outside",
                f"{self.place}: frequencies {self.band} Hz, expected 0 <= low <= high",
            )
        if not self.event.label:
            return "blank", f"{self.place}: the event has no class, expected a name"
        return None


class Marked(NamedTuple):
    """What one file says: recordings as in `Annotations`, and events as they stand."""

    recordings: dict[str, int]
    marks: list[Mark]


def checked(found: Marked) -> Annotations:
    """Return what a file says where nothing is wrong with an event of it.

    Raises
    ------
    RefusedRows
        Where a mark has a fault.
    """
    if faults := [fault[1] for mark in found.marks if (fault := mark.fault())]:
        raise RefusedRows(faults)
    events, bands = ([getattr(mark, name) for mark in found.marks] for name in ("event", "band"))
    return Annotations(found.recordings, events, bands)


def read_content(path: str | os.PathLike) -> bytes:
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


def read_lines(path: str | os.PathLike) -> list[tuple[int, str]]:
    """Return the lines of a file that are not blank, with their numbers from 1.

    Raises
    ------
    ValueError
        As `read_content`, and where the file is not UTF-8 or holds a NUL.
    """
    text = label_sheet.decode_text(path, read_content(path))
    # not splitlines: a name may hold what Unicode takes for a line break
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def split_fields(line: str) -> list[str]:
    """Return the fields of a line, without the blanks around them."""
    return [field.strip() for field in line.split("\t")]


def parse_number(text: str, what: str, where: str) -> Decimal:
    """Return a finite number; ``what`` it is and ``where`` it stands are for the message.

    Raises
    ------
    ValueError
        Where the text is no number, such as with a decimal comma.
    """
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        has_comma = "," in text and _NUMBER.fullmatch(text.replace(",", ".", 1))
        hint = ", with a decimal point" if has_comma else ""
        raise ValueError(f"{where}: {what} is {text!r}, expected a finite number{hint}")
    return Decimal(text)


def parse_event(
    recording: str, onset_s: Decimal, offset_s: Decimal, label: str, where: str
) -> Event:
    """Return an event at any times, see `Mark.fault`; its class may be empty.

    Raises
    ------
    ValueError
        Where the class name cannot be used.
    """
    event = Event(recording, float(onset_s), float(offset_s), label)
    try:
        if label:
            checked_events([event._replace(onset_s=0.0, offset_s=1.0)])
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return event


def recording_id(name: str) -> str:
    """Return the id of the recording in a file of this name: without an audio extension."""
    stem = name.rpartition(".")[0] if audio_names.is_audio(name) else name
    return audio_names.composed(stem)


def annotated_recording(path: str | os.PathLike) -> str:
    """Return the id in the name of a table, such as ``id.Table.1.selections.txt`` or ``id.txt``."""
    return recording_id(_SUFFIX.sub("", os.path.basename(path)))


def pair_bands(
    events: Sequence[Event], bands: Iterable[Band | None] | None
) -> list[tuple[Event, Band | None]]:
    """Return each event with its band.

    Raises
    ------
    ValueError
        Where there are fewer or more bands than events, or one is no range of frequencies.
    """
    if bands is None:
        return list(zip(events, itertools.repeat(None)))
    found = list(bands)
    if len(found) != len(events):
        raise ValueError(f"{len(found)} bands for {len(events)} events; expected one for each")
    for band in found:
        if band is not None and not is_band(band):
            raise ValueError(f"band {band!r}; expected 0 <= low <= high [Hz], None where not known")
    return list(zip(events, found, strict=True))


def is_band(band: Band) -> bool:
    """Return whether 0 <= low <= high [Hz], both finite, as far as they are known."""
    known = [frequency for frequency in band if frequency is not None]
    return all(0 <= one < math.inf for one in known) and known == sorted(known)


def interval_text(event: Event, decimals: int | None) -> tuple[str, str]:
    """Return onset and offset of an event [s] as texts.

    With a number of ``decimals`` the offset is at least one unit of the last place after the onset:
    an event shorter than that stays an event.
    """
    onset, offset = (number_text(time, decimals) for time in (event.onset_s, event.offset_s))
    if Decimal(offset) <= Decimal(onset):
        offset = format(Decimal(onset) + Decimal(1).scaleb(-(decimals or 0)), "f")
    return onset, offset


def number_text(value: float, decimals: int | None = None) -> str:
    """Return a number without an exponent; None for ``decimals``: all digits that it has."""
    if decimals is not None:
        return f"{value:.{decimals}f}"
    return format(Decimal(repr(float(value))), "f")


def checked_names(names: Iterable[str], what: str) -> list[str]:
    """Return names that can stand between tabs.

    Raises
    ------
    ValueError
        Where one is empty, holds a tab or another control character, or has blanks at its ends.
    """
    found = list(names)
    for name in found:
        if not is_writable(name):
            raise ValueError(
                f"{what} {name!r} cannot stand in an annotation file; expected a name without "
                "tabs, control characters and outer blanks"
            )
    return found


def is_writable(name: str) -> bool:
    """Return whether a name that is written between tabs reads back the same."""
    return (
        bool(name) and name == name.strip() and "\t" not in name and audio_names.is_supported(name)
    )
