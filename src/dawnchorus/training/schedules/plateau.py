"""Lower the rate when the training loss stops falling (grill2017)."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from dawnchorus.settings.section import Count, NotNegative, Unit
from dawnchorus.settings.training import ScheduleSettings
from dawnchorus.training.schedule import warm


class Settings(ScheduleSettings):
    """The rate falls when the training loss has stopped falling; the training ends when it is low."""

    kind: Literal["plateau"] = "plateau"
    """The rule."""
    factor: Annotated[float, Field(gt=0, lt=1), Unit("1")] = 0.1
    """The rate is multiplied by it."""
    patience: Annotated[Count, Unit("epochs")] = 3
    """Epochs without a lower training loss before that."""
    patience_steps: Annotated[int, Field(ge=1), Unit("steps")] | None = None
    """The same in steps, rounded up to whole epochs; null: patience."""
    min_delta: NotNegative = 0.0
    """Least fall of the loss that counts."""
    stop_rate: NotNegative = 0.00001
    """The training ends below this rate."""


@dataclasses.dataclass
class Schedule:
    """Multiply the rate by ``factor`` after ``patience`` epochs without a better loss.

    grill2017 calls its schedule adaptive, from 0.001 until the rate falls to 0.00001; what it
    monitored is not published. Monitored here: the mean training loss of an epoch.

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
        Epochs before, whose losses do not count.
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
            return warm(self.current, epoch, self.warmup_epochs)
        return self.current

    def observe(self, metrics: Mapping) -> None:
        """Use an epoch's ``loss``, unless ``epoch`` is still one of the warm-up."""
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
