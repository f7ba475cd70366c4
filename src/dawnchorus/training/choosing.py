"""Which epochs' weights are kept, and when a training has waited long enough.

* `METRICS`: what an epoch can be chosen by.
* `Choice`: the best epochs so far.
* `validated`: which of a training's choices need validation recordings.

A figure that is not a number is never better; of equal figures the first epoch's counts.
"""

from collections.abc import Mapping

METRICS = ("loss", "val_loss", "val_accuracy", "val_map_micro", "val_map_macro", "val_mlrap")
FALLING = ("loss", "val_loss")  # lower is better
_BEST = "best_"


def validated(settings: Mapping) -> list[str]:
    """Return the settings of a training section that choose an epoch by validation recordings."""
    stops_by = settings["early_stopping"]["metric"]
    chosen = [*settings["keep"], *([stops_by] if stops_by else [])]
    return [name for name in chosen if name.removeprefix(_BEST).startswith("val_")]


class Choice:
    """The best epochs so far.

    Attributes
    ----------
    epoch : int
        Epochs observed.
    best : dict of metric to [value, epoch]
    kept : dict of name to epoch
        Names are ``best_<metric>`` of ``keep``, and ``epoch_<n>`` of every snapshot.

    Parameters
    ----------
    settings : mapping
        ``early_stopping`` (``metric`` or None, ``patience`` in epochs), ``keep`` (names
        ``best_<metric>``) and ``snapshot_every`` (epochs, or None).

    Raises
    ------
    ValueError
        Where a metric is unknown.
    """

    def __init__(self, settings: Mapping):
        self._stops_by = settings["early_stopping"]["metric"]
        self._patience = settings["early_stopping"]["patience"]
        self._snapshot_every = settings["snapshot_every"]
        self._keeps = [name.removeprefix(_BEST) for name in settings["keep"]]
        for metric in (*self._keeps, *([self._stops_by] if self._stops_by else [])):
            if metric not in METRICS:
                raise ValueError(
                    f"metric {metric!r} of keep or early_stopping; expected one of "
                    f"{', '.join(METRICS)}"
                )
        self.epoch = 0
        self.best: dict[str, list] = {}
        self.kept: dict[str, int] = {}

    @property
    def is_over(self) -> bool:
        """Whether the metric of early stopping has not been better for so many epochs."""
        if self._stops_by is None:
            return False
        _, best_epoch = self.best.get(self._stops_by, (None, 0))
        return self.epoch - best_epoch >= self._patience

    def observe(self, metrics: Mapping) -> bool:
        """Take note of an epoch, and return whether its weights are to be kept.

        Parameters
        ----------
        metrics : mapping
            ``epoch`` (from 1) and `METRICS`.
        """
        self.epoch = metrics["epoch"]
        for metric in {*self._keeps, *([self._stops_by] if self._stops_by else [])}:
            value = metrics[metric]
            if self._is_better(metric, value):
                self.best[metric] = [value, self.epoch]
                if metric in self._keeps:
                    self.kept[_BEST + metric] = self.epoch
        if self._snapshot_every and self.epoch % self._snapshot_every == 0:
            self.kept[f"epoch_{self.epoch}"] = self.epoch
        return self.epoch in self.kept.values()

    def state(self) -> dict:
        """Return what a checkpoint has to keep."""
        return {"epoch": self.epoch, "best": self.best, "kept": self.kept}

    def restore(self, state: Mapping) -> None:
        """Go back to where a checkpoint was written."""
        self.epoch, self.best, self.kept = state["epoch"], state["best"], state["kept"]

    def _is_better(self, metric: str, value: float) -> bool:
        if metric not in self.best:
            return value == value  # not NaN
        best, _ = self.best[metric]
        return value < best if metric in FALLING else value > best
