"""Decodings of an ensemble: the settings by which its frame scores become events.

A decoding is a named set of a decoder's settings, `SETTINGS`, with a value per class. They are as
they are given (``tune: none``), or chosen by one of `WAYS`, see `decoding_choice`. What was chosen,
and on what, is written beside them.

* `choose_decodings`: the decodings of an ensemble.
* `decoding_content`: the settings of one, and how they were chosen.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.events import decoding as decoder
from dawnchorus.events.decoding import SETTINGS
from dawnchorus.events.decoding_choice import Sources, tune_by_clips, tune_by_events
from dawnchorus.runtime import artefacts
from dawnchorus.runtime.logs import LOG
from dawnchorus.targets import targets_table

WAYS = ("none", "clips", "events")
_NAMED = 5  # offenders an error names


def choose_decodings(
    frames: Mapping[str, str | Path],
    recording_scores: Mapping[str, str | Path],
    labels: Mapping[str, str | Path],
    verdicts: Mapping[str, str | Path],
    events: Mapping[str, str | Path],
    folds_path: str | Path,
    targets_path: str | Path,
    settings: Mapping,
    output: str | Path,
) -> None:
    """Set or choose the settings of all decodings of an ensemble.

    Parameters
    ----------
    frames : mapping of corpus to path
        Frame scores of the ensemble, of all corpora that ``validation`` names where a decoding is
        tuned by events.
    recording_scores, labels : mapping of corpus to path
        Recording scores of the ensemble, and label tables; of all training corpora where a decoding
        is tuned by clips.
    verdicts, events : mapping of corpus to path
        Tables of the corpora that ``validation`` names, and their labels among ``labels``.
    folds_path, targets_path : path
        Folds of the experiment; targets of a stage of the ensemble, which name the classes.
    settings : mapping
        ``events`` (of the experiment's section ``collar``, ``validation`` and ``decodings``) and
        ``train`` (references of the training corpora).
    output : path
        JSON: ``classes``, and by ``decodings`` ``settings`` (lists in the order of the classes),
        ``chosen_on`` and ``tuned`` (null where nothing was).

    Raises
    ------
    ValueError
        Where a decoding has values that a decoder cannot have, names an unknown class or is tuned
        without what that needs, or files are of other classes or frames.
    """
    classes = targets_table.read_class_names(targets_path)
    sources = Sources(
        frames, recording_scores, labels, verdicts, events, folds_path, settings, tuple(classes)
    )
    found = {}
    for name, decoding in settings["events"]["decodings"].items():
        try:
            found[name] = decoding_content(decoding, sources)
        except ValueError as error:
            # the checks below do not know the name of the decoding
            raise ValueError(f"decoding {name!r}: {error}") from None
        if (tuned := found[name]["tuned"]) is None:
            continue
        # F of a class is NaN where no event was there and none was detected
        known = [figure for figure in tuned["figures"].values() if not np.isnan(figure)]
        LOG.info(
            "decoding %s: %s %.3f, the mean of %d classes, by %s; %d settings tried",
            name, tuned["figure"], np.mean(known) if known else np.nan, len(known),
            found[name]["chosen_on"], tuned["n_tried"],
        )  # fmt: skip
        if not tuned["is_settled"]:
            LOG.info(
                "warning: decoding %s is not settled: a further sweep would try on; it stands as it "
                "is",
                name,
            )
    artefacts.write_json(output, {"classes": classes, "decodings": found})


def decoding_content(decoding: Mapping, sources: Sources) -> dict:
    """Return the settings of one decoding, and how they were chosen.

    Parameters
    ----------
    decoding : mapping
        `SETTINGS` (a number, or one per class), ``tune`` (one of `WAYS`), ``grids``, ``together``
        and ``per_class``.
    sources : Sources

    Returns
    -------
    dict
        ``settings`` (lists in the order of the classes), ``chosen_on`` and ``tuned``.
    """
    values = {name: _per_class(name, decoding[name], sources.classes) for name in SETTINGS}
    _check_values(values, sources.classes)
    for name, grid in decoding["grids"].items():
        if name not in SETTINGS:
            raise ValueError(f"a grid is of {name!r}; expected some of {', '.join(SETTINGS)}")
        # now, not after hours of a search
        for value in grid:
            _check_values({name: value}, sources.classes)
    if decoding["tune"] not in WAYS:
        raise ValueError(f"tune {decoding['tune']!r}; expected one of {', '.join(WAYS)}")
    chosen_on = tuned = None
    if decoding["tune"] == "clips":
        values, chosen_on, tuned = tune_by_clips(values, decoding, sources)
    elif decoding["tune"] == "events":
        values, chosen_on, tuned = tune_by_events(values, decoding, sources)
    listed = {key: column.tolist() for key, column in values.items()}
    return {"settings": listed, "chosen_on": chosen_on, "tuned": tuned}


def _per_class(name: str, value: float | Mapping[str, float], classes: Sequence[str]) -> np.ndarray:
    if not isinstance(value, Mapping):
        return np.full(len(classes), value, dtype=float)
    unknown = [label for label in value if label not in classes]
    missing = [label for label in classes if label not in value]
    if unknown or missing:
        fault = "has values of unknown" if unknown else "has no values of"
        raise ValueError(
            f"{name} {fault} classes {(unknown or missing)[:_NAMED]!r}; expected a number, or one for "
            f"each of {list(classes)!r}"
        )
    return np.array([value[label] for label in classes], dtype=float)


def _check_values(values: Mapping[str, np.ndarray | float], classes: Sequence[str]) -> None:
    """Raise where the decoder rejects the values; it is run on one frame."""
    decoder.detections("any", np.zeros((1, len(classes))), classes, 1.0, **values)
