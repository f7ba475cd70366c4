"""Sections of a comparison of runs: what is compared, scores, curves, classes, learning.

Axes: N recordings, C classes. Each takes a `dawnchorus.report.run_differences.Comparison` and returns
its section.

* `compared_runs`, `compared_scores`, `difference_rows`: runs, their scores, and paired differences.
* `compared_curves`, `compared_classes`, `compared_learning`: curves, classes and validation side by side.
* `differing_recordings`: recordings that one run scores much better than another, to listen to.
"""

import math
from collections.abc import Iterable
from statistics import fmean

import numpy as np

from dawnchorus.metrics import roc
from dawnchorus.report.chart import Axis, Series, interval_chart, line_chart
from dawnchorus.report.curve_charts import precision_recall_chart, roc_chart
from dawnchorus.report.html import (
    Html,
    bullets,
    element,
    joined,
    number,
    section,
    table,
    with_interval,
)
from dawnchorus.report.overview import recording_counts
from dawnchorus.report.result_data import place
from dawnchorus.report.run_differences import SCORES, Comparison, Difference
from dawnchorus.report.score_tables import event_header, event_rows, score_header, score_rows
from dawnchorus.report.worst_clips import clip_items

DIFFERENCE_HEADER = (
    "better if above 0", "minus", "on", "score", ">difference", ">p", ">p (Holm)",
)  # fmt: skip
_SHOWN = 5  # recordings that a run scores better, and as many that it scores worse
_MOST_ROWS = 40  # of the chart of differences


def compared_runs(compared: Comparison) -> Html:
    """Return what the runs are, and what could not be compared."""
    first, *others = compared.runs
    tests = [place(test) for test in compared.truths]
    text = (
        f"{', '.join(others)} beside {first}: scores of the same recordings, {' and '.join(tests)}. A "
        f"difference is that of a run and {first}, both in the same bootstrap replicates, so what makes "
        "recordings hard for both is not in its interval. Models are not resampled: an interval tells "
        "of other recordings, not of another training."
        if others
        else f"{first}, beside published scores."
    )
    rows = []
    for name, run in compared.runs.items():
        n_used, hours, n_excluded = recording_counts(run)
        rows.append(
            (
                name,
                ", ".join(
                    dict.fromkeys(s["model"]["name"] for s in run.settings["stages"].values())
                ),
                sum(len(stage["members"]) for stage in run.metrics["stages"].values()),
                ", ".join(run.settings["train"]),
                ", ".join(run.settings["test"]) or "other folds",
                f"{n_used:,}",
                f"{hours:.2f}",
                f"{n_excluded:,}",
                run.settings["seed"],
            )
        )
    header = ("run", "network", ">models", "trained on", "tested on", ">recordings used", ">hours",
              ">excluded", ">seed")  # fmt: skip
    return section(
        "runs",
        "What is compared",
        element("p", text),
        table("Runs", header, rows),
        bullets(compared.notes),
    )


def compared_scores(compared: Comparison) -> Html:
    """Return the scores of all runs, and their paired differences."""
    rows, detected = [], []
    for name, run in compared.runs.items():
        for ensemble, scores in run.metrics["ensembles"].items():
            rows += [(name, *row) for row in score_rows(ensemble, "", scores)]
        if run.events is not None:
            detected += [(name, *row) for row in event_rows(run.events)]
    changes = compared.differences
    drawn = [
        (
            f"{SCORES[one.score]}: {compared.label(*one.second)}, {one.where}",
            *(one.found[key] for key in ("difference", "low", "high")),
        )
        for one in changes[:_MOST_ROWS]
    ]
    confidence = compared.first.settings["evaluation"]["confidence"]
    note = (
        f"Intervals of {confidence:.0%}. p (Holm) is adjusted for the {len(changes)} differences of this "
        "table: one below 0.05 may be called a difference, in whichever row it stands."
    )
    return section(
        "scores",
        "Scores",
        table("Ensembles of all runs", ("run", *score_header(compared.first.metrics)), rows),
        table("Detected events of all runs", ("run", *event_header()), detected),
        element("p", note) if changes else "",
        table(
            "Paired differences on the same recordings",
            DIFFERENCE_HEADER,
            difference_rows(changes, compared),
        ),
        interval_chart(f"Differences from {next(iter(compared.runs))}", drawn, "difference")
        if drawn
        else "",
    )


def difference_rows(changes: Iterable[Difference], compared: Comparison) -> list[tuple]:
    """Return the cells under `DIFFERENCE_HEADER` of each difference."""
    return [
        (
            compared.label(*one.second),
            compared.label(*one.first),
            one.where,
            SCORES[one.score],
            with_interval(one.found, "difference", "+.3f"),
            number(one.found["p_two_sided"]),
            number(one.p_holm),
        )
        for one in changes
    ]


def compared_curves(compared: Comparison) -> Html:
    """Return ROC and precision-recall curves of the shown ensemble of each run."""
    charts = []
    for test, truth in compared.truths.items():
        targets = truth.targets.ravel() > 0
        if targets.any() and not targets.all():
            by_run = {
                name: scores.ravel() for name, scores in _shown_scores(compared, test).items()
            }
            charts += [
                roc_chart(place(test), targets, by_run),
                precision_recall_chart(place(test), targets, by_run),
            ]
    return section(
        "curves", "Curves", element("div", *charts, class_="charts") if charts else Html("")
    )


def compared_classes(compared: Comparison) -> Html:
    """Return the AUROC of each class in each run, in a table that sorts and filters."""
    if len(compared.first.metrics["classes"]) < 2:
        return Html("")
    rows: list[tuple] = []
    first, *others = compared.runs
    for test, truth in compared.truths.items():
        values = {
            name: roc.auroc_per_class(truth.targets, scores).tolist()
            for name, scores in _shown_scores(compared, test).items()
        }
        for column, label in enumerate(truth.class_names):
            own = [values[name][column] for name in compared.runs]
            changes = (number(one - own[0], "+.3f") for one in own[1:])
            n = int(truth.targets[:, column].sum())
            rows.append((label, place(test), n, *map(number, own), *changes))
    titles = (
        *(f">AUROC, {name}" for name in compared.runs),
        *(f">{name} minus {first}" for name in others),
    )
    header = ("class", "on", ">positives", *titles)
    return section("classes", "Classes", table("AUROC of each class", header, rows, True))


def compared_learning(compared: Comparison) -> Html:
    """Return what was measured after each epoch, mean over the members of a stage, of all runs."""
    curves: dict[str, list[Series]] = {}
    for name, run in compared.runs.items():
        for stage, members in run.histories.items():
            label = name if len(run.histories) == 1 else f"{name}, {stage}"
            style = list(compared.runs).index(name)
            found: dict[str, dict[float, list[float]]] = {}
            cells = (
                (*cell, row["epoch"])
                for rows in members.values()
                for row in rows
                for cell in row.items()
            )
            for column, text, epoch in cells:
                # the losses, and what was measured on validation
                is_curve = column == "loss" or column.startswith("val_")
                if is_curve and math.isfinite(value := float(text or "nan")):
                    found.setdefault(column, {}).setdefault(float(epoch), []).append(value)
            for column, by_epoch in found.items():
                epochs = sorted(by_epoch)
                means = [fmean(by_epoch[epoch]) for epoch in epochs]
                curves.setdefault(column, []).append(Series(label, epochs, means, style))
    charts = []
    for column, series in curves.items():
        values = [y for one in series for y in one.y]
        last = max(x for one in series for x in one.x)
        axes = Axis("epoch", 1, max(last, 2)), Axis(column, min(values), max(values))
        title = f"{column.replace('val_', 'validation ')}, mean over members"
        charts.append(line_chart(title, *axes, series))
    return section(
        "learning", "Learning", element("div", *charts, class_="charts") if charts else Html("")
    )


def differing_recordings(compared: Comparison) -> Html:
    """Return the recordings that the second run scores better than the first, and worse."""
    first, *others = compared.runs
    made = []
    for name in others:
        for test in list(compared.truths)[:1]:
            truth, scores = compared.truths[test], _shown_scores(compared, test)
            # towards the truth: up where the class is there, down where it is not
            gain = (scores[name] - scores[first]) * np.where(truth.targets > 0, 1, -1)
            gain[(truth.background > 0) & ~(truth.targets > 0)] = 0
            for title, order in (("better", -gain), ("worse", gain)):
                order = order.ravel()
                chosen = np.argsort(order, kind="stable")[:_SHOWN]
                places = [divmod(int(i), gain.shape[1]) for i in chosen if order[i] < 0]
                run = compared.runs[name]
                told = [
                    f" {first} {scores[first][at]:.3f}, {name} {scores[name][at]:.3f}"
                    for at in places
                ]
                items = clip_items(run, str(run.shown_ensemble), truth, places, told)
                if items:
                    made += [
                        element("h3", f"{name} scores these {title} than {first}"),
                        element("p", f"Recordings of {place(test)}."),
                        element("ol", *items, class_="clips"),
                    ]
    return section("worst", "Recordings that differ most", joined(made))


def _shown_scores(compared: Comparison, test: str) -> dict[str, np.ndarray]:
    """Return the scores (N, C) of the shown ensemble of each run, in the order of the first's."""
    truth, found = compared.truths[test], {}
    for name, run in compared.runs.items():
        if run.shown_ensemble is not None:
            row_of = {one: row for row, one in enumerate(run.truths[test].recordings)}
            rows = [row_of[one] for one in truth.recordings]
            found[name] = run.scores[run.shown_ensemble][test][rows]
    return found
