"""Charts of scores: ROC and precision-recall curves, histograms and reliability of an ensemble.

Where classes are several, all pairs of recording and class are one list (micro average). Axes: n pairs.

* `curve_charts`: the section.
* `roc_chart`, `precision_recall_chart`: curves of several lists of scores on the same pairs.
"""

import numpy as np

from dawnchorus.metrics import roc
from dawnchorus.report.chart import Axis, Series, bar_chart, line_chart
from dawnchorus.report.html import Html, element, joined, section
from dawnchorus.report.result_data import ResultData, place

_BINS = 20  # of histograms
_SHARE = (0.0, 1.0)


def curve_charts(data: ResultData) -> Html:
    """Return the section: each ensemble on each test, and out of fold."""
    charts = []
    for test, truth in data.truths.items():
        targets = truth.targets.ravel() > 0
        if not (targets.any() and not targets.all()):
            continue
        by_ensemble = {name: found[test].ravel() for name, found in data.scores.items()}
        charts += [
            roc_chart(place(test), targets, by_ensemble),
            precision_recall_chart(place(test), targets, by_ensemble),
        ]
        shown, edges = data.shown_ensemble, np.linspace(0, 1, _BINS + 1)
        if shown is not None:
            counts = [
                (name, np.histogram(by_ensemble[shown][rows], edges)[0].tolist())
                for name, rows in (("negative", ~targets), ("positive", targets))
            ]
            title = f"Scores of {shown}, {place(test)}"
            charts.append(bar_chart(title, Axis("score", *_SHARE), "number", counts))
    charts += _reliability(data)
    note = (
        "All pairs of recording and class are one list." if len(data.metrics["classes"]) > 1 else ""
    )
    return section(
        "curves",
        "Curves",
        element("p", note) if note and charts else "",
        element("div", *charts, class_="charts") if charts else "",
    )


def roc_chart(where: str, targets: np.ndarray, by_ensemble: dict[str, np.ndarray]) -> Html:
    """Return ROC curves of scores (n,) by name, on targets (n,) of both kinds."""
    series = []
    for style, (name, scores) in enumerate(by_ensemble.items()):
        false, true, _ = roc.roc_curve(targets, scores)
        series.append(Series(name, false.tolist(), true.tolist(), style))
    axes = Axis("false positive rate", *_SHARE), Axis("true positive rate", *_SHARE)
    return line_chart(f"ROC, {where}", *axes, series, is_diagonal=True)


def precision_recall_chart(
    where: str, targets: np.ndarray, by_ensemble: dict[str, np.ndarray]
) -> Html:
    """Return curves of precision over recall of scores (n,) by name, on targets (n,) of both kinds."""
    series = []
    n_positive, n_negative = int(targets.sum()), int((~targets).sum())
    for style, (name, scores) in enumerate(by_ensemble.items()):
        false, recall, _ = roc.roc_curve(targets, scores)
        hits, alarms = recall[1:] * n_positive, false[1:] * n_negative
        precision = hits / (hits + alarms)  # the first threshold has one recording at least
        series.append(Series(name, recall[1:].tolist(), precision.tolist(), style))
    axes = Axis("recall", *_SHARE), Axis("precision", *_SHARE)
    return line_chart(f"Precision and recall, {where}", *axes, series)


def _reliability(data: ResultData) -> list[Html]:
    """Return how often recordings of a score are positive, before and after calibration."""
    charts = []
    for name, ensemble in data.metrics["ensembles"].items():
        measured = ensemble["calibration"]
        for where, errors in (*measured["test"].items(), ("out of fold", measured["out_of_fold"])):
            series = [
                Series(
                    f"{name}, {when} calibration" if "after" in errors else name,
                    [bin_["score"] for bin_ in errors[when]["reliability"] if bin_["n"]],
                    [bin_["positive"] for bin_ in errors[when]["reliability"] if bin_["n"]],
                    style,
                    has_dots=True,
                )
                for style, when in enumerate(("before", "after"))
                if when in errors
            ]
            axes = Axis("mean score", *_SHARE), Axis("share of positives", *_SHARE)
            title = f"Reliability of {name}, {where}"
            charts.append(joined([line_chart(title, *axes, series, is_diagonal=True)]))
    return charts
