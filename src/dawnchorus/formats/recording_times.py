"""When and where a recording was made, from the name of its file.

Autonomous recorders name a file for its start:

* AudioMoth: ``20240501_053000.WAV`` (``20240501_053000T.WAV`` where it was triggered), and with the
  first firmware ``5CE0A1B0.WAV``, seconds since 1970 in UTC in upper-case hexadecimal digits;
* Song Meter and many others: ``SITE_20240501_053000.wav``;
* ISO 8601 as file systems allow it: ``2024-05-01T05-30-00.flac``, ``20240501T053000Z.wav``, and with
  a zone ``SITE_20240501_053000+0200.wav``.

A name that has a date in another place than its end, or digits that are no date, has no time here: a
wrong time would be worse than none. Where the name has no zone the time has none either: it is the
recorder's own clock, which most people set to local time or to UTC.

* `start_of`: start of a recording.
* `site_of`: the place, from what stands before the date, or else from the folder.
* `time_text`: the time of something in the recording, as ISO 8601.
"""

import re
from datetime import UTC, datetime, timedelta

_DATED = re.compile(
    r"(?P<site>.*?)(?<!\d)(?P<year>(?:19|20)\d\d)(?P<dash>-?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)"
    r"[_T -](?P<hour>\d\d)(?P<colon>[-:]?)(?P<minute>\d\d)(?P=colon)(?P<second>\d\d)"
    r"(?P<zone>Z|[+-]\d\d[:-]?\d\d)?T?"
)
_HEXADECIMAL = re.compile(r"[0-9A-F]{8}")
# Between the first AudioMoth and the end of 31 bits: names that are numbers or check sums lie outside,
# most of them.
_HEXADECIMAL_YEARS = range(2015, 2038)


def start_of(file: str) -> datetime | None:
    r"""Return the start of a recording, to the second; None where its name does not say it.

    Parameters
    ----------
    file : str
        Path or name, with ``/`` or ``\`` between folders.
    """
    name = _parts(file)[-1]
    stem, _, extension = name.rpartition(".")
    if found := _DATED.fullmatch(stem or name):
        names = ("year", "month", "day", "hour", "minute", "second")
        # +02-00 too, since not every file system takes a colon
        zone = re.sub(r"(?<=\d)[:-]", "", found["zone"] or "")
        try:
            start = datetime(*(int(found[part]) for part in names))
            return start.replace(tzinfo=datetime.strptime(zone, "%z").tzinfo) if zone else start
        except ValueError:
            return None  # digits that are no date, such as a month 13
    # a number of eight digits is one only in the capitals of AudioMoth: 61234567.wav may be an id
    if _HEXADECIMAL.fullmatch(stem) and (extension == "WAV" or not stem.isdigit()):
        start = datetime.fromtimestamp(int(stem, 16), UTC)
        return start if start.year in _HEXADECIMAL_YEARS else None
    return None


def site_of(file: str) -> str:
    """Return the place of a recording: ``SITE`` of its name, or its folder; empty where neither is."""
    *folders, name = _parts(file)
    stem = name.rpartition(".")[0] or name
    found = _DATED.fullmatch(stem)
    named = found["site"].rstrip("_-. ") if found and start_of(file) else ""
    return named or (folders[-1] if folders else "")


def time_text(start: datetime | None, onset_s: float) -> str | None:
    """Return the time of an onset [s from the start] as ISO 8601 with milliseconds; None for None."""
    if start is None:
        return None
    return (start + timedelta(seconds=onset_s)).isoformat(timespec="milliseconds")


def _parts(file: str) -> list[str]:
    """Return folders and name; a relative path's first folder may be ``.``, which names nothing."""
    return [part for part in re.split(r"[/\\]", file) if part not in ("", ".", "..")] or [""]
