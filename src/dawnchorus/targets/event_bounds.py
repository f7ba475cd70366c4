"""Annotated events held against the length of their recordings.

An event is *outside* where nothing of it is in the recording, and *crossing* where it begins inside
and ends more than `FRAME_S` after the end. Both come from tables of another file, or of several
files in a row; an event that nobody can hear would count as missed by every detector.

* `check_bounds`: stop where a corpus has events that its settings do not allow.
* `within`: the events as they count, and how many were dropped and cut.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dawnchorus.audio.verdicts import USED, read_verdicts
from dawnchorus.formats.event import Event, read_events
from dawnchorus.runtime.logs import LOG

FRAME_S = 0.02  # [s] that an event may end late: annotators work on frames about so long
_NAMED = 5  # offenders a message names


class Bounded(NamedTuple):
    """Events of recordings as they count, and the numbers of those dropped and cut."""

    events: list[Event]
    dropped: int
    clipped: int


def check_bounds(
    events_path: str | Path, verdicts_path: str | Path, policies: Mapping, corpus: str
) -> None:
    """Raise where annotated events lie beyond the end of a used recording, or warn with counts.

    Parameters
    ----------
    events_path, verdicts_path : path
        Tables of a corpus, of events and of `dawnchorus.audio.verdicts.VERDICT_COLUMNS`.
    policies : mapping
        ``outside``: ``error`` or ``drop``; ``crossing``: ``clip``, ``error`` or ``drop``.
    corpus : str
        Its name, for the messages.

    Raises
    ------
    ValueError
        Names recordings, classes, times and lengths, up to five of them, and the setting.
    """
    frame = read_verdicts(verdicts_path)
    used = frame[frame["verdict"] == USED]
    lengths_s = dict(zip(used["id"], used["duration_s"], strict=True))
    known = [event for event in read_events(events_path) if event.id in lengths_s]
    outside = [event for event in known if _is_outside(event, lengths_s)]
    crossing = [event for event in known if _is_crossing(event, lengths_s)]
    if outside and policies["outside"] == "error":
        raise ValueError(_refusal(outside, lengths_s, corpus, "outside", "begin after", "drop"))
    if crossing and policies["crossing"] == "error":
        raise ValueError(_refusal(crossing, lengths_s, corpus, "crossing", "end after", "clip"))
    for found, what in ((outside, "drop"), (crossing, policies["crossing"])):
        if found:
            done = {"drop": "dropped", "clip": "cut at the end of their recording"}[what]
            LOG.info(
                "warning: %d of %d events of corpus %s are %s: %s",
                len(found), len(known), corpus, done, _shown(found, lengths_s),
            )  # fmt: skip


def within(
    events: Iterable[Event], lengths_s: Mapping[str, float], crossing: str = "clip"
) -> Bounded:
    """Return the events that are in their recordings.

    Parameters
    ----------
    events : iterable of Event
    lengths_s : mapping of id to float
        Lengths of all their recordings [s].
    crossing : {"clip", "drop", "error"}
        ``drop`` leaves out what ends more than `FRAME_S` after its recording, others cut it there
        (``error``: there is none, `check_bounds` has stopped). What ends within a frame after it
        stays as annotated. Events outside are always dropped.
    """
    kept, counts = [], Counter[str]()
    for event in events:
        if _is_outside(event, lengths_s):
            counts["dropped"] += 1
        elif not _is_crossing(event, lengths_s):
            kept.append(event)
        elif crossing == "drop":
            counts["dropped"] += 1
        else:
            counts["clipped"] += 1
            kept.append(event._replace(offset_s=lengths_s[event.id]))
    return Bounded(kept, counts["dropped"], counts["clipped"])


def _is_outside(event: Event, lengths_s: Mapping[str, float]) -> bool:
    # from the very end on as well: nothing of such an event is in the recording
    return event.onset_s >= lengths_s[event.id]


def _is_crossing(event: Event, lengths_s: Mapping[str, float]) -> bool:
    end_s = lengths_s[event.id]
    return event.onset_s < end_s and event.offset_s > end_s + FRAME_S


def _refusal(
    found: Sequence[Event], lengths_s: Mapping, corpus: str, key: str, what: str, remedy: str
) -> str:
    return (
        f"{len(found)} events of corpus {corpus} {what} the end of their recording: "
        f"{_shown(found, lengths_s)}; mend the annotations, or set corpora.{corpus}.{key}: {remedy}"
    )


def _shown(found: Sequence[Event], lengths_s: Mapping[str, float]) -> str:
    shown = [
        f"{event.id} {event.label} {event.onset_s:g}-{event.offset_s:g} s of {lengths_s[event.id]:g} s"
        for event in found[:_NAMED]
    ]
    return ", ".join(shown) + (", ..." if len(found) > _NAMED else "")
