"""Training and validation windows of a member.

* `parts`: both, and the test windows that are scored once at the end.

Validation windows are those of other recordings, or, where the unit is a chunk, of the training
recordings.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from dawnchorus.models import zoo
from dawnchorus.runtime import logs, seeds
from dawnchorus.segments import training_windows, window_source
from dawnchorus.targets import targets_table
from dawnchorus.training import batches, frame_targets, mean_teacher, validation

_NAMED = 5  # classes a warning names
_SHARED = ("segments", "augmentation", "pooling", "output", "clip_pooling")


@dataclasses.dataclass(frozen=True)
class Parts:
    """Windows to train on, to validate on, and to test on at the end (None: none are)."""

    examples: batches.Batches
    validation: validation.Validation
    test: validation.Validation | None


def parts(
    wanted: targets_table.Targets,
    member: targets_table.Member,
    source: window_source.Source,
    settings: Mapping,
    key: tuple,
) -> Parts:
    """Return the training and validation windows of a member.

    Where the settings have ``frame_targets`` (else None), these are the targets: of frames where the
    ``output`` is frame, of windows where it is clip.

    Parameters
    ----------
    wanted : Targets
    member : Member
    source : Source
        Of all recordings in the targets.
    settings : mapping
        ``training``, ``segments``, ``augmentation``, ``pooling``, ``output``, ``clip_pooling``,
        ``frame_targets`` and ``validation``: the recordings that choose the epoch (none, own, next,
        all; see `dawnchorus.targets.targets_table.Targets`).
    key : tuple
        Seed, stage and name of the member.

    Raises
    ------
    ValueError
        Where an epoch is to be chosen by a fold, or a share of chunks, that is empty.
    """
    training, about = settings["training"], settings["validation"]
    shared = training | {name: settings[name] for name in _SHARED}
    recordings, values = _rows(wanted, wanted.training_rows(member, about))
    named = {"class_names": wanted.class_names}
    if training["validation"]["unit"] == "chunk":
        return _by_chunks(source, recordings, values, shared, key, named)

    rows = wanted.training_rows(member, about)
    frames = _frames(source, wanted, rows, settings)
    examples = batches.Batches(source, recordings, values, shared, key, **named, frames=frames)
    _warn_of_gaps(examples, values, shared, **named)
    if training["mean_teacher"]:
        # only student and teacher are to agree on these: no labels that would balance them
        chosen = shared | {
            "batch_size": training["mean_teacher"]["unlabelled_batch"], "oversample": None,
            "class_weights": "none", "output": "clip",
        }  # fmt: skip
        unlabelled = batches.Batches(
            source, *_rows(wanted, wanted.unlabelled_rows()), chosen, (*key, "unlabelled"), **named
        )
        n_views = 2 if training["mean_teacher"]["views"] == "independent" else 1
        examples = mean_teacher.Paired(examples, unlabelled, n_views)
    rows = wanted.validation_rows(member, about)
    frames = _frames(source, wanted, rows, settings)
    recordings, values = _rows(wanted, rows)
    index, unit = source.validation_index(recordings), training["validation"]["unit"]
    if unit == "recording":
        held = validation.Validation(source, recordings, values, index, shared)
    else:
        held = validation.Validation(
            source, recordings, values, index, shared | {"pooling": None}, frames,
            by_frame=unit == "frame",
        )  # fmt: skip
    _check_validation(held, training, f"{key[2]} has no recording to validate on", "fewer folds")
    return Parts(examples, held, None)


def _frames(source, wanted: targets_table.Targets, rows: np.ndarray, settings: Mapping):
    """Return the targets of frames, or None where recordings have those of recordings alone."""
    about = settings["frame_targets"]
    if about is None or not len(rows):
        return None
    recordings, values = _rows(wanted, rows)
    ratio = 1
    if settings["output"] == "frame":
        ratio = zoo.frames_per_score(settings["model"])
    rate = source.frames_per_second(recordings[0][0]) / ratio
    about = about | {"frames_each": ratio, "padded": settings["segments"]["padding"] == "zeros"}
    return frame_targets.FrameTargets(
        recordings, values, wanted.class_names, about, rate, source.shape[0] // ratio,
        labelled=wanted.fold[rows] > 0,
    )  # fmt: skip


def _by_chunks(source, recordings, values, settings: Mapping, key: tuple, named: Mapping) -> Parts:
    """Split the chunks of the training recordings, as toth2016, kahl2018 and dsr2019 do."""
    index = source.index(recordings)
    rng = seeds.generator(*key, "selection")
    rows = training_windows.training_rows(index, values, settings["segments"], rng, **named)
    chosen = index.take(rows)
    rng = seeds.generator(*key, "validation")
    about = settings["validation"]
    if is_grouped := about["order"] == "recordings":
        most = (settings["resample"] or {}).get("most")
        found = training_windows.split_recordings(chosen, values, about["share"], most, rng)
        split = (*found, np.arange(0))
    else:
        split = training_windows.split_windows(chosen, about, rng)
    own, held_out, test = (chosen.take(part) for part in split)
    if settings["shuffle"] == "batches" and settings["validation"]["order"] == "random":
        # they are in the order of recordings by name: a batch would be one class
        own = own.take(training_windows.shuffled_by_recording(own, rng))
    if not is_grouped:
        logs.LOG.info(
            "warning: epochs are validated on %d chunks of training recordings: chunks of one "
            "recording are on both sides, and the metrics optimistic", len(held_out),
        )  # fmt: skip
    examples = batches.Batches(source, recordings, values, settings, key, rows=own, **named)
    _warn_of_gaps(examples, values, settings, **named)
    each = settings | {"pooling": None}
    held = [
        validation.Validation(source, recordings, values, part, each) for part in (held_out, test)
    ]
    what = f"{key[2]} has none of {len(chosen)} chunks to validate on"
    _check_validation(held[0], settings, what, "a greater validation.share")
    return Parts(examples, held[0], held[1] if settings["validation"]["test_share"] else None)


def _warn_of_gaps(
    examples: batches.Batches, values: np.ndarray, settings: Mapping, class_names: Sequence[str]
) -> None:
    """Warn of classes without training windows and of noise that augmentation does not find."""
    is_trained = training_windows.has_class(values)[np.unique(examples.windows.recording)].any(
        axis=0
    )
    if lacking := [name for name, ok in zip(class_names, is_trained, strict=True) if not ok]:
        logs.LOG.info(
            "warning: %d of %d classes have no window to train on: %s", len(lacking),
            len(class_names), ", ".join(lacking[:_NAMED]),
        )  # fmt: skip
    chosen = settings["augmentation"]
    noise = {"add_noise", "mix_noise"} & set(chosen["methods"])
    if noise and chosen["count"] and not examples.n_noise:
        logs.LOG.info(
            f"warning: {min(noise)} finds no chunk without signal to add; signal_threshold (or "
            "min_score) and noise_share of the segments decide which are"
        )


def _check_validation(
    held: validation.Validation, training: Mapping, what: str, remedy: str
) -> None:
    choices = validation.validation_choices(training)
    if choices and not len(held):
        raise ValueError(
            f"{what}; expected some, as {choices[0]} chooses an epoch: use {remedy}, or keep and "
            "early_stopping without val_"
        )


def _rows(
    wanted: targets_table.Targets, rows: np.ndarray
) -> tuple[list[tuple[str, str]], np.ndarray]:
    return [wanted.recordings[row] for row in rows], wanted.values[rows]
