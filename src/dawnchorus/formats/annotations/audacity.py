r"""Label tracks of Audacity: one recording per file, a line per label.

``onset offset label`` between tabs, in seconds; a region with a range of frequencies has a second
line ``\ low high`` [Hz], where -1 is a bound that is not set. The file does not name its recording.

https://manual.audacityteam.org/man/importing_and_exporting_labels.html

* `read`, `write`: a label track; `track_text`: its text.
"""

import os
from collections.abc import Iterable, Mapping

from dawnchorus.formats import annotation
from dawnchorus.formats.annotation import (
    Annotations,
    Band,
    Mark,
    Marked,
    NoTable,
    annotated_recording,
    pair_bands,
)
from dawnchorus.formats.event import Event, checked_events
from dawnchorus.formats.label_sheet import Refusals
from dawnchorus.runtime import artefacts

ONE_EACH = True  # whether there may be a folder with a file for each recording

_BAND = "\\"  # first field of a line of frequencies
_UNSET_HZ = -1.0


def read_labels(path: str | os.PathLike, settings: Mapping) -> Marked:
    """Read a file of strong labels, by the settings of the corpus that it is of."""
    lines = annotation.read_lines(path)
    if lines and not any("\t" in content for _, content in lines):
        raise NoTable(
            f"{path}, line {lines[0][0]} has 1 fields, expected onset, offset and label between tabs"
        )
    return _read(path, annotated_recording(path))


def read(path: str | os.PathLike, recording: str) -> Annotations:
    """Read a label track.

    Parameters
    ----------
    path : path
    recording : str
        Id of the recording that the labels are of.

    Raises
    ------
    ValueError
        Where the file cannot be read, a line is no label, a label is a point or has no name, or
        frequencies stand at no label.
    """
    return annotation.checked(_read(path, recording))


def _read(path: str | os.PathLike, recording: str) -> Marked:
    marks: list[Mark] = []
    refused = Refusals()
    is_after_label = False
    for line, content in annotation.read_lines(path):
        where, fields = f"{path}, line {line}", annotation.split_fields(content)
        with refused.collect():
            if fields[0] != _BAND:
                if len(fields) not in (2, 3):
                    raise ValueError(
                        f"{where} has {len(fields)} fields, expected onset, offset and label between "
                        "tabs"
                    )
                onset_s = annotation.parse_number(fields[0], "onset", where)
                offset_s = annotation.parse_number(fields[1], "offset", where)
                label = fields[2] if len(fields) == 3 else ""
                event = annotation.parse_event(recording, onset_s, offset_s, label, where)
                marks.append(Mark(event, None, where))
            elif is_after_label and marks:
                if len(fields) != 3:
                    raise ValueError(
                        f"{where} has {len(fields)} fields, expected a backslash, low and high"
                    )
                told = (annotation.parse_number(one, "a frequency", where) for one in fields[1:])
                # Audacity writes a bound that nobody has set as a number of its own
                low_hz, high_hz = (None if one == _UNSET_HZ else one for one in map(float, told))
                marks[-1] = marks[-1]._replace(band=(low_hz, high_hz))
            else:
                raise ValueError(f"{where}: frequencies, expected them after the line of a label")
        is_after_label = fields[0] != _BAND
    refused.check()
    return Marked({recording: 1}, marks)


def write(
    path: str | os.PathLike,
    events: Iterable[Event],
    bands: Iterable[Band | None] | None = None,
    decimals: int | None = None,
) -> None:
    """Write the events of one recording as a label track, in the order given.

    Parameters
    ----------
    path : path
    events : iterable of Event
    bands : iterable, optional
        For each event (low, high) [Hz] or None.
    decimals : int, optional
        Digits behind the point of times; None: all that they have. Audacity has 6.

    Raises
    ------
    ValueError
        Where an event cannot be used, events are of several recordings, or bands do not fit.
    """
    found = list(events)
    artefacts.write_text(path, track_text(path, found, bands, decimals), rows=len(found))


def track_text(
    where: str | os.PathLike,
    events: Iterable[Event],
    bands: Iterable[Band | None] | None = None,
    decimals: int | None = None,
) -> str:
    """Return the text of a label track; as `write`, but that ``where`` only names it in errors."""
    found = list(events)
    checked_events(found)
    if len({one.id for one in found}) > 1:
        raise ValueError(f"{where}: events of several recordings, expected a label track for each")
    annotation.checked_names([one.label for one in found], "class")
    lines = []
    for one, band in pair_bands(found, bands):
        lines.append("\t".join([*annotation.interval_text(one, decimals), one.label]))
        if band is not None:
            bounds = (_UNSET_HZ if bound is None else bound for bound in band)
            lines.append("\t".join([_BAND, *map(annotation.number_text, bounds)]))
    return "".join(f"{line}\n" for line in lines)
