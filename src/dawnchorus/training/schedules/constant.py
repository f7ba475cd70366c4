"""Constant learning rate."""

from typing import Literal

from dawnchorus.settings.training import ScheduleSettings


class Settings(ScheduleSettings):
    """The same rate in every epoch."""

    kind: Literal["constant"] = "constant"
    """The rule."""


def rate(epoch: int, epochs: int, start: float) -> float:
    """Return the rate of the start."""
    return start
