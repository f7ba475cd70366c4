"""Several runs on one page: a file that opens offline, in the order of a report.

* `write_comparison`: all sections as one HTML file.
"""

from collections.abc import Sequence
from pathlib import Path

from dawnchorus.report.agreement_table import Agreement, agreement_section
from dawnchorus.report.comparison_sections import (
    compared_classes,
    compared_curves,
    compared_learning,
    compared_runs,
    compared_scores,
    differing_recordings,
)
from dawnchorus.report.comparison_settings import (
    compared_costs,
    differing_settings,
    reproduction,
)
from dawnchorus.report.html import write_page
from dawnchorus.report.run_differences import Comparison

SECTIONS = {
    "runs": ("What is compared", compared_runs), "settings": ("Settings", differing_settings),
    "scores": ("Scores", compared_scores), "curves": ("Curves", compared_curves),
    "classes": ("Classes", compared_classes), "learning": ("Learning", compared_learning),
    "worst": ("Recordings", differing_recordings), "costs": ("Time", compared_costs),
    "again": ("To make them again", reproduction),
}  # fmt: skip


def write_comparison(
    compared: Comparison,
    path: str | Path,
    published: Sequence[Agreement] = (),
    source: str = "",
) -> None:
    """Write the page of a comparison.

    Parameters
    ----------
    compared : Comparison
        One run is enough beside published scores.
    path : path
    published : sequence of Agreement, optional
        Scores of the runs beside published ones.
    source : str, optional
        Where those were published.
    """
    *others, last = compared.runs
    heading = f"{', '.join(others)} and {last}" if others else last
    sections = {key: (title, build(compared)) for key, (title, build) in SECTIONS.items()}
    runs, rest = sections.pop("runs"), sections
    agrees = ("Published scores", agreement_section(list(published), source))
    write_page(heading, f"{heading}: comparison", {"runs": runs, "published": agrees, **rest}, path)
