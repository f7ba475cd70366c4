"""Distillation: targets that earlier models give.

* `Teachers`: the scores that the teachers of a member give a batch.
* `tempered`: scores made softer by a temperature.

kahl2018 replaces the targets of a batch by the mean of its teachers' softmax on the same augmented
batch; there is no mixing with labels, ``target_range`` is for labels alone, and validation keeps
them. A teacher with another frontend, or with other windows, cannot score the batch: its mean over the
windows of a recording then stands for every window of it.
"""

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from dawnchorus.models import frame_output, model_files
from dawnchorus.scores import window_scores
from dawnchorus.segments import window_source
from dawnchorus.settings.training import LARGEST_BATCH


class Teachers:
    """Teachers of a member, in two kinds: of batches, and of recordings.

    Parameters
    ----------
    about : sequence of mappings
        Of each teacher: ``model`` and ``kept`` (paths; of a model file the first alone), ``use``
        (which weights), and ``shards`` (corpus to paths) with ``segments`` and ``window``; ``shards``
        is None where it sees what the student sees.
    recordings : N pairs (corpus, id)
        Training recordings of the student.
    n_classes : int
        C.
    settings : mapping
        ``temperature``, and of the training section ``loss`` and ``batch_size``.
    shape : tuple of int, optional
        (T, F) of the student's windows.

    Raises
    ------
    ValueError
        Where a teacher has another number of classes, or takes other windows than it is asked about.
    """

    def __init__(
        self,
        about: Sequence[Mapping],
        recordings: Sequence[tuple[str, str]],
        n_classes: int,
        settings: Mapping,
        shape: tuple[int, int] | None = None,
    ):
        self._settings, self._n_classes, self._n = settings, n_classes, len(about)
        self._of_batches: list[keras.Model] = []
        self._of_recordings = np.zeros((len(recordings), n_classes))
        for teacher in about:
            model = model_files.load_used(teacher, teacher["use"])
            found = model.output_shape[-1]
            if found not in (n_classes, n_classes + (n_classes == 1)):  # a softmax over one class
                raise ValueError(
                    f"teacher {teacher['model']} scores {found} classes; expected {n_classes}, those "
                    "of the student"
                )
            if teacher["shards"] is None:
                taken = tuple(model.input_shape[1:])  # None of frames: any number
                pairs = zip(taken, shape or taken, strict=True)
                if any(own not in (None, wanted) for own, wanted in pairs):
                    raise ValueError(
                        f"teacher {teacher['model']} takes windows of (frames, bands) {taken}; "
                        f"expected {shape}, those of the student"
                    )
                self._of_batches.append(model)
                continue
            source = window_source.open_source(
                teacher["shards"], teacher["segments"], teacher["window"]
            )
            index = source.index(recordings, prediction=True)
            size = settings["batch_size"] or LARGEST_BATCH
            scored = window_scores.score_batches(model, source, recordings, index, size, n_classes)
            total = np.zeros((len(recordings), n_classes))
            # softened window by window, as its scores of a batch are, and averaged after that
            for part, scores in scored:
                np.add.at(total, index.recording[part], self._tempered(scores))
            n_windows = np.bincount(index.recording, minlength=len(recordings))
            self._of_recordings += total / n_windows[:, None]

    @property
    def table(self) -> np.ndarray:
        """Mean scores of the teachers of recordings, shape (N, C), float32; 0 for none."""
        others = max(1, self._n - len(self._of_batches))
        return (self._of_recordings / others).astype(np.float32)

    def targets(self, windows: np.ndarray, of_recordings: np.ndarray) -> np.ndarray:
        """Return the targets (B, C) of a batch: the mean over all teachers.

        Parameters
        ----------
        windows : array, shape (B, T, F)
            As the student gets them.
        of_recordings : array, shape (B, C)
            Rows of `table`, mixed where the windows were.
        """
        # a mean of all teachers: those of recordings have been averaged already
        total = of_recordings.astype(np.float64) * (self._n - len(self._of_batches))
        for model in self._of_batches:
            total += self._tempered(frame_output.class_scores(model, windows, self._n_classes))
        return (total / self._n).astype(np.float32)

    def _tempered(self, scores: np.ndarray) -> np.ndarray:
        together = self._n_classes > 1 and self._settings["loss"] == "categorical_crossentropy"
        return tempered(scores, self._settings["temperature"], together)


def tempered(scores: np.ndarray, temperature: float, together: bool) -> np.ndarray:
    """Return scores (B, C) to the power 1 / T, made to sum to 1 again, float64.

    The same as dividing logits by T before the softmax: Hinton, Vinyals and Dean (2015),
    https://arxiv.org/abs/1503.02531. kahl2018 has none, which is T = 1.

    Parameters
    ----------
    scores : array, shape (B, C)
        In [0, 1].
    temperature : float > 0
        T; above 1 softer, below 1 harder.
    together : bool
        Whether the classes exclude each other; else every class and its absence are a pair.
    """
    scores = scores.astype(np.float64)
    if temperature == 1:
        return scores
    # the greatest is made 1 first: powers of tiny scores would vanish together
    if together:
        powers = (scores / scores.max(axis=1, keepdims=True)) ** (1 / temperature)
        return powers / powers.sum(axis=1, keepdims=True)
    present, absent = scores ** (1 / temperature), (1 - scores) ** (1 / temperature)
    return present / (present + absent)
