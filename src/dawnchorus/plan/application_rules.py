"""Inputs and settings of rules/applications.smk."""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dawnchorus.frontends import kinds as frontend_kinds
from dawnchorus.frontends import network_readers
from dawnchorus.plan import paths
from dawnchorus.plan.workflow_run import Params, Run, Wildcards
from dawnchorus.segments import kinds as segment_kinds

_NO_SCORES = ("model", "corpora", "network")  # inputs, and which jobs there are


@dataclass(frozen=True, repr=False, eq=False)
class ApplicationRules:
    """Rules ``apply_model`` and ``join_detections`` of one run."""

    run: Run

    def files(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the model, and the archive of a shard that the workflow makes itself."""
        found = {"model": self.run.applied_model(wildcards.application)}
        corpus, shard = wildcards.corpus, wildcards.shard
        if self.run.config["corpora"][corpus]["adapter"] == "synthetic":
            found["archive"] = paths.ARCHIVE.format(corpus=corpus, shard=shard)
        return found

    def listing(self, wildcards: Wildcards) -> str:
        """Return the listing of a shard; its path names the digest of its content."""
        return self.run.listing(wildcards.corpus, wildcards.shard)

    def settings(self, wildcards: Wildcards) -> Params:
        """Return what of the scores is wanted."""
        chosen = self._application(wildcards)
        return {key: value for key, value in chosen.items() if key not in _NO_SCORES}

    def library(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the digests of the code behind detections; of every kind, as the model names its own."""
        chosen = [
            f"{folder.__name__}.{module.name}"
            for folder in (frontend_kinds, network_readers, segment_kinds)
            for module in pkgutil.iter_modules(folder.__path__)
        ]
        return self.run.library("apply_model", *chosen)

    def detections(self, wildcards: Wildcards) -> list[str]:
        """Return the detections of all shards of an application's corpora."""
        return self._shards(paths.SHARD_DETECTIONS, wildcards)

    def recordings(self, wildcards: Wildcards) -> list[str]:
        """Return the tables of recordings of all shards of an application's corpora."""
        return self._shards(paths.SHARD_RECORDINGS, wildcards)

    def exclusions(self, wildcards: Wildcards) -> dict[str, float]:
        """Return how many recordings of each corpus may be without scores."""
        corpora: Mapping[str, Any] = self.run.config["corpora"]
        return {c: corpora[c]["max_excluded"] for c in self._application(wildcards)["corpora"]}

    def _application(self, wildcards: Wildcards) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.run.config["apply"][wildcards.application]
        return found

    def _shards(self, pattern: str, wildcards: Wildcards) -> list[str]:
        corpora, name = self._application(wildcards)["corpora"], wildcards.application
        return self.run.shards(pattern, corpora, application=name)
