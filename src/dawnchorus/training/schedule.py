"""Learning-rate schedules.

Every schedule has ``rate(epoch)`` for epochs counted from 1, ``observe(metrics)`` at the end of an
epoch, and ``is_over``. Its state is plain attributes, which a checkpoint keeps. The rules
are the modules of `dawnchorus.training.schedules`: each has ``rate`` (a formula of the epoch), or
``Schedule``, a class with a state.

* `make`: the schedule of a training section.
* `Formula`: a rate that follows from the epoch alone.
* `warm`: the rate while it rises.

Before any of them the rate may rise for some epochs; the schedule's own first epoch comes after.
"""

import dataclasses
import importlib
from collections.abc import Mapping
from typing import Any


def make(settings: Mapping) -> Any:
    """Return the schedule of a training.

    Parameters
    ----------
    settings : mapping
        ``learning_rate``, ``epochs`` and ``schedule``: ``kind``, ``warmup_epochs``, and the keys of
        the kind; lengths in epochs, as of `dawnchorus.training.training_length.in_epochs`.
    """
    chosen = dict(settings["schedule"])
    kind, warmup = chosen.pop("kind"), chosen.pop("warmup_epochs")
    for in_steps in ("warmup_steps", "patience_steps"):  # in epochs by now
        chosen.pop(in_steps, None)
    rule = _rule(kind)
    if hasattr(rule, "Schedule"):
        return rule.Schedule(settings["learning_rate"], **chosen, warmup_epochs=warmup)
    # a formula ends with the training, however long the rate has risen before
    epochs = max(1, settings["epochs"] - warmup)
    return Formula(kind, settings["learning_rate"], epochs, chosen, warmup)


def _rule(kind: str):
    return importlib.import_module(f"dawnchorus.training.schedules.{kind}")


@dataclasses.dataclass
class Formula:
    """A rate that follows from the epoch alone.

    Parameters
    ----------
    kind : str
        A module of `dawnchorus.training.schedules` with ``rate``.
    start : float
        Rate of the first epoch.
    epochs : int
        E, without those of the warm-up; at least 1.
    numbers : dict
        The keys of the kind.
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
            return warm(self.start, epoch, self.warmup_epochs)
        rule = _rule(self.kind).rate
        return rule(epoch - self.warmup_epochs, self.epochs, self.start, **self.numbers)

    def observe(self, metrics: Mapping) -> None:
        """Do nothing: nothing that happens changes the rate."""


def warm(start: float, epoch: int, warmup_epochs: int) -> float:
    """Return the rate while it rises: equal steps, the last of which leads to the start.

    Parameters
    ----------
    start : float
        The rate after the warm-up.
    epoch : int
        From 1 to ``warmup_epochs``.
    warmup_epochs : int
    """
    return start * epoch / (warmup_epochs + 1)
