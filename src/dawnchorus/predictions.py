"""Scores on disk: what models said of windows, and what ensembles say of recordings.

Scores are float32 in [0, 1]. Two files, both HDF5 with contiguous data:

* window scores, ``stages/{stage}/scores.{corpus}.h5``: ``ids`` (n) and, per member of the stage, the
  group ``members/{member}`` with ``recording`` (index into ``ids``), ``frame`` (first frame of the
  window) and ``scores`` (windows x classes). A member scores only recordings it was not trained on,
  but for those it learnt from pseudo-labels.
* recording scores, ``ensembles/{ensemble}.{corpus}.h5``: ``ids``, ``scores`` (n x classes) and
  ``models`` (n), the number of models averaged for each recording.

* `writing_windows`, `open_windows`, `write_recordings`, `read_recordings`: these files.
* `pooled`: window scores to one score per member, recording and class.
* `ensemble`: pool, average, write.
"""

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from dawnchorus import artefacts, pooling

_TEXT = h5py.string_dtype("utf-8")


@dataclass(frozen=True)
class RecordingScores:
    """Scores of recordings: ``ids`` (n), ``scores`` (n, C) in [0, 1] and ``models`` (n)."""

    ids: list[str]
    scores: np.ndarray
    models: np.ndarray
    class_names: list[str]
    members: list[str]


class Windows:
    """Open window scores; see the module for the layout."""

    def __init__(self, file: h5py.File):
        self._file = file
        self.ids = [text.decode() for text in file["ids"][:]]
        self.members = json.loads(file.attrs["members"])
        self.class_names = json.loads(file.attrs["class_names"])

    def pooled(self, member: str, how: str) -> np.ndarray:
        """Return scores of shape (n, C) of one member; NaN rows where it has none."""
        group = self._file["members"][member]
        return pooling.pool(group["scores"][:], group["recording"][:], len(self.ids), how)


@contextlib.contextmanager
def open_windows(path: str | Path) -> Iterator[Windows]:
    """Open window scores for reading; a file that is not whole is refused by name."""
    with _opened(path) as file:
        yield Windows(file)


def pooled(path: str | Path, how: str) -> tuple[list[str], list[str], np.ndarray]:
    """Return ids (n), members (M) and recording scores (M, n, C), pooled over windows.

    Parameters
    ----------
    path : path
        Window scores.
    how : {"max", "mean", "median", "min"}
        Pooling over the windows of a recording.
    """
    with open_windows(path) as windows:
        stack = [windows.pooled(member, how) for member in windows.members]
        return windows.ids, windows.members, np.stack(stack)


@contextlib.contextmanager
def writing_windows(
    path: str | Path, ids: Sequence[str], members: Sequence[str], class_names: Sequence[str]
) -> Iterator:
    """Yield ``put(member, recording, frame, scores)`` that stores one member's windows."""
    with artefacts.writing(path, check=_check, rows=len(ids)) as temporary:
        with _created(temporary) as file:
            _write_header(file, ids, class_names, members)

            def put(member: str, recording, frame, scores) -> None:
                group = file.create_group(f"members/{member}")
                group["recording"] = np.asarray(recording, np.int32)
                group["frame"] = np.asarray(frame, np.int32)
                group["scores"] = np.asarray(scores, np.float32)

            yield put
            file.attrs["complete"] = 1


def ensemble(paths: Sequence[str | Path], output: str | Path, settings: dict) -> None:
    """Pool the windows of all members of some stages, average the members, write.

    Parameters
    ----------
    paths : paths
        Window scores of the stages for one corpus.
    output : path
        Recording scores.
    settings : dict
        ``pooling`` over windows (max, mean, median, min) and ``average`` over models (mean, median).
    """
    parts = [pooled(path, settings["pooling"]) for path in paths]
    ids = parts[0][0]
    for path, (found, _, _) in zip(paths, parts, strict=True):
        if found != ids:
            raise ValueError(f"{path} scores other recordings than {paths[0]}; predict again")
    stack = np.concatenate([scores for _, _, scores in parts])
    members = [member for _, names, _ in parts for member in names]
    with open_windows(paths[0]) as windows:
        class_names = windows.class_names
    scores = RecordingScores(
        ids=ids,
        scores=pooling.average(stack, settings["average"]),
        models=np.isfinite(stack[:, :, 0]).sum(axis=0).astype(np.int32),
        class_names=class_names,
        members=members,
    )
    write_recordings(output, scores)


def write_recordings(path: str | Path, content: RecordingScores) -> None:
    """Write recording scores; recordings that no model may score are left out."""
    kept = np.flatnonzero(content.models)
    with artefacts.writing(path, check=_check, rows=len(kept)) as temporary:
        with _created(temporary) as file:
            ids = [content.ids[index] for index in kept]
            _write_header(file, ids, content.class_names, content.members)
            file["scores"] = content.scores[kept].astype(np.float32)
            file["models"] = content.models[kept].astype(np.int32)
            file.attrs["complete"] = 1


def read_recordings(path: str | Path) -> RecordingScores:
    """Read recording scores."""
    with _opened(path) as file:
        return RecordingScores(
            ids=[text.decode() for text in file["ids"][:]],
            scores=file["scores"][:],
            models=file["models"][:],
            class_names=json.loads(file.attrs["class_names"]),
            members=json.loads(file.attrs["members"]),
        )


def _write_header(file: h5py.File, ids, class_names, members) -> None:
    file.create_dataset("ids", data=list(ids), dtype=_TEXT, shape=(len(ids),))
    file.attrs["class_names"] = json.dumps(list(class_names), ensure_ascii=False)
    file.attrs["members"] = json.dumps(list(members), ensure_ascii=False)


def _created(path: Path) -> h5py.File:
    # newer root groups carry a time stamp, and equal work has to give equal bytes
    return h5py.File(path, "w", libver=("earliest", "v110"))


def _opened(path: str | Path) -> h5py.File:
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and run again") from None
    if not file.attrs.get("complete"):
        file.close()
        raise ValueError(f"{path} is not complete; delete it and run again")
    return file


def _check(path: Path) -> None:
    _opened(path).close()
