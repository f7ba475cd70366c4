"""Frame scores on disk.

``stages/{stage}/frames.{corpus}.{shards}.h5`` and ``ensembles/{ensemble}.{corpus}.frames.h5``: HDF5 with
contiguous data. ``ids`` (N), the attribute ``frames_per_second`` and, per member, the group
``members/{member}``:

* ``recording`` (n, int32, rising: index into ``ids``), ``onset`` (n, float64, seconds) and
  ``frames`` (n, int64: T of each recording);
* ``pieces/{piece}`` (rows x classes, float32 in [0, 1]): whole recordings one behind the other, so
  that neither who writes nor who reads holds all of them;
* ``piece`` and ``first`` (n, int64): where each recording's scores begin.

Frame t of a recording covers [onset + t / frames_per_second, onset + (t + 1) / frames_per_second),
in seconds from the recording's beginning.

* `writing_frames`: a new file, member by member.
* `open_frames`, `Frames`: reading the files of a corpus, recording by recording.
* `member_scores`, `average_frames`: the scores of one recording by all members of some files.

Axes: N recordings, n of them scored by a member, T frames, C classes.
"""

import contextlib
import functools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np

from dawnchorus.runtime import artefacts
from dawnchorus.scores import pooling, score_files

_PIECE = 1 << 22  # a piece is written once it holds as many scores: 16 MiB
_SAME_S = 1e-3  # [s]; onsets that differ by no more are equal
_TABLES = ("recording", "onset", "frames", "piece", "first")


class Frames:
    """Open frame scores; see the module for the layout.

    Attributes
    ----------
    path : str
        Of the first file.
    ids : list of str
        Recordings of all files, N.
    members : list of str
    class_names : list of str
        C.
    frames_per_second : float
    learning : dict
        Of every model that was trained: whether it learnt.
    """

    def __init__(self, files: Sequence[h5py.File]):
        self._files, first = files, files[0]
        self.path = first.filename
        self.ids, numbers = score_files.merged_ids(files)
        self.members = json.loads(first.attrs["members"])
        self.class_names = json.loads(first.attrs["class_names"])
        self.learning = score_files.read_learning(first)
        self.frames_per_second = float(first.attrs["frames_per_second"])
        self._tables = {}
        for member in self.members:
            found = [
                {name: file["members"][member][name][:] for name in _TABLES}
                | {"file": np.full(len(file["members"][member]["recording"]), number)}
                for number, file in enumerate(files)
            ]
            for table, own in zip(found, numbers, strict=True):
                table["recording"] = own[table["recording"]]
            table = {name: np.concatenate([one[name] for one in found]) for name in found[0]}
            order = np.argsort(table["recording"], kind="stable")
            self._tables[member] = {name: column[order] for name, column in table.items()}

    def recordings(self, member: str) -> np.ndarray:
        """Return which recordings a member scored: (n,), int32, rising, index into ``ids``."""
        return self._tables[member]["recording"]

    def onset_s(self, member: str) -> np.ndarray:
        """Return the time of the first frame of each recording of a member: (n,), in seconds."""
        return self._tables[member]["onset"]

    def scores(self, member: str, position: int) -> np.ndarray:
        """Return the scores (T, C), float32, of the ``position``-th of ``recordings(member)``."""
        table = self._tables[member]
        piece, first, n_frames = (table[name][position] for name in ("piece", "first", "frames"))
        rows = self._files[table["file"][position]]["members"][member]["pieces"][str(piece)]
        return rows[first : first + n_frames]

    def of(self, identifier: str, how: str = "mean") -> tuple[float, np.ndarray]:
        """Average the scores of one recording over all members that scored it.

        Parameters
        ----------
        identifier : str
        how : {"mean", "median"}

        Returns
        -------
        onset_s : float
            Time of the first frame.
        scores : array, shape (T, C), float32

        Raises
        ------
        ValueError
            Where no member scored the recording, or members have other frames of it.
        """
        found = member_scores([self], identifier)
        if not found:
            scored = self.scored
            raise ValueError(
                f"{self.path} has no scores of recording {identifier!r}, only those of "
                f"{len(scored)} recordings, such as {scored[:3]!r}; predict the corpus it is in"
            )
        return average_frames(found, identifier, how)

    @functools.cached_property
    def scored(self) -> list[str]:
        """Recordings that any member scored, in the order of ``ids``."""
        return [identifier for identifier in self.ids if self._places[identifier]]

    def places(self, identifier: str) -> list[tuple[str, int]]:
        """Return the members that scored a recording: (member, position among those it scored)."""
        return self._places.get(identifier, [])

    @functools.cached_property
    def _places(self) -> dict[str, list[tuple[str, int]]]:
        found = {identifier: [] for identifier in self.ids}
        for member in self.members:
            for position, number in enumerate(self.recordings(member).tolist()):
                found[self.ids[number]].append((member, position))
        return found


@contextlib.contextmanager
def open_frames(paths: score_files.Files) -> Iterator[Frames]:
    """Open the frame scores of a corpus for reading; a file of window scores is refused.

    `dawnchorus.scores.score_files.open_files` says what is refused beside it.
    """
    with score_files.open_files(paths) as files:
        for file in files:
            if "frames_per_second" not in file.attrs:
                raise ValueError(
                    f"{file.filename} holds no frame scores; expected a file that holds them"
                )
        yield Frames(files)


@contextlib.contextmanager
def writing_frames(
    path: str | Path,
    ids: Sequence[str],
    members: Sequence[str],
    class_names: Sequence[str],
    frames_per_second: float,
    learning: Mapping[str, Mapping] | None = None,
) -> Iterator:
    """Yield ``put(member, recording, onset_s, blocks)`` that stores one member's frame scores.

    ``recording`` (n,) counts ``ids`` from 0 and rises, ``onset_s`` (n,) is the time of each one's
    first frame in seconds, and ``blocks`` gives n arrays (T, C), finite and in [0, 1]; no more of
    them are held than fill a piece. Every member is put once, if only without a recording.
    ``learning`` is that of `dawnchorus.scores.score_files.writing_windows`.

    Raises
    ------
    ValueError
        Where any of this is not so; no file is left behind then.
    """
    if not (math.isfinite(frames_per_second) and frames_per_second > 0):
        raise ValueError(f"frames_per_second {frames_per_second!r}; expected a number above 0")
    with artefacts.writing(path, check=score_files.check_complete, rows=len(ids)) as temporary:
        with score_files.create_file(temporary) as file:
            score_files.write_header(file, ids, class_names, members, learning)
            file.attrs["frames_per_second"] = float(frames_per_second)
            groups = file.create_group("members")

            def put(member: str, recording, onset_s, blocks: Iterable[np.ndarray]) -> None:
                if member not in members or member in groups:
                    fault = "were put before" if member in groups else "are of no member"
                    raise ValueError(
                        f"frame scores of {member!r} {fault}; expected each of {list(members)} once"
                    )
                recording = np.asarray(recording, np.int32)
                onset_s = np.asarray(onset_s, np.float64)
                if recording.ndim != 1 or onset_s.shape != recording.shape:
                    raise ValueError(
                        f"frame scores of {member!r} have recordings {recording.shape} and onsets "
                        f"{onset_s.shape}; expected (n,) of both"
                    )
                score_files.check_recordings(f"frame scores of {member!r}", recording, len(ids))
                if (np.diff(recording) <= 0).any():
                    raise ValueError(
                        f"recordings of {member!r} do not rise; expected each once, in the order of ids"
                    )
                if not np.isfinite(onset_s).all():
                    raise ValueError(f"onsets of {member!r} are not finite; expected seconds")
                group = groups.create_group(member)
                group["recording"], group["onset"] = recording, onset_s
                own = [ids[i] for i in recording]
                _write_scores(group, member, blocks, own, len(class_names))

            yield put
            if missing := [member for member in members if member not in groups]:
                raise ValueError(
                    f"no frame scores of {missing[0]!r} were put; expected all members"
                )
            file.attrs["complete"] = 1


def member_scores(stages: Sequence[Frames], identifier: str) -> list[tuple[str, float, np.ndarray]]:
    """Return name, onset [s] and scores (T, C) of each member that scored a recording."""
    return [
        (
            f"{member} of {stage.path}",
            float(stage.onset_s(member)[position]),
            stage.scores(member, position),
        )
        for stage in stages
        for member, position in stage.places(identifier)
    ]


def average_frames(
    found: Sequence[tuple[str, float, np.ndarray]], identifier: str, how: str
) -> tuple[float, np.ndarray]:
    """Return onset [s] and averaged scores (T, C) of one recording, from its `member_scores`."""
    (first, onset_s, scores), *others = found
    for named, other_s, other in others:
        if other.shape != scores.shape or abs(other_s - onset_s) > _SAME_S:
            raise ValueError(
                f"{named} has {len(other)} frames of recording {identifier!r} from {other_s:g} s "
                f"on, {first} has {len(scores)} from {onset_s:g} s on; expected equal ones: "
                "average stages of one frontend that cut recordings alike"
            )
    return onset_s, pooling.average(np.stack([scores for _, _, scores in found]), how)


def _write_scores(
    group: h5py.Group,
    member: str,
    blocks: Iterable[np.ndarray],
    ids: Sequence[str],
    n_classes: int,
) -> None:
    """Write the scores of a member, a block for each of its recordings, and where each of them is."""
    # pieces, not a dataset per recording: HDF5 takes a header for each, and corpora have short clips
    pieces = group.create_group("pieces")
    places, held, n_held, n_blocks = [], [], 0, 0
    # checked as they come: blocks may be the scores of a model that are not computed yet
    for n_blocks, block in enumerate(blocks, 1):
        if n_blocks > len(ids):
            break
        block = np.asarray(block, np.float32)
        named = f"frame scores of {member!r} of recording {ids[n_blocks - 1]!r}"
        if block.ndim != 2 or block.shape[1] != n_classes:
            raise ValueError(f"{named} have shape {block.shape}; expected (frames, {n_classes})")
        if not np.isfinite(block).all():
            raise ValueError(f"{named} are not finite; did the training of this model diverge?")
        if block.size and not 0 <= block.min() <= block.max() <= 1:
            raise ValueError(
                f"{named} run from {block.min():g} to {block.max():g}; expected 0 to 1, as a "
                "sigmoid gives them"
            )
        places.append((len(block), len(pieces), n_held))
        held.append(block)
        n_held += len(block)
        if n_held * n_classes >= _PIECE:
            score_files.write_rows(pieces, str(len(pieces)), (n_held, n_classes), held)
            held, n_held = [], 0
    if n_blocks != len(ids):
        there = "more" if n_blocks > len(ids) else n_blocks
        raise ValueError(
            f"frame scores of {member!r} are of {there} recordings; expected a block for each of "
            f"{len(ids)}"
        )
    if held:
        score_files.write_rows(pieces, str(len(pieces)), (n_held, n_classes), held)
    table = np.array(places, np.int64).reshape(-1, 3)
    for name, column in zip(("frames", "piece", "first"), table.T, strict=True):
        group[name] = column
