"""Sound events: which class is active in a recording, from when to when.

An event is half-open, [onset_s, offset_s), in seconds from the start of its recording. A recording
without events has no row in a table of events: other tables list the recordings. Lists that these
functions return are in the order of recording, onset, offset and class.

* `Event`: one event.
* `read_events`, `write_events`: a table of events; `read_bands`: their frequencies.
* `places_path`, `read_places`: where events stand in label files.
* `checked_events`: events that have passed the checks.
* `merge_events`, `longer_than`, `resolve_overlaps`: short gaps, short events, overlaps.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from dawnchorus.formats import parquet
from dawnchorus.runtime import artefacts

EVENTS = ("id", "onset_s", "offset_s", "label")
PLACES = ("place",)
BANDS = ("low_hz", "high_hz")  # [Hz] of the tables of corpora whose annotations have frequencies
OVERLAPS = ("union", "keep")  # policies for overlapping events of one class
TOLERANCE_S = 1e-9  # [s] by which equal times may differ after rounding
_SEPARATOR = ";"  # stands between class names elsewhere, so no class name may hold it
_SHOWN = 5  # offenders named in a message


class Event(NamedTuple):
    """One class that is active in one recording over [onset_s, offset_s), both in seconds."""

    id: str
    onset_s: float
    offset_s: float
    label: str


def read_events(path: str | Path) -> list[Event]:
    """Read a table of events: CSV written by `write_events`, or the Parquet table of a corpus.

    Raises
    ------
    ValueError
        Where the columns are others than `EVENTS`, a time is no number, or `checked_events` rejects
        an event; the message names the file.
    """
    if parquet.is_parquet(path):  # those of a corpus; detections are CSV, which a person opens
        columns = parquet.read_columns(path)
        if tuple(columns) not in (EVENTS, (*EVENTS, *BANDS)):
            raise ValueError(f"{path} has columns {list(columns)}, expected {list(EVENTS)}")
        events = zip(*(columns[name] for name in EVENTS), strict=True)
    else:
        rows = artefacts.read_table(path)
        if rows and tuple(rows[0]) != EVENTS:
            raise ValueError(f"{path} has columns {list(rows[0])}, expected {list(EVENTS)}")
        events = ((row[name] for name in EVENTS) for row in rows)
    try:
        return checked_events(events)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None


def read_bands(path: str | Path) -> list[tuple[float, float]]:
    """Return lowest and highest frequency [Hz] of the events of a corpus' table, in its order.

    What is not known is 0 and infinity; a table without frequencies gives an empty list.
    """
    if not parquet.is_parquet(path):
        return []
    columns = parquet.read_columns(path)
    if not set(BANDS) <= set(columns):
        return []
    return list(zip(*(map(float, columns[name]) for name in BANDS), strict=True))


def places_path(events: str | Path) -> Path:
    """Return where the table is that says in which line of which file each event stands.

    Like that of recordings it decides nothing: messages name what it says.
    """
    return Path(events).with_suffix(".places")


def read_places(events: str | Path) -> list[str]:
    """Return the place of each event of a table, in its order; none where they are not known."""
    path = places_path(events)
    if not path.is_file():
        return []
    return [str(place) for place in parquet.read_columns(path, PLACES)["place"]]


def write_events(path: str | Path, events: Iterable[Event]) -> None:
    """Write events as a CSV table with the columns `EVENTS`; times keep all their digits."""
    artefacts.write_table(path, EVENTS, checked_events(events))


def checked_events(events: Iterable[Event]) -> list[Event]:
    """Return events in order, with times as floats, or raise.

    Parameters
    ----------
    events : iterable of Event
        Or of plain (id, onset_s, offset_s, label); times may be text.

    Raises
    ------
    ValueError
        Where a time is no finite number, not 0 <= onset < offset, an id is empty, or a class name
        is empty or holds a semicolon, a control character or blanks at its ends.
    """
    found = []
    for given in map(tuple, events):
        try:
            name, onset_s, offset_s, label = given
            found.append(Event(str(name), float(onset_s), float(offset_s), str(label)))
        except (TypeError, ValueError):
            raise ValueError(
                f"event {given!r} has times that are no numbers; expected "
                "(id, onset_s, offset_s, label)"
            ) from None
    bad = []
    for event in found:
        is_named = bool(event.id) and bool(event.label) and event.label == event.label.strip()
        # a tab or a line break would end the field in the formats that annotators open
        is_plain = _SEPARATOR not in event.label and not any(ord(sign) < 32 for sign in event.label)
        # written so that NaN fails too
        if not (is_named and is_plain and 0 <= event.onset_s < event.offset_s < math.inf):
            bad.append(event)
    if bad:
        shown = ", ".join(repr(tuple(event)) for event in bad[:_SHOWN])
        raise ValueError(
            f"{len(bad)} of {len(found)} events cannot be used: {shown}; expected an id, finite "
            f"times with 0 <= onset < offset and a class name without {_SEPARATOR!r}, control "
            "characters and outer blanks"
        )
    return sorted(found)


def merge_events(events: Iterable[Event], gap_s: float) -> list[Event]:
    """Join events of one recording and class with less than ``gap_s`` between them.

    Parameters
    ----------
    events : iterable of Event
    gap_s : float >= 0
        [s]; DCASE 2018 task 4: 0.15. A gap of exactly that length remains. Events that overlap or touch
        are always joined.

    Returns
    -------
    list of Event
    """
    if not (math.isfinite(gap_s) and gap_s >= 0):
        raise ValueError(f"gap_s={gap_s!r}; expected a finite number of seconds, at least 0")
    open_gap_s = max(TOLERANCE_S, gap_s - TOLERANCE_S)  # touching up to rounding is touching
    joined: list[Event] = []
    in_order = sorted(
        checked_events(events), key=lambda event: (event.id, event.label, event.onset_s)
    )
    for event in in_order:
        last = joined[-1] if joined else None
        is_same = last is not None and (last.id, last.label) == (event.id, event.label)
        if is_same and event.onset_s - last.offset_s < open_gap_s:
            joined[-1] = last._replace(offset_s=max(last.offset_s, event.offset_s))
        else:
            joined.append(event)
    return sorted(joined)


def longer_than(events: Iterable[Event], minimum_s: float) -> list[Event]:
    """Keep events of ``minimum_s`` seconds or more (DCASE 2018 task 4: 0.25)."""
    if not (math.isfinite(minimum_s) and minimum_s >= 0):
        raise ValueError(
            f"minimum_s={minimum_s!r}; expected a finite number of seconds, at least 0"
        )
    least_s = minimum_s - TOLERANCE_S
    return [event for event in checked_events(events) if event.offset_s - event.onset_s >= least_s]


def resolve_overlaps(events: Iterable[Event], policy: str) -> list[Event]:
    """Apply a policy to events of one recording and class that overlap.

    Parameters
    ----------
    events : iterable of Event
    policy : {"union", "keep"}
        ``union``: events that overlap or touch become one; ``keep``: each remains.

    Returns
    -------
    list of Event
    """
    if policy not in OVERLAPS:
        raise ValueError(f"policy of overlapping events {policy!r}; expected one of {OVERLAPS}")
    return merge_events(events, 0.0) if policy == "union" else checked_events(events)
