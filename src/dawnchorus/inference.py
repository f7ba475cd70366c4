"""Models and spectrograms to window scores.

* `predict_stage`: all members of a stage on one corpus, each only where it may score.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus import logs, predictions, scoring, segments, targets
from dawnchorus.training import saving


def predict_stage(
    model_paths: Mapping[str, Mapping[str, str]],
    targets_path: str | Path,
    corpus: str,
    shards: Sequence[str],
    settings: Mapping,
    output: str | Path,
) -> None:
    """Score the windows of a corpus with every member of a stage.

    A recording with a fold is scored by the members of that fold alone: all others trained on it,
    or chose their epoch by it. One without a fold is scored by all, also where it lent its
    pseudo-label to the training: such scores are called transductive where they are reported.

    Parameters
    ----------
    model_paths : mapping of member to {"model": path, "kept": path}
    targets_path : path
        Targets of the stage, which have the folds and the classes.
    corpus : str
    shards : paths
        Spectrogram shards of the corpus.
    settings : dict
        ``segments``, ``window`` [frames], ``batch_size`` and ``use``: which weights predict.
    output : path
        Window scores; see `dawnchorus.predictions`.
    """
    source = segments.open_source({corpus: shards}, settings["segments"], settings["window"])
    wanted = targets.read(targets_path)
    fold = {
        identifier: int(number)
        for (name, identifier), number in zip(wanted.recordings, wanted.fold, strict=True)
        if name == corpus and number > 0
    }
    ids = sorted(source.ids(corpus))
    progress = logs.progress("models", len(model_paths))
    with predictions.writing_windows(output, ids, list(model_paths), wanted.class_names) as put:
        for name, paths in model_paths.items():
            member = targets.Member.named(name)
            may_score = [
                i for i, key in enumerate(ids) if fold.get(key, member.fold) == member.fold
            ]
            recordings = [(corpus, ids[i]) for i in may_score]
            model = saving.load_used(paths, settings["use"])
            index = source.index(recordings, prediction=True)
            scored = scoring.in_batches(
                model, source, recordings, index, settings["batch_size"], len(wanted.class_names)
            )
            # a member may have nothing to score here: its fold lies in another corpus
            rows = np.array(may_score, np.int32)[index.recording] if len(may_score) else []
            put(name, rows, index.onset_s, index.offset_s, (scores for _, scores in scored))
            progress.step()
