"""Frame scores of some stages, averaged over all their members.

* `ensemble_frames`: files of some stages to one of the same layout; see `frame_files`.
"""

import contextlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.runtime import logs
from dawnchorus.scores import pooling
from dawnchorus.scores.frame_files import Frames, averaged, open_frames, opinions, writing_frames


def ensemble_frames(paths: Sequence[str | Path], output: str | Path, how: str) -> None:
    """Average the frame scores of all members of some stages, recording by recording.

    Parameters
    ----------
    paths : paths
        Frame scores of the stages for one corpus.
    output : path
        Frame scores of one member that is named as ``how``; recordings without any are left out.
    how : {"mean", "median"}
        Over the members that scored a recording.

    Raises
    ------
    ValueError
        Where the files score other recordings, classes or frames, or ``how`` is unknown.
    """
    if how not in pooling.AVERAGES:
        raise ValueError(f"average {how!r}; expected one of {', '.join(pooling.AVERAGES)}")
    with contextlib.ExitStack() as stack:
        stages = [stack.enter_context(open_frames(path)) for path in paths]
        _check_alike(stages)
        ids = [i for i in stages[0].ids if any(stage.places(i) for stage in stages)]
        onset_s = [_onset_s(stages, identifier) for identifier in ids]
        rate = stages[0].frames_per_second
        with writing_frames(output, ids, [how], stages[0].class_names, rate) as put:
            put(how, np.arange(len(ids)), onset_s, _averages(stages, ids, how))


def _averages(stages: Sequence[Frames], ids: Sequence[str], how: str) -> Iterator[np.ndarray]:
    progress = logs.progress("recordings", len(ids))
    for identifier in ids:
        yield averaged(opinions(stages, identifier), identifier, how)[1]
        progress.step()


def _onset_s(stages: Sequence[Frames], identifier: str) -> float:
    """Return the onset of a recording as its first member has it."""
    stage = next(stage for stage in stages if stage.places(identifier))
    member, position = stage.places(identifier)[0]
    return float(stage.onset_s(member)[position])


def _check_alike(stages: Sequence[Frames]) -> None:
    if not stages:
        raise ValueError("received no frame scores to average; expected those of one stage or more")
    first = stages[0]
    for stage in stages[1:]:
        for what, named in (("ids", "recordings"), ("class_names", "classes")):
            if getattr(stage, what) != getattr(first, what):
                raise ValueError(
                    f"{stage.path} scores other {named} than {first.path}; predict again"
                )
        if not math.isclose(stage.frames_per_second, first.frames_per_second, rel_tol=1e-9):
            raise ValueError(
                f"{stage.path} has {stage.frames_per_second:g} frames per second, {first.path} has "
                f"{first.frames_per_second:g}; average stages of equal frames alone"
            )
