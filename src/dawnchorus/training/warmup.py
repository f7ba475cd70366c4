"""Warm-up of the learning rate."""


def warm(start: float, epoch: int, warmup_epochs: int) -> float:
    """Return the rate while it rises: equal steps, the last of which leads to the start.

    Parameters
    ----------
    start : float
        The rate after the warm-up.
    epoch : int
        From 1 to ``warmup_epochs``.
    warmup_epochs : int
    """
    return start * epoch / (warmup_epochs + 1)
