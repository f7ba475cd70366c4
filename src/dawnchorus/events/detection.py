"""Frame scores to detected events, and their files.

* `detect`: the events of the tested recordings of a corpus, as a table and in the challenge's format.
* `detect_recording`: those of one recording.
* `read_decoders`: the settings of the decodings of an ensemble, by class.
* `scored_recordings`: which recordings that test references name have frame scores.
* `read_durations`: how long each used recording of a corpus is.
* `annotation_rows`: how many rows of a table of events each recording has.
* `file_names`: file names of recordings in the challenge's format.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.audio.verdicts import USED, read_verdicts
from dawnchorus.corpora import tables
from dawnchorus.events import decoding as decoder
from dawnchorus.formats import annotation, audio_names
from dawnchorus.formats.annotations import dcase
from dawnchorus.formats.event import Event, read_events, write_events
from dawnchorus.runtime.logs import LOG
from dawnchorus.scores.frame_files import Frames, open_frames
from dawnchorus.settings.references import parse_reference

_DECIMALS = 3  # of times in the challenge's format
_EXTENSION = ".wav"  # of files there, where that of the recording is not known
_NAMED = 5  # offenders a message names


def detect(
    frames_path: str | Path,
    decoders_path: str | Path,
    decoding: str,
    verdicts_path: str | Path,
    tested: Mapping,
    output_csv: str | Path,
    output_tsv: str | Path,
) -> None:
    """Detect the events of the scored recordings of a corpus that are tested.

    Parameters
    ----------
    frames_path : path
        Frame scores of an ensemble.
    decoders_path : path
        Written by `decoding_choice.choose_decodings` for that ensemble.
    decoding : str
        One of its decodings.
    verdicts_path : path
        Verdicts of the corpus, which have the durations: events end with the recording.
    tested : mapping
        What is tested of the corpus. ``labels``: path of its labels, which have the split of each
        recording. ``references``: test references to it, whose recordings have detections, also
        those without known labels; without any, the whole corpus. ``names``: path of the table of
        what the files of recordings are called, for their extensions; None: ``.wav``. ``events``:
        path of its annotated events, to reproduce a fault of serizel2018, or None. It goes through
        the rows of the annotation, not through its clips, so the detections of a clip with k rows
        are k times in the TSV; a clip without a row has them once, as the table always has.
    output_csv : path
        Table of events; a recording without any has no row.
    output_tsv : path
        DCASE's format: `file_names`, times with three decimals; a recording without events has a row
        with its file name alone. One that cannot stand there is left out, with a warning.

    Raises
    ------
    ValueError
        Where there is no such decoding, it is of other classes, or a recording has no duration.
    """
    durations_s = read_durations(verdicts_path)
    with open_frames(frames_path) as frames:
        known = read_decoders(decoders_path, frames.class_names)
        if decoding not in known:
            raise ValueError(
                f"{decoders_path} has no decoding {decoding!r}; expected one of {', '.join(known)}"
            )
        scored = scored_recordings(frames, tested["labels"], tested["references"])
        events = [
            event
            for name in scored
            for event in detect_recording(frames, name, known[decoding], durations_s)
        ]
    n_heard = len({one.id for one in events})
    LOG.info("%d events in %d of %d recordings", len(events), n_heard, len(scored))
    # the table has events under their ids, the challenge's file under file names
    times = annotation_rows(tested["events"])
    names = file_names(scored, tables.read_names(tested["names"]) if tested["names"] else {})
    written = [
        event._replace(id=names[event.id])
        for event in events
        if event.id in names
        for _ in range(times.get(event.id, 1))
    ]
    write_events(output_csv, events)
    dcase.write_strong(output_tsv, written, names.values(), extension="", decimals=_DECIMALS)


def detect_recording(
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
        Of a decoding, see `read_decoders`.
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
    recording = decoder.ScoredRecording(identifier, onset_s, durations_s[identifier], scores)
    return decoder.detections(recording, frames.class_names, frames.frames_per_second, **settings)


def read_decoders(
    path: str | Path, class_names: Sequence[str] | None = None
) -> dict[str, dict[str, np.ndarray]]:
    """Return the settings of each decoding, keyword arguments of `events.decoding.detections`.

    Parameters
    ----------
    path : path
        Written by `decoding_choice.choose_decodings`.
    class_names : sequence of str, optional
        C classes that they have to be of, in this order.

    Returns
    -------
    dict of dict of array, shape (C,)

    Raises
    ------
    ValueError
        Where they are of other classes.
    """
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    if class_names is not None and content["classes"] != list(class_names):
        raise ValueError(
            f"{path} has decodings of classes {content['classes'][:_NAMED]!r}, expected those of the "
            f"frame scores, {list(class_names)[:_NAMED]!r}; choose the decodings again"
        )
    return {
        name: {key: np.array(values, dtype=float) for key, values in one["settings"].items()}
        for name, one in content["decodings"].items()
    }


def scored_recordings(
    frames: Frames, labels_path: str | Path, references: Sequence[str]
) -> list[str]:
    """Return the recordings with frame scores among those that test references to a corpus name.

    How many have no score is logged.

    Parameters
    ----------
    frames : Frames
    labels_path : path
        Labels of the corpus.
    references : sequence of str
        Without any, all of the corpus.

    Raises
    ------
    ValueError
        Where a reference names a split that is not there.
    """
    labels = tables.read_labels(labels_path)
    # None is the whole corpus
    splits = [parse_reference(reference)[1] for reference in references] or [None]
    wanted = {recording.id for split in splits for recording in tables.select(labels, split)}
    found = [name for name in frames.scored if name in wanted]
    if n_without := len(wanted) - len(found):
        LOG.info(
            "%d of %d recordings have no scores, such as excluded ones: they have no row",
            n_without, len(wanted),
        )  # fmt: skip
    return found


def read_durations(verdicts_path: str | Path) -> dict[str, float]:
    """Return the duration [s] of each used recording of a corpus, by id."""
    frame = read_verdicts(verdicts_path).set_index("id")
    return frame.loc[frame["verdict"] == USED, "duration_s"].to_dict()


def annotation_rows(events_path: str | Path | None) -> dict[str, int]:
    """Return how many events each recording of a table has; without a table, none are known."""
    if events_path is None:
        return {}
    return dict(Counter(event.id for event in read_events(events_path)))


def file_names(ids: Iterable[str], sounds: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the file names of recordings in the challenge's format, by id; no two are the same.

    An id that ends as the name of an audio file does is one already; others get the extension of
    their recording, or ``.wav`` where that is not known. Left out,
    with a warning, is what a table of fields between tabs cannot hold: a tab, or blanks at the
    beginning, which readers strip.

    Parameters
    ----------
    ids : iterable of str
        Without repeats.
    sounds : mapping of id to str, optional
        What the files of recordings are called.
    """
    own, names, extended = set(ids), {}, {}
    for one in own:
        sound = (sounds or {}).get(one, "")
        is_known = audio_names.is_audio(sound)
        extended[one] = f"{one}.{sound.rpartition('.')[2]}" if is_known else one + _EXTENSION
    taken = set(extended.values())
    # sorted: which of two ids keeps its name does not follow from their order
    for one in sorted(own):
        # an id stays as it is only where no other recording gets that name with the extension
        is_name = audio_names.is_audio(one) and one not in taken
        names[one] = one if is_name else extended[one]
    kept = {one: name for one, name in names.items() if annotation.is_writable(name)}
    if left := sorted(own - kept.keys()):
        LOG.info(
            "warning: %d of %d recordings are left out of the challenge's table, which cannot hold "
            "tabs, control characters or outer blanks: %r",
            len(left), len(own), left[:_NAMED],
        )  # fmt: skip
    return kept
