"""The picture of counted detections: classes by hour of the day, and classes by date.

A cell is the number of detections per recorded hour, and white where there is none; cells without a
recording are grey, so that they are not taken for silence. Below each panel stand the recorded hours.
Where no effort is known a cell is the number of detections. Equal content gives equal bytes.

* `draw_activity`: the picture as a PNG.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from dawnchorus.exported.detection_counts import Cell
from dawnchorus.plots import canvas, png
from dawnchorus.runtime import artefacts

MOST_CLASSES = 60  # rows: those with the most detections
MOST_DATES = 400  # columns: of a longer time only the dates that have recordings
_NONE, _EFFORT, _COLOURS = "#d9d9d9", "#8c8c8c", "YlGnBu"
_ROW, _LEAST, _BAR = (
    18,
    90,
    60,
)  # pixels of height of a class, least of all, and of the bars of the effort
_SIDES, _TOP, _GAP, _FOOT = (210, 90), 46, 16, 64  # pixels around the panels
_WIDE = (460, 620)  # pixels of width of both panels
_LONGEST = 28  # letters of a name


def draw_activity(
    counts: Mapping[tuple[str, Cell], int],
    effort: Mapping[Cell, float] | None,
    output: str | Path,
    title: str = "",
) -> None:
    """Draw counted detections.

    Parameters
    ----------
    counts : mapping of (class, Cell) to int
    effort : mapping of Cell to float, or None
        Recorded hours; None: not known.
    output : path
        The PNG.
    title : str, optional
        Drawn at the top.

    Raises
    ------
    ValueError
        Where no detection and no recording has a time: there is nothing to draw.
    """
    timed = {key: n for key, n in counts.items() if key[1].date}
    recorded = {cell: hours for cell, hours in (effort or {}).items() if cell.date}
    if not timed and not recorded:
        raise ValueError(
            "no picture: no detection has a time, since the names of the recordings tell none; "
            "name a table with column time as --effort"
        )
    totals: dict[str, int] = {}
    for (name, _), n in timed.items():
        totals[name] = totals.get(name, 0) + n
    # the most frequent first; of equal ones in the order of their names
    names = sorted(totals, key=lambda name: (-totals[name], name))[:MOST_CLASSES]
    cells = {cell for _, cell in timed} | set(recorded)
    with canvas.plain_style():
        figure, boxes = _sheet(max(1, len(names)))
        hours = [f"{hour:02}" for hour in range(24)]
        dates = _dates(sorted({cell.date for cell in cells}))
        for box, key, columns, label in (
            (boxes[0], "hour", hours, "hour of the day"),
            (boxes[1], "date", dates, "date"),
        ):
            rates, own = _panel(timed, recorded if effort else None, names, key, columns)
            _draw_panel(figure, box, rates, own, names, columns, label, effort is not None)
        about = f"{len(totals) - len(names)} further classes are left out" * (
            len(totals) > len(names)
        )
        figure.suptitle("; ".join(filter(None, (title, about))), fontsize=9, parse_math=False)
        with artefacts.writing(output, check=png.check) as temporary:
            # no text of the version of Matplotlib in the file
            figure.savefig(temporary, format="png", metadata={"Software": None})


def _dates(found: Sequence[str]) -> list[str]:
    """Return all dates from the first to the last, or those alone where that is too long."""
    if not found:
        return []
    first, last = date.fromisoformat(found[0]), date.fromisoformat(found[-1])
    n_days = (last - first).days + 1
    if n_days > MOST_DATES:
        return list(found)
    return [(first + timedelta(days=day)).isoformat() for day in range(n_days)]


def _panel(
    counts: Mapping[tuple[str, Cell], int],
    effort: Mapping[Cell, float] | None,
    names: Sequence[str],
    key: str,
    columns: Sequence[str],
) -> tuple[np.ndarray, np.ndarray]:
    """Return rates (classes x columns), NaN without effort, and the recorded hours of columns."""
    row_of = {name: row for row, name in enumerate(names)}
    place = {column: number for number, column in enumerate(columns)}
    found, hours = np.zeros((max(1, len(names)), len(columns))), np.zeros(len(columns))
    for (name, cell), n in counts.items():
        if name in row_of:
            found[row_of[name], place[getattr(cell, key)]] += n
    if effort is None:
        return found, hours
    for cell, own in effort.items():
        hours[place[getattr(cell, key)]] += own
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(hours > 0, found / hours, np.nan), hours


def _sheet(n_rows: int):
    """Return an empty figure, and of both panels left, bottom, width and height as shares of it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    dpi = 100
    width = _SIDES[0] + sum(_WIDE) + 2 * _SIDES[1] + 40
    cells = max(n_rows * _ROW, _LEAST)
    height = _TOP + cells + _GAP + _BAR + _FOOT
    figure = Figure((width / dpi, height / dpi), dpi=dpi, facecolor="white")
    FigureCanvasAgg(figure)
    lefts = (_SIDES[0], _SIDES[0] + _WIDE[0] + _SIDES[1] + 40)
    bottom = _FOOT + _BAR + _GAP
    boxes = [
        (
            (left / width, bottom / height, wide / width, cells / height),
            (left / width, _FOOT / height, wide / width, _BAR / height),
        )
        for left, wide in zip(lefts, _WIDE, strict=True)
    ]
    return figure, boxes


def _draw_panel(figure, box, rates, hours, names, columns, label, has_effort) -> None:
    """Draw the cells of a panel, its colour bar, and the recorded hours below it."""
    import matplotlib
    import matplotlib.ticker

    axes, below = figure.add_axes(box[0]), figure.add_axes(box[1])
    # below the least: nothing detected, which is not the same as a little
    colours = matplotlib.colormaps[_COLOURS].with_extremes(bad=_NONE, under="white")
    highest = np.nanmax(rates, initial=0.0)
    image = axes.imshow(
        rates, cmap=colours, aspect="auto", interpolation="nearest", vmin=1e-9,
        vmax=max(highest, 1e-6),
    )  # fmt: skip
    axes.set_yticks(range(len(names)))
    shown = [f"{name[: _LONGEST - 1]}…" if len(name) > _LONGEST else name for name in names]
    axes.set_yticklabels(shown if label != "date" else [], fontsize=8, parse_math=False)
    axes.tick_params(bottom=False, labelbottom=False, length=2)
    what = "detections per recorded hour" if has_effort else "detections"
    bar = figure.colorbar(image, ax=axes, fraction=0.03, pad=0.02)
    axes.set_position(box[0])
    bar.ax.set_position((box[0][0] + box[0][2] + 0.006, box[0][1], 0.008, box[0][3]))
    bar.ax.tick_params(labelsize=7)
    bar.locator = matplotlib.ticker.MaxNLocator(4, min_n_ticks=1)
    bar.update_ticks()
    axes.set_title(what, fontsize=8, loc="left")
    below.bar(range(len(columns)), hours, width=1.0, color=_EFFORT)
    below.set_xlim(-0.5, len(columns) - 0.5)
    below.set_ylabel("hours\nrecorded" if has_effort else "effort\nunknown", fontsize=7)
    below.tick_params(labelsize=7, length=2)
    step = max(1, -(-len(columns) // 12))
    below.set_xticks(range(0, len(columns), step))
    rotated = {"rotation": 30, "ha": "right"} if label == "date" else {}
    below.set_xticklabels(columns[::step], fontsize=7, **rotated)
    if label == "hour of the day":
        below.set_xlabel(label, fontsize=8)
