"""A constant factor per epoch (dsr2019)."""

from typing import Annotated, Literal

from pydantic import Field

from dawnchorus.settings.section import Unit
from dawnchorus.settings.training import ScheduleSettings


class Settings(ScheduleSettings):
    """A constant factor per epoch."""

    kind: Literal["exponential"] = "exponential"
    """The rule."""
    decay: Annotated[float, Field(gt=0, le=1), Unit("1")] = 0.95
    """Factor per epoch."""


def rate(epoch: int, epochs: int, start: float, *, decay: float) -> float:
    """Return the start times ``decay`` for every epoch that is over."""
    # the original lowers it when an epoch is over, so the first has the start
    return start * decay ** (epoch - 1)
