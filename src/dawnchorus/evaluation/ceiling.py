"""The ceiling of detected events: what frames and a decoder that never err reach, before training.

Annotated events become frame scores of 0 and 1 at the rate of a model's scores, and the decoder makes
events of them again. Where these are not the annotated ones, frames or filter are too coarse, or events
of a class are closer to each other than a frame, and no training mends that.

* `ceiling`: macro event-based F, and that of each class.
* `ceiling_sentence`: what to change where it is low.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from dawnchorus.events.decoding import SETTINGS, ScoredRecording, detections, frame_targets
from dawnchorus.formats.event import Event
from dawnchorus.metrics.event_pairs import Collars
from dawnchorus.metrics.events import class_rates, event_counts
from dawnchorus.settings.proposal import event_frames
from dawnchorus.targets.ground_truth import OVERLAPS

LEAST = 0.9  # macro event F below which frames are too coarse
_MOST_EVENTS = 20_000  # that are looked at: a few seconds
_NAMED = 3  # classes that a sentence names
_QUANTILES = (0.1, 0.5, 0.9)  # of the lengths of events


def ceiling(
    events: Iterable[Event], frames_per_second: float, settings: Mapping
) -> tuple[float, dict[str, float]]:
    """Return the macro event F of annotated events that went through frames and the best decoding.

    Parameters
    ----------
    events : iterable of Event
        At least one; of more than 20,000 those of a part of the recordings are looked at.
    frames_per_second : float > 0
        Of the scores of a model.
    settings : mapping
        ``collar`` and ``decodings`` of an experiment's section ``events``. A setting that is tuned may
        take the least value of its grid.

    Returns
    -------
    float
    dict of class to float
    """
    of: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        of[event.id].append(event)
    n_events = sum(map(len, of.values()))
    ids = sorted(of)[:: math.ceil(n_events / _MOST_EVENTS)]
    classes = sorted({event.label for name in ids for event in of[name]})
    targets = {
        name: frame_targets(
            of[name], math.ceil(max(e.offset_s for e in of[name]) * frames_per_second) + 1,
            frames_per_second, classes,
        )
        for name in ids
    }  # fmt: skip
    best: tuple[float, dict[str, float]] = (-1.0, {})
    for decoding in settings["decodings"].values():
        chosen = {}
        for key in (one for one in SETTINGS if one != "threshold"):
            grid = decoding.get("grids", {}).get(key) if decoding["tune"] == "events" else None
            # the least that may be chosen: a filter takes out events
            value = min(grid) if grid else decoding.get(key, 0.0)
            of_class = value if isinstance(value, Mapping) else {}
            chosen[key] = [of_class.get(name, 0.0) if of_class else value for name in classes]
        found = [
            event
            for name, own in targets.items()
            for event in detections(
                ScoredRecording(name, 0.0, np.inf, own), classes, frames_per_second, **chosen
            )
        ]
        annotated = [event for name in ids for event in of[name]]
        counts = event_counts(
            annotated, found, ids, classes, Collars(**settings["collar"]), overlaps=OVERLAPS
        )
        by_class = dict(zip(classes, class_rates(counts)["f"].tolist(), strict=True))
        best = max(
            best, (float(np.mean(list(by_class.values()))), by_class), key=lambda one: one[0]
        )
    return best


def ceiling_sentence(
    events: Sequence[Event], frames_per_second: float, settings: Mapping, n_pooled: int = 1
) -> str | None:
    """Return what to change where the ceiling is under `LEAST`; None where it is not, or of no events.

    ``n_pooled`` is how many frames of the frontend one score of the model stands for; for the others see
    `ceiling`.
    """
    if not events:
        return None
    f, by_class = ceiling(events, frames_per_second, settings)
    if f >= LEAST:
        return None
    lengths_s = np.array([event.offset_s - event.onset_s for event in events])
    asked = event_frames(np.quantile(lengths_s, _QUANTILES).tolist())
    low = sorted((label for label in by_class if by_class[label] < LEAST), key=by_class.__getitem__)
    named = []
    for label in low[:_NAMED]:
        own = sorted(event for event in events if event.label == label)
        gaps_s = [b.onset_s - a.offset_s for a, b in itertools.pairwise(own) if a.id == b.id]
        # of one event in each recording no gap is known
        gap_s = float(np.median(gaps_s)) if gaps_s else math.nan
        said = f" (half of its gaps under {1000 * gap_s:.3g} ms)" if gaps_s else ""
        if gap_s < 0:
            said = " (half of its events begin before the one before them ends)"
        named.append(f"{label} {by_class[label]:.2f}{said}")
    pooled = f" ({n_pooled} of the frontend's for each score of the model)" if n_pooled > 1 else ""
    short_s, _, long_s = asked.event_s
    listed = ", ".join(named) + (", ..." if len(low) > _NAMED else "")
    return (
        f"frames of {1000 / frames_per_second:.3g} ms{pooled} and the decoder reach macro event F "
        f"{f:.2f} at most, whatever is trained: {listed}; events of {1000 * short_s:.3g} to "
        f"{1000 * long_s:.3g} ms ask for a hop of {1000 * asked.hop_s:.3g} ms, windows of "
        f"{asked.window_s:.3g} s and a collar of {1000 * asked.collar_s:.3g} ms, and events of a class "
        "that touch are one to any decoder"
    )
