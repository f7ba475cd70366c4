"""The figure of a corpus: hours of sound by class, site and month.

* `draw_corpus`: the figure.
* `hours_of`: the hours, by what a recording is of.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from dawnchorus.corpora.tables import Labelled
from dawnchorus.formats import recording_times
from dawnchorus.plots import paper_figure

MOST_BARS = 30  # of a panel; the others are one bar
_BAR_CM, _PANEL_CM = 0.35, 2.0
NONE, UNKNOWN = "(none of the classes)", "(not known)"


def hours_of(
    labels: Sequence[Labelled], durations_s: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """Return hours by class, by site and by month.

    A recording of several classes counts in each of them, so hours by class add up to more than the
    corpus has. The site is the group of a recording, else what its name says; the month is that of a name
    that holds a date.

    Parameters
    ----------
    labels : sequence of Labelled
    durations_s : mapping of id to float
        Recordings that are not in it are left out.
    """
    found: dict[str, dict[str, float]] = {
        name: defaultdict(float) for name in ("class", "site", "month")
    }
    for one in labels:
        hours = durations_s.get(one.id, 0.0) / 3600
        start = recording_times.start_of(one.id)
        classes = one.labels or (NONE if one.labelled else UNKNOWN,)
        for name in classes:
            found["class"][name] += hours
        found["site"][one.group or recording_times.site_of(one.id) or UNKNOWN] += hours
        found["month"][f"{start:%Y-%m}" if start else UNKNOWN] += hours
    return {name: dict(hours) for name, hours in found.items()}


def draw_corpus(hours: Mapping[str, Mapping[str, float]], output: str | Path, title: str) -> None:
    """Draw hours by class, site and month as bars.

    Parameters
    ----------
    hours : mapping
        As `hours_of` gives them.
    output : path
        An SVG or a PNG.
    title : str
    """
    most = max((max(of.values(), default=0.0) for of in hours.values()), default=0.0)
    unit, factor = ("hours", 1) if most >= 1 else ("minutes", 60)
    panels = {}
    for name, of in hours.items():
        # months in their order, others by what there is most of
        order = sorted(of) if name == "month" else sorted(of, key=lambda key: (-of[key], key))
        shown = {key: of[key] for key in order[:MOST_BARS]}
        if rest := order[MOST_BARS:]:
            shown[f"({len(rest)} more)"] = sum(of[key] for key in rest)
        panels[name] = shown
    heights = [_PANEL_CM + _BAR_CM * len(shown) for shown in panels.values()]
    with paper_figure.new_figure(sum(heights)) as figure:
        figure.suptitle(title, size="medium")
        axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
        for panel, (name, shown) in zip(axes, panels.items(), strict=True):
            panel.barh(
                range(len(shown)),
                [factor * value for value in shown.values()],
                color=paper_figure.COLOURS[0],
            )
            panel.set_yticks(range(len(shown)), list(shown))
            panel.invert_yaxis()
            panel.set_xlabel(f"recorded {unit}")
            panel.set_title(f"by {name}")
        paper_figure.save(figure, output)
