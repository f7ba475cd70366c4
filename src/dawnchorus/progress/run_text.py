"""Lines about a run, for a terminal of some width.

* `live_lines`: a few lines that are drawn again and again; `done_line`: what stays of a job.
* `status_lines`: what ``dawnchorus status`` prints.
* `failure_lines`: one sentence and the log of each failure.
* `duration`: seconds for a person.

Lines are cut to the width, in cells: no terminal breaks them.
"""

import platform
import time
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from dawnchorus.progress.run_files import SILENT_S, LastRun, is_process
from dawnchorus.progress.run_state import Job, RunState

_BAR = 20  # cells
_LEAST_JOBS = 3  # running jobs are shown, however small the terminal


def duration(seconds: float) -> str:
    """Return seconds as a person says them: ``45 s``, ``12 min``, ``2 h 05 min``, ``3 d 4 h``."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"


def live_lines(state: RunState, width: int, height: int, now: float) -> list[Text]:
    """Return the lines of a live display.

    Parameters
    ----------
    state : RunState
    width, height : int
        Cells and lines of the terminal.
    now : float
        Seconds of the epoch.
    """
    lines = [Text(fitted(_head(state, now), width), "bold")]
    over = state.over()
    active = [rule for rule in state.steps if rule not in over and state.running_of(rule)]
    longest = max(map(len, active), default=0)
    for rule in active:
        n_done, n = state.done.get(rule, 0), state.steps[rule]
        left_s = state.step_left_s(rule, now)
        left = "" if left_s is None else f"  {duration(left_s)} left"
        filled = _BAR * n_done // n
        line = Text(f"  {rule:<{longest}}  ")
        line.append("█" * filled, "green").append("░" * (_BAR - filled), "bright_black")
        line.append(f" {n_done}/{n}{left}")
        line.truncate(width)
        lines.append(line)
    waiting = [rule for rule in state.steps if rule not in over and rule not in active]
    for title, rules in (("done", over), ("to come", waiting)):
        if rules:
            counts = ", ".join(f"{rule} {state.steps[rule]}" for rule in rules)
            lines.append(Text(fitted(f"  {title}: {counts}", width), "bright_black"))
    jobs, room = list(state.running.values()), max(_LEAST_JOBS, height - len(lines) - 3)
    # those that tell most come first; the order stays while they run
    shown = jobs if len(jobs) <= room else sorted(jobs, key=lambda job: job.told is None)[:room]
    lines += [Text(job_line(state, job, width, now)) for job in shown]
    if len(jobs) > len(shown):
        lines.append(Text(f"and {len(jobs) - len(shown)} more jobs", "bright_black"))
    return lines


def _head(state: RunState, now: float) -> str:
    head = f"{state.n_done} of {state.n_jobs} jobs done in {duration(now - state.started)}"
    left_s, is_all = state.left_s(now)
    if left_s is not None and (is_all or left_s >= 1):
        head += f", {'about' if is_all else 'at least'} {duration(left_s)} left"
    if n_failed := sum(not one.is_stop for one in state.failures.values()):
        head += f", {n_failed} FAILED"
    return head


def job_line(state: RunState, job: Job, width: int, now: float, where: str = "") -> str:
    """Return the line of a running job: its name, what it does, and the time that it has left.

    Where that is too long, what matters least is left out: the name and the time stay.
    """
    name = f"{state.name(job)}{where}: "
    if job.told is None:
        waits = "waits for the scheduler" if state.is_remote else "starts"
        return fitted(f"{name}{waits}, {duration(now - job.since)}", width)
    left_s, since_s = job.left_s(now), now - job.told["started"]
    # what has counted nothing yet tells at least how long it runs
    last = f"{duration(since_s)} so far" if left_s is None else f"{duration(left_s)} left"
    return _with_parts(name, job, last, width)


def done_line(state: RunState, job: Job, width: int, now: float) -> str:
    """Return the line of a job that has finished: its last count is its result."""
    return _with_parts(f"{state.name(job)}: ", job, f"done in {duration(now - job.since)}", width)


def _with_parts(name: str, job: Job, last: str, width: int) -> str:
    parts = list((job.told or {}).get("parts", []))
    while parts and cell_len(name + ", ".join([*parts, last])) > width:
        parts.pop()
    return fitted(name + ", ".join([*parts, last]), width)


def fitted(text: str, width: int) -> str:
    """Return a text in at most ``width`` cells, its end replaced by dots where it is longer."""
    return text if cell_len(text) <= width else f"{set_cell_size(text, max(0, width - 1))}…"


def failure_lines(state: RunState) -> list[str]:
    """Return a sentence and the log of each job that stopped or failed, not cut; failures last."""
    lines = []
    for is_stop, did in ((True, "stopped"), (False, "failed")):
        found = [one for one in state.failures.values() if one.is_stop == is_stop]
        if found:
            lines.append(f"{len(found)} job{'s' if len(found) > 1 else ''} {did}:")
        for one in found:
            lines += [f"  {one.name}: {one.sentence}", f"    log: {one.log}"]
    return lines


def status_lines(run: LastRun, width: int, now: float) -> list[str]:
    """Return what is done, running and where, waiting, and failed with its sentence."""
    state, is_alive = run.state, run.is_alive(now)
    began = f"began {_date(state.started)} as process {run.pid} on {run.host}"
    if is_alive:
        left_s, is_all = state.left_s(now)
        lines = [began, _head(state, now)]
        if left_s is not None:
            lines.append(f"ends {'about' if is_all else 'not before'} {_date(now + left_s)}")
        if now - run.updated > SILENT_S:
            lines.append(f"nothing was heard of it for {duration(now - run.updated)}")
    else:
        over_at = state.ended or run.updated
        took, ended = duration(over_at - state.started), "ended" if state.ended else "was killed"
        lines = [
            began,
            f"{ended} {_date(over_at)}, {state.n_done} of {state.n_jobs} jobs done in {took}",
        ]
        if state.n_done < state.n_jobs:
            lines.append("the same command again goes on from there")
    done = [(rule, n) for rule, n in state.done.items() if n]
    lines += _counts("done", done, width)
    waiting = [(r, n - state.done.get(r, 0)) for r, n in state.steps.items()]
    if is_alive:
        waiting = [(r, n - len(state.running_of(r))) for r, n in waiting]
        if state.running:
            lines.append("running:")
        for job in state.running.values():
            # where it runs, unless that is where the run does, and whether it has gone
            told = job.told or {"host": run.host, "pid": run.pid, "slurm_job": None}
            parts = [] if told["host"] == run.host else [told["host"]]
            parts += [f"SLURM {told['slurm_job']}"] if told["slurm_job"] else []
            if told["host"] == platform.node() and not is_process(told["pid"]):
                parts.append("its process has gone")
            place = f" ({', '.join(parts)})" if parts else ""
            lines.append(f"  {job_line(state, job, width - 2, now, place)}")
    lines += _counts("waiting", [(rule, n) for rule, n in waiting if n > 0], width)
    return [*lines, *failure_lines(state)]


def _date(at_s: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_s))


def _counts(title: str, counts: Sequence[tuple[str, int]], width: int) -> list[str]:
    text = ", ".join(f"{rule} {n}" for rule, n in counts)
    return [fitted(f"{title}: {text}", width)] if counts else []
