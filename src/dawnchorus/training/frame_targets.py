"""Targets of the frames in a window.

* `FrameTargets`: targets in [0, 1] of each frame of a window.

A recording with frame-level pseudo-labels has those of an earlier stage; a labelled one whose events
are known has the events; in any other, every frame has the classes of the recording (as in the second
pass of serizel2018). Events of recordings that are not labelled for the training are not used.

Axes: B windows, T' frames of a window, C classes.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dawnchorus.corpora import tables
from dawnchorus.events import decoding
from dawnchorus.formats import event as event_tables
from dawnchorus.scores import frame_files
from dawnchorus.segments import window_source

_ROUNDING = 1e-6  # of a frame


class PseudoLabels(NamedTuple):
    """Pseudo-labels of a recording's frames: values (T, C) at a rate [1/s] from a time on [s]."""

    onset_s: float
    frames_per_second: float
    values: np.ndarray


class FrameTargets:
    """Targets per frame.

    Parameters
    ----------
    recordings : N pairs (corpus, id)
    values : array, shape (N, C)
        Targets of the recordings, in [0, 1].
    class_names : C names
    settings : mapping
        ``events``: corpus to paths of its tables of ``events`` and ``labels``, for corpora that have
        both; ``scores``: corpus to the files of an earlier stage's frame scores, whose recordings in
        ``recordings`` have pseudo-labels of frames; for those ``labels`` (soft, hard),
        ``frame_threshold``, ``filter_s`` and ``average``. ``frames_each``: frames of the frontend
        that make one frame of the targets; ``padded``: windows end in silence, not in the
        recording's beginning.
    rate : float
        Frames per second of the targets.
    n_frames : int
        T'.
    labelled : sequence of bool, length N, optional
        Which recordings' labels are known to the training; by default all.
    """

    def __init__(
        self,
        recordings: Sequence[tuple[str, str]],
        values: np.ndarray,
        class_names: Sequence[str],
        settings: Mapping,
        rate: float,
        n_frames: int,
        labelled: Sequence[bool] | None = None,
    ):
        self.recordings, self.values, self.class_names = recordings, values, list(class_names)
        self.rate, self.n_frames = rate, n_frames
        self._frames_each, self._is_padded = settings["frames_each"], settings["padded"]
        known = [True] * len(recordings) if labelled is None else labelled
        own = [recording for recording, ok in zip(recordings, known, strict=True) if ok]
        self._events = _events(settings["events"], own, class_names)
        # a recording that has lost a class, with all events of it, is not taught its frames either
        for number, recording in enumerate(recordings):
            kept = {label for label, x in zip(class_names, values[number], strict=True) if x > 0}
            if recording in self._events:
                events = [one for one in self._events[recording] if one.label in kept]
                self._events[recording] = events
        self._pseudo_labels = _pseudo_labels(settings, recordings, values, class_names)
        self._known: dict[tuple[int, float], np.ndarray] = {}

    def of(self, part: window_source.Index, rotations: Sequence[int] | None = None) -> np.ndarray:
        """Return the targets of the frames of some windows, shape (B, T', C), float32.

        Where a window goes on at its recording's beginning, so do the targets. Padding is silent
        where frames are known, and has the recording's classes where only those are, as in 004.

        Parameters
        ----------
        part : Index
            B windows.
        rotations : B ints, optional
            Circular shifts of the windows in frames of the targets.
        """
        out = np.empty((len(part), self.n_frames, len(self.class_names)), np.float32)
        n_sounds = self.n_sound(part)
        for row, n_sound in enumerate(n_sounds.tolist()):
            number, onset_s = int(part.recording[row]), float(part.onset_s[row])
            # a window comes again in every pass, and its targets are the same
            key = number, onset_s
            if key not in self._known:
                recording = self.recordings[number]
                if recording in self._events or recording in self._pseudo_labels:
                    first_s = onset_s - int(part.place[row]) / (self.rate * self._frames_each)
                    found = np.zeros((self.n_frames, len(self.class_names)), np.float32)
                    found[:n_sound] = self._between(recording, onset_s, n_sound)
                    if n_sound < self.n_frames and not self._is_padded:  # it starts again
                        n_all = round((onset_s - first_s) * self.rate) + n_sound
                        again = np.arange(self.n_frames - n_sound) % n_all
                        found[n_sound:] = self._between(recording, first_s, n_all)[again]
                    self._known[key] = found
                else:
                    self._known[key] = self.values[number][None].astype(np.float32)
            found = self._known[key]
            out[row] = found if rotations is None else np.roll(found, rotations[row], axis=0)
        return out

    def n_sound(self, part: window_source.Index) -> np.ndarray:
        """Return how many frames of each window, shape (B,), have sound before its recording ends."""
        lasting = (part.offset_s - part.onset_s) * self.rate
        return np.clip(np.ceil(lasting - _ROUNDING).astype(int), 1, self.n_frames)

    def _between(self, recording, onset_s: float, n_frames: int) -> np.ndarray:
        if recording not in self._pseudo_labels:
            end_s, events = onset_s + n_frames / self.rate, self._events[recording]
            near = [event for event in events if event.onset_s < end_s and event.offset_s > onset_s]
            return decoding.frame_targets(
                near, n_frames, self.rate, self.class_names, onset_s=onset_s
            )
        labels = self._pseudo_labels[recording]
        # another stage may have another rate: a frame takes the label at its middle
        middles_s = onset_s + (np.arange(n_frames) + 0.5) / self.rate
        rows = np.floor((middles_s - labels.onset_s) * labels.frames_per_second).astype(np.int64)
        return labels.values[np.clip(rows, 0, len(labels.values) - 1)]


def _events(paths: Mapping, recordings: Sequence, class_names: Sequence[str]) -> dict:
    """Return the events of recordings with strong labels."""
    wanted, known = set(recordings), set(class_names)
    found: dict[tuple[str, str], list] = {}
    for corpus, about in paths.items():
        for recording in tables.read_labels(about["labels"]):
            if recording.data_set == "strong" and (corpus, recording.id) in wanted:
                found[corpus, recording.id] = []
        for event in event_tables.read_events(about["events"]):
            if (corpus, event.id) in found and event.label in known:
                found[corpus, event.id].append(event)
    return found


def _pseudo_labels(
    settings: Mapping, recordings: Sequence, values: np.ndarray, class_names
) -> dict:
    """Return the pseudo-labels of recordings, from the frame scores of an earlier stage."""
    row = {recording: number for number, recording in enumerate(recordings)}
    found = {}
    for corpus, path in settings["scores"].items():
        with frame_files.open_frames(path) as frames:
            if list(frames.class_names) != list(class_names):
                raise ValueError(
                    f"{frames.path} scores other classes than the targets; predict again"
                )
            for name in frames.scored:
                if (corpus, name) not in row:
                    continue
                onset_s, scores = frames.of(name, settings["average"])
                own = values[row[corpus, name]]
                labels = scores
                if settings["labels"] == "hard":
                    active = decoding.activity(
                        scores, frames.frames_per_second,
                        threshold=settings["frame_threshold"], filter_s=settings["filter_s"],
                    )  # fmt: skip
                    # as serizel2018: no class that the clip has not
                    labels = (active & (own >= 0.5)).astype(np.float32)
                found[corpus, name] = PseudoLabels(onset_s, frames.frames_per_second, labels)
    return found
