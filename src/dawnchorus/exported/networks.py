"""Scores of windows by the networks of an exported model, through onnxruntime.

* `Networks`: the networks, ready to score.
* `recording_scores`, `window_scores`, `frame_scores`: members to one, as the workflow's ensembles.

Axes: M members, B or W windows, T frames of a window, T' frames of scores, F bands, C classes. Of the
windows that `dawnchorus.segments.window_source` cuts, scores are those of the workflow but for the
rounding of another library.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import onnxruntime

from dawnchorus.exported.model_file import ExportedModel
from dawnchorus.scores import pooling
from dawnchorus.scores.window_scores import clip_scores

_ERRORS_ALONE = 3  # of the runtime's levels of logging


class Networks:
    """The networks of an exported model.

    Parameters
    ----------
    model : ExportedModel
    threads : int, optional
        That one network may take.

    Raises
    ------
    ValueError
        Where a network cannot be loaded or takes no windows of a stage's length.
    """

    def __init__(self, model: ExportedModel, threads: int = 1):
        self.n_classes = len(model.classes)
        self._clip_pooling = {stage.name: stage.clip_pooling for stage in model.stages}
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = _ERRORS_ALONE
        # of a stage: of each of its members the networks, one for each file of weights in use
        self._members: dict[str, list[list[onnxruntime.InferenceSession]]] = {}
        for stage in model.stages:
            found = self._members[stage.name] = []
            for member, networks in itertools.groupby(stage.networks, lambda one: one.member):
                which = f"network {member} of stage {stage.name!r}"
                found.append([])
                for network in networks:
                    try:
                        session = onnxruntime.InferenceSession(
                            network.onnx, options, providers=["CPUExecutionProvider"]
                        )
                    # the runtime's errors have no class in common but this one
                    except Exception as error:
                        reason = str(error).splitlines()[0]
                        raise ValueError(f"{which} cannot be loaded: {reason}") from None
                    shape = session.get_inputs()[0].shape
                    if len(shape) != 3 or (
                        shape[1] not in (stage.window, None) and isinstance(shape[1], int)
                    ):
                        raise ValueError(
                            f"{which} takes windows of shape {shape}; expected {stage.window} frames"
                        )
                    found[-1].append(session)

    def clip_scores(self, stage: str, windows: np.ndarray) -> np.ndarray:
        """Return the scores (M, B, C), float32, of windows (B, T, F) by all members of a stage."""
        scores = self._run(stage, "scores", windows)[..., -self.n_classes :]
        return np.stack([clip_scores(one, self._clip_pooling[stage]) for one in scores])

    def frame_scores(self, stage: str, windows: np.ndarray) -> np.ndarray:
        """Return the scores (M, B, T', C), float32, of the frames of windows (B, T, F).

        Raises
        ------
        ValueError
            Where the networks score no frames.
        """
        return self._run(stage, "frame_scores", windows)

    def _run(self, stage: str, output: str, windows: np.ndarray) -> np.ndarray:
        windows = np.ascontiguousarray(windows, np.float32)
        found = []
        for sessions in self._members[stage]:
            if output not in (one.name for one in sessions[0].get_outputs()):
                raise ValueError(f"the networks of stage {stage!r} have no {output}")
            # summed in float64, as several weights of a member are averaged in the workflow
            total = np.zeros(())
            for session in sessions:
                total = total + session.run([output], {"windows": windows})[0]
            found.append((total / len(sessions)).astype(np.float32))
        return np.stack(found)


def recording_scores(model: ExportedModel, by_stage: Sequence[np.ndarray]) -> np.ndarray:
    """Return the scores of one recording, (C,), float32.

    Parameters
    ----------
    model : ExportedModel
    by_stage : arrays, shape (M, W, C)
        Scores of its windows, W of 1 or more, by the members of each stage. Stages may have other
        windows where the ensemble averages recordings.
    """
    how, ignored = model.pooling["pooling"], model.pooling["ignored_classes"]
    if model.pooling["average_unit"] == "recording":
        members = itertools.chain(*by_stage)
        pooled = [_pooled(pooling.lowered(s.copy(), model.classes, ignored), how) for s in members]
        return pooling.average(np.stack(pooled), model.pooling["average"])[0]
    return _pooled(window_scores(model, by_stage), how)[0]


def window_scores(model: ExportedModel, by_stage: Sequence[np.ndarray]) -> np.ndarray:
    """Return the scores of the windows of one recording, (W, C), averaged over members.

    Raises
    ------
    ValueError
        Where stages have other windows.
    """
    _check_alike(by_stage, "windows")
    averaged = pooling.average(np.concatenate(by_stage), model.pooling["average"])
    return pooling.lowered(averaged, model.classes, model.pooling["ignored_classes"])


def frame_scores(model: ExportedModel, by_stage: Sequence[np.ndarray]) -> np.ndarray:
    """Return the scores of the frames of one recording, (T', C), averaged over members (M, T', C)."""
    _check_alike(by_stage, "frames")
    return pooling.average(np.concatenate(by_stage), model.pooling["average"])


def _pooled(scores: np.ndarray, how: str) -> np.ndarray:
    """Pool the windows of one recording, (W, C), to (1, C)."""
    return pooling.pool(scores, np.zeros(len(scores), np.intp), 1, how)


def _check_alike(by_stage: Sequence[np.ndarray], what: str) -> None:
    counts = [scores.shape[1] for scores in by_stage]
    if len(set(counts)) > 1:
        raise ValueError(
            f"the stages of this model have {counts} {what} of one recording, which cannot be averaged "
            "one by one; ask for scores of recordings"
        )
