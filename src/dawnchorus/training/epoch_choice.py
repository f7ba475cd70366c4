"""Which epochs' weights are kept, and when a training has waited long enough.

* `METRICS`: what an epoch can be chosen by.
* `Choice`: the best epochs so far.
* `validated`: which of a training's choices need validation recordings.

A figure that is not a number is never better; of equal figures the first epoch's counts.
"""

from collections.abc import Mapping

METRICS = (
    "loss", "val_loss", "val_accuracy", "val_map_micro", "val_map_macro", "val_mlrap", "val_macro_f",
)  # fmt: skip
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
    mark : [value, epoch] or None
        The last epoch that was better enough to be waited for.
    kept : dict of name to epoch
        Names are ``best_<metric>`` of ``keep``, and ``epoch_<n>`` of every snapshot.

    Parameters
    ----------
    settings : mapping
        ``early_stopping`` (``metric`` or None, ``patience`` in epochs, ``min_delta``: how much
        better than the best so far an epoch must be to count, ``from_epoch``: the first that counts,
        for ``keep`` too), ``keep`` (names ``best_<metric>``: the plainly best) and
        ``snapshot_every`` (epochs, or None).

    Raises
    ------
    ValueError
        Where a metric is unknown.
    """

    def __init__(self, settings: Mapping):
        self._stops_by = settings["early_stopping"]["metric"]
        stopping = settings["early_stopping"]
        self._patience, self._from_epoch = stopping["patience"], stopping["from_epoch"]
        self._min_delta = stopping["min_delta"]
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
        self.mark: list | None = None

    @property
    def is_over(self) -> bool:
        """Whether the metric of early stopping has not been better for so many epochs."""
        if self._stops_by is None:
            return False
        _, last = self.mark or (None, self._from_epoch - 1)
        return self.epoch - last >= self._patience

    def observe(self, metrics: Mapping) -> bool:
        """Take note of an epoch, and return whether its weights are to be kept.

        Parameters
        ----------
        metrics : mapping
            ``epoch`` (from 1) and `METRICS`.
        """
        self.epoch = metrics["epoch"]
        if self.epoch >= self._from_epoch:
            self._compare(metrics)
        if self._snapshot_every and self.epoch % self._snapshot_every == 0:
            self.kept[f"epoch_{self.epoch}"] = self.epoch
        return self.epoch in self.kept.values()

    def state(self) -> dict:
        """Return what a checkpoint has to keep."""
        return {"epoch": self.epoch, "best": self.best, "kept": self.kept, "mark": self.mark}

    def restore(self, state: Mapping) -> None:
        """Go back to where a checkpoint was written."""
        for name in ("epoch", "best", "kept", "mark"):
            setattr(self, name, state[name])

    def _compare(self, metrics: Mapping) -> None:
        for metric in self._keeps:
            if _is_better(metric, metrics[metric], self.best.get(metric)):
                self.best[metric] = [metrics[metric], self.epoch]
                self.kept[_BEST + metric] = self.epoch
        if self._stops_by is not None:
            value = metrics[self._stops_by]
            if _is_better(self._stops_by, value, self.mark, self._min_delta):
                self.mark = [value, self.epoch]


def _is_better(metric: str, value: float, best: list | None, min_delta: float = 0.0) -> bool:
    if best is None:
        return value == value  # not NaN
    gain = best[0] - value if metric in FALLING else value - best[0]
    return gain > min_delta
