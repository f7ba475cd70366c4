"""Slices of the frames that hold signal: the signal extraction of dsr2019.

Frames with signal (`dawnchorus.frontends.signal_mask`) and those near them are moved together, and what
they make is cut into slices that overlap; a slice may join distant vocalisations. The other frames,
moved together, give slices of noise. The original joins samples and then transforms slices of them; here
frames are joined, so that a spectrum is computed once. The two differ at joins and ends alone.

A recording that is scored is cut whole, as the page of the original has it (``predict_from:
recording``); or its signal is (``signal``), or the one loudest window is taken (``loudest``).

* `Windows`: a `dawnchorus.segments.window_source.Source` of kind ``time``.
A place is three times the first frame of a slice, counted among those it is cut from, and which those
are: 0 all frames, 1 those with signal, 2 the others.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from dawnchorus.segments import window_source
from dawnchorus.segments.frame_fill import fill_looped
from dawnchorus.segments.signal_slices import loudest_start, slice_starts, widened

_ALL, _SIGNAL, _NOISE = range(3)
_N_PARTS = 3


class Windows(window_source.Source):
    """Slices of frames with signal, of all frames, or of those without signal."""

    kind = "time"

    def __init__(self, readers: Mapping, settings: Mapping, window: int):
        super().__init__(readers, settings, window)
        self._known: dict[tuple[str, str], np.ndarray] = {}

    def index(
        self, recordings: Sequence[tuple[str, str]], prediction: bool = False
    ) -> window_source.Index:
        """Return the slices with signal of some recordings, or what of them is scored.

        Parameters are those of `dawnchorus.segments.window_source.Source.index`.
        """
        if not prediction:
            return super().index(recordings)
        most = self.settings["max_per_recording"]
        parts = [self._scored(recording) for recording in recordings]
        return window_source.concatenate([tuple(values[:most] for values in p) for p in parts])

    def validation_index(self, recordings: Sequence[tuple[str, str]]) -> window_source.Index:
        """Return the slices with signal of some recordings, on which dsr2019 chose its epoch."""
        return self.index(recordings)

    def noise_index(
        self, recordings: Sequence[tuple[str, str]], index: window_source.Index
    ) -> window_source.Index:
        """Return the slices of frames without signal, whose score is 0."""
        return window_source.concatenate([self._slices(one, _NOISE) for one in recordings])

    def windows_of(self, recording: tuple[str, str]) -> tuple:
        """Return place, onset, offset, score and length of a recording's slices with signal."""
        return self._slices(recording, _SIGNAL)

    def fill_window(
        self, out: np.ndarray, recording: tuple[str, str], place: int, rotation: int
    ) -> None:
        """Fill one slice (T, F), shifted circularly by ``rotation`` frames."""
        first, part = divmod(place, _N_PARTS)
        corpus, identifier = recording
        frames = self._reader(corpus).frames(identifier)
        if part == _ALL:
            fill_looped(out, frames, first, rotation)
            return
        out[:] = frames[self._columns(recording, part)[first : first + len(out)]]
        if rotation:
            out[:] = np.roll(out, rotation, axis=0)

    def _scored(self, recording: tuple[str, str]) -> tuple:
        """Return what of a recording is scored; of one too short for a slice, a looped one."""
        corpus, identifier = recording
        reader, how = self._reader(corpus), self.settings["predict_from"]
        if how == "loudest":
            starts = np.array([loudest_start(reader.frames(identifier), self.shape[0])])
            return self._rows(recording, _ALL, np.arange(reader.rows(identifier)), starts)
        found = self._slices(recording, _SIGNAL if how == "signal" else _ALL)
        if len(found[0]):
            return found
        found = self._slices(recording, _ALL)  # of signal there was too little
        if len(found[0]):
            return found
        return self._rows(
            recording, _ALL, np.arange(reader.rows(identifier)), np.zeros(1, np.int64)
        )

    def _slices(self, recording: tuple[str, str], part: int) -> tuple:
        columns = self._columns(recording, part)
        step = self.settings["step_s"] * self._reader(recording[0]).frames_per_second
        return self._rows(recording, part, columns, slice_starts(len(columns), self.shape[0], step))

    def _rows(self, recording: tuple[str, str], part: int, columns, starts: np.ndarray) -> tuple:
        """Return place, onset, offset, score and length of slices that begin at some columns."""
        corpus, identifier = recording
        reader = self._reader(corpus)
        onset_s, rate = reader.onset_s(identifier), reader.frames_per_second
        ends = np.minimum(starts + self.shape[0], len(columns))
        return (
            starts * _N_PARTS + part,
            onset_s + columns[starts] / rate,
            # behind the last frame of the slice: those between two of its frames may be left out
            onset_s + (columns[ends - 1] + 1) / rate,
            np.full(len(starts), part != _NOISE, np.float32),
            (ends - starts) / rate,
        )

    def _columns(self, recording: tuple[str, str], part: int) -> np.ndarray:
        """Return the frames of a recording that slices of a part are cut from, ascending."""
        if part == _ALL:
            return np.arange(self._reader(recording[0]).rows(recording[1]))
        return np.flatnonzero(self.signal_of(recording) == (part == _SIGNAL))

    def signal_of(self, recording: tuple[str, str]) -> np.ndarray:
        """Return which frames of a recording are signal or near it, (T,) bool."""
        corpus, identifier = recording
        reader = self._reader(corpus)
        if recording not in self._known:
            is_signal = reader.signal(identifier)
            if is_signal is None:
                raise ValueError(
                    f"the spectrograms of corpus {corpus!r} do not say which frames hold signal; "
                    "segments kind='time' needs shards of a frontend of kind 'mel_power'"
                )
            # a bit per frame, found once
            self._known[recording] = np.packbits(widened(is_signal, self.settings["reach"]))
        found = np.unpackbits(self._known[recording], count=reader.rows(identifier))
        return found.astype(bool)
