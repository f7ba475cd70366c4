"""The report of an experiment: one file that opens offline.

* `write_report`: all sections as one HTML file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dawnchorus.report.class_tables import class_tables
from dawnchorus.report.costs import costs
from dawnchorus.report.curve_charts import curve_charts
from dawnchorus.report.event_bars import event_bars
from dawnchorus.report.html import write_page
from dawnchorus.report.label_audit import label_audit
from dawnchorus.report.learning_curves import learning_curves
from dawnchorus.report.manifest import manifest
from dawnchorus.report.methods_text import methods_text
from dawnchorus.report.overview import overview
from dawnchorus.report.result_data import read_results
from dawnchorus.report.rule_graph import rule_graph
from dawnchorus.report.score_tables import score_tables
from dawnchorus.report.worst_clips import worst_clips

# in the order of the page: what was found first, how it was made last
SECTIONS = {
    "overview": overview, "scores": score_tables, "curves": curve_charts, "classes": class_tables,
    "learning": learning_curves, "audit": label_audit, "events": event_bars, "worst": worst_clips,
    "costs": costs, "graph": rule_graph, "methods": methods_text, "manifest": manifest,
}  # fmt: skip
_TITLES = {
    "overview": "What was run", "scores": "Scores", "curves": "Curves", "classes": "Classes",
    "learning": "Learning", "audit": "Pseudo-labels", "events": "Events", "worst": "Recordings",
    "costs": "Time and memory", "graph": "Steps", "methods": "Methods", "manifest": "Settings",
}  # fmt: skip


def write_report(asked: Mapping[str, Any], path: str | Path) -> None:
    """Write the report of an experiment.

    Parameters
    ----------
    asked : mapping
        What `dawnchorus.report.result_data.read_results` reads, and ``windows`` (window scores by stage
        and corpus), ``sound`` (by corpus ``folder`` and number of ``shards``) and ``detections``
        (``ensemble``, ``decoding``, ``corpus``, ``path``, ``events``).
    path : path
    """
    data = read_results(asked)
    sections = {name: (_TITLES[name], build(data)) for name, build in SECTIONS.items()}
    write_page(asked["name"], f"{asked['name']}: report", sections, path)
