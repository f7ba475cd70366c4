"""Straight line from the start to the rate of the last epoch (kahl2018)."""

from typing import Literal

from dawnchorus.settings.section import NotNegative
from dawnchorus.settings.training import ScheduleSettings


class Settings(ScheduleSettings):
    """A straight line down to the rate of the last epoch."""

    kind: Literal["linear"] = "linear"
    """The rule."""
    end_rate: NotNegative = 1e-6
    """Rate of the last epoch."""


def rate(epoch: int, epochs: int, start: float, *, end_rate: float) -> float:
    """Return a straight line from the start to ``end_rate`` in the last epoch."""
    return start - (epoch - 1) * (start - end_rate) / max(1, epochs - 1)
