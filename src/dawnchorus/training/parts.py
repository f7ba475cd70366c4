"""Which windows a member trains on, and which it is watched by.

* `parts`: both, and those that are measured once at the end.

They are the windows of other recordings, or, where the unit is a chunk, of the training recordings.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from dawnchorus import logs, seeds, segments, targets
from dawnchorus.training import batches, choosing, validation

_NAMED = 5  # classes a warning names


@dataclasses.dataclass(frozen=True)
class Parts:
    """Windows to train on, to watch, and to measure at the end (None: nothing is)."""

    examples: batches.Batches
    watched: validation.Validation
    test: validation.Validation | None


def parts(
    wanted: targets.Targets,
    member: targets.Member,
    source: segments.Source,
    settings: Mapping,
    key: tuple,
) -> Parts:
    """Return what a member trains on and is watched by.

    Parameters
    ----------
    wanted : Targets
    member : Member
    source : Source
        Of all recordings in the targets.
    settings : mapping
        ``training``, ``segments``, ``augmentation``, ``pooling`` and ``validation``: the fold that
        chooses the epoch (none, own, next).
    key : tuple
        Seed, stage and name of the member.

    Raises
    ------
    ValueError
        Where an epoch is to be chosen by a fold, or a share of chunks, that is empty.
    """
    training = settings["training"]
    shared = training | {name: settings[name] for name in ("segments", "augmentation", "pooling")}
    recordings, values = _rows(wanted, wanted.training_rows(member, settings["validation"]))
    named = {"class_names": wanted.class_names}
    if training["validation"]["unit"] == "chunk":
        return _by_chunks(source, recordings, values, shared, key, named)
    examples = batches.Batches(source, recordings, values, shared, key, **named)
    _say_what_lacks(examples, values, shared, **named)
    recordings, values = _rows(wanted, wanted.validation_rows(member, settings["validation"]))
    index = source.index(recordings, prediction=True)
    watched = validation.Validation(source, recordings, values, index, shared)
    _check_watched(watched, training, f"{key[2]} has no recording to validate on", "fewer folds")
    return Parts(examples, watched, None)


def _by_chunks(source, recordings, values, settings: Mapping, key: tuple, named: Mapping) -> Parts:
    """Split the chunks of the training recordings, as systems 001 and 002 do."""
    index = source.index(recordings)
    rng = seeds.generator(*key, "selection")
    rows = segments.training_rows(index, values, settings["segments"], rng, **named)
    chosen = index.take(rows)
    rng = seeds.generator(*key, "validation")
    split = segments.split_chunks(chosen, settings["validation"], rng)
    own, watched, test = (chosen.take(part) for part in split)
    if settings["shuffle"] == "batches" and settings["validation"]["order"] == "random":
        # they are in the order of recordings by name: a batch would be one class
        own = own.take(segments.in_shuffled_recordings(own, rng))
    logs.LOG.info(
        "warning: epochs are judged by %d chunks of training recordings: chunks of one recording "
        "are on both sides, and the figures optimistic", len(watched),
    )  # fmt: skip
    examples = batches.Batches(source, recordings, values, settings, key, rows=own, **named)
    _say_what_lacks(examples, values, settings, **named)
    each = settings | {"pooling": None}
    held = [
        validation.Validation(source, recordings, values, part, each) for part in (watched, test)
    ]
    what = f"{key[2]} has none of {len(chosen)} chunks to validate on"
    _check_watched(held[0], settings, what, "a greater validation.share")
    return Parts(examples, held[0], held[1] if settings["validation"]["test_share"] else None)


def _say_what_lacks(
    examples: batches.Batches, values: np.ndarray, settings: Mapping, class_names: Sequence[str]
) -> None:
    """Say what settings ask for and recordings do not give: nothing fails for the want of it."""
    is_trained = segments.has_class(values)[np.unique(examples.windows.recording)].any(axis=0)
    if lacking := [name for name, ok in zip(class_names, is_trained, strict=True) if not ok]:
        logs.LOG.info(
            "warning: %d of %d classes have no window to train on: %s", len(lacking),
            len(class_names), ", ".join(lacking[:_NAMED]),
        )  # fmt: skip
    chosen = settings["augmentation"]
    if "add_noise" in chosen["methods"] and chosen["count"] and not examples.n_noise:
        logs.LOG.info(
            "warning: add_noise finds no chunk without signal to add; signal_threshold (or "
            "min_score) and noise_share of the segments say which are"
        )


def _check_watched(
    watched: validation.Validation, training: Mapping, what: str, remedy: str
) -> None:
    choices = choosing.validated(training)
    if choices and not len(watched):
        raise ValueError(
            f"{what}; expected some, as {choices[0]} chooses an epoch: use {remedy}, or keep and "
            "early_stopping without val_"
        )


def _rows(wanted: targets.Targets, rows: np.ndarray) -> tuple[list[tuple[str, str]], np.ndarray]:
    return [wanted.recordings[row] for row in rows], wanted.values[rows]
