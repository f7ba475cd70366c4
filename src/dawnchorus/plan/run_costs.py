"""What a run takes before it begins: jobs, files, bytes and core hours of each step.

Jobs and files are counted, bytes follow from lengths and settings, hours from rates that were measured
(`dawnchorus.plan.cost_estimate`). A network other than the default one has a rate of its own, which
nobody knows before it is trained: the hours of trainings and predictions are those of the default.

* `run_costs`: one line per step.
* `audio_seconds`: how much sound the corpora of a run have.
"""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import NamedTuple

from dawnchorus.audio.header_survey import look_at
from dawnchorus.corpora import tables
from dawnchorus.frontends import base
from dawnchorus.plan.cost_estimate import AUDIO_S, FRAME_S, JOB_S
from dawnchorus.plan.jobs import jobs
from dawnchorus.plan.training_rules import TrainingRules
from dawnchorus.plan.workflow_run import Run

# of a step of training: forward alone is one of its three passes
_FORWARD = 1 / 3
_FRAMES_PER_S = 70  # of the default frontend, where a frontend's own is not known
_SAMPLE_BYTES = 4
_STEPS = {
    "make_corpus": "audio", "resample": "audio", "judge": "audio",
    "make_spectrograms": "spectrograms", "train": "trainings", "predict": "predictions",
    "predict_frames": "predictions", "apply_model": "detections", "join_detections": "detections",
}  # fmt: skip
STEPS = ("audio", "spectrograms", "trainings", "predictions", "detections", "others")


class StepCost(NamedTuple):
    """Jobs and files of a step, bytes of its large ones, hours of one core.

    ``gpu_h`` is the part of ``core_h`` that asks for a GPU: its hours at most, where there is one.
    """

    step: str
    jobs: int
    files: int
    bytes: float
    core_h: float
    gpu_h: float


def audio_seconds(run: Run, results: str) -> dict[str, float]:
    """Return the length of the recordings of each corpus [s], by the headers of some of them.

    Parameters
    ----------
    run : Run
        Its corpora have been listed.
    results : path
        The results folder.
    """
    found = {}
    for corpus, index in run.index.items():
        settings = run.config["corpora"][corpus]
        if settings["adapter"] == "synthetic":
            found[corpus] = settings["recordings"] * settings["duration_s"]
            continue
        sizes: dict[str, int] = {}
        for shard, about in index["shards"].items():
            path = tables.listing_path(results, corpus, shard, about["digest"])
            places = tables.read_places(path)
            sizes |= {places[row.id]: row.bytes for row in tables.read_listing(path)}
        found[corpus] = look_at(sizes, most_seconds=1.0).total_s
    return found


def run_costs(run: Run, seconds: Mapping[str, float]) -> list[StepCost]:
    """Return what each step of a run takes where nothing is there yet.

    Parameters
    ----------
    run : Run
        Its corpora have been listed.
    seconds : mapping of corpus to float
        Length of all its recordings [s].
    """
    totals = {step: [0.0] * 5 for step in STEPS}
    for job in jobs(run):
        step = _STEPS.get(job.rule, "others")
        names, n_bytes, core_s = SimpleNamespace(**job.wildcards), 0.0, JOB_S
        if job.rule == "train":
            task = "events" if run.experiment(names)["events"] else "species"
            core_s += TrainingRules(run).frames_seen(names) * FRAME_S[task]
        elif hasattr(names, "corpus") and (hasattr(names, "shard") or hasattr(names, "shards")):
            # of these alone what is written is much
            n_bytes, core_s = _shard_work(run, job.rule, names, seconds[names.corpus])
        asks_gpu = step in ("trainings", "predictions")
        hours = core_s / 3600
        added = (1, len(job.outputs), n_bytes, hours, hours if asks_gpu else 0.0)
        totals[step] = [a + b for a, b in zip(totals[step], added, strict=True)]
    return [
        StepCost(step, int(n), int(files), n_bytes, core_h, gpu_h)
        for step, (n, files, n_bytes, core_h, gpu_h) in totals.items()
        if n
    ]


def _shard_work(
    run: Run, rule: str, names: SimpleNamespace, corpus_s: float
) -> tuple[float, float]:
    """Return bytes and seconds of a job on shards of a corpus, which has so many seconds."""
    shards = run.index[names.corpus]["shards"]
    own = (
        [names.shard] if hasattr(names, "shard") else run.runs_of_shards(names.corpus)[names.shards]
    )
    n_all = sum(about["recordings"] for about in shards.values())
    # shards are alike: names deal recordings into them
    audio_s = corpus_s * sum(shards[one]["recordings"] for one in own) / n_all
    if rule == "resample":
        recipe = run.config["audio"][names.audio]
        return audio_s * recipe["sample_rate"] * _SAMPLE_BYTES, AUDIO_S / 2 * audio_s
    if rule == "make_spectrograms":
        frames_per_s, row_bytes = _rows(run, names.frontend)
        return audio_s * frames_per_s * row_bytes, AUDIO_S / 2 * audio_s
    if rule in ("predict", "predict_frames"):
        chosen = run.experiment(names)
        frames_per_s, _ = _rows(run, chosen["stages"][names.stage]["frontend"])
        frames = audio_s * frames_per_s * len(run.members(names.experiment, names.stage))
        rate = FRAME_S["events" if chosen["events"] else "species"]
        return 0.0, JOB_S + frames * rate * _FORWARD
    if rule == "apply_model":
        scored = AUDIO_S + _FRAMES_PER_S * FRAME_S["species"] * _FORWARD
        return 0.0, JOB_S + audio_s * scored
    return 0.0, JOB_S


def _rows(run: Run, frontend: str) -> tuple[float, float]:
    """Return rows per second and bytes of a row of a frontend's spectrograms."""
    settings = run.config["frontends"][frontend]
    rate = run.config["audio"][settings["audio"]]["sample_rate"]
    given = {**settings, "sample_rate": rate}
    try:
        value_bytes = 1 if settings.get("store") == "uint8" else 4
        return rate / base.hop_length(given), base.n_bands(given) * value_bytes
    except (KeyError, AttributeError):  # of a pretrained network: its file says it
        return float(_FRAMES_PER_S), 80 * 4.0
