"""Detections as files for Raven, Audacity, other programs and image viewers.

A folder for each ensemble, decoding and corpus:

* ``index.csv``: ``id``, ``file`` and ``detections`` (how many) of every tested recording with scores;
* ``raven/{file}.selections.txt`` and ``audacity/{file}.txt`` of recordings with detections: a selection
  table, with the score of each selection, and a label track;
* ``scores/{file}.tsv`` of every recording: ``onset``, ``offset`` [s] and a score per class, a row per
  frame, as psds_eval and sed_scores_eval read them;
* ``pictures/{file}.png`` of the recordings that are to be drawn.

Names of classes and recordings stand in these tables as they are, whatever they begin with: a table
that was read back would hold other classes otherwise.

* `export`: the folder.
* `safe_file_names`: what recordings are called in it.

Axes: T frames, C classes.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dawnchorus.corpora import tables
from dawnchorus.events import decoding
from dawnchorus.events.detection import read_decoders, scored_recordings
from dawnchorus.formats import annotation, audio_names
from dawnchorus.formats.annotations import audacity, raven
from dawnchorus.formats.event import Event, read_events
from dawnchorus.frontends import shard_reader
from dawnchorus.plots import recording_plot
from dawnchorus.runtime import artefacts
from dawnchorus.runtime.logs import LOG, progress
from dawnchorus.scores.frame_files import Frames, open_frames
from dawnchorus.targets.ground_truth import STRONG

INDEX = ("id", "file", "detections")
ALL = "all"  # in the place of ids: every recording is drawn
SCORE = "Score"  # column of a selection table
_DECIMALS = 6  # of times and scores
_LONGEST = 160  # bytes of a file's name, without what follows: file systems allow 255
_DIGEST = 12  # hexadecimal digits
_NAMED = 5  # offenders a message names
# what Windows or a shell takes for something else, and what marks names that were changed
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f"%*/:<>?\\|~]|^[. -]|[. ]$')


class _Clip(NamedTuple):
    """One recording: its detections, and scores (T, C) from ``onset_s`` on."""

    id: str
    file: str
    sound: str
    detected: list[Event]
    onset_s: float
    scores: np.ndarray


class _Drawing(NamedTuple):
    """What pictures need beside the scores; ``annotated`` has the recordings with known events."""

    ids: frozenset[str]
    spectrograms: shard_reader.Spectrograms | None
    annotated: dict[str, list[Event]]
    thresholds: np.ndarray


def export(
    detections_path: str | Path,
    frames_path: str | Path,
    decoders_path: str | Path,
    settings: Mapping,
    output: str | Path,
) -> None:
    """Write what an ensemble and a decoding have found in a corpus for the tools that people use.

    Parameters
    ----------
    detections_path : path
        Table of events of the tested recordings of the corpus, see `dawnchorus.events.detection.detect`.
    frames_path : path
        Frame scores that they were decoded from.
    decoders_path : path
        Decodings of the ensemble, for the thresholds in pictures.
    settings : mapping
        ``decoding`` (its name), ``names`` (table of the corpus: what files are called),
        ``labels`` (table of the corpus), ``subsets`` (tested ones of it: what is in none of
        them is left out; without any, nothing is), ``drawn`` (ids of recordings of any corpus, or
        ``all`` in their place) and, for pictures, ``shards`` (spectrograms of the corpus) and
        ``events`` (its table; None: it has no ground truth of them).
    output : path
        The folder; a former one is replaced as a whole.

    Raises
    ------
    ValueError
        Where tables do not fit one another, or the spectrograms are pictures without frames.
    """
    # without what another system takes for folders
    sounds = {one: s.rpartition("\\")[2] for one, s in tables.read_names(settings["names"]).items()}
    with open_frames(frames_path) as frames, artefacts.writing_folder(output) as folder:
        tested = scored_recordings(frames, settings["labels"], settings["subsets"])
        detected: dict[str, list[Event]] = defaultdict(list)
        for event in read_events(detections_path):
            detected[event.id].append(event)
        labels = {event.label for own in detected.values() for event in own}
        for what, others in (
            ("recordings that are not tested or", sorted(detected.keys() - set(tested))),
            ("classes", sorted(labels - set(frames.class_names))),
        ):
            if others:
                raise ValueError(
                    f"{detections_path} has events of {len(others)} {what} without scores in "
                    f"{frames.path}: {others[:_NAMED]!r}; detect again"
                )
        drawing = _drawing(settings, tested, frames, decoders_path)
        names = safe_file_names(tested)
        class_names = annotation.checked_names(frames.class_names, "class")
        told = progress("recordings exported", len(names))
        for name, file in names.items():
            if name not in sounds:
                raise ValueError(
                    f"recording {name!r} of {frames_path} is not in {settings['names']}; the corpus "
                    "has changed, start the workflow again"
                )
            clip = _Clip(name, file, sounds[name], detected[name], *frames.of(name))
            borders = clip.onset_s + np.arange(len(clip.scores) + 1) / frames.frames_per_second
            # each row ends where the next begins, to the last digit; 0.0: no "-0.000000"
            times = [f"{time:.{_DECIMALS}f}" for time in np.round(borders, _DECIMALS) + 0.0]
            lines = ["\t".join(["onset", "offset", *class_names])]
            for onset, offset, row in zip(times[:-1], times[1:], clip.scores.tolist(), strict=True):
                lines.append(
                    "\t".join([onset, offset, *(f"{score:.{_DECIMALS}f}" for score in row)])
                )
            artefacts.write_text(folder / f"scores/{file}.tsv", "\n".join([*lines, ""]))
            if clip.detected:
                _write_selections(folder / f"raven/{file}.selections.txt", clip, frames)
                audacity.write(folder / f"audacity/{file}.txt", clip.detected, decimals=_DECIMALS)
            if name in drawing.ids:
                _draw(folder / f"pictures/{file}.png", clip, frames, drawing)
            told.step()
        rows = [(name, file, len(detected[name])) for name, file in names.items()]
        artefacts.write_table(folder / "index.csv", INDEX, rows)


def safe_file_names(ids: Iterable[str]) -> dict[str, str]:
    """Return a name for the files of each recording, without an extension.

    An id is its own name where every system takes it for one. A sign that some do not take becomes
    ``%2F`` and the like; a long name is cut, and it, and each of several that differ in case or in
    the spelling of accents only, ends with ``~`` and digits of the id's SHA-256. No two are the same.

    Parameters
    ----------
    ids : iterable of str
        Without repeats.
    """

    def folded(name: str) -> str:
        # in one case and one spelling of accents: macOS and Windows take such names for one
        return audio_names.composed(audio_names.composed(name).casefold())

    names, found = {}, {}
    for one in ids:
        names[one] = _UNSAFE.sub(
            lambda sign: "".join(f"%{byte:02X}" for byte in sign[0].encode()), one
        )
    alike = Counter(map(folded, names.values()))
    for one, name in names.items():
        if len(name.encode()) > _LONGEST or alike[folded(name)] > 1:
            # whole letters, with room for the digest
            beginning = name.encode()[: _LONGEST - _DIGEST - 1].decode(errors="ignore")
            name = f"{beginning}~{hashlib.sha256(one.encode()).hexdigest()[:_DIGEST]}"
        found[one] = name
    return found


def _drawing(
    settings: Mapping, tested: Sequence[str], frames: Frames, decoders_path: str | Path
) -> _Drawing:
    """Return what the pictures need; of a corpus of which nothing is drawn, nothing is opened."""
    decodings = read_decoders(decoders_path, frames.class_names)
    if settings["decoding"] not in decodings:
        raise ValueError(
            f"{decoders_path} has no decoding {settings['decoding']!r}, only {list(decodings)!r}; "
            "choose the decodings again"
        )
    thresholds = decodings[settings["decoding"]]["threshold"]
    wanted = set(settings["drawn"])
    ids = frozenset(tested if ALL in wanted else wanted.intersection(tested))
    if others := sorted(wanted - {ALL} - ids):
        LOG.info(
            "%d recordings to draw are not tested in this corpus: %r", len(others), others[:_NAMED]
        )
    if not ids:
        return _Drawing(ids, None, {}, thresholds)
    spectrograms = shard_reader.open_shards(settings["shards"])
    if spectrograms.layout != "frames":
        raise ValueError(
            f"{settings['shards'][0]} holds chunks, which have no place in time to draw; expected "
            "spectrograms of a frontend that stores frames"
        )
    annotated = {}
    if settings["events"] is not None:
        labels = tables.read_labels(settings["labels"])
        annotated = {one.id: [] for one in labels if one.data_set == STRONG and one.id in ids}
        for event in read_events(settings["events"]):
            # a class without scores has no lane in the picture
            if event.id in annotated and event.label in frames.class_names:
                annotated[event.id].append(event)
    return _Drawing(ids, spectrograms, annotated, thresholds)


def _draw(path: Path, clip: _Clip, frames: Frames, drawing: _Drawing) -> None:
    spectrograms = drawing.spectrograms
    if not (spectrograms.rows(clip.id) and len(clip.scores)):
        LOG.info("recording %r is too short for a picture: it has no frame", clip.id)
        return
    recording_plot.draw_recording(
        recording_plot.Track(
            spectrograms.frames(clip.id),
            spectrograms.frames_per_second,
            spectrograms.onset_s(clip.id),
        ),
        recording_plot.Track(clip.scores, frames.frames_per_second, clip.onset_s),
        frames.class_names,
        drawing.annotated.get(clip.id),
        clip.detected,
        drawing.thresholds,
        path,
        title=clip.id,
    )


def _write_selections(path: Path, clip: _Clip, frames: Frames) -> None:
    stem, dot, extension = clip.sound.rpartition(".")
    stem, extension = (
        (stem, dot + extension) if audio_names.is_audio(clip.sound) else (clip.sound, "")
    )
    if not annotation.is_writable(stem):
        # without a column of files the table is of the recording that it is opened with
        stem, extension = clip.file, None
    # the mean over the frames that an event touches; empty where it touches none
    scores = []
    for event in clip.detected:
        own = clip.scores[:, frames.class_names.index(event.label)]
        place = event.onset_s - clip.onset_s, event.offset_s - clip.onset_s
        mean = decoding.mean_score(own, *place, frames.frames_per_second)
        scores.append("" if mean is None else f"{mean:.{_DECIMALS}f}")
    raven.write(
        path,
        [one._replace(id=stem) for one in clip.detected],
        extension=extension,
        decimals=_DECIMALS,
        further={SCORE: scores},
    )
