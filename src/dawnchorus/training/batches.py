"""Batches of windows and targets for training.

* `Batches`: windows (B, T, F) and targets (B, C), or (B, T', C) of frames, of a step.
* `ahead`: the same, prepared in a thread while the step before is computed.

The order of windows is an endless sequence of passes over all of them, each pass shuffled anew; step s
of epoch e takes its slice of that sequence, so an epoch need not be a pass.
"""

import copy
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dawnchorus.augmentation import engine
from dawnchorus.runtime import seeds
from dawnchorus.segments import training_windows, window_source
from dawnchorus.training import frame_targets, training_length

_BUFFERS = 4  # batches that exist at once: one in use, up to two waiting, one being made

Made = tuple[np.ndarray, np.ndarray | None]  # targets (n, C) or (n, T', C), weights (n,)


class Batches:
    """Windows and targets for training.

    Parameters
    ----------
    source : dawnchorus.segments.window_source.Source
    recordings : N pairs (corpus, id)
    values : array, shape (N, C)
        Targets in [0, 1]; a recording is of the classes from 0.5 on.
    settings : mapping
        The ``training`` section, with ``segments`` and ``augmentation``. ``target_range`` (low, high):
        targets are mapped there linearly before the loss. ``batch_size``, ``steps``,
        ``steps_per_epoch``: see `dawnchorus.training.training_length`. ``shuffle``:
        ``windows``, or ``batches``: the same rows stay together, and batches come in random order.
        ``oversample``, ``resample``, ``class_weights``: see
        `dawnchorus.segments.training_windows.oversample`,
        `dawnchorus.segments.training_windows.resample`,
        `dawnchorus.segments.training_windows.window_weights`. ``loss``: of
        ``categorical_crossentropy`` targets of several classes are divided by their sum.
    key : tuple
        Seed, stage and member.
    rows : dawnchorus.segments.window_source.Index, optional
        The windows to train on; left out: what `dawnchorus.segments.training_windows.training_rows`
        chooses of all.
    class_names : sequence of str, length C, optional
        Needed where segments exempt classes.
    frames : FrameTargets, optional
        Of ``recordings``: targets are those of the windows' frames, or, where ``settings`` has the
        ``output`` clip, of the window: the greatest of its frames.

    Attributes
    ----------
    windows : dawnchorus.segments.window_source.Index
        What is trained on, repetitions included.
    size, steps : int
        B, and the steps of an epoch.
    n_noise : int
        Windows without signal that augmentation may add, all of ``recordings``.
    """

    def __init__(
        self,
        source: window_source.Source,
        recordings: Sequence[tuple[str, str]],
        values: np.ndarray,
        settings: Mapping,
        key: tuple,
        rows: window_source.Index | None = None,
        class_names: Sequence[str] = (),
        frames: frame_targets.FrameTargets | None = None,
    ):
        self.frames = frames
        self.source, self.recordings, self.settings, self.key = source, recordings, settings, key
        every = source.index(recordings)
        rng, index = seeds.generator(*key, "selection"), every if rows is None else rows
        if rows is None:
            wanted = (values, settings["segments"], rng, class_names)
            index = index.take(training_windows.training_rows(index, *wanted))
        is_repeated = settings["oversample"] is not None or settings.get("resample") is not None
        if settings.get("resample") is not None:
            index = index.take(training_windows.resample(index, values, settings["resample"], rng))
        if settings["oversample"] is not None:
            index = index.take(
                training_windows.oversample(index, values, settings["oversample"], rng)
            )
        # recordings by name, or repetitions class by class: a batch would be one class
        if settings["shuffle"] == "batches" and (rows is None or is_repeated):
            order = seeds.generator(*key, "recordings")
            if is_repeated:
                index = index.take(order.permutation(len(index)))
            else:
                index = index.take(training_windows.shuffled_by_recording(index, order))
        if not len(index):
            raise ValueError(
                f"no window to train on in {len(recordings)} recordings; give the member "
                "recordings in other folds than its own"
            )
        self.windows = index
        rng = seeds.generator(*key, "noise")
        every = source.noise_index(recordings, every)
        noise = training_windows.noise_rows(every, values, settings["segments"], rng, class_names)
        self._bank, self.n_noise = every.take(noise), len(noise)
        self.weights = None
        if settings["class_weights"] == "balanced":
            self.weights = training_windows.window_weights(self.windows, values)
        self.values = _mapped(values, settings)
        n = len(self.windows)
        self.size = training_length.batch_size(settings, n)
        self.steps = training_length.steps_per_epoch(settings, n, self.size)
        self._orders: dict[int, np.ndarray] = {}

    def fill(
        self, out: np.ndarray, epoch: int, step: int, teacher: np.ndarray | None = None
    ) -> Made:
        """Fill ``out`` (B, T, F) with the windows of a step.

        Parameters
        ----------
        out : array, shape (B, T, F), float32
        epoch, step : int
            From 0.
        teacher : array of the same shape, optional
            Filled with another view of the same windows: band shifts, methods and masks drawn anew,
            rotated and mixed alike, so that the targets are those of both.

        Returns
        -------
        values : array, shape (n, C), or (n, T', C) of frames, float32
            Targets of ``out[:n]``. n is B, but where augmentation loses windows that find no noise
            (``drop_without_noise``); a batch that would lose all of them is used whole.
        weights : array, shape (n,), float32, or None
        """
        position, n = epoch * self.steps + step, len(self.windows)
        if self.settings["shuffle"] == "batches":
            number, place = divmod(position, -(-n // self.size))
            # the last batch has rows of the first as well, where Keras 1 has a smaller one
            rows = (self._order(number)[place] * self.size + np.arange(self.size)) % n
        else:
            # a batch may hold the end of one pass and the beginning of the next
            first = position * self.size
            passes, places = np.divmod(np.arange(first, first + self.size), n)
            pairs = zip(passes, places, strict=True)
            rows = np.array([self._order(number)[place] for number, place in pairs])
        part = self.windows.take(rows)

        def noise(rng: np.random.Generator) -> np.ndarray:
            """Return a random window of the noise bank as an image (F, T)."""
            drawn = self._bank.take([rng.integers(self.n_noise)])
            image = np.empty((1, *self.source.shape), np.float32)
            self.source.fill(image, [self.recordings[drawn.recording[0]]], drawn.place)
            return image[0].T

        rng = seeds.generator(*self.key, "augmentation", epoch, step)
        settings = self.settings["augmentation"]
        rotations = engine.rotations(self.size, out.shape[1], settings, rng)
        names = [self.recordings[number] for number in part.recording]
        views = [(out, rng)]
        if teacher is not None:
            views.append((teacher, seeds.generator(*self.key, "teacher_view", epoch, step)))
        kept = np.ones(len(rows), bool)
        for view, own in views:
            self.source.fill(view, names, part.place, rotations)
            engine.random_band_shifts(view, settings, own)
            kept &= engine.augment(view, settings, own, noise if self.n_noise else None)
        if not kept.all() and kept.any():
            for view, _ in views:
                view[: kept.sum()] = view[kept]
            rows, part, rotations = rows[kept], part.take(np.flatnonzero(kept)), rotations[kept]
        weights = None if self.weights is None else self.weights[rows]
        windows, *others = (view[: len(rows)] for view, _ in views)
        values = self.values[part.recording]
        if self.frames is not None:
            turned = rotations * (self.frames.n_frames / self.source.shape[0])
            values = self.frames.of(part, np.round(turned).astype(int))
            if self.settings["output"] == "clip":
                values = values.max(axis=1)
            values = _mapped(values, self.settings)
        for other in others:  # a copy of the state draws the same partners and shares
            engine.mixup(other, values, settings, copy.deepcopy(rng))
            self.source.scale(other)
        if weights is None:
            values = engine.mixup(windows, values, settings, rng)
        else:  # a mixed window has the mean of the weights, too
            both = np.column_stack([values.reshape(len(values), -1), weights])
            both = engine.mixup(windows, both, settings, rng)
            values = np.ascontiguousarray(both[:, :-1]).reshape(values.shape)
            weights = both[:, -1].copy()
        self.source.scale(windows)
        return values, weights

    def empty(self) -> np.ndarray:
        """Return an array for one batch."""
        return np.empty((self.size, *self.source.shape), np.float32)

    def _order(self, number: int) -> np.ndarray:
        """Return the order of windows, or of batches, in a pass."""
        if number not in self._orders:
            rng = seeds.generator(*self.key, "order", int(number))
            n = len(self.windows)
            if self.settings["shuffle"] == "batches":  # as Keras 1: the last batch stays the last
                n_whole = n // self.size
                order = np.append(rng.permutation(n_whole), np.arange(n_whole, -(-n // self.size)))
            else:
                order = rng.permutation(n)
            self._orders = {
                number: order
            }  # one pass is kept: of many windows each takes much memory
        return self._orders[number]


def ahead(
    batches: Batches, epoch: int, first_step: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """Yield windows, targets and weights of an epoch's steps, made ahead in a thread.

    Windows (n, T, F), targets (n, C) and weights (n,) or None, as `Batches.fill` makes them. An
    array of windows is used again a few steps later: what must last longer is to be copied.
    """
    ready: queue.Queue = queue.Queue(maxsize=_BUFFERS - 2)
    gone = threading.Event()

    def make() -> None:
        buffers = [batches.empty() for _ in range(_BUFFERS)]
        try:
            for step in range(first_step, batches.steps):
                out = buffers[step % _BUFFERS]
                values, weights = batches.fill(out, epoch, step)
                if not _put(ready, (out[: len(values)], values, weights), gone):
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


def _mapped(values: np.ndarray, settings: Mapping) -> np.ndarray:
    """Return the targets as the loss gets them (..., C), float32."""
    if settings["loss"] == "categorical_crossentropy" and values.shape[-1] > 1:
        # the softmax' scores have the sum 1; less than 1 is less certain, and stays so
        values = values / np.maximum(values.sum(axis=-1, keepdims=True), 1)
    low, high = settings["target_range"]
    return (low + (high - low) * values).astype(np.float32)
