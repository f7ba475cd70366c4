"""Inputs and settings of rules/audio.smk."""

from dataclasses import dataclass

from dawnchorus.plan import paths
from dawnchorus.plan.workflow_run import Params, Run, Wildcards


@dataclass(frozen=True, repr=False, eq=False)
class AudioRules:
    """Rules ``resample`` and ``judge`` of one run."""

    run: Run

    def archive(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the archive of a shard that the workflow makes itself; else nothing."""
        corpus, shard = wildcards.corpus, wildcards.shard
        if self.run.config["corpora"][corpus]["adapter"] != "synthetic":
            return {}
        return {"archive": paths.ARCHIVE.format(corpus=corpus, shard=shard)}

    def listing(self, wildcards: Wildcards) -> str:
        """Return the listing of a shard; its path names the digest of its content."""
        return self.run.listing(wildcards.corpus, wildcards.shard)

    def recipe(self, wildcards: Wildcards) -> Params:
        """Return the settings of an audio recipe."""
        found: Params = self.run.config["audio"][wildcards.audio]
        return found

    def tables(self, wildcards: Wildcards) -> list[str]:
        """Return the tables of all shards of a corpus."""
        return self.run.shards(paths.SHARD_TABLE, [wildcards.corpus], audio=wildcards.audio)

    def excluded(self, wildcards: Wildcards) -> str:
        """Return the table of the recordings that were excluded when the corpus was listed."""
        return self.run.excluded(wildcards.corpus)

    def exclusions(self, wildcards: Wildcards) -> Params:
        """Return how many recordings of a corpus may be excluded."""
        return {"max_excluded": self.run.config["corpora"][wildcards.corpus]["max_excluded"]}

    def bounds(self, wildcards: Wildcards) -> Params | None:
        """Return the annotated events of a corpus, and what becomes of those beyond the sound."""
        corpus = wildcards.corpus
        if not (events := self.run.event_tables([corpus])):
            return None
        chosen = self.run.config["corpora"][corpus]
        policies = {key: chosen[key] for key in ("outside", "crossing")}
        return {"events": events[corpus], "policies": policies}
