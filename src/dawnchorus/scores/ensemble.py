"""Scores of several members averaged, and windows pooled to recordings.

* `pool_members`: window scores to one score per member, recording and class.
* `ensemble`: window scores of some stages to recording scores.
* `chunk_scores`: window scores of some stages to one score per window and class.
* `ensemble_frames`: frame scores of some stages to those of one member.

Scores of a large corpus do not fit the memory of a job, so they are read in blocks of whole
recordings; the result does not depend on the blocks. Axes: M members, N recordings, W windows, C
classes.
"""

import contextlib
import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dawnchorus.runtime import logs
from dawnchorus.scores import frame_files, pooling, score_files
from dawnchorus.scores.score_files import RecordingScores, Windows, open_windows, write_recordings

UNITS = ("recording", "chunk")  # what is averaged over members
_BLOCK = 1 << 24  # scores read at a time: 64 MiB, a few times that while they are pooled
_SAME_S = 1e-3  # windows whose ends differ by no more are one


class _Grid(NamedTuple):
    """The windows that all members share, in the order of recordings and onsets.

    ``recording``, ``onset`` and ``offset`` (W,); ``has`` (M, N): who scored which recording.
    """

    recording: np.ndarray
    onset: np.ndarray
    offset: np.ndarray
    has: np.ndarray


def pool_members(
    paths: score_files.Files, how: str, ignored_classes: Sequence[str] = ()
) -> tuple[list[str], list[str], np.ndarray]:
    """Return ids (N), members (M) and recording scores (M, N, C), pooled over windows.

    Parameters
    ----------
    paths : path, or sequence of paths
        Window scores of a corpus.
    how : str
        Pooling over the windows of a recording: one of `dawnchorus.scores.pooling.POOLINGS`.
    ignored_classes : sequence of str, optional
        Classes that get the lowest score of each window before it is pooled.

    Raises
    ------
    ValueError
        Where the pooling or an ignored class is unknown.
    """
    with open_windows(paths) as windows:
        return windows.ids, windows.members, _by_member([windows], how, ignored_classes)


def ensemble(paths: Sequence[score_files.Files], output: str | Path, settings: Mapping) -> None:
    """Average the members of some stages, pool their windows, write recording scores.

    Parameters
    ----------
    paths : sequence of path, or of sequence of paths
        Window scores of each stage for one corpus.
    output : path
        Recording scores.
    settings : mapping
        ``pooling`` over windows, ``average`` over models (mean, median), ``ignored_classes`` (set
        to the lowest score of a window before it is pooled) and ``average_unit``: ``recording``
        pools the windows of each member and averages recordings; ``chunk`` averages window by
        window over the members that scored the recording, and pools once.

    Raises
    ------
    ValueError
        Where a setting is unknown, the files score other recordings or classes, or windows that
        should be averaged one by one differ between members.
    """
    unit = settings["average_unit"]
    if unit not in UNITS:
        raise ValueError(f"average_unit {unit!r}; expected one of {', '.join(UNITS)}")
    with _stages(paths) as stages:
        # stages that ended before they were trained have no member
        if unit == "recording" or not any(stage.members for stage in stages):
            stack = _by_member(stages, settings["pooling"], settings["ignored_classes"])
            # a row is NaN as a whole or not at all: one class tells who scored a recording
            models = np.isfinite(stack[:, :, 0]).sum(axis=0)
            scores = pooling.average(stack, settings["average"])
        else:
            grid = _shared_grid(stages)
            lowered = functools.partial(
                pooling.lowered,
                class_names=stages[0].class_names,
                ignored=settings["ignored_classes"],
            )
            averages = _averages(stages, grid, settings["average"])
            blocks = ((grid.recording[rows], lowered(found)) for rows, found in averages)
            shape = len(stages[0].ids), len(stages[0].class_names)
            scores = _pooled(blocks, *shape, settings["pooling"])
            models = grid.has.sum(axis=0)
        content = RecordingScores(
            ids=stages[0].ids,
            scores=scores,
            models=models,
            class_names=stages[0].class_names,
            members=[member for stage in stages for member in stage.members],
        )
    write_recordings(output, content)


def chunk_scores(
    paths: Sequence[score_files.Files], settings: Mapping
) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Average the members of some stages window by window.

    Parameters
    ----------
    paths : sequence of path, or of sequence of paths
        Window scores of each stage for one corpus.
    settings : mapping
        ``average`` (mean, median) and ``ignored_classes``, which get the lowest averaged score of
        each window.

    Returns
    -------
    ids : list of str
        N.
    recording : array, shape (W,), int32
        Index into ``ids``, not falling.
    onset, offset : arrays, shape (W,), float64
        Seconds; onsets do not fall within a recording.
    scores : array, shape (W, C), float32

    Raises
    ------
    ValueError
        Where the files score other recordings or classes, or members have other windows of a
        recording.
    """
    with _stages(paths) as stages:
        grid = _shared_grid(stages)
        class_names, ignored = stages[0].class_names, settings["ignored_classes"]
        scores = np.empty((len(grid.recording), len(class_names)), np.float32)
        for rows, found in _averages(stages, grid, settings["average"]):
            scores[rows] = pooling.lowered(found, class_names, ignored)
        return stages[0].ids, grid.recording, grid.onset, grid.offset, scores


def ensemble_frames(paths: Sequence[score_files.Files], output: str | Path, how: str) -> None:
    """Average the frame scores of all members of some stages, recording by recording.

    Parameters
    ----------
    paths : sequence of path, or of sequence of paths
        Frame scores of each stage for one corpus.
    output : path
        Frame scores of one member that is named as ``how``; recordings without any are left out.
        Whether its models learnt stands there by stage and member.
    how : {"mean", "median"}
        Over the members that scored a recording.

    Raises
    ------
    ValueError
        Where the files score other recordings, classes or frames, or ``how`` is unknown.
    """
    if how not in pooling.AVERAGES:
        raise ValueError(f"average {how!r}; expected one of {', '.join(pooling.AVERAGES)}")
    if not paths:
        raise ValueError("received no frame scores to average; expected those of one stage or more")
    with contextlib.ExitStack() as stack:
        stages = [stack.enter_context(frame_files.open_frames(path)) for path in paths]
        _check_alike(stages)
        if not any(stage.members for stage in stages):
            raise ValueError(
                f"{Path(output).name}: no stage of the ensemble has a model, as their pseudo-labels "
                "are none or of one class; take it out of ensembles, or give its stages others"
            )
        first, rate = stages[0], stages[0].frames_per_second
        for stage in stages[1:]:
            if not math.isclose(stage.frames_per_second, rate, rel_tol=1e-9):
                raise ValueError(
                    f"{stage.path} has {stage.frames_per_second:g} frames per second, {first.path} "
                    f"has {rate:g}; average stages of equal frames alone"
                )
        ids = [i for i in first.ids if any(stage.places(i) for stage in stages)]
        # the onset of a recording is that of the first member; `average_frames` refuses others
        places = [next((stage, *p) for stage in stages for p in stage.places(i)) for i in ids]
        onset_s = [float(stage.onset_s(member)[row]) for stage, member, row in places]

        def averages() -> Iterator[np.ndarray]:
            progress = logs.progress("recordings", len(ids))
            for identifier in ids:
                found = frame_files.member_scores(stages, identifier)
                yield frame_files.average_frames(found, identifier, how)[1]
                progress.step()

        learning = {
            f"{Path(stage.path).parent.name} {member}": about
            for stage in stages
            for member, about in stage.learning.items()
        }
        header = (output, ids, [how], first.class_names, rate, learning)
        with frame_files.writing_frames(*header) as put:
            put(how, np.arange(len(ids)), onset_s, averages())


@contextlib.contextmanager
def _stages(paths: Sequence[score_files.Files]) -> Iterator[list[Windows]]:
    """Open the window scores of some stages, of the same recordings and classes."""
    with contextlib.ExitStack() as stack:
        stages = [stack.enter_context(open_windows(path)) for path in paths]
        _check_alike(stages)
        yield stages


def _check_alike(stages: Sequence[Windows] | Sequence[frame_files.Frames]) -> None:
    """Refuse score files of different recordings or classes."""
    for stage in stages:
        for what, named in (("ids", "recordings"), ("class_names", "classes")):
            if getattr(stage, what) != getattr(stages[0], what):
                raise ValueError(
                    f"{stage.path} scores other {named} than {stages[0].path}; predict again"
                )


def _by_member(stages: Sequence[Windows], how: str, ignored_classes: Sequence[str]) -> np.ndarray:
    """Return the recording scores of all members, shape (M, N, C); NaN rows where there is none."""
    found = []
    if not any(stage.members for stage in stages):
        # of no member, as of a stage that ended: a row that scores nothing
        shape = len(stages[0].ids), len(stages[0].class_names)
        found = [np.full(shape, np.nan, np.float32)]
    for stage in stages:
        lowered = functools.partial(
            pooling.lowered, class_names=stage.class_names, ignored=ignored_classes
        )
        n_recordings, n_classes = len(stage.ids), len(stage.class_names)
        for member in stage.members:
            recording, _, _ = stage.times(member)
            blocks = (
                (recording[rows], lowered(stage.scores(member, rows)))
                for rows in _blocks(recording, n_classes)
            )
            found.append(_pooled(blocks, n_recordings, n_classes, how))
    return np.stack(found)


def _pooled(
    blocks: Iterator[tuple[np.ndarray, np.ndarray]], n_recordings: int, n_classes: int, how: str
) -> np.ndarray:
    """Pool blocks of whole recordings, each (recording, scores), to shape (N, C)."""
    found = np.full((n_recordings, n_classes), np.nan, np.float32)
    # no recording is in two blocks, so what is pooled does not depend on where blocks end
    for recording, scores in blocks:
        first, stop = recording[0], recording[-1] + 1
        found[first:stop] = pooling.pool(scores, recording - first, stop - first, how)
    return found


def _blocks(recording: np.ndarray, scores_per_window: int) -> Iterator[slice]:
    """Yield slices of windows that hold whole recordings and about `_BLOCK` scores."""
    # windows are in the order of recordings: a recording ends where the next one begins
    ends = np.append(np.flatnonzero(np.diff(recording)) + 1, len(recording))
    at_once = _BLOCK // max(1, scores_per_window)
    start = 0
    while start < len(recording):
        # at least one recording, however long it is
        first = np.searchsorted(ends, start, side="right")
        last = np.searchsorted(ends, start + at_once, side="right") - 1
        stop = int(ends[max(first, last)])
        yield slice(start, stop)
        start = stop


def _shared_grid(stages: Sequence[Windows]) -> _Grid:
    """Return the windows that all members of some stages share; a member without them is refused."""
    ids = stages[0].ids
    members = [(stage, member) for stage in stages for member in stage.members]
    times = [stage.times(member) for stage, member in members]
    counts = np.stack([np.bincount(recording, minlength=len(ids)) for recording, _, _ in times])
    has = counts > 0
    expected = counts[has.argmax(axis=0), np.arange(len(ids))]  # of the first member that has it
    recording = np.repeat(np.arange(len(ids), dtype=np.int32), expected)
    ends = np.full((2, len(recording)), np.nan)
    for (stage, member), own, count, (_, *own_ends) in zip(
        members, has, counts, times, strict=True
    ):
        named = f"{member} of {stage.path}"
        _refuse_others(np.flatnonzero(own & (count != expected)), ids, named)
        rows = own[recording]
        known = ends[:, rows]
        differs = (np.abs(known - own_ends) > _SAME_S).any(axis=0)  # false where none is known yet
        _refuse_others(np.unique(recording[rows][differs]), ids, named)
        ends[:, rows] = np.where(np.isnan(known), own_ends, known)
    return _Grid(recording, *ends, has)


def _refuse_others(others: np.ndarray, ids: Sequence[str], named: str) -> None:
    """Refuse a member that has other windows of some recordings, given by their indexes."""
    if len(others):
        raise ValueError(
            f"{named} has other windows than the members before it, of {len(others)} recordings "
            f"such as {ids[others[0]]!r}; scores are averaged window by window here, and "
            "average_unit: recording is for models with different windows"
        )


def _averages(
    stages: Sequence[Windows], grid: _Grid, how: str
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield slices of the grid, of whole recordings, and their averaged scores (w, C), float32."""
    members = [(stage, member) for stage in stages for member in stage.members]
    n_classes = len(stages[0].class_names)
    place = [0] * len(members)  # the next window of each member
    for rows in _blocks(grid.recording, n_classes * len(members)):
        # NaN, which no average counts, where a member may not score the recording
        stack = np.full((len(members), rows.stop - rows.start, n_classes), np.nan, np.float32)
        for number, (stage, member) in enumerate(members):
            own = grid.has[number, grid.recording[rows]]
            first, place[number] = place[number], place[number] + int(own.sum())
            stack[number, own] = stage.scores(member, slice(first, place[number]))
        yield rows, pooling.average(stack, how)
