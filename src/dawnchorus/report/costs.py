"""Time and memory of each rule, of those jobs that this page comes from."""

from dawnchorus.report.html import Html, element, section, table
from dawnchorus.report.result_data import ResultData

SECTION = "costs"  # the one section whose numbers differ between equal runs


def costs(data: ResultData) -> Html:
    """Return the section. Times are those of a job that wrote the file; memory is the most of a job."""
    rows = []
    for rule, jobs in data.jobs.by_rule.items():
        seconds = [job.seconds for job in jobs]
        memory = [job.memory_mb for job in jobs if job.memory_mb is not None]
        rows.append(
            (rule, len(jobs), f"{sum(seconds):.1f}", f"{max(seconds):.1f}",
             f"{max(memory):.0f}" if memory else "–")
        )  # fmt: skip
    rows.sort(key=lambda row: -float(row[2]))
    return section(
        SECTION,
        "Time and memory",
        element(
            "p",
            "Measured while these results were made, on the machine and beside the work of then.",
        )
        if rows
        else "",
        table(
            "Rules by the time that they took",
            ("rule", ">jobs", ">seconds", ">of the longest", ">most memory (MB)"),
            rows,
            True,
        ),
    )
