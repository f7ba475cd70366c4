"""Detections as files that Raven and Audacity open beside the recordings.

* `write_annotations`: a folder with a selection table or a label track for each recording.
* `annotation_text`: one of them.
* `check_free`: whether a folder may be written.
"""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dawnchorus.formats import annotation, audio_names
from dawnchorus.formats.annotations import audacity, raven
from dawnchorus.formats.event import Event
from dawnchorus.runtime import artefacts

if TYPE_CHECKING:
    import pyarrow

ENDINGS = {"raven": ".Table.1.selections.txt", "audacity": ".txt"}
_COLUMNS = ("onset", "offset", "class", "score", "calibration")
_DECIMALS = 6  # of times and scores


def write_annotations(
    folder: str | os.PathLike,
    kind: str,
    paths: Sequence[str],
    table_of: Callable[[str], "pyarrow.Table"],
) -> int:
    """Write the detections of recordings into a new folder; return how many there are.

    Parameters
    ----------
    folder : path
        The files lie in it as the recordings do below the folder that they have in common.
    kind : {"raven", "audacity"}
    paths : sequence of str
        Recordings; one without detections has a file without any.
    table_of : callable
        Of a path: its table of detections.

    Raises
    ------
    ValueError
        Where the folder has other files already.
    """
    folder, n_rows = Path(folder), 0
    check_free(folder)
    absolute = [os.path.abspath(path) for path in paths]
    common = os.path.commonpath([os.path.dirname(path) for path in absolute]) if paths else ""
    below = [os.path.relpath(path, common) for path in absolute]
    stems = Counter(os.path.splitext(name)[0] for name in below)
    with artefacts.writing_folder(folder) as temporary:
        for path, own in zip(paths, below, strict=True):
            # x.wav beside x.flac: both keep their extension
            name = own if stems[start := os.path.splitext(own)[0]] > 1 else start
            columns = (table_of(path)[key].to_pylist() for key in _COLUMNS)
            rows = list(zip(*columns, strict=True))
            target = temporary / f"{name}{ENDINGS[kind]}"
            artefacts.write_text(target, annotation_text(kind, path, rows), rows=len(rows))
            n_rows += len(rows)
    return n_rows


def annotation_text(
    kind: str, path: str, rows: Sequence[tuple[float, float, str, float, str]]
) -> str:
    """Return the detections of one recording as a selection table or a label track.

    Parameters
    ----------
    kind : {"raven", "audacity"}
    path : str
        The recording, which may be named in the text.
    rows : sequence
        Onset and offset in seconds, class, score, how scores are calibrated.
    """
    stem, dot, extension = os.path.basename(path).rpartition(".")
    is_named = audio_names.is_audio(path) and annotation.is_writable(stem)
    events = [Event(stem if is_named else "recording", *row[:3]) for row in rows]
    if kind == "audacity":
        return audacity.track_text(path, events, decimals=_DECIMALS)
    scores = [f"{row[3]:.{_DECIMALS}f}" for row in rows]
    # without a column of files the table is of the recording that it is opened with
    return raven.table_text(
        path, events, extension=dot + extension if is_named else None, decimals=_DECIMALS,
        further={"Score": scores, "Calibration": [row[4] for row in rows]},
    )  # fmt: skip


def check_free(folder: str | os.PathLike) -> None:
    """Raise a ValueError where there is something under the name of a folder: it would be replaced."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is there already, and no empty folder; choose another output")
