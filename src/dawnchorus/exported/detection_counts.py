"""Detections counted by class, site, date and hour, against the hours that were recorded (effort).

Without the effort a count says little: an hour of the day with twice the recordings has twice the
detections. A recording counts in each clock hour by the part of it that lies there. Times are those of
the recorder's clock as the names of files have them; site and start come from the name too
(`dawnchorus.formats.recording_times`), or from columns ``site`` and ``time`` of a table of effort. What
has no time is counted under an empty date and hour.

* `read_effort`: lengths of recordings, from a folder or a table.
* `effort_of`, `counts_of`: hours, and detections, by cell.
* `Cell`: site, date and hour.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from dawnchorus.formats import annotation, audio_names, label_sheet
from dawnchorus.formats.recording_times import site_of, start_of

if TYPE_CHECKING:
    import pyarrow

_HOUR = timedelta(hours=1)
_NAMED = 5  # recordings a message names


class Cell(NamedTuple):
    """A place and a clock hour: ``date`` as 2024-05-01, ``hour`` from 00 to 23; empty: not known."""

    site: str
    date: str
    hour: str


class Recording(NamedTuple):
    """A recording of the effort: its path, its site, its start (None: not known) and its length [s]."""

    file: str
    site: str
    start: datetime | None
    duration_s: float


def read_effort(path: str | os.PathLike) -> tuple[list[Recording], list[str]]:
    """Return the recordings that were searched for detections.

    Parameters
    ----------
    path : path
        A folder, of whose audio files (also in folders below it) the length is read; or a CSV with
        columns ``file`` and ``duration`` [s], and where they are known ``site`` and ``time`` (ISO 8601
        start).

    Returns
    -------
    recordings : list of Recording
        Paths start from the folder, or are as in the table.
    unreadable : list of str
        A sentence on each file of the folder that cannot be opened: it counts for nothing.

    Raises
    ------
    ValueError
        Where there is no recording, a column is missing, or a field is not what it should be.
    """
    found, unreadable = [], []
    if os.path.isdir(path):
        import soundfile

        for place, folders, names in os.walk(path):
            folders.sort()  # in place: that is the order in which they are walked
            for name in sorted(filter(audio_names.is_audio, names)):
                file = os.path.relpath(os.path.join(place, name), path)
                try:
                    about = soundfile.info(os.path.join(place, name))
                except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
                    unreadable.append(f"{file}: {' '.join(str(error).split())}")
                    continue
                duration_s = about.frames / about.samplerate
                found.append(Recording(file, site_of(file), start_of(file), duration_s))
    else:
        sheet = label_sheet.read_sheet(str(path), verbatim=("file",))
        files, durations = (label_sheet.column(sheet, name) for name in ("file", "duration"))
        sites, times = (label_sheet.optional_column(sheet, name) for name in ("site", "time"))
        for file, text, site, time, line in zip(
            files, durations, sites, times, sheet.lines, strict=True
        ):
            where = f"{path}, line {line}"
            duration_s = float(annotation.parse_number(text, "duration", where))
            if duration_s < 0:
                raise ValueError(f"{where}: duration is {text}; expected seconds, 0 or more")
            try:
                start = datetime.fromisoformat(time) if time else start_of(file)
            except ValueError:
                raise ValueError(
                    f"{where}: time is {time!r}; expected ISO 8601 such as 2024-05-01T05:30:00"
                ) from None
            found.append(Recording(file, site or site_of(file), start, duration_s))
        if len({one.file for one in found}) < len(found):
            names = [one.file for one in found]
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ValueError(
                f"{path} has {label_sheet.examples(twice)} twice; keep one row of each"
            )
    if not found:
        raise ValueError(
            f"{path} has no recording that can be read; expected the folder that was searched for "
            "detections, or a CSV with columns file and duration"
        )
    return found, unreadable


def effort_of(recordings: Iterable[Recording]) -> dict[Cell, float]:
    """Return the recorded hours of each cell, sorted."""
    seconds: dict[Cell, float] = defaultdict(float)
    for one in recordings:
        if one.start is None:
            seconds[Cell(one.site, "", "")] += one.duration_s
            continue
        time, left_s = one.start, one.duration_s
        while left_s > 0:
            # the rest of this clock hour, or of the recording
            next_hour = time.replace(minute=0, second=0, microsecond=0) + _HOUR
            own_s = min(left_s, (next_hour - time).total_seconds())
            seconds[_cell(one.site, time)] += own_s
            time, left_s = next_hour, left_s - own_s
    return {cell: seconds[cell] / 3600 for cell in sorted(seconds)}


def counts_of(
    table: "pyarrow.Table",
    thresholds: Mapping[str, float] | float,
    recordings: Sequence[Recording] = (),
    folder: str | os.PathLike | None = None,
) -> dict[tuple[str, Cell], int]:
    """Return the number of detections of each class in each cell, sorted.

    Parameters
    ----------
    table : pyarrow.Table
        Detections.
    thresholds : float, or mapping of class to float
        Detections with a lower score do not count, nor do those of a class without a threshold.
    recordings : sequence of Recording
        The effort: a recording of it has its site and its start from there.
    folder : path, optional
        Of the effort, where it was itself given to ``predict``: then paths do not start from it.

    Raises
    ------
    ValueError
        Where there is an effort, and it lacks a recording with detections.
    """
    known = {one.file: one for one in recordings}
    found: dict[tuple[str, Cell], int] = defaultdict(int)
    missing = set()
    for batch in table.to_batches():
        columns = (
            batch.column(name).to_pylist() for name in ("file", "onset", "class", "score", "time")
        )
        for file, onset_s, label, score, time in zip(*columns, strict=True):
            least = thresholds.get(label) if isinstance(thresholds, Mapping) else thresholds
            if least is None or score < least:
                continue
            if folder is not None and file not in known:
                within = os.path.relpath(file, folder)
                if within in known:
                    known[file] = known[within]
            if recordings and file not in known:
                missing.add(file)
                continue
            if file not in known:
                known[file] = Recording(file, site_of(file), start_of(file), 0.0)
            about = known[file]
            if about.start is not None:
                when = about.start + timedelta(seconds=onset_s)
            else:
                when = datetime.fromisoformat(time) if time else None
            found[label, _cell(about.site, when)] += 1
    if missing:
        raise ValueError(
            f"{len(missing)} recordings with detections are not in the effort: "
            f"{label_sheet.examples(sorted(missing)[:_NAMED])}; name the folder that the paths of the "
            "detections start from, or a table of all recordings that were searched"
        )
    return {key: found[key] for key in sorted(found)}


def _cell(site: str, when: datetime | None) -> Cell:
    if when is None:
        return Cell(site, "", "")
    return Cell(site, when.date().isoformat(), f"{when.hour:02}")
