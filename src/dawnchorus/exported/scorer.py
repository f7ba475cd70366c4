"""The scores of one recording by an exported model, as the workflow gives them.

* `Scorer`: of windows, of the recording, and of its frames.
* `check_scores`: whether a model has scores of a kind.

Axes: M members, W windows, B of a batch, T frames, T' frames of the scores, F bands, C classes.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dawnchorus.exported import networks, recording_spectrogram
from dawnchorus.exported.growing_rows import GrowingRows, StoredRows
from dawnchorus.exported.model_file import ExportedModel, Stage
from dawnchorus.metrics import calibration
from dawnchorus.scores import pooling
from dawnchorus.segments import window_source

_ANY = ("", "")  # corpus and id of the recording: a source has one here
_BATCH = 4  # windows scored at once: more are no faster on a processor, and take more memory


class Windows(NamedTuple):
    """Scores of some windows: onset and offset (B,) in seconds, and (B, C) float32."""

    onset_s: np.ndarray
    offset_s: np.ndarray
    scores: np.ndarray


class FrameScores(NamedTuple):
    """Scores of the frames of a recording: time of the first in seconds, rate, (T', C) float32."""

    onset_s: float
    frames_per_second: float
    scores: np.ndarray


class _Stage(NamedTuple):
    """A stage and the windows that it sees of the recording."""

    about: Stage
    source: window_source.Source
    index: window_source.Index


class Scorer:
    """What a model finds in recordings, one after another.

    Parameters
    ----------
    model : ExportedModel
    scores : Networks
        Of that model.
    """

    def __init__(self, model: ExportedModel, scores: networks.Networks):
        self._model, self._networks = model, scores
        self._growing: dict[str, recording_spectrogram.FrameRows] = {}
        self._stages: list[_Stage] = []

    def begin(self) -> None:
        """Begin a recording."""
        self._growing = {
            name: recording_spectrogram.begin(frontend.settings)
            for name, frontend in self._model.frontends.items()
        }
        self._stages = []

    def add(self, pieces: Sequence[np.ndarray], recipe: Mapping) -> None:
        """Take the next samples of each channel of the recording, shape (S,) float32 each.

        They are for the frontends of one audio recipe.
        """
        for name, growing in self._growing.items():
            if self._model.frontends[name].audio == recipe:
                growing.add(pieces)

    def end(self) -> None:
        """End the recording; its scores can be asked for."""
        readers = {name: growing.finish() for name, growing in self._growing.items()}
        self._growing = {}
        for stage in self._model.stages:
            source = window_source.source_from_readers(
                {_ANY[0]: readers[stage.frontend]}, stage.segments, stage.window
            )
            source.is_served = True
            self._stages.append(_Stage(stage, source, source.index([_ANY], prediction=True)))

    def windows(self) -> Iterator[Windows]:
        """Yield the scores of the recording's windows, averaged over members, batch by batch.

        Raises
        ------
        ValueError
            Where a score is not finite.
        """
        index = self._stages[0].index  # those of all stages are the same: `check_scores`
        for part in _parts(len(index)):
            found = [self._clip_scores(stage, part) for stage in self._stages]
            scores = networks.window_scores(self._model, found)
            yield Windows(index.onset_s[part], index.offset_s[part], scores)

    def recording(self) -> np.ndarray:
        """Return the scores of the recording, shape (C,) float32, calibrated where the model is.

        A calibration is fitted on scores of recordings, so those of windows and frames have none.

        Raises
        ------
        ValueError
            Where a score is not finite.
        """
        if self._model.pooling["average_unit"] == "chunk":
            scores = np.concatenate([block.scores for block in self.windows()])
            index = np.zeros(len(scores), np.intp)
            pooled = pooling.pool(scores, index, 1, self._model.pooling["pooling"])[0]
            return calibration.apply(self._model.calibration, pooled, self._model.classes)
        by_stage = []
        for stage in self._stages:
            parts = _parts(len(stage.index))
            # (M, B, C) to rows of windows, which may be too many for the memory
            found = _joined(np.moveaxis(self._clip_scores(stage, part), 1, 0) for part in parts)
            by_stage.append(_of_members(found))
        pooled = networks.recording_scores(self._model, by_stage)
        return calibration.apply(self._model.calibration, pooled, self._model.classes)

    def frames(self) -> FrameScores:
        """Return the scores of the recording's frames, averaged over members.

        Raises
        ------
        ValueError
            Where the networks score no frames, or stages have other frames.
        """
        by_stage = []
        for stage in self._stages:
            rate = stage.source.frames_per_second(_ANY[0]) / stage.about.frames_per_score
            by_stage.append(np.moveaxis(_joined(self._frame_blocks(stage, rate))[:], 1, 0))
        first = self._stages[0]
        scores = networks.frame_scores(self._model, by_stage)
        rate = first.source.frames_per_second(_ANY[0]) / first.about.frames_per_score
        return FrameScores(float(first.index.onset_s[0]), rate, scores)

    def _frame_blocks(self, stage: _Stage, rate: float) -> Iterator[np.ndarray]:
        """Yield the scores of the frames of each window that have sound, (T', M, C)."""
        for part in _parts(len(stage.index)):
            scores = self._networks.frame_scores(stage.about.name, _batch(stage, part))
            length_s = stage.index.offset_s[part] - stage.index.onset_s[part]
            # whole frames of the spectrogram first, as the workflow counts them
            n_frames = np.rint(length_s * rate * stage.about.frames_per_score)
            kept = np.ceil(n_frames / stage.about.frames_per_score).astype(int)
            for window, n in zip(np.moveaxis(scores, 0, 2), kept, strict=True):
                yield window[:n]

    def _clip_scores(self, stage: _Stage, part: slice) -> np.ndarray:
        scores = self._networks.clip_scores(stage.about.name, _batch(stage, part))
        if not np.isfinite(scores).all():
            raise ValueError("its scores are not finite; is a part of it digital silence?")
        return scores


def check_scores(model: ExportedModel, kind: str, decoding: str | None = None) -> None:
    """Raise a ValueError where a model has no scores of a kind.

    Parameters
    ----------
    model : ExportedModel
    kind : {"windows", "recordings", "events"}
    decoding : str, optional
        Of events.
    """
    by_window = kind == "windows" or model.pooling["average_unit"] == "chunk"
    if kind != "events" and by_window and not model.has_common_windows:
        raise ValueError(
            "the stages of this model see other windows of a recording, so windows have no common "
            "score; ask for recordings instead"
        )
    if kind == "events" and decoding not in model.decodings:
        there = ", ".join(model.decodings) or "none: it has no scores of frames"
        raise ValueError(f"the model has no decoding {decoding!r}; there is {there}")


def _parts(n: int) -> Iterator[slice]:
    for first in range(0, n, _BATCH):
        yield slice(first, min(first + _BATCH, n))


def _joined(blocks: Iterator[np.ndarray]) -> np.ndarray | StoredRows:
    """Return the rows of blocks, of which there is one or more."""
    first = next(blocks)
    rows = GrowingRows(first.shape[1:], np.float32)
    rows.append(first)
    for block in blocks:
        rows.append(block)
    return rows.finish()


def _of_members(rows: np.ndarray | StoredRows) -> Iterator[np.ndarray]:
    """Yield the scores (W, C) of each member, from rows (W, M, C)."""
    for member in range(rows.shape[1]):
        yield rows[:, member]


def _batch(stage: _Stage, part: slice) -> np.ndarray:
    """Return windows of the recording, as the networks take them: (B, T, F) float32."""
    batch = np.empty((part.stop - part.start, *stage.source.shape), np.float32)
    stage.source.fill(batch, [_ANY] * len(batch), stage.index.place[part])
    stage.source.scale(batch)
    return batch
