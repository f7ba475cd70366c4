"""Jobs that SLURM has: none is waited for without end, and why one ended is said in words.

Version 2.8 of Snakemake's plugin waits for ever for a job that the scheduler has forgotten or that
``sacct`` calls ``CANCELLED by 0``, and loses all jobs where the scheduler does not answer for a moment.
It says of a job that ran out of time or memory that it failed. `mend` gives it functions that do better.

* `mend`: put them into the plugin, where it is loaded.
* `end_in_words`: why a job ended, by what SLURM says of it.
* `Answers`: what SLURM has said of the jobs of a run.
"""

import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PLUGIN = "snakemake_executor_plugin_slurm"
UNKNOWN_S = 600.0  # accounting may be minutes late
SILENT_S = 3600.0  # a scheduler may be away while it is upgraded
MOST_POLL_S = 60.0  # the plugin's own interval grows to three minutes
_TAIL = 1 << 14  # bytes of a log
_MEMORY = re.compile(r"oom[-_ ]?kill|exceeded (job )?memory limit|out of memory", re.IGNORECASE)
_ENDS: dict[str, str] = {}  # by number, the sentences of jobs that ended otherwise than well


class Answers:
    """The last answer about the jobs of a run, and since when a job has been in none.

    Parameters
    ----------
    now : float
        Seconds of a clock that only goes forward.
    """

    def __init__(self, now: float):
        self.states: dict[str, str] = {}
        self._answered_s, self._is_silent = now, False
        self._known_s: dict[str, float] = {}

    def take(self, found: Mapping[str, str] | None, now: float) -> bool:
        """Take an answer, or None where there was none; return whether a silence begins with it."""
        begins = found is None and not self._is_silent
        self._is_silent = found is None
        self.states = {}
        if found is not None:
            self._answered_s = now
            # `CANCELLED by 0`: who did it is no part of the state
            self.states = {number: state.split()[0] for number, state in found.items() if state}
            self._known_s |= dict.fromkeys(self.states, now)
        return begins

    def given_up(self, number: str, now: float) -> str | None:
        """Return a sentence where a job is waited for no longer."""
        if self._is_silent:
            if now - self._answered_s < SILENT_S:
                return None
            return f"SLURM has not answered for {SILENT_S / 60:.0f} min (job {number})"
        since = self._known_s.setdefault(number, now)
        if number in self.states or now - since < UNKNOWN_S:
            return None
        return f"SLURM has not known job {number} for {UNKNOWN_S / 60:.0f} min: taken as lost"


def end_in_words(
    number: str, state: str, asked: Mapping[str, Any], logs: Sequence[str | Path]
) -> str | None:
    """Return why a job of SLURM ended; None where the job itself is to say it.

    Parameters
    ----------
    number : str
    state : str
        As ``squeue`` and ``sacct`` have it: ``TIMEOUT``.
    asked : mapping
        What the job asked for: ``mem_mb``, ``runtime`` [min].
    logs : sequence of path
        Logs of the job, and what SLURM caught of its output last.
    """
    # without cgroups SLURM calls a job FAILED that it has ended for memory, and says so in the output
    if state == "OUT_OF_MEMORY" or (state == "FAILED" and logs and _MEMORY.search(_end(logs[-1]))):
        text = f"SLURM ended job {number}: it took more than its memory of {asked.get('mem_mb')} MB"
    elif state == "TIMEOUT":
        text = f"SLURM ended job {number} at its time limit of {asked.get('runtime')} min"
    elif state in ("NODE_FAIL", "BOOT_FAIL"):
        text = f"the node of SLURM job {number} was lost ({state})"
    elif state == "CANCELLED":
        text = f"SLURM job {number} was cancelled"
    elif state in ("", "FAILED"):
        return None
    else:
        text = f"SLURM ended job {number} ({state})"
    return text + last_line(logs)


def last_line(logs: Sequence[str | Path]) -> str:
    """Return ``; LOG ends with: LINE`` of the log that was written to last, or nothing."""
    there = [path for path in logs if os.path.isfile(path) and os.path.getsize(path)]
    if not there:
        return ""
    # the job's own log before SLURM's, which repeats it and Snakemake's words
    newest = max(there[:-1] or there, key=os.path.getmtime)
    lines = [line.strip() for line in _end(newest).splitlines() if line.strip()]
    return f"; {newest} ends with: {lines[-1][:200]}" if lines else ""


def _end(path: str | Path) -> str:
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def end_of(number: str | None) -> str | None:
    """Return the sentence of a job of this run that SLURM has ended, or None."""
    return _ENDS.get(number or "")


def mend() -> None:
    """Give the plugin its functions, where it is loaded; a warning where it is another than known."""
    plugin: Any = sys.modules.get(PLUGIN)
    if plugin is None or hasattr(plugin, "dawnchorus_answers"):
        return
    executor = plugin.Executor
    try:
        query, age = plugin.query_job_status, plugin.get_min_job_age
        check, report = executor.check_active_jobs, executor.report_job_error
        pause = executor.next_seconds_between_status_checks
    except AttributeError as error:
        print(f"warning: {PLUGIN} is not as version 2.8 ({error}): jobs that SLURM forgets are waited "
              "for without end", file=sys.stderr)  # fmt: skip
        return
    answers = plugin.dawnchorus_answers = Answers(time.monotonic())
    ages: list[int] = []

    async def query_job_status(command, logger):
        found, seconds = await query(command, logger)
        if answers.take(found, time.monotonic()):
            name = command.split()[0]
            logger.warning(f"{name} does not answer; jobs are left alone, and it is asked again")
        # where nothing is known the plugin goes on waiting; from None it would forget all jobs
        return answers.states, seconds or 0.0

    def get_min_job_age():
        found = age()
        if found is not None:
            ages[:] = [found]
        return ages[0] if ages else None

    async def check_active_jobs(self, active_jobs):
        async for job in check(self, active_jobs):
            lost = answers.given_up(job.external_jobid, time.monotonic())
            if lost is None:
                yield job
            else:
                self.report_job_error(job, msg=lost, aux_logs=[str(job.aux["slurm_logfile"])])

    def report_job_error(self, job_info, msg=None, **given):
        number, job = job_info.external_jobid, job_info.job
        if number is not None:
            logs = [*map(str, job.log), *given.get("aux_logs", [])]
            asked = job.resources
            said = end_in_words(number, answers.states.get(number, ""), asked, logs)
            # what SLURM no longer says, `given_up` has put into words
            if said is None and msg and number not in answers.states:
                said = msg + last_line(logs)
            if said is not None:
                msg = _ENDS[number] = said
        report(self, job_info, msg, **given)

    plugin.query_job_status, plugin.get_min_job_age = query_job_status, get_min_job_age
    executor.check_active_jobs, executor.report_job_error = check_active_jobs, report_job_error
    executor.next_seconds_between_status_checks = property(
        pause.fget, lambda self, seconds: pause.fset(self, min(seconds, MOST_POLL_S))
    )
