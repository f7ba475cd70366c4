"""``Annotation.xml`` of BirdsongRecognition: sequences of notes (Koumura and Okanoya 2016).

Positions and lengths are in samples of the recordings as they were annotated; a note's position counts
from the start of its sequence, and a sequence's from that of the recording. Recordings are named with
``.wav``, whatever their format is now: ids have no extension. A file that declares a document type
or entities is rejected. Messages name the sequence and the note, as XML has no lines of its own.

https://doi.org/10.1371/journal.pone.0159188, https://doi.org/10.6084/m9.figshare.3470165

* `read`, `write`: an annotation file.
"""

import itertools
import operator
import os
from collections.abc import Iterable, Mapping
from decimal import Decimal
from xml.sax.saxutils import escape

import defusedxml.ElementTree
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError

from dawnchorus.formats import annotation
from dawnchorus.formats.annotation import Annotations, Mark, Marked
from dawnchorus.formats.event import Event, checked_events
from dawnchorus.runtime import artefacts

ONE_EACH = False  # whether there may be a folder with a file for each recording


def read_labels(path: str | os.PathLike, settings: Mapping) -> Marked:
    """Read a file of strong labels, by the settings of the corpus that it is of."""
    return _read(path, settings["sample_rate"])


def read(path: str | os.PathLike, sample_rate: int) -> Annotations:
    """Read an annotation file.

    Parameters
    ----------
    path : path
    sample_rate : int
        [Hz], of the recordings as they were annotated: the file does not say it.

    Returns
    -------
    Annotations
        The line of a recording is the number of its first sequence.

    Raises
    ------
    ValueError
        Where the file cannot be read or is no such XML, counts of sequences or notes are wrong (a
        file that was cut), a number is invalid, or a note has no length or no class.
    """
    return annotation.checked(_read(path, sample_rate))


def _read(path: str | os.PathLike, sample_rate: int) -> Marked:
    try:
        # untrusted: entities that expand into each other would fill the memory
        root = defusedxml.ElementTree.fromstring(annotation.read_content(path), forbid_dtd=True)
    except DefusedXmlException:
        raise ValueError(
            f"{path} declares a document type or entities, which is rejected"
        ) from None
    except ParseError as error:
        raise ValueError(f"{path}, line {error.position[0]}: not XML ({error})") from None
    except LookupError as error:
        raise ValueError(f"{path}, line 1: not XML ({error})") from None
    if root.tag != "Sequences":
        raise ValueError(f"{path}: the root element is {root.tag[:40]!r}, expected 'Sequences'")
    sequences = root.findall("Sequence")
    _check_count(root, "NumSequence", sequences, str(path))
    recordings: dict[str, int] = {}
    marks = []
    for nth, sequence in enumerate(sequences, 1):
        where = f"{path}, sequence {nth}"
        name = annotation.recording_id(_text(sequence, "WaveFileName", where))
        recordings.setdefault(name, nth)
        start = _samples(sequence, "Position", where)
        notes = sequence.findall("Note")
        _check_count(sequence, "NumNote", notes, where)
        for number, note in enumerate(notes, 1):
            at = f"{where}, note {number}"
            first = start + _samples(note, "Position", at)
            last = first + _samples(note, "Length", at)
            label = _text(note, "Label", at)
            times = (Decimal(first) / sample_rate, Decimal(last) / sample_rate)
            marks.append(Mark(annotation.parse_event(name, *times, label, at), None, at))
    return Marked(recordings, marks)


def write(
    path: str | os.PathLike,
    events: Iterable[Event],
    sample_rate: int,
    recordings: Iterable[str] = (),
) -> None:
    """Write events as an annotation file, a sequence for each recording.

    Parameters
    ----------
    path : path
    events : iterable of Event
        Times are rounded to samples; an event is one sample long at least.
    sample_rate : int
        [Hz]
    recordings : iterable of str
        Ids; those without an event get a sequence without notes.

    Raises
    ------
    ValueError
        Where an event cannot be used or an id cannot be written.
    """
    found = checked_events(events)
    by_id = {name: list(own) for name, own in itertools.groupby(found, operator.itemgetter(0))}
    ids = sorted({*by_id, *recordings})
    annotation.checked_names([*ids, *sorted({one.label for one in found})], "name")
    parts = []
    for name in ids:
        own = by_id.get(name, [])
        starts = [round(one.onset_s * sample_rate) for one in own]
        ends = [round(one.offset_s * sample_rate) for one in own]
        # a note without a sample has no length, which a reader refuses
        spans = [(start, max(end, start + 1)) for start, end in zip(starts, ends, strict=True)]
        notes = [
            _element("Note", _element("Position", start), _element("Length", end - start),
                     _element("Label", escape(one.label)))
            for one, (start, end) in zip(own, spans, strict=True)
        ]  # fmt: skip
        parts.append(
            _element(
                "Sequence",
                _element("WaveFileName", escape(f"{name}.wav")),
                _element("Position", 0),
                _element("Length", max((end for _, end in spans), default=0)),
                _element("NumNote", len(notes)),
                *notes,
            )
        )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<Sequences>\n'
    body = "".join(f"{part}\n" for part in (_element("NumSequence", len(ids)), *parts))
    artefacts.write_text(path, f"{head}{body}</Sequences>\n", rows=len(found))


def _text(element, tag: str, where: str) -> str:
    found = (element.findtext(tag) or "").strip()
    if not found:
        raise ValueError(f"{where}: no {tag}, expected one that is not empty")
    return found


def _samples(element, tag: str, where: str) -> int:
    found = _text(element, tag, where)
    if not (found.isascii() and found.isdecimal() and len(found) < 16):
        raise ValueError(f"{where}: {tag} is {found!r}, expected a number of samples")
    return int(found)


def _check_count(element, tag: str, found: list, where: str) -> None:
    expected = _samples(element, tag, where)
    if expected != len(found):
        raise ValueError(
            f"{where}: {tag} is {expected}, but there are {len(found)}; was the file cut?"
        )


def _element(tag: str, *contents) -> str:
    return f"<{tag}>{''.join(map(str, contents))}</{tag}>"
