"""Charts as SVG that takes the colours of the page: light, dark and printed.

The letters are letters: a search finds them. Series differ by dashes and by colours that the
colour-blind tell apart, after Okabe and Ito (2008). Equal numbers give equal bytes.

* `line_chart`: curves over two axes, with dots or without; `bar_chart`: counts over bins.
* `interval_chart`: a value with its interval in each row.
* `Series`: one curve.
* `Axis`: what an axis is called and from where to where it goes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dawnchorus.report.html import Html, element, joined

WIDTH, HEIGHT = 360, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 10, 40
N_STYLES = 6  # colours of the style sheet
MOST_POINTS = 240  # of a curve: more are not told apart at this size


@dataclass(frozen=True)
class Series:
    """A curve: its name and the points (n) of it; ``style`` chooses colour and dashes."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    style: int = 0
    has_dots: bool = False


@dataclass(frozen=True)
class Axis:
    """Name of an axis, and from where to where it goes."""

    name: str
    low: float
    high: float


def line_chart(
    title: str,
    x_axis: Axis,
    y_axis: Axis,
    series: Sequence[Series],
    is_diagonal: bool = False,
    is_named: bool = True,
) -> Html:
    """Return a figure with curves.

    Parameters
    ----------
    title : str
        What is drawn: caption, and what a screen reader says.
    x_axis, y_axis : Axis
    series : sequence of Series
        Points outside the axes lie on the edge.
    is_diagonal : bool, optional
        Whether the diagonal is drawn: chance, or perfect agreement.
    is_named : bool, optional
        Whether the names of curves stand below.
    """
    drawn = [_axes(x_axis, y_axis)]
    if is_diagonal:
        drawn.append(_path([(_LEFT, HEIGHT - _BOTTOM), (WIDTH - _RIGHT, _TOP)], "guide"))
    for one in series:
        points = list(zip(one.x, one.y, strict=True))
        n = min(len(points), MOST_POINTS)
        chosen = [points[round(index * (len(points) - 1) / max(n - 1, 1))] for index in range(n)]
        places = [(_x(x_axis, x), _y(y_axis, y)) for x, y in chosen]
        style = f"s{one.style % N_STYLES}"
        drawn.append(_path(places, f"line {style}", one.name))
        if one.has_dots:
            drawn += [
                element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="3", class_=f"dot {style}")
                for x, y in places
            ]
    return _figure(title, drawn, [(one.name, one.style) for one in series] if is_named else [])


def bar_chart(
    title: str,
    x_axis: Axis,
    y_name: str,
    counts: Sequence[tuple[str, Sequence[float]]],
) -> Html:
    """Return a figure with bars of equal width over an axis, of several series beside each other.

    Parameters
    ----------
    title : str
        Caption.
    x_axis : Axis
        Divided evenly by the bins.
    y_name : str
    counts : sequence of (name, numbers)
        As many numbers each.
    """
    highest = max((max(values, default=0) for _, values in counts), default=0) or 1
    y_axis = Axis(y_name, 0, highest)
    drawn = [_axes(x_axis, y_axis)]
    n_bins = len(counts[0][1])
    step = (WIDTH - _LEFT - _RIGHT) / n_bins
    width = step / (len(counts) + 0.3)
    for place, (name, values) in enumerate(counts):
        for index, value in enumerate(values):
            top = _y(y_axis, value)
            drawn.append(
                element(
                    "rect",
                    element("title", f"{name}: {value:g}"),
                    x=f"{_LEFT + index * step + place * width:.1f}",
                    y=f"{top:.1f}",
                    width=f"{width:.1f}",
                    height=f"{HEIGHT - _BOTTOM - top:.1f}",
                    class_=f"bar s{place % N_STYLES}",
                )
            )
    return _figure(title, drawn, [(name, place) for place, (name, _) in enumerate(counts)])


def interval_chart(title: str, rows: Sequence[tuple[str, float, float, float]], name: str) -> Html:
    """Return a figure with a dot and a line in each row, beside a line at 0.

    Parameters
    ----------
    title : str
        Caption.
    rows : sequence of (name, value, low, high)
        NaN or None as a bound: no line.
    name : str
        Of the axis.
    """
    known = [x for _, *values in rows for x in values if x is not None and math.isfinite(x)]
    reach = 1.1 * max((abs(x) for x in known), default=0) or 1.0
    width, left, right, lane, foot = 640, 250, 12, 22, 40
    axis, bottom = Axis(name, -reach, reach), len(rows) * lane + 6

    def x_of(value: float) -> float:
        return left + _share(axis, value) * (width - left - right)

    drawn = []
    for tick in _ticks(axis):
        x, style = x_of(tick), "grid" if tick else "guide"
        drawn += [
            _path([(x, 4), (x, bottom)], style),
            _text(x, bottom + 14, f"{tick:+g}", "middle"),
        ]
    drawn.append(_text((left + width - right) / 2, bottom + foot - 8, name, "middle"))
    for number, (label, value, low, high) in enumerate(rows):
        y = number * lane + 16
        drawn.append(_text(left - 8, y + 4, label, "end"))
        if low is not None and high is not None and math.isfinite(low + high):
            drawn.append(_path([(x_of(low), y), (x_of(high), y)], "line s0"))
        if value is not None and math.isfinite(value):
            drawn.append(element("circle", cx=f"{x_of(value):.1f}", cy=y, r=4, class_="dot s0"))
    labelled = {"aria-label": title}
    picture = element(
        "svg", *drawn, viewBox=f"0 0 {width} {bottom + foot}", role="img", class_="bars", **labelled
    )
    return element("figure", element("div", picture, class_="wide"), element("figcaption", title))


def _figure(title: str, drawn: Sequence[Html], names: Sequence[tuple[str, int]]) -> Html:
    """Return the picture with its caption and the names of its series."""
    labelled = {"aria-label": title}
    picture = element(
        "svg", *drawn, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", class_="chart", **labelled
    )
    key = [
        element(
            "li",
            element(
                "svg",
                _path([(0, 6), (26, 6)], f"line s{style % N_STYLES}"),
                viewBox="0 0 26 12",
                class_="key",
                **{"aria-hidden": "true"},
            ),
            name,
        )
        for name, style in names
    ]
    legend = element("ul", *key, class_="legend") if key else ""
    return element("figure", picture, element("figcaption", title), legend)


def _axes(x_axis: Axis, y_axis: Axis) -> Html:
    """Return grid, ticks and names of both axes."""
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    drawn = []
    for value in _ticks(x_axis):
        x = _x(x_axis, value)
        drawn += [
            _path([(x, _TOP), (x, bottom)], "grid"),
            _text(x, bottom + 14, f"{value:g}", "middle"),
        ]
    for value in _ticks(y_axis):
        y = _y(y_axis, value)
        drawn += [
            _path([(_LEFT, y), (right, y)], "grid"),
            _text(_LEFT - 6, y + 4, f"{value:g}", "end"),
        ]
    middle = (_TOP + bottom) / 2
    turned = element(
        "text",
        y_axis.name,
        transform=f"translate(12 {middle:.1f}) rotate(-90)",
        text_anchor="middle",
    )
    return joined([*drawn, _text((_LEFT + right) / 2, HEIGHT - 6, x_axis.name, "middle"), turned])


def _ticks(axis: Axis) -> list[float]:
    """Return three to six round values of an axis."""
    span = axis.high - axis.low
    if not span > 0:
        return [axis.low]
    power = 10 ** math.floor(math.log10(span))
    step = next(s for s in (power / 5, power / 2, power, 2 * power) if span / s <= 5.5)
    first = math.ceil(axis.low / step - 1e-9)
    last = math.floor(axis.high / step + 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def _x(axis: Axis, value: float) -> float:
    return _LEFT + _share(axis, value) * (WIDTH - _LEFT - _RIGHT)


def _y(axis: Axis, value: float) -> float:
    return HEIGHT - _BOTTOM - _share(axis, value) * (HEIGHT - _TOP - _BOTTOM)


def _share(axis: Axis, value: float) -> float:
    if not axis.high > axis.low:
        return 0.5
    return min(max((value - axis.low) / (axis.high - axis.low), 0.0), 1.0)


def _path(points: Sequence[tuple[float, float]], style: str, name: str = "") -> Html:
    if not points:
        return Html("")
    drawn = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return element("path", element("title", name) if name else "", d=drawn, class_=style)


def _text(x: float, y: float, text: str, anchor: str) -> Html:
    return element("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)
