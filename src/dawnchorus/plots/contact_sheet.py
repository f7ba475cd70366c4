"""Contact sheets: many images on one picture.

An image is an array (F, T), row 0 the top: low frequencies are at the bottom. One of type uint8 is
drawn as it is, any other stretched from its 1st percentile (black) to its maximum (white). Equal
images give equal files: grey PNG without dates and versions.

* `contact_sheet`: a row of thumbnails per class, as one PNG.
* `thumbnail`: an image, made small.
* `grey`: an image in 256 shades.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.plots import png
from dawnchorus.runtime import artefacts

THUMBNAIL = (96, 160)  # rows and columns of a thumbnail [pixels]
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
        yield _head(len(groups), per_class, shape[1])
        for row in range(n_rows):
            classes = [(name, groups[name][:per_class]) for name in names[row::n_rows]]
            yield _row(classes, column, shape[1])

    with artefacts.writing(path, check=png.check, rows=len(names)) as temporary:
        png.write(temporary, shape, bands())


def thumbnail(image: np.ndarray) -> np.ndarray:
    """Return an image (F, T) as a grey picture of the size `THUMBNAIL`, uint8: means of its pixels."""
    if image.dtype == np.uint8 and image.shape == THUMBNAIL:
        return image
    rows, columns = THUMBNAIL
    small = _resized(_resized(_finite(image), rows).T, columns).T
    return np.round(small).astype(np.uint8) if image.dtype == np.uint8 else grey(small)


def grey(image: np.ndarray) -> np.ndarray:
    """Return an image stretched to 0..255, uint8; one without contrast is black."""
    image = _finite(image)
    low, high = np.percentile(image, 1), image.max()
    if not low < high:
        return np.zeros(image.shape, np.uint8)
    return np.round((image - low).clip(0) * (255 / (high - low))).astype(np.uint8)


def _finite(image: np.ndarray) -> np.ndarray:
    """Return an image as float32, with the least of its finite values for those that are not."""
    image = np.asarray(image, np.float32)
    is_finite = np.isfinite(image)
    least = image[is_finite].min() if is_finite.any() else np.float32(0)
    return np.where(is_finite, image, least)


def _resized(image: np.ndarray, size: int) -> np.ndarray:
    """Return ``size`` rows for those of an image: means of neighbours, or each several times."""
    first = np.arange(size) * len(image) // size
    if len(image) <= size:
        return image[first]
    counts = np.diff([*first, len(image)])
    return np.add.reduceat(image, first, axis=0) / counts[:, None].astype(np.float32)


def _head(n_classes: int, per_class: int, width: int) -> np.ndarray:
    said = f"{n_classes}"
    if n_classes > MOST_CLASSES:
        said = f"the first {MOST_CLASSES} of {n_classes}"
    text = f"classes: {said}; segments of each: up to {per_class}; low frequencies at the bottom"
    return _drawn((_HEAD, width), [(_GAP, 17, text)], size=11)


def _row(classes: Sequence[tuple[str, Sequence[Segment]]], column: int, width: int) -> np.ndarray:
    """Return a row of the sheet (`_ROW`, width): one class in each of its columns."""
    step = THUMBNAIL[1] + _GAP
    names, titles, thumbnails = [], [], []
    for number, (name, drawn) in enumerate(classes):
        left = number * column + _GAP
        names.append((left, 14, _cut(name, column - _GAP, _LETTER[1])))
        for place, (title, image) in enumerate(drawn):
            x = left + place * step
            cut = _cut(title, THUMBNAIL[1], _LETTER[0])
            titles.append((x, _NAME + THUMBNAIL[0] + 11, cut))
            thumbnails.append((x, thumbnail(image)))
        if not drawn:
            titles.append((left, _NAME + 11, "no segments"))
    row = np.minimum(
        _drawn((_ROW, width), names, size=13, weight="bold"),
        _drawn((_ROW, width), titles, size=9, family="monospace"),
    )
    for x, image in thumbnails:
        row[_NAME : _NAME + THUMBNAIL[0], x : x + THUMBNAIL[1]] = image
    return row


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
