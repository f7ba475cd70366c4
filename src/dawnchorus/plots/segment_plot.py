"""Plots of the segments that a stage can be given.

An image is an array (F, T), row 0 the top: low frequencies are at the bottom. One of type uint8 is
drawn as it is, any other stretched from its 1st percentile (black) to its maximum (white). Equal
images give equal files: grey PNG without dates and versions.

* `draw_segments`: the contact sheet of a stage.
* `contact_sheet`: a row of thumbnails per class, as one PNG.
* `segment_images`: a PNG per segment.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.frontends import shard_reader
from dawnchorus.plots import png
from dawnchorus.plots.png import THUMBNAIL, grey, thumbnail
from dawnchorus.runtime import artefacts
from dawnchorus.segments import window_source
from dawnchorus.targets import targets_table

MOST_CLASSES = 300  # on one sheet: with more no viewer opens it
MOST_SEGMENTS = 50  # of a class
_ROWS = 75  # classes below one another, before another column begins ...
_WIDEST = 16000  # ... if the sheet stays within so many pixels
_NARROWEST = 560  # pixels: the line at the top fits
_GAP = 8  # pixels between thumbnails, and about the sheet
_NAME, _TITLE = 20, 16  # pixels of height: of a class's name, of a thumbnail's title
_ROW = _NAME + THUMBNAIL[0] + _TITLE + _GAP
_HEAD = 26  # pixels of height: the line at the top
_LETTER = 5.5, 9  # pixels of width: of a title (exact), of a name (about)
_DPI = 128  # a power of two: pixels over it are exact

Segment = tuple[str, np.ndarray]  # title and image (F, T)


def contact_sheet(
    groups: Mapping[str, Sequence[Segment]], path: str | Path, per_class: int = 8
) -> None:
    """Draw segments by class as one PNG: a row of thumbnails for each class.

    The sheet is drawn and written row by row. Many classes are in several columns; of more than
    `MOST_CLASSES` the first are drawn, and the sheet says so.

    Parameters
    ----------
    groups : mapping of class name to segments
        Each a title (drawn below the image; of a long text the end) and an image (F, T).
    path : path
        The PNG.
    per_class : int
        Segments drawn of each class, the first so many: 1 to `MOST_SEGMENTS`.

    Raises
    ------
    ValueError
        Where there is no class, or ``per_class`` is out of its range.
    """
    if not groups or not 1 <= per_class <= MOST_SEGMENTS:
        raise ValueError(
            f"received {len(groups)} classes and per_class={per_class!r}; expected at least one "
            f"class and 1 to {MOST_SEGMENTS} segments of each"
        )
    names = list(groups)[:MOST_CLASSES]
    column = per_class * (THUMBNAIL[1] + _GAP) + _GAP
    n_columns = min(-(-len(names) // _ROWS), _WIDEST // column)
    n_rows = -(-len(names) // n_columns)
    shape = (_HEAD + n_rows * _ROW, max(n_columns * column, _NARROWEST))

    def bands() -> Iterator[np.ndarray]:
        some = f"the first {MOST_CLASSES} of " if len(groups) > MOST_CLASSES else ""
        text = (
            f"classes: {some}{len(groups)}; segments of each: up to {per_class}; low frequencies at "
            "the bottom"
        )
        yield _drawn((_HEAD, shape[1]), [(_GAP, 17, text)], size=11)
        for row in range(n_rows):
            labels, titles, thumbnails = [], [], []
            for number, name in enumerate(names[row::n_rows]):
                left = number * column + _GAP
                labels.append((left, 14, _cut(name, column - _GAP, _LETTER[1])))
                for place, (title, image) in enumerate(groups[name][:per_class]):
                    x = left + place * (THUMBNAIL[1] + _GAP)
                    cut = _cut(title, THUMBNAIL[1], _LETTER[0])
                    titles.append((x, _NAME + THUMBNAIL[0] + 11, cut))
                    thumbnails.append((x, thumbnail(image)))
                if not groups[name]:
                    titles.append((left, _NAME + 11, "no segments"))
            # one row is held at a time: a sheet of all classes may be larger than the memory
            band = np.minimum(
                _drawn((_ROW, shape[1]), labels, size=13, weight="bold"),
                _drawn((_ROW, shape[1]), titles, size=9, family="monospace"),
            )
            for x, image in thumbnails:
                band[_NAME : _NAME + THUMBNAIL[0], x : x + THUMBNAIL[1]] = image
            yield band

    with artefacts.writing(path, check=png.check, rows=len(names)) as temporary:
        png.write(temporary, shape, bands())


def _cut(text: str, width: int, letter: float) -> str:
    """Return the end of a text that is wider than so many pixels."""
    most = int(width / letter)
    return text if len(text) <= most else f"…{text[1 - most :]}"


def _drawn(
    shape: tuple[int, int], texts: Iterable[tuple[int, int, str]], size: int, **style
) -> np.ndarray:
    """Return black texts on white, uint8; each begins x pixels from the left, y from the top."""
    # imported here: most that import this module's functions draw no text
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.transforms import IdentityTransform

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a letter that the font does not have
        matplotlib.rcdefaults()  # no one's own style
        figure = Figure((shape[1] / _DPI, shape[0] / _DPI), dpi=_DPI, facecolor="white")
        canvas = FigureCanvasAgg(figure)
        for x, y, text in texts:
            shown = "".join(letter if letter.isprintable() else "?" for letter in text)
            figure.text(
                x, shape[0] - y, shown, transform=IdentityTransform(), parse_math=False,
                size=size * 72 / _DPI, **style,
            )  # fmt: skip
        canvas.draw()
        return np.array(canvas.buffer_rgba())[..., 0]


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
    order = best_first(index)
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
    """Write every segment as a PNG, ``{folder}/{class}/{id}_{n}.png``, as toth2016 did.

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
                path, picture = place / f"{stem}_{n}.png", grey(image)
                with artefacts.writing(path, check=png.check, record=False) as temporary:
                    png.write(temporary, picture.shape, [picture])
                n_files += 1
    return n_files


def _opened(shards: Mapping, settings: Mapping, window: int) -> tuple[window_source.Source, bool]:
    """Return the source of some shards, and whether its first band is the highest."""
    readers = {corpus: shard_reader.open_shards(paths) for corpus, paths in shards.items()}
    is_upright = any(reader.settings.get("flip", False) for reader in readers.values())
    return window_source.source_from_readers(readers, settings, window), is_upright


def _images(
    source: window_source.Source, recordings: Sequence, index: window_source.Index, is_upright: bool
) -> Iterator[np.ndarray]:
    """Yield the images (F, T) of an index, low frequencies at the bottom; each is a new array."""
    for recording, place in zip(index.recording, index.place, strict=True):
        out = np.empty((1, *source.shape), np.float32)
        source.fill(out, [recordings[recording]], [place])
        yield out[0].T if is_upright else out[0].T[::-1]


def best_first(index: window_source.Index) -> np.ndarray:
    """Return the rows of an index from the best to the least, the recordings taking turns.

    Of equal scores, the first segment of every recording stands before the second of any.

    Parameters
    ----------
    index : Index
        Of N segments.

    Returns
    -------
    array of int, shape (N,)
    """
    order = np.lexsort((index.onset_s, -index.score, index.recording))
    ordered = index.recording[order]
    turn = np.empty(len(order), np.int64)
    turn[order] = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    return np.lexsort((index.recording, turn, -index.score))


def _file_name(name: str) -> str:
    """Return a name as one for files; different names stay different."""
    name = name.replace("%", "%25").replace("/", "%2F")
    return f"%2E{name[1:]}" if name.startswith(".") else name
