"""Scores on disk.

Scores are float32 in [0, 1]. Two files, both HDF5 with contiguous data:

* window scores, ``stages/{stage}/scores.{corpus}.{shards}.h5``, a file for each run of shards: ``ids``
  (N) and, per member of the stage, the group ``members/{member}`` with ``recording`` (int32, index into
  ``ids``), ``onset`` and ``offset`` (float64, seconds in the recording) and ``scores`` (windows x
  classes), in the order of recordings and onsets. A member scores only recordings it was not trained
  on, but for those it learnt from pseudo-labels.
* recording scores, ``ensembles/{ensemble}.{corpus}.h5``: ``ids``, ``scores`` (N x classes) and
  ``models`` (N), the number of models averaged for each recording.

* `writing_windows`, `open_windows`, `Windows`: window scores; the files of a corpus are read as one.
* `write_recordings`, `read_recordings`, `RecordingScores`: recording scores.
* `create_file`, `open_file`, `open_files`, `write_header`, `write_rows`, `check_complete`: what all score
  files share.

Frame scores are in `frame_files`. Axes: N recordings, W windows, C classes.
"""

import contextlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from dawnchorus.runtime import artefacts

_TEXT = h5py.string_dtype("utf-8")

Files = str | Path | Sequence[str | Path]  # one score file, or those of a corpus


@dataclass(frozen=True)
class RecordingScores:
    """Scores of recordings: ``ids`` (N), ``scores`` (N, C) in [0, 1] and ``models`` (N)."""

    ids: list[str]
    scores: np.ndarray
    models: np.ndarray
    class_names: list[str]
    members: list[str]


class Windows:
    """Open window scores of a corpus, in the order of its ids whatever the files; see the module.

    ``path`` is that of the first file.
    """

    def __init__(self, files: Sequence[h5py.File]):
        # scores are read when asked for: those of a large corpus exceed the memory of a job
        self._files = files
        self.path = files[0].filename
        self.ids, self._numbers = merged_ids(files)
        self.members = json.loads(files[0].attrs["members"])
        self.class_names = json.loads(files[0].attrs["class_names"])
        self.learning = read_learning(files[0])
        self._of_file: dict[
            str, np.ndarray
        ] = {}  # of each window of a member, once it is asked for

    def windows(self, member: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return recording, onset and offset (W,) in seconds, and scores (W, C) of a member."""
        return *self.times(member), self.scores(member)

    def times(self, member: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return recording (W,), int32 and not falling, and onset and offset (W,) in seconds."""
        recording = self._recording(member)
        order = np.argsort(recording, kind="stable")
        columns = (
            np.concatenate([file["members"][member][name][:] for file in self._files])[order]
            for name in ("onset", "offset")
        )
        return recording[order], *columns

    def scores(self, member: str, rows: slice = slice(None)) -> np.ndarray:
        """Return the scores (W, C), float32, of all windows of a member, or of a slice of them."""
        groups = [file["members"][member]["scores"] for file in self._files]
        if len(groups) == 1:
            return groups[0][rows]
        # the windows of each file are in the order of ids, so a slice of all is a slice of each
        if member not in self._of_file:
            lengths = [len(one) for one in groups]
            of_file = np.repeat(np.arange(len(groups)), lengths)
            order = np.argsort(self._recording(member), kind="stable")
            self._of_file[member] = of_file[order]
        of_file = self._of_file[member]
        first, stop, _ = rows.indices(len(of_file))
        wanted = of_file[first:stop]
        found = np.empty((len(wanted), len(self.class_names)), np.float32)
        for number, scores in enumerate(groups):
            own = wanted == number
            begin = int((of_file[:first] == number).sum())
            found[own] = scores[begin : begin + int(own.sum())]
        return found

    def _recording(self, member: str) -> np.ndarray:
        """Return the index into ``ids`` of each window of a member, file by file: (W,), int32."""
        found = [file["members"][member]["recording"][:] for file in self._files]
        pairs = zip(self._numbers, found, strict=True)
        return np.concatenate([numbers[own] for numbers, own in pairs])


@contextlib.contextmanager
def open_windows(paths: Files) -> Iterator[Windows]:
    """Open the window scores of a corpus for reading; see `open_files` for what is refused."""
    with open_files(paths) as files:
        yield Windows(files)


@contextlib.contextmanager
def writing_windows(
    path: str | Path,
    ids: Sequence[str],
    members: Sequence[str],
    class_names: Sequence[str],
    learning: Mapping[str, Mapping] | None = None,
) -> Iterator:
    """Yield ``put(member, recording, onset, offset, scores)`` that stores one member's windows.

    ``recording`` (W,) counts ``ids`` from 0, ``onset`` and ``offset`` (W,) are seconds and
    ``scores`` (W, C) finite, in any order of windows; put raises ValueError where they are not.
    Of an iterator of blocks of scores one block is in memory at a time; its windows have to be in
    the order of the file. ``learning``: of every member that was trained, those that are left out
    too, whether it learnt (see `dawnchorus.models.model_files.read_learning`).
    """
    with artefacts.writing(path, check=check_complete, rows=len(ids)) as temporary:
        with create_file(temporary) as file:
            write_header(file, ids, class_names, members, learning)

            def put(member: str, recording, onset, offset, scores) -> None:
                columns = {
                    "recording": np.asarray(recording, np.int32),
                    "onset": np.asarray(onset, np.float64),
                    "offset": np.asarray(offset, np.float64),
                }
                if not isinstance(scores, Iterator):
                    columns["scores"] = np.asarray(scores, np.float32)
                _check_columns(member, columns, len(ids), len(class_names))
                # readers take whole recordings as slices, and intervals as runs of windows
                order = np.lexsort((columns["onset"], columns["recording"]))
                group = file.create_group(f"members/{member}")
                for name, column in columns.items():
                    # no copy of large scores that are in order
                    group[name] = column if _is_sorted(order) else column[order]
                if isinstance(scores, Iterator):
                    if not _is_sorted(order):
                        raise ValueError(
                            f"windows of {member!r} are not in the order of recordings and onsets; "
                            "expected it where scores come block by block"
                        )
                    shape = len(order), len(class_names)
                    n_rows = write_rows(
                        group, "scores", shape, (_checked(member, block) for block in scores)
                    )
                    if n_rows != len(order):
                        raise ValueError(
                            f"windows of {member!r} have {n_rows} rows of scores; expected "
                            f"{len(order)}"
                        )

            yield put
            file.attrs["complete"] = 1


def write_recordings(path: str | Path, content: RecordingScores) -> None:
    """Write recording scores; recordings that no model may score are left out."""
    kept = np.flatnonzero(content.models)
    with artefacts.writing(path, check=check_complete, rows=len(kept)) as temporary:
        with create_file(temporary) as file:
            # no model may score a recording whose fold has no member
            ids = [content.ids[index] for index in kept]
            write_header(file, ids, content.class_names, content.members)
            file["scores"] = content.scores[kept].astype(np.float32)
            file["models"] = content.models[kept].astype(np.int32)
            file.attrs["complete"] = 1


def read_recordings(path: str | Path) -> RecordingScores:
    """Read recording scores."""
    with open_file(path) as file:
        return RecordingScores(
            ids=[text.decode() for text in file["ids"][:]],
            scores=file["scores"][:],
            models=file["models"][:],
            class_names=json.loads(file.attrs["class_names"]),
            members=json.loads(file.attrs["members"]),
        )


def check_recordings(what: str, recording: np.ndarray, n_recordings: int) -> None:
    """Raise a ValueError where indices of recordings, shape (n,), are not of those that there are."""
    if len(recording) and not 0 <= recording.min() <= recording.max() < n_recordings:
        raise ValueError(
            f"{what} are of recordings {recording.min()} to {recording.max()}; expected 0 to "
            f"{n_recordings - 1}"
        )


def _is_sorted(order: np.ndarray) -> bool:
    """Return whether an order changes nothing."""
    return bool(np.array_equal(order, np.arange(len(order))))


def _checked(member: str, scores: np.ndarray) -> np.ndarray:
    """Return scores as they are, or refuse them where they are not finite."""
    if not np.isfinite(scores).all():
        raise ValueError(
            f"scores of {member!r} are not finite; did the training of this model diverge?"
        )
    return scores


def _check_columns(
    member: str, columns: Mapping[str, np.ndarray], n_recordings: int, n_classes: int
) -> None:
    n_windows = columns["recording"].size
    expected = {name: (n_windows,) for name in columns}
    if "scores" in columns:
        expected["scores"] = (n_windows, n_classes)
    shapes = {name: column.shape for name, column in columns.items()}
    if shapes != expected:
        raise ValueError(f"windows of {member!r} have shapes {shapes!r}; expected {expected!r}")
    check_recordings(f"windows of {member!r}", columns["recording"], n_recordings)
    for name in ("onset", "offset"):
        if not np.isfinite(columns[name]).all():
            raise ValueError(f"{name} of windows of {member!r} is not finite; expected seconds")
    if "scores" in columns:
        _checked(member, columns["scores"])


def write_header(file: h5py.File, ids, class_names, members, learning=None) -> None:
    """Write the header of a score file: ids, class_names, members, and whether models learnt."""
    file.create_dataset("ids", data=list(ids), dtype=_TEXT, shape=(len(ids),))
    file.attrs["class_names"] = json.dumps(list(class_names), ensure_ascii=False)
    file.attrs["members"] = json.dumps(list(members), ensure_ascii=False)
    if learning:
        file.attrs["learning"] = json.dumps(dict(learning))


def read_learning(file: h5py.File) -> dict[str, dict]:
    """Return whether the models behind a score file learnt, by member; empty where not judged."""
    return json.loads(file.attrs.get("learning", "{}"))


def write_rows(
    group: h5py.Group, name: str, shape: tuple[int, int], blocks: Iterable[np.ndarray]
) -> int:
    """Write blocks of rows as one float32 dataset, and return how many rows they had.

    Block by block: joined, they would be in memory twice.
    """
    rows, first = group.create_dataset(name, shape, np.float32), 0
    for block in blocks:
        rows[first : first + len(block)] = block
        first += len(block)
    return first


def create_file(path: Path) -> h5py.File:
    """Return a new file, open for writing; whoever closes it sets ``complete`` before."""
    # newer root groups carry a time stamp, and equal work has to give equal bytes
    return h5py.File(path, "w", libver=("earliest", "v110"))


def open_file(path: str | Path) -> h5py.File:
    """Return a file open for reading; an incomplete one is refused by name."""
    try:
        # without a lock: not every network file system has locks, and files never change
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and run again") from None
    if not file.attrs.get("complete"):
        file.close()
        raise ValueError(f"{path} is not complete; delete it and run again")
    return file


@contextlib.contextmanager
def open_files(paths: Files) -> Iterator[list[h5py.File]]:
    """Open the score files of a corpus for reading.

    Raises
    ------
    ValueError
        Where one is incomplete, or they have other classes or members: they were made by other models.
    """
    with contextlib.ExitStack() as stack:
        listed = [paths] if isinstance(paths, str | Path) else paths
        files = [stack.enter_context(open_file(path)) for path in listed]
        for file in files:
            for name, what in (("class_names", "classes"), ("members", "members")):
                if file.attrs[name] != files[0].attrs[name]:
                    raise ValueError(
                        f"{file.filename} has other {what} than {files[0].filename}; expected those of "
                        "one stage: delete both and run again"
                    )
        yield files


def merged_ids(files: Sequence[h5py.File]) -> tuple[list[str], list[np.ndarray]]:
    """Return the ids of files, those of several sorted, and the index of each file's own among them.

    Raises
    ------
    ValueError
        Where two files have one recording.
    """
    found = [[text.decode() for text in file["ids"][:]] for file in files]
    if len(found) == 1:
        return found[0], [np.arange(len(found[0]), dtype=np.int32)]
    ids = sorted(name for own in found for name in own)
    place = {name: number for number, name in enumerate(ids)}
    if len(place) < len(ids):
        twice = next(one for one, following in itertools.pairwise(ids) if one == following)
        raise ValueError(
            f"{files[0].filename} and {len(files) - 1} others have recording {twice!r} twice; expected "
            "files of other shards each"
        )
    return ids, [np.array([place[name] for name in own], np.int32) for own in found]


def check_complete(path: Path) -> None:
    """Refuse an incomplete file; see `dawnchorus.runtime.artefacts.writing`."""
    open_file(path).close()
