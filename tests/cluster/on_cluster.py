"""Runs of a project on a cluster, for the tests of losses."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from dawnchorus.runtime import artefacts, earlier_jobs, file_locks

FAST = Path(__file__).parent / "fast_snakemake.py"
FIRST = "results/one/stages/first/f1p0s1.keras"
METRICS = "results/one/metrics.json"


class OnCluster:
    """A project whose trainings are still to be done, and its runs on a cluster."""

    def __init__(self, folder, undisturbed, cluster):
        project, begun = undisturbed
        self.work, self.tree, self.cluster = folder / "work", project.tree, cluster
        self._expected = project.work
        shutil.copytree(begun, self.work, symlinks=True)
        self._heads = []

    def head(self, *options) -> subprocess.Popen:
        """Start a run; its words go to a file, see `said`."""
        command = [
            *(sys.executable, str(FAST), "--workflow-profile", str(self.tree / "profiles/slurm")),
            *("-s", str(self.tree / "Snakefile"), "--configfile", "tiny.yaml", *options),
        ]
        environment = {**os.environ, **self.cluster.environment}
        with open(self.work / f"head{len(self._heads)}.txt", "wb") as output:
            self._heads.append(
                subprocess.Popen(
                    command, cwd=self.work, stdout=output, stderr=output, stdin=subprocess.DEVNULL,
                    env=environment | {"PYTHONPATH": str(self.tree / "src")},
                )
            )  # fmt: skip
        return self._heads[-1]

    def said(self, number=-1) -> str:
        """Return what a head has said."""
        number = range(len(self._heads))[number]
        return (self.work / f"head{number}.txt").read_text()

    def ends(self, head, seconds=900) -> int:
        """Return the exit status of a head."""
        try:
            return head.wait(seconds)
        except subprocess.TimeoutExpired:
            head.send_signal(signal.SIGINT)
            head.wait(60)
            raise AssertionError(f"the head still waits:\n{self.said()}") from None

    def wait_until(self, is_met, what, seconds=300):
        self.cluster.wait_for(is_met, f"{what}\n{self.said() if self._heads else ''}", seconds)

    def submitted(self, rule) -> list[tuple[str, str]]:
        """Return number and state of the jobs of a rule so far, of this project's runs."""
        mine = set(self.numbers())
        return [
            (n, state) for n, state, _, about in self.cluster.jobs() if n in mine and rule in about
        ]

    def numbers(self) -> list[str]:
        texts = [self.said(number) for number in range(len(self._heads))]
        return re.findall(r"submitted with SLURM jobid (\d+)", "\n".join(texts))

    def is_running(self, rule) -> bool:
        return any(state == "RUNNING" for _, state in self.submitted(rule))

    def hold(self, output=FIRST) -> file_locks.Lock:
        """Take the lock of a job's output: the job waits until it is released."""
        results = self.work / "results"
        record = artefacts.record_path(self.work / output, results)
        path = results / earlier_jobs.FOLDER / record.relative_to(results / artefacts.RECORDS)
        return file_locks.take(path, {"what": "a test"})

    def is_as_undisturbed(self) -> None:
        """Hold the results against those of the run on this machine alone."""
        for name in (METRICS, "results/one/submission.other.csv", "results/one/folds.csv"):
            assert (self.work / name).read_bytes() == (self._expected / name).read_bytes(), name
        ours, theirs = (
            artefacts.read_record(folder / FIRST, folder / "results")["sha256"]
            for folder in (self.work, self._expected)
        )
        assert ours == theirs

    def end(self) -> None:
        """End its heads and jobs, and leave the cluster as it was."""
        for head in self._heads:
            if head.poll() is None:
                head.kill()
                head.wait()
        if numbers := self.numbers():
            self.cluster.said("scancel", *numbers)
        self.cluster.repair()
