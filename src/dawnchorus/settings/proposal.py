"""Proposed experiments for recordings that nobody has tuned for, by what little is known of them.

`dawnchorus init` writes them. What is proposed stands here and nowhere else: a better default is an
edit of this module.

* `proposed_experiment`: frontend, network and training for a task.
* `event_frames`: hop, window and collar for the lengths of events.
* `proposed_training`: steps for a number of windows.
* `Data`, `Proposal`: what is known, and what is proposed.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from dawnchorus.settings.training import LARGEST_BATCH

TASKS = ("species", "presence", "events")
_RATES = (16_000, 22_050, 32_000, 44_100)  # rates to resample to [Hz]
# Steps after which the proposed networks had learnt what they would on a few hundred recordings.
STEPS = {"species": 1000, "presence": 1000, "events": 1000}
PASSES = 10  # at least
_CLIP_RATE, _FRAMES_PER_S = 22_050, 70
_WINDOW = (70, 1000)  # frames of a clip that are seen at once


class Data(NamedTuple):
    """What is known of the training recordings.

    ``median_s`` and ``total_s`` are lengths [s], ``event_s`` the tenth, half and nine tenths quantiles of
    the lengths of annotated events [s], empty where there are none.
    """

    n_recordings: int
    sample_rate: int
    median_s: float
    total_s: float
    event_s: Sequence[float] = ()
    has_strong: bool = False
    classes_per_recording: float = 1.0  # share of all classes that a recording has on average


class Proposal(NamedTuple):
    """Sections of a config, and what a training costs.

    ``audio`` and ``frontend`` are definitions or, as a text, the name of a preset. A training sees
    ``n_windows`` windows in an epoch; a recording takes ``bytes_per_s`` on disk.
    """

    audio: dict[str, Any] | str
    frontend: dict[str, Any] | str
    experiment: dict[str, Any]
    n_windows: int
    bytes_per_s: float
    notes: list[str]


def proposed_experiment(task: str, data: Data) -> Proposal:
    """Return what is proposed for a task: one of `TASKS`."""
    if task == "events":
        return _events(data)
    frames = round(_FRAMES_PER_S * data.median_s)
    # what docs/defaults.md has measured, of whole clips where they are short
    found: dict[str, Any] = {
        "window": min(_WINDOW[1], max(_WINDOW[0], frames)),
        "model": {"name": "compact"},
        "augmentation": {"rotate": True, "shift_bands": 1, "mixup": 0.3},
        "training": {},
        "pooling": "max",
    }
    if task == "species":
        found["model"]["head"] = "softmax"
        found["training"] |= {"loss": "categorical_crossentropy", "target_range": [0.0, 1.0]}
        found["pooling"] = "mean"
    return _of_clips(task, data, found)


def proposed_training(task: str, n_windows: int) -> dict[str, int]:
    """Return the length in steps: `STEPS`, and more where these are fewer than `PASSES` over the windows.

    Passes alone say little: one over 100 recordings is a few steps, one over 100,000 thousands. The batch
    is that of `dawnchorus.training.training_length.batch_size`.
    """
    return {"steps": max(STEPS[task], math.ceil(PASSES * n_windows / LARGEST_BATCH))}


def target_rate(rate: int, most: int) -> int:
    """Return the rate to resample to [Hz]: the highest usual one that invents nothing."""
    return max((known for known in _RATES if known <= min(rate, most)), default=rate)


def _recipe(rate: int) -> dict[str, Any] | str:
    presets = {22_050: "mono-22k", 44_100: "mono-44k"}
    return presets.get(rate) or {"sample_rate": rate, "channels": "mix"}


def _of_clips(task: str, data: Data, experiment: dict[str, Any]) -> Proposal:
    """Return the proposal of a task that scores whole recordings, on bands of 70 frames a second."""
    rate = target_rate(data.sample_rate, _CLIP_RATE)
    frontend: dict[str, Any] | str = "log-mel"
    if rate != _CLIP_RATE:
        n_fft = max(256, 2 ** round(math.log2(1024 * rate / _CLIP_RATE)))
        frontend = {"kind": "log_mel", "n_fft": n_fft, "fmax": rate / 2, "denoise": "none"}
        if rate < 16_000:
            frontend["n_mels"] = 40
    window_s = experiment["window"] / _FRAMES_PER_S
    n_windows = round(max(data.n_recordings, data.total_s / window_s))
    experiment["training"] = {**proposed_training(task, n_windows), **experiment["training"]}
    bytes_per_s = 2 * rate + 4 * 80 * _FRAMES_PER_S
    audio = "mono-22k" if rate == _CLIP_RATE else _recipe(rate)
    return Proposal(audio, frontend, experiment, n_windows, bytes_per_s, [])


class EventFrames(NamedTuple):
    """Hop, window and collar [s] that events of some lengths ask for; ``event_s`` as in `Data`."""

    event_s: Sequence[float]
    hop_s: float
    window_s: float
    collar_s: float


def event_frames(event_s: Sequence[float]) -> EventFrames:
    """Return what the tenth, half and nine tenths quantiles of the lengths of events [s] ask for."""
    short_s, median_s, long_s = event_s
    return EventFrames(
        event_s,
        # eight frames in a short event, none longer than 40 ms
        hop_s=min(0.04, max(0.004, round(short_s / 8, 3))),
        window_s=min(10.0, max(0.5, 4 * long_s)),
        collar_s=float(f"{min(0.2, max(0.01, median_s / 2)):.1g}"),
    )


def _events(data: Data) -> Proposal:
    rate = target_rate(data.sample_rate, 44_100)
    frames = event_frames(data.event_s or (1.0, 1.0, 3.0))
    (short_s, median_s, long_s), hop_s, window_s, collar_s = frames
    hop = round(hop_s * rate)
    n_fft = max(512, 2 ** math.ceil(math.log2(2 * hop)))
    window = max(64, round(window_s / hop_s))
    frontend = {
        "kind": "slaney_mel", "n_fft": n_fft, "window_length": min(n_fft, max(2 * hop, 512)),
        "hop": hop, "n_bands": 64, "fmin": 150.0, "fmax": rate / 2,
    }  # fmt: skip
    # up to the median: what weak labels teach is found in pieces
    tried_s = [0.25 * short_s, 0.5 * short_s, short_s, 0.5 * median_s, median_s]
    steps = sorted({float(f"{length_s:.2g}") for length_s in tried_s})
    n_windows = round(max(data.n_recordings, data.total_s / (window * hop_s)))
    experiment: dict[str, Any] = {
        "window": window,
        "segments": {"padding": "zeros", "min_fill": 0.1},
        "model": {"name": "compact_frames"},
        "augmentation": {"rotate": True, "shift_bands": 0, "mixup": 0.3},
        "training": {
            **proposed_training("events", n_windows),
            "target_range": [0.0, 1.0],
            "standardise": "corpus",
        },
        "events": {
            "collar": {"onset_s": collar_s, "offset_s": collar_s, "offset_share": 0.2},
            "segment_s": float(f"{min(1.0, max(0.05, median_s)):.1g}"),
            "decodings": {
                "tuned": {
                    "tune": "events",
                    "together": ["threshold", "filter_s", "gap_s"],
                    "grids": {"filter_s": [0.0, *steps], "gap_s": [0.0, *steps[1:]],
                              "minimum_s": [0.0, *steps[:-1]]},
                }
            },
            "exports": [["first", "tuned"]],
        },
    }  # fmt: skip
    if data.has_strong:
        experiment["output"] = "frame"
    if (
        data.classes_per_recording > 0.5
    ):  # recordings with nearly all classes teach nothing as wholes
        experiment["segments"]["labels"] = "window"
    notes = [
        f"frames of {1000 * hop_s:.0f} ms, windows of {window * hop_s:.3g} s and a collar of "
        f"{1000 * collar_s:.0f} ms, for events of {1000 * short_s:.0f} to {1000 * long_s:.0f} ms"
    ]
    bytes_per_s = 2 * rate + 4 * 64 / hop_s
    return Proposal(_recipe(rate), frontend, experiment, n_windows, bytes_per_s, notes)
