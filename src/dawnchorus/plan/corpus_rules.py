"""Inputs and settings of rules/corpora.smk."""

from dataclasses import dataclass

from dawnchorus.plan.workflow_run import Params, Run, Wildcards

# how recordings are listed, counted and scored, not what they are
_OF_THE_LISTING = (
    "max_excluded", "missing_files", "fingerprint", "rename_classes", "strict_names",
    "source_table", "outside", "crossing", "licence", "attribution", "recordings_per_job",
)  # fmt: skip


@dataclass(frozen=True, repr=False, eq=False)
class CorpusRules:
    """Rule ``make_corpus`` of one run."""

    run: Run

    def listing(self, wildcards: Wildcards) -> str:
        """Return the listing of a shard; its path names the digest of its content."""
        return self.run.listing(wildcards.corpus, wildcards.shard)

    def recipe(self, wildcards: Wildcards) -> Params:
        """Return what decides the recordings of a synthetic corpus."""
        chosen = self.run.config["corpora"][wildcards.corpus]
        return {key: value for key, value in chosen.items() if key not in _OF_THE_LISTING}
