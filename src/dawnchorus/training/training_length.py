"""Lengths of a training: what counts in steps, as epochs of so many steps each.

Passes over a few recordings are a few steps, those over many are thousands: a patience or a warm-up in
epochs means another thing in each. What is set in steps means the same in both.

* `batch_size`, `steps_per_epoch`: of a number of training windows.
* `in_epochs`: the training section with its lengths in epochs.
"""

import math
from collections.abc import Mapping
from typing import Any

from dawnchorus.settings.training import EPOCHS_OF_STEPS, LARGEST_BATCH

_BATCHES_OF_PASS = 10  # at least, where no size is set
_LEAST_BATCH = 2  # batch normalisation has no variance of one window


def batch_size(settings: Mapping[str, Any], n_windows: int) -> int:
    """Return the windows of a step.

    Where ``batch_size`` is None, `LARGEST_BATCH`, and no more than a tenth of the windows: a batch that
    is most of the data leaves few steps in a pass, and little noise in a step.
    """
    if settings["batch_size"] is not None:
        return int(settings["batch_size"])
    return max(_LEAST_BATCH, min(LARGEST_BATCH, n_windows // _BATCHES_OF_PASS))


def steps_per_epoch(settings: Mapping[str, Any], n_windows: int, size: int) -> int:
    """Return the steps of an epoch of batches of ``size`` windows.

    ``steps_per_epoch`` where it is a number; ``whole_batches``: as many as end within a pass; None: as
    many as begin within a pass or, of a training whose length is in ``steps``, a fiftieth of these.
    """
    wanted, steps = settings["steps_per_epoch"], settings.get("steps")
    if isinstance(wanted, int):
        return wanted
    if wanted == "whole_batches":
        return max(1, n_windows // size)
    is_in_steps = steps is not None and settings["epochs"] is None
    return math.ceil(steps / EPOCHS_OF_STEPS) if is_in_steps else math.ceil(n_windows / size)


def in_epochs(settings: Mapping[str, Any], each: int) -> dict[str, Any]:
    """Return a training section whose lengths are in epochs of ``each`` steps, rounded up.

    ``steps`` becomes ``epochs``, ``patience_steps`` of the schedule and of early stopping ``patience``,
    ``warmup_steps`` ``warmup_epochs``; of what is None nothing does.
    """
    found = dict(settings)
    if found["epochs"] is None:
        found["epochs"] = math.ceil(found["steps"] / each)
    for section, key, name in (
        ("schedule", "warmup_steps", "warmup_epochs"),
        ("schedule", "patience_steps", "patience"),
        ("early_stopping", "patience_steps", "patience"),
    ):
        own = dict(found[section])
        if own.get(key) is not None:
            own[name] = math.ceil(own[key] / each)
        found[section] = own
    return found
