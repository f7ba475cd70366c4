"""Progress of a run, from what Snakemake and the jobs tell.

* `RunState`: steps, running jobs, failures, and the time that is left.
* `Job`, `Failure`: one of each.
"""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

from dawnchorus.runtime import job_status


@dataclasses.dataclass
class Job:
    """A job that has been started, or handed to the scheduler of a cluster.

    Parameters
    ----------
    rule : str
    wildcards : dict
    since : float
        Seconds of the epoch.
    logs : list of str
    told : dict or None
        What `dawnchorus.runtime.job_status` has written; None before the job has begun.
    """

    rule: str
    wildcards: dict[str, str]
    since: float
    logs: list[str] = dataclasses.field(default_factory=list)
    told: dict[str, Any] | None = None

    @property
    def key(self) -> tuple:
        """What tells jobs apart."""
        return self.rule, *sorted(self.wildcards.items())

    def left_s(self, now: float) -> float | None:
        """Return the seconds that the job has left, by its last count."""
        told = self.told or {}
        left_s = told.get("left_s")
        return None if left_s is None else max(0.0, left_s - (now - told["updated"]))


@dataclasses.dataclass
class Failure:
    """A job that failed, or was told to stop: its name, one sentence, and the log to read."""

    name: str
    sentence: str
    log: str
    is_stop: bool = False


@dataclasses.dataclass
class RunState:
    """A run.

    Parameters
    ----------
    started, ended : float
        Seconds of the epoch; ``ended`` is None while it runs.
    steps : dict of str to int
        Jobs of each rule, in the order of the work.
    done : dict of str to int
        Those that have finished.
    seconds : dict of str to float
        Sum of what they took.
    earlier : dict of str to float
        Seconds that a job of a rule took in an earlier run, on average.
    running : dict of int to Job
    failures : dict of int to Failure
        By the number that Snakemake gives a job.
    experiments : list of str
        Those that jobs have named so far.
    is_remote : bool
        Whether jobs wait for a cluster.
    """

    started: float = dataclasses.field(default_factory=time.time)
    ended: float | None = None
    steps: dict[str, int] = dataclasses.field(default_factory=dict)
    done: dict[str, int] = dataclasses.field(default_factory=dict)
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    earlier: dict[str, float] = dataclasses.field(default_factory=dict)
    running: dict[int, Job] = dataclasses.field(default_factory=dict)
    failures: dict[int, Failure] = dataclasses.field(default_factory=dict)
    experiments: list[str] = dataclasses.field(default_factory=list)
    is_remote: bool = False

    @property
    def n_done(self) -> int:
        """Number of finished jobs."""
        return sum(self.done.values())

    @property
    def n_jobs(self) -> int:
        """Number of all jobs."""
        return sum(self.steps.values())

    def name(self, job: Job) -> str:
        """Return the name of a job, without the experiment where the run has one."""
        return job_status.name(job.rule, job.wildcards, is_short=len(self.experiments) < 2)

    def begin(self, number: int, job: Job) -> None:
        """Take note of a job that has been started."""
        self.running[number] = job
        experiment = job.wildcards.get("experiment")
        if experiment is not None and experiment not in self.experiments:
            self.experiments.append(experiment)

    def finish(self, number: int, now: float) -> Job | None:
        """Count a job as finished and return it; None where it was not running."""
        job = self.running.pop(number, None)
        # one that was repeated and then went well has not failed
        self.failures.pop(number, None)
        if job is not None:
            self.done[job.rule] = self.done.get(job.rule, 0) + 1
            self.seconds[job.rule] = self.seconds.get(job.rule, 0.0) + now - job.since
        return job

    def hear(self, reports: Sequence[Mapping[str, Any]]) -> None:
        """Take what the files of jobs say."""
        told = {Job(r["rule"], r["wildcards"], 0.0).key: dict(r) for r in reports}
        for job in self.running.values():
            # the last word of a job that has gone stays with it
            job.told = told.get(job.key, job.told)

    def running_of(self, rule: str) -> list[Job]:
        """Return the running jobs of a rule."""
        return [job for job in self.running.values() if job.rule == rule]

    def step_left_s(self, rule: str, now: float) -> float | None:
        """Return the seconds that a step has left, or None where nothing is known.

        As many jobs at once as there are now. Jobs that have not begun take what those of the same rule
        took, in this run or else in an earlier one.
        """
        running, n_done = self.running_of(rule), self.done.get(rule, 0)
        each_s = self.seconds[rule] / n_done if n_done else self.earlier.get(rule)
        left_s = 0.0
        for job in running:
            own_s = job.left_s(now)
            if own_s is None:
                if each_s is None:
                    return None
                own_s = max(0.0, each_s - (now - job.since))
            else:
                # a job that is going on tells how long the others will take, where none has ended
                each_s = now - job.since + own_s if each_s is None else each_s
            left_s += own_s
        n_waiting = self.steps[rule] - n_done - len(running)
        if n_waiting > 0 and each_s is None:
            return None
        return (left_s + max(0, n_waiting) * (each_s or 0.0)) / max(1, len(running))

    def left_s(self, now: float) -> tuple[float | None, bool]:
        """Return the seconds that the run has left, and whether that is of all steps."""
        found = [self.step_left_s(rule, now) for rule in self.steps if rule not in self.over()]
        known = [left_s for left_s in found if left_s is not None]
        return sum(known) if known else None, len(known) == len(found)

    def over(self) -> list[str]:
        """Return the steps that are done."""
        return [rule for rule, n in self.steps.items() if self.done.get(rule, 0) >= n]

    def as_dict(self) -> dict[str, Any]:
        """Return the state as JSON has it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> "RunState":
        """Return the state that `as_dict` gave."""
        fields = {field.name for field in dataclasses.fields(cls)}
        state = cls(**{key: value for key, value in given.items() if key in fields})
        state.running = {int(n): Job(**job) for n, job in given["running"].items()}
        state.failures = {int(n): Failure(**one) for n, one in given["failures"].items()}
        return state
