"""Models and spectrograms to window scores.

* `predict_stage`: all members of a stage on one corpus, each only where it may score.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus import frontends, logs, models, predictions, targets


def predict_stage(
    model_paths: Mapping[str, str],
    targets_path: str | Path,
    corpus: str,
    shards: Sequence[str],
    settings: Mapping,
    output: str | Path,
) -> None:
    """Score the windows of a corpus with every member of a stage.

    A recording with a fold is scored by the members of that fold alone: all others trained on it.
    One without a fold is scored by all, also where it lent its pseudo-label to the training: such
    scores are called transductive where they are reported.

    Parameters
    ----------
    model_paths : mapping of member to path
    targets_path : path
        Targets of the stage, which have the folds and the classes.
    corpus : str
    shards : paths
        Spectrogram shards of the corpus.
    settings : dict
        ``window`` [frames] and ``batch_size``.
    output : path
        Window scores; see `dawnchorus.predictions`.
    """
    spectrograms = frontends.open_shards(shards)
    wanted = targets.read(targets_path)
    fold = {
        identifier: int(number)
        for (name, identifier), number in zip(wanted.recordings, wanted.fold, strict=True)
        if name == corpus and number > 0
    }
    ids = sorted(spectrograms.ids)
    progress = logs.progress("models", len(model_paths))
    with predictions.writing_windows(output, ids, list(model_paths), wanted.class_names) as put:
        for name, path in model_paths.items():
            member = targets.Member.named(name)
            may_score = [
                i for i, key in enumerate(ids) if fold.get(key, member.fold) == member.fold
            ]
            model = models.load(path)
            put(name, *_scored(model, spectrograms, ids, may_score, settings, wanted.class_names))
            progress.step()


def _scored(model, spectrograms, ids, may_score, settings: Mapping, class_names):
    """Return recording, first frame and scores (n, C) of all windows of some recordings."""
    window, size = settings["window"], settings["batch_size"]
    places = [
        (index, start)
        for index in may_score
        for start in frontends.window_starts(spectrograms.rows(ids[index]), window)
    ]
    scores = np.empty((len(places), len(class_names)), np.float32)
    for first in range(0, len(places), size):
        part = places[first : first + size]
        batch = np.empty((len(part), window, spectrograms.n_bands), np.float32)
        names = [ids[index] for index, _ in part]
        frontends.windows_into(batch, spectrograms, names, [start for _, start in part])
        scores[first : first + size] = models.class_scores(model, batch, len(class_names))
    # a member may have nothing to score here: its fold lies in another corpus
    recording, frame = np.array(places, np.int32).reshape(-1, 2).T
    return recording, frame, scores
