"""The rules behind the results as a graph, drawn in layers; no Graphviz is needed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from dawnchorus.report.html import Html, details, element, section, table
from dawnchorus.report.job_records import Job
from dawnchorus.report.result_data import ResultData

_WIDTH, _HEIGHT, _GAP, _LAYER = 150, 34, 14, 64  # of a box, between boxes, from layer to layer


def rule_graph(data: ResultData) -> Html:
    """Return the section: a box per rule with its number of jobs, an arrow to each that reads it."""
    counts = {rule: len(jobs) for rule, jobs in data.jobs.by_rule.items()}
    if not counts:
        return Html("")
    places = _places(data.jobs.by_rule)
    width = max(x for x, _ in places.values()) + _WIDTH + _GAP
    height = max(y for _, y in places.values()) + _HEIGHT + _GAP
    drawn = []
    for one, other in sorted(data.jobs.edges):
        # a curve from the lower edge of a box to the upper edge of another
        x, y = places[one][0] + _WIDTH // 2, places[one][1] + _HEIGHT
        end_x, end_y = places[other][0] + _WIDTH // 2, places[other][1]
        curve = f"M{x} {y}C{x} {y + 16} {end_x} {end_y - 16} {end_x} {end_y}"
        drawn.append(element("path", d=curve, class_="edge", marker_end="url(#arrow)"))
    for rule, (x, y) in places.items():
        middle = x + _WIDTH / 2
        drawn += [
            element("rect", x=x, y=y, width=_WIDTH, height=_HEIGHT, rx=5, class_="node"),
            element("text", rule, x=middle, y=y + 15, text_anchor="middle"),
            element(
                "text",
                _jobs(counts[rule]),
                x=middle,
                y=y + 28,
                text_anchor="middle",
                class_="minor",
            ),
        ]
    arrow = element(
        "defs",
        element(
            "marker",
            element("path", d="M0 0L8 4L0 8z", class_="arrow"),
            id="arrow", viewBox="0 0 8 8", refX=8, refY=4, markerWidth=7, markerHeight=7, orient="auto",
        ),
    )  # fmt: skip
    title = "Rules behind the results, from data (top) to scores (bottom)"
    picture = element(
        "svg", arrow, *drawn, viewBox=f"0 0 {width} {height}", role="img", class_="graph",
        style=f"max-width: {width}px", **{"aria-label": title},
    )  # fmt: skip
    rows = [
        (rule, _jobs(counts[rule]), ", ".join(sorted(b for a, b in data.jobs.edges if a == rule)))
        for rule in places
    ]
    return section(
        "graph",
        "Steps",
        element("figure", element("div", picture, class_="wide"), element("figcaption", title)),
        details("The same as a table", table("Rules", ("rule", "jobs", "is read by"), rows)),
    )


def _jobs(n: int) -> str:
    return f"{n} job{'' if n == 1 else 's'}"


def _places(jobs: Mapping[str, Sequence[Job]]) -> dict[str, tuple[int, int]]:
    """Return left and top of each box.

    A rule stands where its first job does: a second stage goes through the same rules again, and its
    arrows go up.
    """
    layers = defaultdict(list)
    for rule in sorted(jobs):
        layers[min(job.depth for job in jobs[rule])].append(rule)
    widest = max(map(len, layers.values()))
    return {
        rule: (
            _GAP + round((index + (widest - len(layers[depth])) / 2) * (_WIDTH + _GAP)),
            _GAP + number * _LAYER,
        )
        for number, depth in enumerate(sorted(layers))
        for index, rule in enumerate(layers[depth])
    }
