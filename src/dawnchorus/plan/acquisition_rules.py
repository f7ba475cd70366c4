"""Inputs and settings of rules/acquisition.smk."""

from dataclasses import dataclass

from dawnchorus.plan import paths
from dawnchorus.plan.workflow_run import Params, Run, Wildcards


@dataclass(frozen=True, repr=False, eq=False)
class AcquisitionRules:
    """Rules ``fetch_metadata``, ``choose_recordings`` and ``download`` of one run."""

    run: Run

    def query(self, wildcards: Wildcards) -> Params:
        """Return what the API is asked, and how."""
        chosen = self.run.config["corpora"][wildcards.corpus]
        return {"query": chosen["query"], "access": chosen["access"]}

    def choice(self, wildcards: Wildcards) -> Params:
        """Return which recordings are chosen."""
        found: Params = self.run.config["corpora"][wildcards.corpus]["choice"]
        return found

    def access(self, wildcards: Wildcards) -> Params:
        """Return how the server is asked for recordings."""
        return {"access": self.run.config["corpora"][wildcards.corpus]["access"]}

    def folder(self, wildcards: Wildcards) -> str:
        """Return where the recordings of a corpus are to be."""
        return str(self.run.config["corpora"][wildcards.corpus]["folder"])

    def downloads(self) -> list[str]:
        """Return what became of the recordings of each corpus that is acquired."""
        return [paths.DOWNLOADS.format(corpus=name) for name in self.run.acquired]
