"""What a run of the workflow shows: Snakemake finds this package by its name (``--logger dawnchorus``).

On a terminal a few live lines, elsewhere (and with ``--quiet``) dated ones. A dry run, ``--verbose`` and
what starts no job print Snakemake's own words.

* `LogHandler`: takes the events of Snakemake.
"""

import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable

from rich.text import Text
from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from dawnchorus.progress import run_files, run_text
from dawnchorus.progress.run_state import Job, RunState
from dawnchorus.progress.terminal import LiveTerminal, is_fit
from dawnchorus.runtime import artefacts, job_status, run, slurm_jobs

_DRAW_S, _WRITE_S = 0.5, 2.0  # between two drawings, and two writings of the run's file
_REASON = 160  # characters of why a job runs, in a dated line; `.snakemake/log` has all
# of Snakemake, and told by our own lines, or of no use to who waits for results
_TOLD = (
    "Using shell", "Provided ", "Rules claiming", "Select jobs", "Execute ", "host: ", "Building DAG",
    "Assuming unrestricted", "Conda environments", "Singularity", "At least one job did not complete",
    "WorkflowError:\nAt least one job", "Exiting because a job", "Job stats", "Group jobs: inactive",
)  # fmt: skip
_NOT_LIVE = {Quietness.RULES, Quietness.PROGRESS, Quietness.ALL}
_KILLED_BY = re.compile(r"died with <Signals\.(SIG\w+)")


class LogHandler(LogHandlerBase):
    """The display of one run."""

    writes_to_stream, writes_to_file, needs_rulegraph = True, False, False
    has_filter, has_formatter = True, True

    def __post_init__(self) -> None:
        """Capture the terminal, before the first job can print to it."""
        wanted = self.common_settings
        self._quiet = set(wanted.quiet or ())
        if isinstance(wanted.quiet, set) and not wanted.dryrun:
            # Snakemake would not tell of finished jobs, which are counted; what is said is decided here
            wanted.quiet.discard(Quietness.PROGRESS)
        # --quiet leaves what jobs and Snakemake warn of, and what failed; with `all` the latter alone
        self._is_silent = bool(self._quiet & {Quietness.RULES, Quietness.ALL})
        self._state = RunState()
        self._changed, self._over = threading.RLock(), threading.Event()
        self._signals: list[str] = []
        self._terminal: LiveTerminal | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True, name="display")
        self._submission: dict[
            int, str | None
        ] = {}  # SLURM's number of jobs that were one submission
        self._start: list[Job] = []  # what the main process does before jobs are known
        self._own: logging.Handler | None = None
        self._others = DefaultFilter(
            self._quiet, wanted.debug_dag, wanted.verbose, wanted.dryrun, wanted.printshellcmds
        )
        self._formatter = DefaultFormatter(self._quiet, wanted.show_failed_logs)
        is_plan = wanted.dryrun or run.is_only_looking(sys.argv[1:])
        if is_plan or wanted.verbose or wanted.debug_dag or wanted.printshellcmds:
            stream = sys.stdout if wanted.stdout else sys.stderr
            self._own = ColorizingTextHandler(wanted.nocolor, stream, self._formatter, self._others)
            return
        os.environ[job_status.READ] = "1"
        if is_fit(os.environ) and not self._quiet & _NOT_LIVE:
            self._terminal = LiveTerminal(has_colour=not wanted.nocolor)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take an event; a fault of the display does not end the run."""
        try:
            if self._own is not None:
                self._own.handle(record)
                return
            with self._changed:
                self._events().get(getattr(record, "event", None), self._other)(record)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """End the display: give the terminal back, and say what failed below everything else."""
        super().close()
        if self._own is not None or self._over.is_set():
            return
        self._over.set()
        self._thread.join()
        os.environ.pop(job_status.READ, None)
        if self._terminal is not None:
            self._terminal.close()
            self._terminal = None
        if not self._state.steps:  # no job has been planned
            return
        with self._changed:
            state = self._state
            state.ended = time.time()
            run_files.write_run(state, artefacts.RESULTS)
            if Quietness.ALL not in self._quiet or state.failures:
                took = run_text.duration(state.ended - state.started)
                self._say(f"{state.n_done} of {state.n_jobs} jobs done in {took}")
            for line in run_text.failure_lines(state):
                print(line, file=sys.stderr)
            sys.stderr.flush()

    def _events(self) -> dict[LogEvent | None, Callable[[logging.LogRecord], None]]:
        told = (
            LogEvent.JOB_STARTED, LogEvent.PROGRESS, LogEvent.RULEGRAPH, LogEvent.SHELLCMD,
            LogEvent.GROUP_INFO,
        )  # fmt: skip
        return {
            **dict.fromkeys((*told, LogEvent.WORKFLOW_STARTED), lambda record: None),
            LogEvent.RESOURCES_INFO: self._provided,
            LogEvent.RUN_INFO: self._planned,
            LogEvent.JOB_INFO: self._started,
            LogEvent.JOB_FINISHED: self._finished,
            LogEvent.JOB_ERROR: self._failed,
            LogEvent.GROUP_ERROR: self._group_failed,
            LogEvent.ERROR: self._fault,
        }

    def _provided(self, record: logging.LogRecord) -> None:
        self._state.is_remote |= hasattr(record, "nodes")

    def _planned(self, record: logging.LogRecord) -> None:
        """Take the jobs of the run; Snakemake says them once the results are locked for it."""
        if not self._state.steps:
            run_files.forget_jobs(artefacts.RESULTS)
        steps = {n: c for n, c in record.stats.items() if n not in ("total", "all")}
        self._state.steps = steps
        self._state.earlier = run_files.earlier_seconds(list(steps), artefacts.RESULTS)

    def _started(self, record: logging.LogRecord) -> None:
        if record.rule_name == "all":
            return
        job = Job(record.rule_name, dict(record.wildcards), time.time(), list(record.log))
        self._state.begin(record.jobid, job)
        if self._terminal is None and not self._is_silent:
            reason = run_text.fitted(" ".join(str(record.reason).split()), _REASON)
            self._say(f"{job_status.name(job.rule, job.wildcards)}: started; {reason}")

    def _finished(self, record: logging.LogRecord) -> None:
        now, state = time.time(), self._state
        job = state.finish(record.job_id, now)
        if job is None:
            return
        if self._terminal is not None:
            for report in run_files.read_jobs(artefacts.RESULTS):
                if Job(report["rule"], report["wildcards"], 0.0).key == job.key:
                    job.told = report
            width = self._terminal.size()[0] - len("00:00:00 ")
            self._say(run_text.done_line(state, job, width, now))
        elif not self._is_silent:
            took, count = run_text.duration(now - job.since), f"{state.n_done} of {state.n_jobs}"
            self._say(f"{job_status.name(job.rule, job.wildcards)}: done in {took}; {count} jobs")
        job_status.remove(job.rule, job.wildcards, artefacts.RESULTS)

    def _failed(self, record: logging.LogRecord) -> None:
        job = self._state.running.pop(record.jobid, None)
        if job is None:  # before it was started
            job = Job(record.rule_name, {}, time.time())
        job.logs = list(record.log)
        signal = self._signals.pop() if self._signals else ""
        reports = run_files.read_jobs(artefacts.RESULTS)
        number = (getattr(record, "aux", None) or {}).get("external_jobid")
        if record.jobid in self._submission:
            number, is_told = self._submission.pop(record.jobid)
            if not is_told:
                return  # of a submission of several jobs this one was over, or had not begun
        said = slurm_jobs.end_of(number) or _refusal(getattr(record, "rule_msg", None))
        failure = run_files.failure_of(job, reports, signal, said)
        self._state.failures[record.jobid] = failure
        self._say(
            f"{failure.name}: {'stopped' if failure.is_stop else 'FAILED'}: {failure.sentence}"
        )
        if self.common_settings.show_failed_logs:
            self._say(self._formatter.format(record))

    def _group_failed(self, record: logging.LogRecord) -> None:
        """Take note of the jobs of a submission that failed; each is told of after this."""
        number, reports = (
            getattr(record, "external_jobid", None),
            run_files.read_jobs(artefacts.RESULTS),
        )
        members = [info["jobid"] for info in record.job_error_info]
        at_work = [
            one for one in members
            if one in self._state.running
            and run_files.is_unfinished(self._state.running[one], reports)
        ]  # fmt: skip
        told = at_work or members[:1]  # it may have ended before any of them began
        self._submission |= {one: (number, one in told) for one in members}

    def _fault(self, record: logging.LogRecord) -> None:
        text = self._formatter.format(record)
        if "CalledProcessError" in text:  # the job says it better, but for the signal that ended it
            self._signals += _KILLED_BY.findall(text)
        else:
            self._other(record)

    def _other(self, record: logging.LogRecord) -> None:
        if self._others.filter(record):
            text = self._formatter.format(record)
            if text and text != "None" and not text.lstrip().startswith(_TOLD):
                self._say(text)

    def _say(self, text: str) -> None:
        """Print a line: above the live ones, or with its date."""
        if self._terminal is not None:
            self._terminal.say(f"{time.strftime('%H:%M:%S')} {text}")
        else:
            # in one piece: jobs write to the same file
            sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
            sys.stderr.flush()

    def _watch(self) -> None:
        """Draw the lines, and keep the file of the run, until it is over."""
        written_s = -_WRITE_S
        while not self._over.wait(_DRAW_S):
            reports = run_files.read_jobs(artefacts.RESULTS)
            with self._changed:
                self._state.hear(reports)
                if self._state.steps and time.monotonic() - written_s >= _WRITE_S:
                    written_s = time.monotonic()
                    run_files.write_run(self._state, artefacts.RESULTS)
                own = [r for r in reports if r["rule"] == "start" and r["pid"] == os.getpid()]
                self._start = [Job("start", {}, r["started"], told=r) for r in own]
                if self._terminal is not None:
                    self._terminal.draw(self._lines)

    def _lines(self, width: int, height: int) -> list[Text]:
        now = time.time()
        if self._state.steps:
            return run_text.live_lines(self._state, width, height, now)
        return [Text(run_text.job_line(self._state, job, width, now)) for job in self._start]


def _refusal(text: str | None) -> str | None:
    """Return why SLURM did not take a job, by the words of its plugin; None of any other text."""
    found = re.search(r"sbatch failed. The error message was '(.*?)'\.\n", text or "", re.DOTALL)
    return f"SLURM does not take the job: {' '.join(found[1].split())}" if found else None
