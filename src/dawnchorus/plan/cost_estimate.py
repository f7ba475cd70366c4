"""Time and disk that a proposed experiment will take, from rates that were measured.

* `estimate`: both, for a number of trainings.
* `Cost`: hours on one core, and bytes.
"""

import math
from typing import NamedTuple

from dawnchorus.settings.proposal import Proposal

# CPU seconds of one core of an AMD EPYC with AVX2 and no GPU, 2026-11-30: the mean of twelve steps of
# 32 windows, after three, of each proposed network, by the frame that it sees. A second of audio from
# file to spectrogram, and a job that imports TensorFlow, are of the workflow's benchmarks.
FRAME_S = {"species": 3.4e-5, "presence": 4.8e-6, "events": 7.0e-5}
_CHUNK_FRAMES = 64
AUDIO_S = 0.02
JOB_S = 8.0
_OTHER_JOBS = 12
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
    n_frames = proposal.experiment.get("window", _CHUNK_FRAMES)
    trained = steps * training["batch_size"] * n_frames * FRAME_S[task] + JOB_S
    others = total_s * AUDIO_S + _OTHER_JOBS * JOB_S
    return Cost(n_members * trained + others, total_s * proposal.bytes_per_s)
