"""The sheet that a recording is drawn on: sizes, names and letters.

* `plain_style`: nobody's own style.
* `Sheet`, `new_sheet`: an empty picture with the names of its lanes, and where what is on it.
* `write`, `truncated`: a text, and what of a long one there is room for.
* `points`: the size of letters as Matplotlib has it.
"""

import bisect
import contextlib
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple

WIDEST = 4000  # pixels
HEAD, SPECTROGRAM, GAP, FOOT = 62, 240, 14, 50  # pixels of height
HALF, CURVE, LANE = 13, 44, 92  # pixels of height: half a lane, its curve, all of it
CURVE_TOP = 2 * HALF + 9  # pixels from the top of a lane
NAME, SMALL, DARK = 13, 10, "#333333"  # pixels of height of letters, and their colour
_PER_SECOND, _NARROWEST = 100, 900  # pixels of the time axis: wanted for a second, in all
_RIGHT, _LEFT = 52, (84, 300)  # pixels beside the time axis; on the left least and most
_DPI = 128  # a power of two: pixels over it are exact


class Sheet(NamedTuple):
    """Sizes of a picture [pixels] and what its time axis spans [s]."""

    left: int
    width: int
    n_lanes: int
    end_s: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the picture."""
        lanes = HEAD + SPECTROGRAM + GAP + self.n_lanes * LANE
        return lanes + FOOT, self.left + self.width + _RIGHT

    def box(self, top: int, height: int) -> tuple[float, float, float, float]:
        """Return left, bottom, width and height of axes as shares of the picture."""
        rows, columns = self.shape
        return (
            self.left / columns, 1 - (top + height) / rows, self.width / columns, height / rows,
        )  # fmt: skip

    def lane(self, number: int) -> int:
        """Return where a lane begins, in pixels from the top."""
        return HEAD + SPECTROGRAM + GAP + number * LANE

    def pixels(self, span_s: tuple[float, float]) -> int:
        """Return how many columns a span of time has."""
        return max(1, round(self.width * (span_s[1] - span_s[0]) / self.end_s))


@contextlib.contextmanager
def plain_style() -> Iterator[None]:
    """Draw in nobody's own style, and without a word on letters that the font does not have."""
    import matplotlib  # here and below: who imports the module's functions may draw nothing

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        matplotlib.rcdefaults()
        yield


def points(pixels: int) -> float:
    """Return the size of letters whose lines are so many pixels high."""
    return pixels * 72 / _DPI


def new_sheet(names: Sequence[str], end_s: float):
    """Return an empty figure with the names of its lanes, and the sizes of it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((1, 1), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    shown = [truncated(figure, name, _LEFT[1] - 16, NAME) for name in names]
    widest = max(width for _, width in shown)
    left = min(max(math.ceil(widest) + 16, _LEFT[0]), _LEFT[1])
    width = min(max(math.ceil(end_s * _PER_SECOND), _NARROWEST), WIDEST - left - _RIGHT)
    sheet = Sheet(left, width, len(names), end_s)
    figure.set_size_inches(sheet.shape[1] / _DPI, sheet.shape[0] / _DPI)
    for lane, (name, _) in enumerate(shown):
        write(figure, sheet, left - 8, sheet.lane(lane) + HALF, name, NAME, ha="right")
        for score in (0, 1):
            y = sheet.lane(lane) + CURVE_TOP + (1 - score) * CURVE
            write(figure, sheet, left - 8, y, str(score), SMALL, ha="right", color=DARK)
    return figure, sheet


def truncated(figure, text: str, most: float, size: int) -> tuple[str, float]:
    """Return a text that can be drawn, cut to its end where it is too wide, and its width."""
    from matplotlib.font_manager import FontProperties

    renderer, font = figure.canvas.get_renderer(), FontProperties(size=points(size))
    text = "".join(letter if letter.isprintable() else "?" for letter in text)

    def shown(missing: int) -> str:
        return f"…{text[missing:]}" if missing else text

    def width(missing: int) -> float:
        return renderer.get_text_width_height_descent(shown(missing), font, False)[0]

    # a wider text has more letters: a search for the first that fits measures few of them
    missing = bisect.bisect_left(range(len(text)), True, key=lambda cut: width(cut) <= most)
    return shown(missing), width(missing)


def write(figure, sheet: Sheet, x: float, y: float, text: str, size: int, **style) -> None:
    """Write a text whose middle is y pixels from the top."""
    from matplotlib.transforms import IdentityTransform

    figure.text(
        x, sheet.shape[0] - y, text, transform=IdentityTransform(), parse_math=False,
        size=points(size), va="center_baseline", **style,
    )  # fmt: skip
