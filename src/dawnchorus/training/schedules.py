"""Learning rates that follow the training.

Every schedule has ``rate(epoch)`` for epochs counted from 1, ``observe(metrics)`` at the end of an
epoch, and ``is_over``. What it remembers are plain attributes, which a checkpoint keeps.

* `make`: the schedule of a training section.
* `Plateau`: lower the rate when the training loss stops falling, stop when it is low enough.
* `Formula`: a rate that follows from the epoch alone: `constant`, `cosine`, `linear`, `step`,
  `root`, `exponential`.

Before any of them the rate may rise for some epochs; the schedule's own first epoch comes after.
"""

import dataclasses
import math
from collections.abc import Mapping


def make(settings: Mapping) -> "Plateau | Formula":
    """Return the schedule of a training.

    Parameters
    ----------
    settings : mapping
        ``learning_rate``, ``epochs`` and ``schedule``: ``kind``, ``warmup_epochs``, and what the
        kind needs (`Plateau`: ``factor``, ``patience``, ``min_delta``, ``stop_rate``; `linear` and
        `step`: ``end_rate``; `step`: ``step_epochs``; `exponential`: ``decay``).

    Raises
    ------
    ValueError
        Where the kind is unknown.
    """
    start, chosen = settings["learning_rate"], settings["schedule"]
    kind, warmup = chosen["kind"], chosen["warmup_epochs"]
    if kind == "plateau":
        names = ("factor", "patience", "min_delta", "stop_rate")
        return Plateau(start, *(chosen[name] for name in names), warmup_epochs=warmup)
    if kind not in FORMULAS:
        raise ValueError(f"schedule {kind!r}; expected one of {', '.join(KINDS)}")
    numbers = {name: chosen[name] for name in ("end_rate", "step_epochs", "decay")}
    return Formula(kind, start, max(1, settings["epochs"] - warmup), numbers, warmup)


def _warm(start: float, epoch: int, warmup_epochs: int) -> float:
    """Return the rate while it rises: equal steps, the last of which leads to the start."""
    return start * epoch / (warmup_epochs + 1)


@dataclasses.dataclass
class Plateau:
    """Multiply the rate by ``factor`` after ``patience`` epochs without a better loss.

    System 000 calls its schedule adaptive, from 0.001 until the rate falls to 0.00001; what it
    watched is not published. Watched here: the mean training loss of an epoch.

    Parameters
    ----------
    current : float
        The rate; at first that of the start.
    factor : float in (0, 1)
    patience : int
        Epochs without a better loss before the rate falls.
    min_delta : float
        By how much a loss must be lower to be better.
    stop_rate : float
        The training ends where the rate would fall below this.
    warmup_epochs : int
        Epochs before, which are not judged.
    """

    current: float
    factor: float
    patience: int
    min_delta: float
    stop_rate: float
    best: float = math.inf
    waited: int = 0
    is_over: bool = False
    warmup_epochs: int = 0

    def rate(self, epoch: int) -> float:
        """Return the rate of the epoch that follows what was observed."""
        if epoch <= self.warmup_epochs:
            return _warm(self.current, epoch, self.warmup_epochs)
        return self.current

    def observe(self, metrics: Mapping) -> None:
        """Take note of an epoch's ``loss``; ``epoch`` says whether it is still one of the warm-up."""
        if metrics["epoch"] <= self.warmup_epochs:
            return
        if metrics["loss"] < self.best - self.min_delta:
            self.best, self.waited = metrics["loss"], 0
            return
        self.waited += 1
        if self.waited < self.patience:
            return
        self.waited = 0
        lowered = self.current * self.factor
        if lowered < self.stop_rate * (1 - 1e-6):  # 1e-3 * 0.1 * 0.1 is not quite 1e-5
            self.is_over = True
        else:
            self.current = lowered


@dataclasses.dataclass
class Formula:
    """A rate that follows from the epoch alone.

    Parameters
    ----------
    kind : str
        One of `FORMULAS`.
    start : float
        Rate of the first epoch.
    epochs : int
        E, without those of the warm-up; at least 1.
    numbers : dict
        ``end_rate``, ``step_epochs``, ``decay``.
    warmup_epochs : int
        Epochs before.
    """

    kind: str
    start: float
    epochs: int
    numbers: dict
    warmup_epochs: int = 0
    is_over: bool = False

    def rate(self, epoch: int) -> float:
        """Return the rate of an epoch."""
        if epoch <= self.warmup_epochs:
            return _warm(self.start, epoch, self.warmup_epochs)
        return FORMULAS[self.kind](
            epoch - self.warmup_epochs, self.epochs, self.start, **self.numbers
        )

    def observe(self, metrics: Mapping) -> None:
        """Do nothing: nothing that happens changes the rate."""


def constant(epoch: int, epochs: int, start: float, **_) -> float:
    """Return the rate of the start."""
    return start


def cosine(epoch: int, epochs: int, start: float, **_) -> float:
    """Return half a cosine from the start towards 0: system 002's, which has no rate of the end."""
    return start / 2 * (math.cos(math.pi * ((epoch - 1) % epochs) / epochs) + 1)


def linear(epoch: int, epochs: int, start: float, end_rate: float, **_) -> float:
    """Return a straight line from the start to ``end_rate`` in the last epoch (system 002)."""
    return start - (epoch - 1) * (start - end_rate) / max(1, epochs - 1)


def step(
    epoch: int, epochs: int, start: float, end_rate: float, step_epochs: int, **_
) -> float:  # fmt: skip
    """Return steps of ``step_epochs`` epochs down to ``end_rate`` (system 002's step-n).

    Where E is no multiple of the step's length, the original's last epochs fall below the end, even
    below 0; here they stay at the end. Where E is less than two steps the rate stays at the start.
    """
    falls = epochs // step_epochs - 1
    if falls < 1:
        return start
    return max(end_rate, start - (epoch - 1) // step_epochs * (start - end_rate) / falls)


def root(epoch: int, epochs: int, start: float, **_) -> float:
    """Return the start over the square root of the epoch (system 002)."""
    return start / math.sqrt(epoch)


def exponential(epoch: int, epochs: int, start: float, decay: float, **_) -> float:
    """Return the start times ``decay`` for every epoch that is over (system 003)."""
    return start * decay ** (epoch - 1)


FORMULAS = {
    "constant": constant,
    "cosine": cosine,
    "linear": linear,
    "step": step,
    "root": root,
    "exponential": exponential,
}
KINDS = ("plateau", *FORMULAS)
