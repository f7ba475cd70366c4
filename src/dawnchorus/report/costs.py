"""Time, memory and energy of each rule, of those jobs that this page comes from.

* `costs`: the section; `SECTION`: its identifier.
"""

from dawnchorus.report.html import UNDEFINED, Html, element, section, table
from dawnchorus.report.result_data import ResultData

SECTION = "costs"  # the one section whose numbers differ between equal runs
_KWH_J = 3.6e6


def costs(data: ResultData) -> Html:
    """Return the section. Times are those of a job that wrote the file; memory is the most of a job."""
    rows = []
    for rule, jobs in data.jobs.by_rule.items():
        seconds = [job.seconds for job in jobs]
        memory = [job.memory_mb for job in jobs if job.memory_mb is not None]
        energy = [job.energy_j for job in jobs if job.energy_j is not None]
        rows.append(
            (rule, len(jobs), f"{sum(seconds):.1f}", f"{max(seconds):.1f}",
             f"{max(memory):.0f}" if memory else UNDEFINED,
             f"{sum(energy) / 1e3:.1f}" if energy else UNDEFINED)
        )  # fmt: skip
    rows.sort(key=lambda row: -float(row[2]))
    counted = [
        job for jobs in data.jobs.by_rule.values() for job in jobs if job.energy_j is not None
    ]
    total_j = sum(job.energy_j for job in counted)
    n_jobs = sum(map(len, data.jobs.by_rule.values()))
    command = data.jobs.files.get(data.asked["metrics"], {}).get("command", "")
    return section(
        SECTION,
        "Time and memory",
        element(
            "p",
            "Measured while these results were made, on the machine and beside the work of then."
            + (
                f" Energy is what the machine counted of whole processors and GPUs in {len(counted)} of "
                f"{n_jobs} jobs, {total_j / _KWH_J:.3f} kWh: two jobs at once count it twice."
                if counted
                else " No energy was counted: this machine has no counter that could be read."
            ),
        )
        if rows
        else "",
        table(
            "Rules by the time that they took",
            ("rule", ">jobs", ">seconds", ">of the longest", ">most memory (MB)", ">energy (kJ)"),
            rows,
            True,
        ),
        element("p", "The scores were made by: ", element("code", command)) if command else "",
    )
