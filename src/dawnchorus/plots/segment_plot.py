"""Pictures of what a stage can be given.

* `draw_segments`: its contact sheet.
* `segment_images`: a PNG per segment.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.frontends import spectrogram_reader
from dawnchorus.plots import png
from dawnchorus.plots.contact_sheet import MOST_CLASSES, Segment, contact_sheet, grey, thumbnail
from dawnchorus.runtime import artefacts
from dawnchorus.segments import open_windows, source, window_index
from dawnchorus.targets import targets_table

_SHOWS = 0.5  # least target of a recording that shows a class


def draw_segments(
    shards: Mapping[str, Sequence[str | Path]],
    targets_path: str | Path,
    settings: Mapping,
    window: int,
    output: str | Path,
    per_class: int,
) -> None:
    """Draw the contact sheet of a stage: what a model can be given of each class.

    Segments with the highest signal to noise score come first; of equal scores, the first segment
    of every recording before the second of any.

    Parameters
    ----------
    shards : mapping of corpus to paths
        Spectrogram shards of the corpora that the stage trains on.
    targets_path : path
        Targets of the stage. A recording shows a class where its target is 0.5 or more.
    settings : mapping
        The ``segments`` section of the stage.
    window : int
        Frames of a segment, where their kind leaves a choice.
    output : path
        PNG.
    per_class : int
        Segments drawn of each class.
    """
    wanted = targets_table.read(targets_path)
    source, is_upright = _opened(shards, settings, window)
    index = source.index(wanted.recordings)
    order = _best_first(index)
    groups: dict[str, list[Segment]] = {name: [] for name in wanted.class_names}
    for number, name in enumerate(wanted.class_names[:MOST_CLASSES]):
        shows = wanted.values[index.recording[order], number] >= _SHOWS
        best = index.take(order[shows][:per_class])
        images = _images(source, wanted.recordings, best, is_upright)
        for image, recording, onset_s in zip(images, best.recording, best.onset_s, strict=True):
            title = f"{wanted.recordings[recording][1]} {onset_s:.1f} s"
            groups[name].append((title, thumbnail(image)))
    contact_sheet(groups, output, per_class)


def segment_images(
    shards: Mapping[str, Sequence[str | Path]],
    targets_path: str | Path,
    settings: Mapping,
    window: int,
    folder: str | Path,
) -> int:
    """Write every segment as a PNG, ``{folder}/{class}/{id}_{n}.png``, as system 001 did.

    A recording that shows several classes is in the folders of all. ``n`` counts its segments from
    0; with several corpora the id is ``{corpus}-{id}``. In names of files ``/`` becomes ``%2F``,
    ``%`` becomes ``%25``, and a dot at the beginning ``%2E``.

    Parameters
    ----------
    shards, targets_path, settings, window
        See `draw_segments`.
    folder : path
        Made where it is missing.

    Returns
    -------
    int
        Number of files.

    Raises
    ------
    ValueError
        Where the folder is not empty: pictures of other settings would stay among these.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty; expected a new folder for the segment images")
    wanted = targets_table.read(targets_path)
    source, is_upright = _opened(shards, settings, window)
    n_files = 0
    for recording, values in zip(wanted.recordings, wanted.values, strict=True):
        places = [
            folder / _file_name(wanted.class_names[number])
            for number in np.flatnonzero(values >= _SHOWS)
        ]
        index = source.index([recording] if places else [])
        stem = _file_name(recording[1] if len(shards) == 1 else "-".join(recording))
        for n, image in enumerate(_images(source, [recording], index, is_upright)):
            for place in places:
                _write_image(place / f"{stem}_{n}.png", grey(image))
                n_files += 1
    return n_files


def _opened(shards: Mapping, settings: Mapping, window: int) -> tuple[source.Source, bool]:
    """Return the source of some shards, and whether its first band is the highest."""
    readers = {corpus: spectrogram_reader.open_shards(paths) for corpus, paths in shards.items()}
    is_upright = any(reader.settings.get("flip", False) for reader in readers.values())
    return open_windows.source_of(readers, settings, window), is_upright


def _images(
    source: source.Source, recordings: Sequence, index: window_index.Index, is_upright: bool
) -> Iterator[np.ndarray]:
    """Yield the images (F, T) of an index, low frequencies at the bottom; each is a new array."""
    for recording, place in zip(index.recording, index.place, strict=True):
        out = np.empty((1, *source.shape), np.float32)
        source.into(out, [recordings[recording]], [place])
        yield out[0].T if is_upright else out[0].T[::-1]


def _best_first(index: window_index.Index) -> np.ndarray:
    """Return the rows of an index from the best to the least, the recordings taking turns."""
    order = np.lexsort((index.onset_s, -index.score, index.recording))
    ordered = index.recording[order]
    turn = np.empty(len(order), np.int64)
    turn[order] = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    return np.lexsort((index.recording, turn, -index.score))


def _write_image(path: Path, image: np.ndarray) -> None:
    with artefacts.writing(path, check=png.check, record=False) as temporary:
        png.write(temporary, image.shape, [image])


def _file_name(name: str) -> str:
    """Return a name as one for files; different names stay different."""
    name = name.replace("%", "%25").replace("/", "%2F")
    return f"%2E{name[1:]}" if name.startswith(".") else name
