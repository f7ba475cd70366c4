"""What is read from an annotation file, whatever its format.

A format is a module of ``formats/annotations/``, found by its name where the config picks it:
``read_labels(path, settings)`` reads one file of strong labels, and ``ONE_EACH`` says whether there
may be a folder with a file for each recording. Nothing is guessed and nothing is dropped: what a
file cannot mean is refused in one sentence that names the file and the line. What one of these
modules writes, it reads back the same.

* `Annotations`: recordings, events and their frequency bands.
* `Band`: the frequencies that an event was marked over.
* `bands_of`: a band for each event, as writers take them.
* `recording_of`: the recording that a file is of, by its name.
"""

import itertools
import math
import os
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dawnchorus.formats import text_fields
from dawnchorus.formats.event import Event

_SUFFIX = re.compile(
    r"(\.Table\.\d+)?\.selections?\.txt$|\.BirdNET\.selection\.table\.txt$|\.txt$", re.IGNORECASE
)
Band = tuple[float | None, float | None]  # lowest and highest frequency [Hz]; None: not said


class Annotations(NamedTuple):
    """What one file says.

    ``recordings`` are the ids of all recordings that it speaks of, also of those without events, in
    order, each with the line (from 1) that names it first; ``events`` are in the order of the file,
    and ``bands`` are theirs, None where there is none.
    """

    recordings: dict[str, int]
    events: list[Event]
    bands: list[Band | None]


def bands_of(
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
    """Return whether 0 <= low <= high, both finite, as far as they are known."""
    known = [frequency for frequency in band if frequency is not None]
    return all(0 <= one < math.inf for one in known) and known == sorted(known)


def recording_of(path: str | os.PathLike) -> str:
    """Return the id in a file name such as ``id.Table.1.selections.txt`` or ``id.txt``."""
    return text_fields.id_of(_SUFFIX.sub("", os.path.basename(path)))
