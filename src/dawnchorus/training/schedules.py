"""Learning rates that follow the training.

* `Plateau`: lower the rate when the watched loss stops falling, stop when it is low enough.
"""

import dataclasses
import math


@dataclasses.dataclass
class Plateau:
    """Multiply the rate by ``factor`` after ``patience`` epochs without a better loss.

    System 000 calls its schedule adaptive, from 0.001 until the rate falls to 0.00001; what it
    watched is not published. Watched here: the mean training loss of an epoch.

    Parameters
    ----------
    factor : float in (0, 1)
    patience : int
        Epochs without a better loss before the rate falls.
    min_delta : float
        By how much a loss must be lower to be better.
    stop_rate : float
        The training ends where the rate would fall below this.
    """

    rate: float
    factor: float
    patience: int
    min_delta: float
    stop_rate: float
    best: float = math.inf
    waited: int = 0
    is_over: bool = False

    def observe(self, loss: float) -> None:
        """Take note of an epoch's loss; sets ``rate`` and ``is_over``."""
        if loss < self.best - self.min_delta:
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited < self.patience:
            return
        self.waited = 0
        lowered = self.rate * self.factor
        if lowered < self.stop_rate * (1 - 1e-6):  # 1e-3 * 0.1 * 0.1 is not quite 1e-5
            self.is_over = True
        else:
            self.rate = lowered
