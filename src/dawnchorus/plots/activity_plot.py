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
_TOP, _GAP, _FOOT = 46, 16, 64  # pixels above, between and below the panels
_PANELS = {"hour": (210, 460), "date": (800, 620)}  # pixels from the left, and of width
_RIGHT, _DPI = 1510, 100  # pixels of width of all
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
    # every date from the first to the last, so that a gap in the recordings is seen as one
    found = sorted({cell.date for cell in [*(cell for _, cell in timed), *recorded]})
    first, last = (date.fromisoformat(found[number]) for number in (0, -1))
    n_days = (last - first).days + 1
    if n_days <= MOST_DATES:
        found = [(first + timedelta(days=day)).isoformat() for day in range(n_days)]
    columns = {"hour": [f"{hour:02}" for hour in range(24)], "date": found}
    with canvas.plain_style():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        height = max(len(names) * _ROW, _LEAST)
        size = _RIGHT, _TOP + height + _GAP + _BAR + _FOOT
        figure = Figure([length / _DPI for length in size], dpi=_DPI, facecolor="white")
        FigureCanvasAgg(figure)
        for key in columns:
            row_of = {name: row for row, name in enumerate(names)}
            column_of = {column: number for number, column in enumerate(columns[key])}
            rates = np.zeros((max(1, len(names)), len(column_of)))
            hours = np.zeros(len(column_of))
            for (name, cell), n in timed.items():
                if name in row_of:
                    rates[row_of[name], column_of[getattr(cell, key)]] += n
            for cell, own in recorded.items():
                hours[column_of[getattr(cell, key)]] += own
            if effort:  # NaN where nothing was recorded
                rates /= np.where(hours > 0, hours, np.nan)
            left, width = _PANELS[key]
            boxes = [
                (left / size[0], bottom / size[1], width / size[0], high / size[1])
                for bottom, high in ((_FOOT + _BAR + _GAP, height), (_FOOT, _BAR))
            ]
            upper, lower = (figure.add_axes(box) for box in boxes)
            what = "detections per recorded hour" if effort else "detections"
            _draw_panel((upper, lower), rates, hours, columns[key], key, what)
            upper.set_yticks(range(len(names)))
            shown = [f"{name[: _LONGEST - 1]}…" if len(name) > _LONGEST else name for name in names]
            upper.set_yticklabels(shown if key == "hour" else [], fontsize=8, parse_math=False)
            lower.set_ylabel("hours\nrecorded" if effort else "effort\nunknown", fontsize=7)
        n_left = len(totals) - len(names)
        about = f"{n_left} further classes are left out" if n_left else ""
        figure.suptitle("; ".join(filter(None, (title, about))), fontsize=9, parse_math=False)
        with artefacts.writing(output, check=png.check) as temporary:
            # Matplotlib would write its version into the file: equal content, equal bytes
            figure.savefig(temporary, format="png", metadata={"Software": None})


def _draw_panel(
    axes, rates: np.ndarray, hours: np.ndarray, columns: Sequence[str], key: str, what: str
) -> None:
    """Draw the cells of a panel with a colour bar on the right, and below them the recorded hours."""
    import matplotlib
    import matplotlib.ticker

    upper, lower = axes
    # below the least: nothing detected, which is not the same as a little
    colours = matplotlib.colormaps[_COLOURS].with_extremes(bad=_NONE, under="white")
    highest = max(np.nanmax(rates, initial=0.0), 1e-6)
    image = upper.imshow(
        rates, cmap=colours, aspect="auto", interpolation="nearest", vmin=1e-9, vmax=highest
    )
    upper.tick_params(bottom=False, labelbottom=False, length=2)
    upper.set_title(what, fontsize=8, loc="left")
    box = upper.get_position()
    bar = upper.figure.colorbar(
        image, cax=upper.figure.add_axes((box.x1 + 0.006, box.y0, 0.008, box.height))
    )
    bar.ax.tick_params(labelsize=7)
    bar.locator = matplotlib.ticker.MaxNLocator(4, min_n_ticks=1)
    bar.update_ticks()
    lower.bar(range(len(columns)), hours, width=1.0, color=_EFFORT)
    lower.set_xlim(-0.5, len(columns) - 0.5)
    lower.tick_params(labelsize=7, length=2)
    step = -(-len(columns) // 12)  # more names would run into one another
    lower.set_xticks(range(0, len(columns), step))
    # a date is too long for its column
    turned = {"rotation": 30, "ha": "right"} if key == "date" else {}
    lower.set_xticklabels(columns[::step], fontsize=7, **turned)
    if key == "hour":
        lower.set_xlabel("hour of the day", fontsize=8)
