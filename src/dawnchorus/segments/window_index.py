"""The windows of some recordings, as arrays.

* `Index`: where each window is, its time, its score.
* `concatenate`: the index of recordings one after another.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Index:
    """Windows of some recordings, W of them.

    Attributes
    ----------
    recording : array, shape (W,), int64
        Position in the list of recordings that was asked about.
    place : array, shape (W,), int64
        Where in the recording; what it counts is known to the source alone.
    onset_s, offset_s : array, shape (W,), float64
        Onset and offset of the sound in the window, in seconds of the recording: padding, and
        what is repeated from the recording's beginning, are not in it.
    score : array, shape (W,), float32
        Share of signal in [0, 1]; 1 where a source does not judge it.
    length_s : array, shape (W,), float64
        Sound in the window, in seconds, without padding and repetition. Less than from onset to
        offset where columns were left out.
    """

    recording: np.ndarray
    place: np.ndarray
    onset_s: np.ndarray
    offset_s: np.ndarray
    score: np.ndarray
    length_s: np.ndarray

    def __len__(self) -> int:
        return len(self.recording)

    def take(self, rows: np.ndarray) -> "Index":
        """Return the windows of some rows, in their order; a row may come again."""
        rows = np.asarray(rows, np.int64)
        fields = (getattr(self, field.name) for field in dataclasses.fields(self))
        return Index(*(values[rows] for values in fields))


def concatenate(parts: Sequence[tuple]) -> Index:
    """Return the index of recordings, one after another.

    Parameters
    ----------
    parts : sequence of tuple
        For each recording the arrays ``place``, ``onset_s``, ``offset_s``, ``score`` and
        ``length_s`` of its windows.
    """
    counts = [len(part[0]) for part in parts]
    recording = np.repeat(np.arange(len(parts), dtype=np.int64), counts)
    # given here, since without recordings there is no column to take them from
    types = (np.int64, np.float64, np.float64, np.float32, np.float64)
    columns = zip(*parts, strict=True) if parts else [()] * len(types)
    return Index(
        recording,
        *(
            np.concatenate([np.asarray(values, kind) for values in column] or [np.empty(0, kind)])
            for column, kind in zip(columns, types, strict=True)
        ),
    )
