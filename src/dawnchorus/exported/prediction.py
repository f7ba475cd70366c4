"""Detections of an exported model in recordings, one after another.

* `predicted`: what became of each recording.
* `Predicted`: its detections, or why there are none.
* `recipes_of`, `score`, `rows_of`, `fault_of`: the steps of one recording.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from dawnchorus.audio.verdicts import Excluded
from dawnchorus.events import decoding
from dawnchorus.exported.detection_rows import ROW
from dawnchorus.exported.growing_rows import GrowingRows, StoredRows
from dawnchorus.exported.model_file import ExportedModel
from dawnchorus.exported.networks import Networks
from dawnchorus.exported.row_selection import Selection
from dawnchorus.exported.scorer import Scorer, check_scores
from dawnchorus.exported.sound_reader import Sound, SoundReader
from dawnchorus.runtime import logs

FAULTS = (Excluded, ValueError, MemoryError)  # of one recording; the next may be scored


class Told(Protocol):
    """What is told how far the work has come."""

    def heard(self, seconds: float) -> None:
        """Take note of so many more seconds of sound."""


class Predicted(NamedTuple):
    """One recording: ``fault`` is empty where it was scored, else a sentence, and there are no rows.

    ``rows`` are an array of `dawnchorus.exported.detection_rows.ROW`, ``seconds`` the length.
    """

    path: str
    seconds: float
    rows: "np.ndarray | StoredRows"
    fault: str = ""


def predicted(
    model: ExportedModel,
    load_networks: Callable[[], Networks],
    recordings: Sequence[Mapping[str, str]],
    selection: Selection,
    progress: Told | None = None,
    archive: str | Path | None = None,
) -> Iterator[Predicted]:
    """Yield the detections of recordings, in their order; one that cannot be used has a fault.

    Parameters
    ----------
    model : ExportedModel
    load_networks : callable
        Returns the networks of that model; called while the decoder starts.
    recordings : sequence of mapping
        As `dawnchorus.exported.sound_reader.SoundReader` takes them.
    selection : Selection
    progress : Told, optional
    archive : path, optional
        Zip file whose members the recordings are.

    Raises
    ------
    ValueError
        Where the model has no such scores.
    OSError
        Where the decoder cannot be started, or there is no room for temporary files.
    """
    check_scores(model, selection.kind, selection.decoding)
    recipes = recipes_of(model)

    def heard(pieces: Sequence[np.ndarray]) -> None:
        if progress is not None:
            progress.heard(len(pieces[0]) / recipes[0]["sample_rate"])

    with contextlib.ExitStack() as stack:
        readers = [
            stack.enter_context(SoundReader(recordings, recipe, archive)) for recipe in recipes
        ]
        scorer = Scorer(model, load_networks())
        for sounds in zip(*readers, strict=True):
            path = sounds[0].path
            try:
                score(scorer, sounds, recipes, heard)
                duration_s = sounds[0].duration_s
                rows = rows_of(scorer, model, selection, duration_s)
            except FAULTS as error:
                yield Predicted(path, 0.0, np.empty(0, ROW), fault_of(error))
            else:
                yield Predicted(path, duration_s, rows)


def recipes_of(model: ExportedModel) -> list[Mapping]:
    """Return the audio recipes of a model's frontends, each once."""
    recipes: list[Mapping] = []
    for frontend in model.frontends.values():
        if frontend.audio not in recipes:
            recipes.append(frontend.audio)
    return recipes


def score(
    scorer: Scorer,
    sounds: Sequence[Sound],
    recipes: Sequence[Mapping],
    heard: Callable[[Sequence[np.ndarray]], None],
) -> None:
    """Let a scorer have the sound of one recording; then its scores can be asked for.

    Parameters
    ----------
    scorer : Scorer
    sounds : sequence of Sound
        The recording by each of the recipes.
    recipes : sequence of mapping
        As `recipes_of` returns them.
    heard : callable
        Takes the pieces of the first recipe too, an array (S,) for each channel.

    Raises
    ------
    Excluded
        Where the recording cannot be used.
    """
    scorer.begin()
    # one recipe after another: where one has the sound, the other has it too
    for sound, recipe in zip(sounds, recipes, strict=True):
        for pieces in sound.pieces():
            scorer.add(pieces, recipe)
            if recipe is recipes[0]:
                heard(pieces)
    scorer.end()


def rows_of(
    scorer: Scorer, model: ExportedModel, selection: Selection, duration_s: float
) -> "np.ndarray | StoredRows":
    """Return the detections of a recording that was scored, an array of `ROW`."""
    return _ROWS[selection.kind](scorer, model, selection, duration_s)


def fault_of(error: BaseException) -> str:
    """Return why a recording has no scores, from one of `FAULTS`."""
    if isinstance(error, Excluded):
        return f"{error.code}: {error.detail}".removesuffix(": ")
    if isinstance(error, MemoryError):  # it has no text of its own
        return "not enough memory for its scores; cut it into parts"
    return logs.one_line(error)


def _window_rows(
    scorer: Scorer, model: ExportedModel, selection: Selection, duration_s: float
) -> "np.ndarray | StoredRows":
    found = GrowingRows((), ROW)
    for block in scorer.windows():
        window, label = selection.chosen(block.scores)
        rows = np.empty(len(window), ROW)
        rows["onset"], rows["offset"] = block.onset_s[window], block.offset_s[window]
        rows["class"], rows["score"] = label, block.scores[window, label]
        found.append(rows)
    return found.finish()


def _recording_rows(
    scorer: Scorer, model: ExportedModel, selection: Selection, duration_s: float
) -> np.ndarray:
    scores = scorer.recording()[np.newaxis]
    _, label = selection.chosen(scores)
    rows = np.empty(len(label), ROW)
    rows["onset"], rows["offset"] = 0.0, duration_s
    rows["class"], rows["score"] = label, scores[0, label]
    return rows


def _event_rows(
    scorer: Scorer, model: ExportedModel, selection: Selection, duration_s: float
) -> np.ndarray:
    frames = scorer.frames()
    settings = dict(model.decodings[selection.decoding])
    settings["threshold"] = [
        usual if chosen is None else chosen
        for usual, chosen in zip(settings["threshold"], selection.thresholds, strict=True)
    ]
    scored = decoding.ScoredRecording("any", frames.onset_s, duration_s, frames.scores)
    events = decoding.detections(scored, model.classes, frames.frames_per_second, **settings)
    rows, numbers = np.empty(len(events), ROW), {name: i for i, name in enumerate(model.classes)}
    for number, event in enumerate(events):
        label = numbers[event.label]
        times = event.onset_s - frames.onset_s, event.offset_s - frames.onset_s
        mean = decoding.mean_score(frames.scores[:, label], *times, frames.frames_per_second)
        # an event that a filter has widened beyond the frames has none of its own
        rows[number] = event.onset_s, event.offset_s, label, 0.0 if mean is None else mean
    if selection.top is not None:
        best = np.argsort(-rows["score"], kind="stable")[: selection.top]
        rows = rows[np.sort(best)]
    return rows


_ROWS = {"windows": _window_rows, "recordings": _recording_rows, "events": _event_rows}
