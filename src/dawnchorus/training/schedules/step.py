"""Steps of equal length down to the rate of the last epoch (kahl2018)."""

from typing import Annotated, Literal

from dawnchorus.settings.section import Count, NotNegative, Unit
from dawnchorus.settings.training import ScheduleSettings


class Settings(ScheduleSettings):
    """Steps of equal length down to the rate of the last epoch."""

    kind: Literal["step"] = "step"
    """The rule."""
    end_rate: NotNegative = 1e-6
    """Rate of the last step."""
    step_epochs: Annotated[Count, Unit("epochs")] = 10
    """Epochs of a step."""


def rate(
    epoch: int, epochs: int, start: float, *, end_rate: float, step_epochs: int
) -> float:  # fmt: skip
    """Return steps of ``step_epochs`` epochs down to ``end_rate``.

    Where E is no multiple of the step's length, the original's last epochs fall below the end, even
    below 0; here they stay at the end. Where E is less than two steps the rate stays at the start.
    """
    falls = epochs // step_epochs - 1
    if falls < 1:
        return start
    return max(end_rate, start - (epoch - 1) // step_epochs * (start - end_rate) / falls)
