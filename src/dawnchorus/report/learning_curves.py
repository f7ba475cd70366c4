"""Learning curves of all members; those that did not learn are marked."""

import math
from collections.abc import Mapping, Sequence

from dawnchorus.report.chart import Axis, Series, line_chart
from dawnchorus.report.html import Html, element, number, section, table
from dawnchorus.report.result_data import ResultData

_NOT_CURVES = ("epoch", "rate", "loss", "val_loss", "loss_final", "loss_prior", "loss_shuffled",
               "attempts", "learnt")  # fmt: skip
_LEGEND = 6  # members that a legend names: more curves look alike


def learning_curves(data: ResultData) -> Html:
    """Return the section: loss and validation by epoch of each stage, and whether members learnt."""
    charts, rows = [], []
    said = {(True, False): "yes", (False, False): "no, kept", (False, True): "no, left out"}
    for stage, members in data.histories.items():
        learning = data.metrics["stages"].get(stage, {}).get("learning", {})
        named = {
            f"{member}{'' if learning.get(member, {}).get('learnt', True) else ' (did not learn)'}": own
            for member, own in members.items()
        }
        columns = {key for own in members.values() for row in own for key in row}
        extra = sorted(columns - set(_NOT_CURVES))
        for column in ("loss", "val_loss", *extra):
            chart = _chart(stage, column, named)
            if chart:
                charts.append(chart)
        rows += [
            (f"{stage} {member}", said[about["learnt"], about["left_out"]], about["attempts"],
             number(about["loss_final"], ".4f"),
             number(about["loss_prior"], ".4f"), number(about["loss_shuffled"], ".4f"))
            for member, about in learning.items()
        ]  # fmt: skip
    header = (
        "member",
        "learnt",
        ">attempts",
        ">loss",
        ">of the class prior",
        ">with shuffled targets",
    )
    return section(
        "learning",
        "Learning",
        element("div", *charts, class_="charts") if charts else "",
        table("Whether members learnt", header, rows, True),
    )


def _chart(stage: str, column: str, members: Mapping[str, Sequence[Mapping[str, str]]]) -> Html:
    series = []
    for style, (name, rows) in enumerate(members.items()):
        points = [(float(row["epoch"]), float(row.get(column) or "nan")) for row in rows]
        points = [(x, y) for x, y in points if math.isfinite(y)]
        if points:
            series.append(Series(name, *map(list, zip(*points, strict=True)), style))
    if not series:
        return Html("")
    values = [y for one in series for y in one.y]
    last = max(x for one in series for x in one.x)
    axes = Axis("epoch", 1, max(last, 2)), Axis(column, min(values), max(values))
    title = f"{stage}: {column.replace('val_', 'validation ')} of {len(series)} members"
    return line_chart(title, *axes, series, is_named=len(series) <= _LEGEND)
