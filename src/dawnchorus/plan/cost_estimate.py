"""Time and disk that a proposed experiment will take, from rates that were measured.

* `estimate`: both, for a number of trainings.
* `Cost`: hours on one core, and bytes.
"""

from typing import NamedTuple

from dawnchorus.settings.proposal import Proposal
from dawnchorus.training.training_length import batch_size

# CPU seconds of one core of an Intel Xeon with AVX-512 and no GPU, 2026-11-30: the mean of twelve steps
# of 32 windows, after three, of each proposed network, by the frame that it sees. A second of audio from
# file to spectrogram, and a job that imports TensorFlow, are of the workflow's benchmarks.
FRAME_S = {"species": 3.2e-6, "presence": 3.2e-6, "events": 3.0e-5}
AUDIO_S = 0.02
JOB_S = 8.0
_OTHER_JOBS = 12
MEASURED_ON = "rates of one core of an Intel Xeon without a GPU, 2026-11-30"


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
    # a fold is left out to be scored
    share = 1.0 if n_members == 1 else 1 - 1 / n_members
    size = batch_size({"batch_size": None}, round(share * proposal.n_windows))
    trained = training["steps"] * size * proposal.experiment["window"] * FRAME_S[task] + JOB_S
    others = total_s * AUDIO_S + _OTHER_JOBS * JOB_S
    return Cost(n_members * trained + others, total_s * proposal.bytes_per_s)
