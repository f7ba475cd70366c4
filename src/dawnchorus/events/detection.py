"""Frame scores to detected events, and their files.

* `detect`: the events of the tested recordings of a corpus, as a table and in the challenge's format.
* `detected`: those of one recording.
* `annotation_rows`: how many rows of a table of events each recording has.
* `file_names`: what recordings are called in the challenge's format.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.events import decoding as decoder
from dawnchorus.events.decoder_file import read_decoders
from dawnchorus.events.scored_recordings import read_durations, shown
from dawnchorus.formats import audio_names, text_fields
from dawnchorus.formats.annotations import dcase
from dawnchorus.formats.event import Event, read_events, write_events
from dawnchorus.runtime.logs import LOG
from dawnchorus.scores.frame_files import Frames, open_frames

_DECIMALS = 3  # of times in the challenge's format
_EXTENSION = ".wav"  # of files there
_NAMED = 5  # recordings a warning names


def detect(
    frames_path: str | Path,
    decoders_path: str | Path,
    decoding: str,
    verdicts_path: str | Path,
    labels_path: str | Path,
    references: Sequence[str],
    output_csv: str | Path,
    output_tsv: str | Path,
    duplicate_rows: Mapping[str, int] | None = None,
) -> None:
    """Detect the events of the scored recordings of a corpus that are tested.

    Parameters
    ----------
    frames_path : path
        Frame scores of an ensemble.
    decoders_path : path
        Written by `decoders.choose_decodings` for that ensemble.
    decoding : str
        One of its decodings.
    verdicts_path : path
        Verdicts of the corpus, which have the durations: events end with the recording.
    labels_path : path
        Labels of the corpus, which say what is in a split.
    references : sequence of str
        Test references to it: their recordings have detections, those of unknown truth too. Without
        any, it is the whole corpus.
    output_csv : path
        Table of events; a recording without any has no row.
    output_tsv : path
        DCASE's format: `file_names`, times with three decimals; a recording without events has a row
        with its file name alone. One that cannot stand there is left out, with a warning.
    duplicate_rows : mapping of id to int, optional
        A fault of system 004: it goes through the rows of the annotation, not through its clips, so
        the detections of a clip with k rows are k times in the TSV. Recordings that are not named
        are there once. The table has every event once in any case.

    Raises
    ------
    ValueError
        Where there is no such decoding, it is of other classes, or a recording has no duration.
    """
    durations_s = read_durations(verdicts_path)
    with open_frames(frames_path) as frames:
        settings = _settings_of(decoding, decoders_path, frames)
        scored = shown(frames, labels_path, references)
        events = [
            event for name in scored for event in detected(frames, name, settings, durations_s)
        ]
    n_heard = len({one.id for one in events})
    LOG.info("%d events in %d of %d recordings", len(events), n_heard, len(scored))
    times = duplicate_rows or {}
    names = file_names(scored)
    written = [
        event._replace(id=names[event.id])
        for event in events
        if event.id in names
        for _ in range(times.get(event.id, 1))
    ]
    write_events(output_csv, events)
    dcase.write_strong(output_tsv, written, names.values(), extension="", decimals=_DECIMALS)


def file_names(ids: Iterable[str]) -> dict[str, str]:
    """Return the file names of recordings in the challenge's format, by id; no two are the same.

    An id that ends as the name of an audio file does is one already; others get ``.wav``. Left out,
    with a warning, is what a table of fields between tabs cannot hold: a tab, or blanks at the
    beginning, which readers strip.

    Parameters
    ----------
    ids : iterable of str
        Without repeats.
    """
    own = set(ids)
    names = {one: one if _is_file_name(one, own) else one + _EXTENSION for one in sorted(own)}
    kept = {one: name for one, name in names.items() if text_fields.can_stand(name)}
    if left := sorted(own - kept.keys()):
        LOG.info(
            "warning: %d of %d recordings are left out of the challenge's table, which cannot hold "
            "tabs, control characters or outer blanks: %r",
            len(left), len(own), left[:_NAMED],
        )  # fmt: skip
    return kept


def _is_file_name(name: str, ids: set[str]) -> bool:
    """Return whether a name can stand as it is: no other recording gets it with the extension."""
    return audio_names.is_audio(name) and name.removesuffix(_EXTENSION) not in ids - {name}


def detected(
    frames: Frames,
    identifier: str,
    settings: Mapping[str, np.ndarray],
    durations_s: Mapping[str, float],
) -> list[Event]:
    """Return the events that an ensemble finds in one recording.

    Parameters
    ----------
    frames : Frames
        Its frame scores.
    identifier : str
        Which recording.
    settings : mapping of name to array, shape (C,)
        Of a decoding, see `decoders.read_decoders`.
    durations_s : mapping of id to float
        How long recordings are [s]; what is detected beyond the end is cut off.

    Raises
    ------
    ValueError
        Where the recording has no frame scores or no duration.
    """
    if identifier not in durations_s:
        raise ValueError(
            f"recording {identifier!r} of {frames.path} has no duration among those of "
            f"{len(durations_s)} used recordings; the corpus has changed, start the workflow again"
        )
    onset_s, scores = frames.of(identifier)
    return decoder.detections(
        identifier,
        scores,
        frames.class_names,
        frames.frames_per_second,
        onset_s=onset_s,
        duration_s=durations_s[identifier],
        **settings,
    )


def annotation_rows(events_path: str | Path | None) -> dict[str, int]:
    """Return how many events each recording of a table has; without a table, none are known."""
    if events_path is None:
        return {}
    return dict(Counter(event.id for event in read_events(events_path)))


def _settings_of(decoding: str, path: str | Path, frames: Frames) -> dict[str, np.ndarray]:
    known = read_decoders(path, frames.class_names)
    if decoding not in known:
        raise ValueError(f"{path} has no decoding {decoding!r}; expected one of {', '.join(known)}")
    return known[decoding]
