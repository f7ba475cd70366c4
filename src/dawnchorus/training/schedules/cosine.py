"""Half a cosine from the start towards 0 (kahl2018)."""

import math
from typing import Literal

from dawnchorus.settings.training import ScheduleSettings


class Settings(ScheduleSettings):
    """Half a cosine from the learning rate towards 0."""

    kind: Literal["cosine"] = "cosine"
    """The rule."""


def rate(epoch: int, epochs: int, start: float) -> float:
    """Return half a cosine from the start towards 0; kahl2018 has no rate of the end."""
    # the modulo is the original's: a training that goes on beyond E begins at the start again
    return start / 2 * (math.cos(math.pi * ((epoch - 1) % epochs) / epochs) + 1)
