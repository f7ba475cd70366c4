"""Start over the square root of the epoch (kahl2018)."""

import math
from typing import Literal

from dawnchorus.settings.training import ScheduleSettings


class Settings(ScheduleSettings):
    """The learning rate over the square root of the epoch."""

    kind: Literal["root"] = "root"
    """The rule."""


def rate(epoch: int, epochs: int, start: float) -> float:
    """Return the start over the square root of the epoch."""
    return start / math.sqrt(epoch)
