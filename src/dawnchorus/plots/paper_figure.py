"""Figures for a paper: in centimetres, as SVG or PNG, with equal bytes for equal content.

* `new_figure`: an empty one in a plain style.
* `save`: as SVG (letters stay letters) or PNG (300 dots per inch).
* `draw_spectrogram`: one panel.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dawnchorus.plots import canvas
from dawnchorus.runtime import artefacts

WIDTH_CM = 17.0  # two columns of most journals
FORMATS = (".svg", ".png")
_INCH_CM = 2.54
_DPI = 300
_SIZE = 8  # points of letters
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9")  # Okabe and Ito (2008)


@contextlib.contextmanager
def new_figure(height_cm: float) -> Iterator:
    """Yield an empty figure, `WIDTH_CM` wide, that is drawn and saved in nobody's own style.

    Parameters
    ----------
    height_cm : float
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with canvas.plain_style():
        matplotlib.rcParams.update(
            {
                "font.size": _SIZE,
                "svg.fonttype": "none",
                "svg.hashsalt": "dawnchorus",
                "axes.spines.top": False,
                "axes.spines.right": False,
                "text.parse_math": False,
                "axes.titlesize": _SIZE,
                "axes.titlelocation": "left",
            }
        )
        size = WIDTH_CM / _INCH_CM, height_cm / _INCH_CM
        figure = Figure(size, dpi=_DPI, facecolor="white", layout="constrained")
        FigureCanvasAgg(figure)
        yield figure


def check_format(path: str | Path) -> None:
    """Raise a ValueError where the ending of a path is none of `FORMATS`."""
    ending = Path(path).suffix.lower()
    if ending not in FORMATS:
        raise ValueError(f"{path} ends in {ending!r}; expected one of {', '.join(FORMATS)}")


def save(figure, path: str | Path) -> None:
    """Write a figure by the ending of the path; inside `new_figure`, whose style it needs."""
    check_format(path)
    ending = Path(path).suffix.lower()
    # no date and no version: equal content gives equal bytes
    metadata = {"Date": None, "Creator": None} if ending == ".svg" else {"Software": None}
    with artefacts.writing(path) as temporary:
        figure.savefig(temporary, format=ending[1:], metadata=metadata)


def draw_spectrogram(
    axes, frames: np.ndarray, span_s: tuple[float, float], title: str = ""
) -> None:
    """Draw a spectrogram: its 1st percentile white, its maximum black, the lowest band at the bottom.

    Parameters
    ----------
    axes : matplotlib axes
    frames : array, shape (T, F)
    span_s : (float, float)
        Times of the first and of the last frame's end [s].
    title : str, optional
    """
    lowest, highest = np.percentile(frames, 1), frames.max()
    axes.imshow(
        np.asarray(frames, np.float32).T, origin="lower", aspect="auto", cmap="Greys",
        interpolation="nearest", vmin=lowest, vmax=max(highest, lowest + 1e-6),
        extent=(*span_s, 0, frames.shape[1]),
    )  # fmt: skip
    axes.set_ylabel("band")
    axes.set_title(title)
