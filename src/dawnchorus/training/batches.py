"""What a training step sees.

* `Joint`: the spectrograms of several corpora as one.
* `open_joint`: open them.
* `Batches`: windows (B, W, F) and targets (B, C) of a step.
* `ahead`: the same, made in a thread while the step before is computed.

The order of windows is an endless sequence of passes over all of them, each pass shuffled anew; step s
of epoch e takes its slice of that sequence, so an epoch need not be a pass.
"""

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dawnchorus import augmentation, frontends, seeds

_BUFFERS = 4  # batches that exist at once: one in use, up to two waiting, one being made


class Joint:
    """Spectrograms of several corpora; a recording is a pair (corpus, id)."""

    def __init__(self, by_corpus: Mapping[str, frontends.Spectrograms]):
        self._by_corpus = by_corpus
        self.n_bands = next(iter(by_corpus.values())).n_bands

    def frames(self, recording: tuple[str, str]) -> np.ndarray:
        """Return the frames (T, F) of a recording."""
        corpus, identifier = recording
        return self._by_corpus[corpus].frames(identifier)

    def windows(self, recordings: Sequence[tuple[str, str]], window: int) -> list[tuple[int, int]]:
        """Return (index of the recording, first frame) of every window of some recordings."""
        return [
            (index, start)
            for index, recording in enumerate(recordings)
            for start in frontends.window_starts(len(self.frames(recording)), window)
        ]


def open_joint(shards: Mapping[str, Sequence[str]]) -> Joint:
    """Open the spectrogram shards of some corpora; ``shards`` maps a corpus to its files."""
    return Joint({corpus: frontends.open_shards(paths) for corpus, paths in shards.items()})


class Batches:
    """Windows and targets for training.

    Parameters
    ----------
    joint : Joint
    recordings : N pairs (corpus, id)
    values : array, shape (N, C)
        Targets in [0, 1].
    settings : dict
        ``window`` [frames], ``batch_size``, ``target_range`` (low, high: targets are mapped there
        linearly before the loss), ``augmentation``, ``steps_per_epoch`` (None: as many steps as
        begin within one pass).
    key : tuple
        Seed, stage and member.
    """

    def __init__(self, joint: Joint, recordings, values: np.ndarray, settings: Mapping, key: tuple):
        self.joint, self.recordings, self.settings, self.key = joint, recordings, settings, key
        self.windows = joint.windows(recordings, settings["window"])
        low, high = settings["target_range"]
        self.values = (low + (high - low) * values).astype(np.float32)
        self.size = settings["batch_size"]
        self.steps = settings["steps_per_epoch"] or -(-len(self.windows) // self.size)
        self._pass: tuple[int, np.ndarray] | None = None

    def fill(self, out: np.ndarray, epoch: int, step: int) -> np.ndarray:
        """Fill ``out`` (B, W, F) with the windows of a step and return their targets (B, C)."""
        first = (epoch * self.steps + step) * self.size
        chosen = [self.windows[self._at(first + offset)] for offset in range(self.size)]
        names = [self.recordings[index] for index, _ in chosen]
        rng = seeds.generator(*self.key, "augmentation", epoch, step)
        settings = self.settings["augmentation"]
        rotations = augmentation.rotations(self.size, out.shape[1], settings, rng)
        frontends.windows_into(out, self.joint, names, [start for _, start in chosen], rotations)
        augmentation.random_band_shifts(out, settings, rng)
        return self.values[[index for index, _ in chosen]]

    def empty(self) -> np.ndarray:
        """Return an array for one batch."""
        return np.empty((self.size, self.settings["window"], self.joint.n_bands), np.float32)

    def _at(self, position: int) -> int:
        number, place = divmod(position, len(self.windows))
        if self._pass is None or self._pass[0] != number:
            order = seeds.generator(*self.key, "order", number).permutation(len(self.windows))
            self._pass = (number, order)
        return int(self._pass[1][place])


def ahead(batches: Batches, epoch: int, first_step: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield windows and targets of an epoch's steps, made ahead in a thread.

    An array is used again a few steps later: what must last longer is to be copied.
    """
    ready: queue.Queue = queue.Queue(maxsize=_BUFFERS - 2)
    gone = threading.Event()

    def make() -> None:
        buffers = [batches.empty() for _ in range(_BUFFERS)]
        try:
            for step in range(first_step, batches.steps):
                out = buffers[step % _BUFFERS]
                if not _put(ready, (out, batches.fill(out, epoch, step)), gone):
                    return
        except BaseException as error:  # an error of the thread is the caller's
            _put(ready, error, gone)

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        for _ in range(first_step, batches.steps):
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        gone.set()
        thread.join()


def _put(ready: queue.Queue, item, gone: threading.Event) -> bool:
    while not gone.is_set():
        try:
            ready.put(item, timeout=0.1)
            return True
        except queue.Full:
            continue
    return False
