"""Annotated events held against the length and the frequencies of their recordings.

An event is *outside* where nothing of it is in the recording: it begins at its end or later, or lies
over its highest frequency. It is *crossing* where a part of it is: it ends more than `FRAME_S` after
the end, or reaches over the highest frequency. Both come from tables of another file, or of several
files in a row; an event that nobody can hear would count as missed by every detector.

* `hold_events`: stop where a corpus has events that its settings do not allow, and find lost classes.
* `within`: the events as they count, and how many were dropped and cut.
* `read_within`: the same of a corpus' table, by the verdicts on its recordings.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dawnchorus.audio.verdicts import USED, read_shard_table
from dawnchorus.formats.event import Event, read_bands, read_events, read_places
from dawnchorus.runtime.logs import LOG

if TYPE_CHECKING:
    import pandas as pd

FRAME_S = 0.02  # [s] that an event may end late: annotators work on frames about so long
_ROUNDING_HZ = 1.0  # by which a box may be drawn over the top of a spectrogram
_NAMED = 5  # offenders a message names
_ANY_BAND = (0.0, float("inf"))  # [Hz], of an event whose frequencies are not known


class Extent(NamedTuple):
    """How long a recording is [s], and its highest frequency [Hz]."""

    duration_s: float
    nyquist_hz: float = float("inf")


class Bounded(NamedTuple):
    """Events of recordings as they count, and the numbers of those dropped and cut."""

    events: list[Event]
    dropped: int
    clipped: int


def hold_events(
    events_path: str | Path,
    shard_tables: Sequence[str | Path],
    policies: Mapping,
    corpus: str,
) -> dict[str, list[str]]:
    """Raise where annotated events lie beyond their used recordings, or warn with counts.

    Parameters
    ----------
    events_path : path
        The corpus' table of events; the one beside it says in which file and line each stands.
    shard_tables : sequence of path
        Of `dawnchorus.audio.verdicts.read_shard_table`.
    policies : mapping
        ``outside``: ``error`` or ``drop``; ``crossing``: ``clip``, ``error`` or ``drop``.
    corpus : str
        Its name, for the messages.

    Returns
    -------
    dict of str to list of str
        By recording the classes all of whose events are dropped: it is not of these classes.

    Raises
    ------
    ValueError
        Names recordings, classes, times and lengths, files and lines, up to five, and the setting.
    """
    rows = [row for path in shard_tables for row in read_shard_table(path) if row.verdict == USED]
    extents = {row.id: Extent(row.duration_s, row.source_rate / 2) for row in rows}
    events = read_events(events_path)
    bands, places = (
        _bands(events_path, events),
        read_places(events_path) or [""] * len(events),
    )
    found: dict[str, list[str]] = {"outside": [], "crossing": []}
    left, dropped, n_known = defaultdict(set), defaultdict(set), 0
    for event, band, place in zip(events, bands, places, strict=True):
        if event.id not in extents:
            continue
        n_known += 1
        kind = _kind(event, band, extents[event.id])
        if kind:
            extent = extents[event.id]
            said = f"{event.id} {event.label} {event.onset_s:g}-{event.offset_s:g} s"
            said += f" of {extent.duration_s:g} s"
            # an annotation without a band reaches to infinity, which is no fault
            if band[1] < float("inf") and band[1] > extent.nyquist_hz:
                said += f", {band[0]:g}-{band[1]:g} Hz of {extent.nyquist_hz:g} Hz"
            found[kind].append(f"{said} ({place})" if place else said)
        is_dropped = kind == "outside" or (kind and policies["crossing"] == "drop")
        (dropped if is_dropped else left)[event.id].add(event.label)
    where = {"outside": "outside of", "crossing": "partly outside of"}
    for kind, shown in found.items():
        named = "; ".join(shown[:_NAMED]) + ("; ..." if len(shown) > _NAMED else "")
        if shown and policies[kind] == "error":
            raise ValueError(
                f"{len(shown)} events of corpus {corpus} are {where[kind]} their recording: {named}; "
                f"mend the annotations, or set corpora.{corpus}.{kind}: "
                f"{'drop' if kind == 'outside' else 'clip'}"
            )
        if shown:
            done = "cut at the end of their recording" if policies[kind] == "clip" else "dropped"
            LOG.info(
                "warning: %d of %d events of corpus %s are %s their recording and %s: %s",
                len(shown), n_known, corpus, where[kind], done, named,
            )  # fmt: skip
    return {name: sorted(lost) for name in dropped if (lost := dropped[name] - left[name])}


def within(
    events: Iterable[Event],
    extents: Mapping[str, Extent],
    crossing: str = "clip",
    bands: Sequence[tuple[float, float]] | None = None,
) -> Bounded:
    """Return the events that are in their recordings.

    Parameters
    ----------
    events : iterable of Event
    extents : mapping of id to Extent
        Of all their recordings.
    crossing : {"clip", "drop", "error"}
        ``drop`` leaves out what ends more than `FRAME_S` after its recording, others cut it there
        (``error``: there is none, `hold_events` has stopped). What ends within a frame after it
        stays as annotated. Events outside are always dropped.
    bands : sequence of (low, high), optional
        Frequencies of the events [Hz].
    """
    events = list(events)
    kept, counts = [], Counter[str]()
    for event, band in zip(events, bands or [_ANY_BAND] * len(events), strict=True):
        extent = extents[event.id]
        kind = _kind(event, band, extent)
        if kind == "outside" or (kind and crossing == "drop"):
            counts["dropped"] += 1
            continue
        if kind:
            counts["clipped"] += 1
            event = event._replace(offset_s=min(event.offset_s, extent.duration_s))
        kept.append(event)
    return Bounded(kept, counts["dropped"], counts["clipped"])


def read_within(
    events_path: str | Path, verdicts: "pd.DataFrame", ids: Iterable[str], crossing: str
) -> Bounded:
    """Return the events of some used recordings that are in them; parameters as `within` has them.

    Parameters
    ----------
    events_path : path
    verdicts : data frame
        Of `dawnchorus.audio.verdicts.read_verdicts`.
    ids : iterable of str
        The recordings.
    crossing : str
    """
    used = verdicts[verdicts["verdict"] == USED]
    # a table of another version knows no rates
    rates = used["source_rate"] if "source_rate" in used else [float("inf")] * len(used)
    columns = zip(used["id"], used["duration_s"], rates, strict=True)
    extents = {name: Extent(duration_s, float(rate) / 2) for name, duration_s, rate in columns}
    events, wanted = read_events(events_path), set(ids)
    pairs = zip(events, _bands(events_path, events), strict=True)
    own = [(event, band) for event, band in pairs if event.id in wanted]
    return within([event for event, _ in own], extents, crossing, [band for _, band in own])


def _bands(path: str | Path, events: Sequence[Event]) -> list[tuple[float, float]]:
    return read_bands(path) or [_ANY_BAND] * len(events)


def _kind(event: Event, band: tuple[float, float], extent: Extent) -> str:
    """Return ``outside``, ``crossing``, or an empty text for an event in its recording."""
    low_hz, high_hz = band
    if event.onset_s >= extent.duration_s or low_hz >= extent.nyquist_hz:
        return "outside"
    is_over = high_hz < float("inf") and high_hz > extent.nyquist_hz + _ROUNDING_HZ
    return "crossing" if is_over or event.offset_s > extent.duration_s + FRAME_S else ""
