"""Audit of pseudo-labels: how many were kept, and how many of them are wrong."""

from dawnchorus.report.chart import Axis, bar_chart
from dawnchorus.report.html import Html, element, number, section, table
from dawnchorus.report.result_data import ResultData

_MOST_CHARTS = 6  # classes with a histogram


def label_audit(data: ResultData) -> Html:
    """Return the section; the ground truth was used for it alone."""
    made = []
    for stage, audit in data.audits.items():
        text = (
            f"Stage {stage} took {audit['kept']} of {audit['candidates']} recordings of "
            f"{', '.join(audit['unlabelled'])} with pseudo-labels of stage {audit['teacher']}."
        )
        rows = [
            (label, about["kept_high"], about["kept_low"], _share(about["errors"]["kept"]),
             _share(about["errors"]["candidates"]), number(about["auroc"]["candidates"]))
            for label, about in audit["classes"].items()
        ]  # fmt: skip
        header = ("class", ">kept as present", ">kept as absent", ">wrong of kept",
                  ">wrong of all", ">AUROC of all")  # fmt: skip
        charts = [
            bar_chart(
                f"{label}: scores of stage {audit['teacher']}",
                Axis("score", 0, 1),
                "recordings",
                [(name, about["histogram"][name]) for name in ("candidates", "kept")],
            )
            for label, about in list(audit["classes"].items())[:_MOST_CHARTS]
        ]
        made += [
            element("p", text),
            table(f"Pseudo-labels of stage {stage}", header, rows, True),
            element("div", *charts, class_="charts"),
        ]
    return section("audit", "Pseudo-labels", *made)


def _share(errors: dict) -> str:
    if not errors["known"]:
        return "unknown"
    return f"{errors['wrong']} of {errors['known']} ({errors['error_rate']:.1%})"
