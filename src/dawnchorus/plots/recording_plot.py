"""The plot of one recording: its spectrogram, annotated and detected events, and frame scores.

The spectrogram is at the top, low frequencies at the bottom. Below it each class has a lane over the
same time axis: the ground truth in its upper half, detected events in its lower half, and under them
the curve of its frame scores from 0 to 1 with its threshold. Equal content gives equal bytes.

* `draw_recording`: the plot as a PNG; `Track`: values over time.
* `drawn_classes`: which classes have a lane.

Axes: T frames of the spectrogram, F bands, T' frames of scores, C classes.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dawnchorus.formats.event import Event
from dawnchorus.plots import canvas, png
from dawnchorus.plots.png import grey
from dawnchorus.runtime import artefacts

MOST_CLASSES = 40  # lanes; of more classes those with events, then those with the highest scores
GROUND_TRUTH, DETECTED = "#0072b2", "#e69f00"  # told apart by every kind of colour vision
_EDGES = {GROUND_TRUTH: "#00476f", DETECTED: "#946600"}
_AREA, _THRESHOLD = "#e4e4e4", "#c0392b"
_SEEN = 3  # pixels: least width of an event


class Track(NamedTuple):
    """Values over time: frames (T, ...), frames per second (above 0), and the first one's time [s]."""

    values: np.ndarray
    per_second: float
    onset_s: float = 0.0

    @property
    def span_s(self) -> tuple[float, float]:
        """First and last time [s]."""
        return self.onset_s, self.onset_s + len(self.values) / self.per_second


def draw_recording(
    spectrogram: Track,
    scores: Track,
    class_names: Sequence[str],
    ground_truth: Sequence[Event] | None,
    detected: Sequence[Event],
    thresholds: np.ndarray | Sequence[float] | None,
    output: str | Path,
    title: str = "",
) -> None:
    """Draw a recording with its events and scores as one PNG.

    A second is 100 pixels wide, more where that is too narrow, and fewer where the picture would be
    wider than `canvas.WIDEST`: several frames of scores then share a column, which shows the highest.

    Parameters
    ----------
    spectrogram : Track of shape (T, F)
        The first band is the lowest; stretched from its 1st percentile (white) to its maximum.
    scores : Track of shape (T', C)
        In [0, 1].
    class_names : sequence of str
        C.
    ground_truth : sequence of Event or None
        None: not known. Then the upper halves are empty and the legend says so.
    detected : sequence of Event
    thresholds : array, shape (C,), or None
        Drawn as a line through each curve.
    output : path
        The PNG.
    title : str, optional
        Drawn at the top; of a long text the end.

    Raises
    ------
    ValueError
        Where shapes do not fit, a rate is not above 0, or an event is of another class.
    """
    spectrogram = spectrogram._replace(values=np.asarray(spectrogram.values))
    scores = scores._replace(values=np.asarray(scores.values, np.float32))
    events = {DETECTED: list(detected)}
    if ground_truth is not None:
        events[GROUND_TRUTH] = list(ground_truth)
    # here, in one sentence: Matplotlib would say it of its own arrays, or draw something else
    shapes, n_classes = (spectrogram.values.shape, scores.values.shape), len(class_names)
    is_drawable = all(len(shape) == 2 and 0 not in shape for shape in shapes)
    if not is_drawable or shapes[1][1] != n_classes:
        raise ValueError(
            f"spectrogram {shapes[0]} and scores {shapes[1]}; expected (T, F) and "
            f"(T', {n_classes}) with a frame each, for {n_classes} classes"
        )
    if thresholds is not None and np.shape(thresholds) != (n_classes,):
        raise ValueError(
            f"thresholds have shape {np.shape(thresholds)}; expected ({n_classes},), one per class"
        )
    rates = spectrogram.per_second, scores.per_second
    if not all(0 < rate < math.inf for rate in rates):
        raise ValueError(f"frame rates {rates} of spectrogram and scores; expected them above 0")
    labels = {one.label for found in events.values() for one in found}
    if others := sorted(labels - set(class_names)):
        raise ValueError(
            f"{len(others)} classes of events have no scores: {others[:5]!r}; expected events of "
            f"the {n_classes} classes"
        )
    lanes = drawn_classes(scores.values, class_names, events)
    names = [class_names[lane] for lane in lanes]
    if len(lanes) < len(class_names):
        title = f"{title}   {len(lanes)} of {len(class_names)} classes".strip()
    end_s = max(spectrogram.span_s[1], scores.span_s[1])
    with artefacts.writing(output, check=png.check, rows=1) as temporary, canvas.plain_style():
        figure, sheet = canvas.new_sheet(names, end_s)
        _draw_head(figure, sheet, title, ground_truth is not None, thresholds is not None)
        _draw_spectrogram(figure, sheet, spectrogram)
        axes = _draw_lanes(figure, sheet, scores.values[:, lanes], scores.span_s)
        if thresholds is not None:
            for lane, threshold in enumerate(float(thresholds[lane]) for lane in lanes):
                share = 1 - min(max(threshold, 0), 1)  # from the top of its curve
                y = lane * canvas.LANE + canvas.CURVE_TOP + share * canvas.CURVE
                axes.axhline(y, color=_THRESHOLD, linewidth=0.7, linestyle="--", zorder=2)
                place = sheet.left + sheet.width + 6, sheet.lane(0) + y
                text = f"{threshold:.2f}"
                canvas.write(figure, sheet, *place, text, canvas.SMALL, color=_THRESHOLD)
        for colour, found in events.items():
            _draw_events(axes, sheet, found, names, colour)
        # no name of the program and its version: equal content gives equal bytes
        figure.canvas.print_png(temporary, metadata={"Software": None})


def drawn_classes(
    scores: np.ndarray, class_names: Sequence[str], events: Mapping[str, Sequence[Event]]
) -> list[int]:
    """Return the numbers of the classes that are drawn, rising, `MOST_CLASSES` at most.

    Parameters
    ----------
    scores : array, shape (T', C)
        Frame scores.
    class_names : sequence of str, length C
    events : mapping of colour to events
        Classes with one come first, then those with the highest scores.
    """
    shown = {one.label for found in events.values() for one in found}
    peaks = scores.max(axis=0)
    order = sorted(
        range(len(class_names)), key=lambda lane: (class_names[lane] not in shown, -peaks[lane])
    )
    return sorted(order[:MOST_CLASSES])


def _draw_head(
    figure, sheet: canvas.Sheet, title: str, is_known: bool, has_thresholds: bool
) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    shown, _ = canvas.truncated(figure, title, sheet.width, canvas.NAME + 1)
    canvas.write(figure, sheet, sheet.left, 18, shown, canvas.NAME + 1)
    handles = [
        Patch(facecolor=GROUND_TRUTH, label="ground truth")
        if is_known
        else Patch(facecolor="white", edgecolor="#888888", label="ground truth: not known"),
        Patch(facecolor=DETECTED, label="detected events"),
        Patch(facecolor=_AREA, edgecolor=canvas.DARK, linewidth=0.7, label="frame score, 0 to 1"),
    ]
    if has_thresholds:
        line = Line2D([], [], color=_THRESHOLD, linewidth=0.7, linestyle="--", label="threshold")
        handles.append(line)
    rows, columns = sheet.shape
    figure.legend(
        handles=handles, ncols=len(handles), loc="center left", frameon=False, borderpad=0,
        borderaxespad=0, bbox_to_anchor=(sheet.left / columns, 1 - 44 / rows), handlelength=1.8,
        prop={"size": canvas.points(12)},
    )  # fmt: skip


def _draw_spectrogram(figure, sheet: canvas.Sheet, spectrogram: Track) -> None:
    span_s = spectrogram.span_s
    axes = figure.add_axes(sheet.box(canvas.HEAD, canvas.SPECTROGRAM))
    # thinned out here, as means: the renderer would pick columns or blur them
    image = grey(_columns(spectrogram.values, sheet.pixels(span_s), np.add)).T
    axes.imshow(
        image, cmap="gray_r", vmin=0, vmax=255, origin="lower", aspect="auto",
        interpolation="nearest", extent=(*span_s, 0, len(image)),
    )  # fmt: skip
    axes.set_xlim(0, sheet.end_s)
    axes.tick_params(left=False, labelleft=False, labelbottom=False, length=3, width=0.6)
    _thin_frame(axes)
    for share, text in ((0.03, "high"), (0.5, f"{len(image)} bands"), (0.97, "low")):
        y = canvas.HEAD + share * canvas.SPECTROGRAM
        canvas.write(
            figure, sheet, sheet.left - 8, y, text, canvas.SMALL, ha="right", color=canvas.DARK
        )


def _columns(values: np.ndarray, most: int, reduce: np.ufunc) -> np.ndarray:
    """Return at most so many rows of some: means (``np.add``) or maxima of neighbours."""
    if len(values) <= most:
        return values
    first = np.arange(most) * len(values) // most
    found = reduce.reduceat(np.asarray(values, np.float32), first, axis=0)
    if reduce is np.add:
        found /= np.diff([*first, len(values)])[:, None]
    return found


def _draw_lanes(figure, sheet: canvas.Sheet, scores: np.ndarray, span_s: tuple[float, float]):
    """Draw the lanes with their scores (T', lanes), as steps over their area; return the axes.

    Seconds go to the right, pixels down from the top.
    """
    from matplotlib.collections import LineCollection, PolyCollection

    height = sheet.n_lanes * canvas.LANE
    axes = figure.add_axes(sheet.box(sheet.lane(0), height))
    axes.set_xlim(0, sheet.end_s)
    axes.set_ylim(height, 0)
    axes.tick_params(left=False, labelleft=False, length=4, width=0.6, labelsize=canvas.points(12))
    axes.set_xlabel("seconds", size=canvas.points(12), labelpad=3)
    axes.grid(axis="x", color="#bbbbbb", linewidth=0.4)
    axes.set_axisbelow(True)
    _thin_frame(axes)
    axes.spines[["left", "right", "top"]].set_visible(False)
    for lane in range(sheet.n_lanes):
        top = lane * canvas.LANE
        axes.axhspan(top, top + 2 * canvas.HALF, color="#f1f1f1", linewidth=0, zorder=0.4)
        axes.axhline(top + canvas.HALF, color="#cccccc", linewidth=0.4, zorder=0.6)
        for y in (top + canvas.CURVE_TOP, top + canvas.CURVE_TOP + canvas.CURVE):
            axes.axhline(y, color="#999999", linewidth=0.4, zorder=0.6)
    shown = np.clip(_columns(scores, sheet.pixels(span_s), np.maximum), 0, 1)
    # each score at its beginning and its end: steps, since a frame has one score
    seconds = np.repeat(np.linspace(*span_s, len(shown) + 1), 2)
    bottoms = np.arange(sheet.n_lanes) * canvas.LANE + canvas.CURVE_TOP + canvas.CURVE
    areas = []
    for bottom, curve in zip(bottoms, shown.T, strict=True):
        steps = np.concatenate([[bottom], np.repeat(bottom - curve * canvas.CURVE, 2), [bottom]])
        areas.append(np.stack([seconds, steps], axis=1))
    axes.add_collection(PolyCollection(areas, facecolor=_AREA, linewidth=0), autolim=False)
    lines = [area[1:-1] for area in areas]
    axes.add_collection(LineCollection(lines, colors=canvas.DARK, linewidths=0.7), autolim=False)
    return axes


def _thin_frame(axes) -> None:
    for spine in axes.spines.values():
        spine.set_linewidth(0.6)


def _draw_events(
    axes, sheet: canvas.Sheet, events: Sequence[Event], names: Sequence[str], colour: str
) -> None:
    """Draw events in their half of the lanes; a dark edge parts those that follow one another."""
    from matplotlib.collections import PolyCollection

    least_s = _SEEN * sheet.end_s / sheet.width
    lane_of = {name: lane for lane, name in enumerate(names)}
    boxes = []
    for one in events:
        if one.label in lane_of:
            top = lane_of[one.label] * canvas.LANE + (canvas.HALF if colour == DETECTED else 0) + 1
            first, last = one.onset_s, max(one.offset_s, one.onset_s + least_s)
            bottom = top + canvas.HALF - 2
            boxes.append([(first, top), (last, top), (last, bottom), (first, bottom)])
    bars = PolyCollection(
        boxes, facecolor=colour, edgecolor=_EDGES[colour], linewidth=0.5, zorder=3
    )
    axes.add_collection(bars, autolim=False)
