"""Scores of windows, or of frames, by the models of a stage.

* `predict_stage`: all members of a stage on shards of one corpus, each on recordings it did not train on.
* `predict_frames`: the same for the frames of models that score frames.
"""

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dawnchorus.models import frame_output, model_files
from dawnchorus.runtime import logs
from dawnchorus.scores import frame_files, score_files, window_scores
from dawnchorus.segments import window_source

if TYPE_CHECKING:
    import keras

    from dawnchorus.targets import targets_table

_NAMED = 5  # members an error names


def predict_stage(
    model_paths: Mapping[str, Mapping[str, str]],
    targets: "targets_table.Targets",
    corpus: str,
    shards: Sequence[str],
    settings: Mapping,
    output: str | Path,
) -> None:
    """Score the windows of some shards of a corpus with every member of a stage.

    A recording with a fold is scored by the members of that fold alone: all others trained on it,
    or chose their epoch by it. One without a fold is scored by all, also where it lent its
    pseudo-label to the training: such scores are called transductive where they are reported.

    Parameters
    ----------
    model_paths : mapping of member to {"model": path, "kept": path}
    targets : dawnchorus.targets.targets_table.Targets
        Of the stage; they have the folds and the classes.
    corpus : str
    shards : paths
        Spectrogram shards of the corpus.
    settings : dict
        ``segments``, ``window`` [frames], ``batch_size``, ``use``: which weights predict, and
        ``clip_pooling`` of models whose output is frames
        (`dawnchorus.scores.window_scores.clip_scores`), by default ``average``.
    output : path
        Window scores; see `score_files`.
    """
    source = window_source.open_source({corpus: shards}, settings["segments"], settings["window"])
    source.is_served = True
    ids = sorted(source.ids(corpus))
    clip_pooling = settings.get("clip_pooling", "average")
    learning = _learning(model_paths)
    members = _counted(learning, targets, corpus, ids)
    progress = logs.progress("models", len(members))
    header = (output, ids, members, targets.class_names, learning)
    with score_files.writing_windows(*header) as put:
        for name in members:
            paths = model_paths[name]
            numbers = targets.may_score(name, corpus, ids)
            recordings = [(corpus, ids[number]) for number in numbers]
            model = model_files.load_used(paths, settings["use"])
            index = source.index(recordings, prediction=True)
            scored = window_scores.score_batches(
                model, source, recordings, index, settings["batch_size"], len(targets.class_names),
                clip_pooling,
            )  # fmt: skip
            # a member may have nothing to score here: its fold may be in another corpus
            rows = numbers[index.recording]
            put(name, rows, index.onset_s, index.offset_s, (scores for _, scores in scored))
            progress.step()


def predict_frames(
    model_paths: Mapping[str, Mapping[str, str]],
    targets: "targets_table.Targets",
    corpus: str,
    shards: Sequence[str],
    settings: Mapping,
    output: str | Path,
) -> None:
    """Score the frames of some shards of a corpus with every member of a stage.

    Each member scores the recordings that `predict_stage` lets it score. The windows of a recording
    follow one another, and so do their frames; those that begin after the recording's end are left
    out. A recording whose last windows are not scored (``min_fill``, ``max_per_recording``) has its
    frames up to there.

    Parameters
    ----------
    model_paths : mapping of member to {"model": path, "kept": path}
        Models that score frames, whatever their output; see `dawnchorus.models.frame_output.frame_model`.
    targets : dawnchorus.targets.targets_table.Targets
        Of the stage; they have the folds and the classes.
    corpus : str
    shards : paths
        Spectrogram shards of the corpus.
    settings : dict
        ``segments``, of kind ``windows``, ``window`` [frames], ``batch_size`` and ``use``.
    output : path
        Frame scores; see `frame_files`.

    Raises
    ------
    ValueError
        Where segments are of another kind, a model has no frame scores, or its frames do not
        divide a window.
    """
    # frames of a recording are joined window by window, so its windows may not overlap
    if (kind := settings["segments"]["kind"]) != "windows":
        raise ValueError(
            f"frames of corpus {corpus!r} cannot be scored in segments of kind {kind!r}, which are "
            "not one behind the other; expected kind 'windows'"
        )
    source = window_source.open_source({corpus: shards}, settings["segments"], settings["window"])
    ids = sorted(source.ids(corpus))
    # the first model is loaded before the file is begun, and used again in its turn
    load = functools.lru_cache(1)(
        lambda name: model_files.load_used(model_paths[name], settings["use"])
    )
    learning = _learning(model_paths)
    members = _counted(learning, targets, corpus, ids)
    ratio = _frames_per_score(
        load(members[0] if members else next(iter(model_paths))), settings["window"]
    )
    rate = source.frames_per_second(corpus)
    # fewer frame scores than frames where the model pools in time
    progress = logs.progress("models", len(members))
    header = (output, ids, members, targets.class_names, rate / ratio, learning)
    with frame_files.writing_frames(*header) as put:
        for name in members:
            numbers = targets.may_score(name, corpus, ids)
            recordings = [(corpus, ids[number]) for number in numbers]
            index = source.index(recordings, prediction=True)
            _, first = np.unique(index.recording, return_index=True)
            scored = window_scores.frame_score_batches(
                load(name), source, recordings, index, settings["batch_size"]
            )
            n_scores = np.ceil(np.rint((index.offset_s - index.onset_s) * rate) / ratio)
            put(name, numbers, index.onset_s[first], _of_recordings(scored, index, n_scores))
            progress.step()


def _learning(model_paths: Mapping[str, Mapping[str, str]]) -> dict[str, dict]:
    """Return whether each member learnt, from the files of their kept weights."""
    # a model without a file of kept weights was not made by a stage: nothing is known of its training
    return {
        name: model_files.read_learning(paths["kept"]) if paths["kept"] else {}
        for name, paths in model_paths.items()
    }


def _counted(
    learning: Mapping[str, Mapping],
    targets: "targets_table.Targets",
    corpus: str,
    ids: Sequence[str],
) -> list[str]:
    """Return the members that are not left out; without them every recording has to have a score.

    None of a stage that ended before it was trained.
    """
    if all(about.get("ended") for about in learning.values()):
        return []  # the stage had nothing to learn from: ensembles do without it
    kept = [name for name, about in learning.items() if not about.get("left_out")]
    left_out = [name for name in learning if name not in kept]

    def scored(members: Sequence[str]) -> set:
        return {n for name in members for n in targets.may_score(name, corpus, ids).tolist()}

    if left_out and (not kept or scored(left_out) - scored(kept)):
        # of a fold that no model is left for, nothing could be said out of fold
        raise ValueError(
            f"{len(left_out)} of {len(learning)} models did not learn and are left out "
            f"({', '.join(left_out[:_NAMED])}), which leaves recordings of corpus {corpus} without a "
            "score; expected one model that learnt for every fold: see the history of each, change "
            "learning_rate, batch_size, schedule or epochs, or set training.untrained: keep"
        )
    if left_out:
        logs.LOG.info("warning: left out, as they did not learn: %s", ", ".join(left_out))
    return kept


def _frames_per_score(model: "keras.Model", window: int) -> int:
    """Return how many frames of a window of T frames make one frame score: T / T'."""
    frame_model = frame_output.frame_model(model)
    ratio = math.prod(_strides(frame_model))
    n_scores = frame_model.output_shape[1] or window // ratio
    if n_scores * ratio != window:
        raise ValueError(
            f"window: of {window} frames model {model.name!r} makes {n_scores} scores of {ratio} "
            "frames each, and those of windows would not join; expected a multiple of "
            f"{ratio}, such as {max(1, window // ratio) * ratio}"
        )
    return ratio


def _strides(model: "keras.Model") -> Iterator[int]:
    """Yield the strides in time of convolutions and poolings; no other layer has any."""
    for layer in model.layers:
        if hasattr(layer, "layers"):  # an architecture behind layers that standardise
            yield from _strides(layer)
        elif hasattr(layer, "strides"):
            yield layer.strides[0]


def _of_recordings(
    scored: Iterator[tuple[slice, np.ndarray]], index: window_source.Index, n_scores: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield the frame scores (T, C) of each recording: its windows joined, without padding.

    Parameters
    ----------
    scored : iterator of (slice, array)
        Which windows, in the order of the index, and the scores of their frames (B, T', C).
    index : Index
        W windows, recording by recording.
    n_scores : array, shape (W,)
        Frame scores of each window that have sound.
    """
    is_last = np.append(np.diff(index.recording) > 0, True)
    held = []
    for part, scores in scored:
        for row, kept in enumerate(n_scores[part].astype(int)):
            # a copy: a view would hold the whole batch
            held.append(scores[row, :kept].copy())
            if is_last[part.start + row]:
                yield np.concatenate(held)
                held = []
